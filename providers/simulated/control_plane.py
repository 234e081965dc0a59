"""The region's control plane: how long a call takes and whether it fails, by what is outstanding in it.

Calls of ours that timed out are still being worked on: a caller that repeats too soon makes it worse. Its numbers are
fixed (TRUSTED.md, part K), and not there to be tuned: a policy is compared with another on the same plane.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.simulated.chance import Chance
from providers.simulated.clock import VirtualClock
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import Brownout, RegionSaturated

READ_S = 0.05
WRITE_S = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """How a control plane gives way under load. TRUSTED.md, part K, has the reason of each number."""

    room: int = 100
    """Calls that it serves at once at its normal speed."""
    steepness: float = 3.0
    """Latency grows with that power of what is outstanding."""
    read_kept_s: float = 60.0
    """A call that nobody waits for any more is worked on for at most so long: its own time-out, not the caller's."""
    write_kept_s: float = 300.0


SATURATING = Saturation()


class ControlPlane:
    """Latency and overload. `read_timeout_s` is the caller's patience.

    Without `saturation` a call always takes as long as it takes normally, and none is refused for lack of room.
    """

    def __init__(
        self,
        clock: VirtualClock,
        chance: Chance,
        faults: FaultPlan,
        *,
        read_timeout_s: float,
        saturation: Saturation | None = SATURATING,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._faults = faults
        self._read_timeout_s = read_timeout_s
        self._saturation = saturation
        self._ours_until_s: list[float] = []

    @property
    def outstanding(self) -> int:
        """Calls in progress, ours and others'."""
        now_s = self._clock.monotonic_s()
        self._ours_until_s = [until for until in self._ours_until_s if until > now_s]
        others = sum(fault.others for fault in self._faults.on(RegionSaturated))
        return len(self._ours_until_s) + others

    @property
    def has_room(self) -> bool:
        """Whether it serves all calls that come, if slower than normally, and refuses none."""
        return self._saturation is None or self.outstanding <= self._saturation.room

    def serve(self, operation: str) -> bool:
        """Let the call take its time. False when the caller has given up before the answer."""
        normal = READ_S if _reads(operation) else WRITE_S
        takes_s = normal * self._slowed_by_load() * self._brownout_factor(operation)
        if takes_s > self._read_timeout_s:
            self._keep(operation, takes_s)
        self._clock.sleep(min(takes_s, self._read_timeout_s))
        return takes_s <= self._read_timeout_s

    def hold(self, operation: str) -> None:
        """The call waits for something that does not come, until the caller has given up; the plane goes on waiting."""
        self._keep(operation, float("inf"))
        self._clock.sleep(self._read_timeout_s)

    def refuses(self, operation: str) -> bool:
        """Beyond its room the control plane refuses the share of calls that it has no room for."""
        if self._saturation is None or self.has_room:
            return False
        refused = self._chance.random() < 1.0 - self._saturation.room / self.outstanding
        if refused:
            for fault in self._faults.on(RegionSaturated):
                self._faults.count(fault, operation)
        return refused

    def _slowed_by_load(self) -> float:
        if self._saturation is None:
            return 1.0
        load = self.outstanding / self._saturation.room
        slowed: float = 1.0 + load**self._saturation.steepness
        return slowed

    def _keep(self, operation: str, takes_s: float) -> None:
        if self._saturation is None:
            return
        most_s = (
            self._saturation.read_kept_s if _reads(operation) else self._saturation.write_kept_s
        )
        self._ours_until_s.append(self._clock.monotonic_s() + min(takes_s, most_s))

    def _brownout_factor(self, operation: str) -> float:
        factor = 1.0
        for fault in self._faults.on(Brownout):
            if fault.when.operations is None or operation in fault.when.operations:
                factor = max(factor, fault.slower)
        return factor


def _reads(operation: str) -> bool:
    return operation.startswith(("Describe", "Get"))
