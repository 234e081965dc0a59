"""The region's control plane: how long a call takes and whether it fails, by what is outstanding in it.

Calls of ours that timed out are still being worked on: a caller that repeats too soon makes it worse.
"""

from __future__ import annotations

from providers.simulated.chance import Chance
from providers.simulated.clock import VirtualClock
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import Brownout, RegionSaturated

ROOM = 100
"""Calls that the control plane serves at once at its normal speed."""
STEEPNESS = 3.0
READ_S = 0.05
WRITE_S = 0.15


class ControlPlane:
    """Latency and overload. `read_timeout_s` is the caller's patience."""

    def __init__(
        self, clock: VirtualClock, chance: Chance, faults: FaultPlan, *, read_timeout_s: float
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._faults = faults
        self._read_timeout_s = read_timeout_s
        self._ours_until_s: list[float] = []

    @property
    def outstanding(self) -> int:
        """Calls in progress, ours and others'."""
        now_s = self._clock.monotonic_s()
        self._ours_until_s = [until for until in self._ours_until_s if until > now_s]
        others = sum(fault.others for fault in self._faults.on(RegionSaturated))
        return len(self._ours_until_s) + others

    def serve(self, operation: str) -> bool:
        """Let the call take its time. False when the caller has given up before the answer."""
        normal = READ_S if operation.startswith(("Describe", "Get")) else WRITE_S
        load = self.outstanding / ROOM
        takes_s: float = normal * (1.0 + load**STEEPNESS) * self._brownout_factor(operation)
        patience_s = min(takes_s, self._read_timeout_s)
        if takes_s > self._read_timeout_s:
            self._ours_until_s.append(self._clock.monotonic_s() + takes_s)
        self._clock.sleep(patience_s)
        return takes_s <= self._read_timeout_s

    def refuses(self, operation: str) -> bool:
        """Beyond its room the control plane refuses the share of calls that it has no room for."""
        outstanding = self.outstanding
        if outstanding <= ROOM:
            return False
        refused = self._chance.random() < 1.0 - ROOM / outstanding
        if refused:
            for fault in self._faults.on(RegionSaturated):
                self._faults.count(fault, operation)
        return refused

    def _brownout_factor(self, operation: str) -> float:
        factor = 1.0
        for fault in self._faults.on(Brownout):
            if fault.when.operations is None or operation in fault.when.operations:
                factor = max(factor, fault.slower)
        return factor
