"""Looks at services in the simulated cloud as a prober on the network would, by ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from providers.observed import SENTINEL, ProbeOutcome, ProbeResult
from providers.port import ProbeTarget
from providers.simulated.chance import drawn_time
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import ZonePartitioned
from providers.simulated.outages import ServiceSilent
from providers.simulated.records import Guest, Instance, Io
from providers.simulated.world import Truth, World

NOT_ANSWERING = (Guest.HUNG, Guest.UNREACHABLE, Guest.OFFLINE)
STUCK = (Io.STALLED, Io.DISABLED, Io.FAILED)

Serves = Callable[[Instance, Truth], bool]
"""Whether a service that runs would answer: its role, its groups, its data. Asked of booted instances only."""


class SimulatedProber:
    """Implements providers.port.Prober. `serves` None is a service that answers as soon as it has booted."""

    def __init__(self, world: World, faults: FaultPlan, serves: Serves | None = None) -> None:
        self._world = world
        self._faults = faults
        self._serves = serves
        self._boot_takes: dict[str, timedelta] = {}

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        """One result for each target; looking takes no time."""
        return {target.instance_id: self._look(target, now) for target in targets}

    def _look(self, target: ProbeTarget, now: datetime) -> ProbeResult:
        if target.instance_id.startswith(SENTINEL):
            trouble = None  # Nothing that happens to the account's own things reaches it.
        else:
            trouble = self._trouble(self._world.instances.current.get(target.instance_id))
        return ProbeResult(
            instance_id=target.instance_id,
            outcome=ProbeOutcome.FAILED if trouble else ProbeOutcome.PASSED,
            detail=trouble or "connected",
            at=now,
        )

    def serves(self, instance: Instance) -> bool:
        """Whether its service answers those who reach it; a partition between them and us is none of it."""
        return self._silence(instance) is None

    def boots_until(self, instance: Instance) -> datetime | None:
        """When its service begins to answer, if nothing else is amiss; None of one that does not run."""
        if instance.running_since is None:
            return None
        return instance.running_since + self._boot_time(instance.id)

    def _trouble(self, instance: Instance | None) -> str | None:
        """Why there is no answer; None when there is one."""
        if instance is None or instance.running_since is None:
            return "timed out"
        if instance.guest in NOT_ANSWERING:
            return "timed out"
        if self._faults.strikes(ZonePartitioned, "probe", zones={instance.zone}):
            return "timed out"
        return self._silence(instance)

    def _silence(self, instance: Instance) -> str | None:
        """Why its service says nothing to those who reach it."""
        boots_until = self.boots_until(instance)
        if boots_until is None or instance.guest in NOT_ANSWERING:
            return "timed out"
        if self._world.now < boots_until:
            return "refused"
        if instance.guest is Guest.DEAD or self._has_stuck_volume(instance):
            return "refused"
        if self._faults.strikes(
            ServiceSilent, "probe", zones={instance.zone}, fits=lambda fault: _has(instance, fault)
        ):
            return "refused"
        if self._serves is not None and not self._serves(instance, self._world.truth):
            return "refused"
        return None

    def _boot_time(self, identifier: str) -> timedelta:
        if identifier not in self._boot_takes:
            self._boot_takes[identifier] = drawn_time(
                self._world.chance, self._world.durations.boot_s
            )
        return self._boot_takes[identifier]

    def _has_stuck_volume(self, instance: Instance) -> bool:
        volumes = self._world.volumes.current
        for item in instance.attachments:
            volume = volumes.get(item.volume_id)
            if volume is not None and volume.io in STUCK:
                return True
        return False


def _has(instance: Instance, fault: ServiceSilent) -> bool:
    return instance.image in fault.images or instance.user_data in fault.user_data
