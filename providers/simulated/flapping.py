"""Instances that are sick for a while and well for a while, over and over."""

from __future__ import annotations

from providers.simulated.chance import happens
from providers.simulated.changes import Cause
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.health import Health
from providers.simulated.outages import Flapping
from providers.simulated.records import Guest
from providers.simulated.world import World


class Flaps:
    """Goes round for as long as its fault is on."""

    def __init__(self, world: World, faults: FaultPlan, health: Health) -> None:
        self._world = world
        self._faults = faults
        self._health = health
        self._sick: list[tuple[Flapping, list[str]]] = []

    def begin(self, fault: Flapping) -> None:
        """One round, and then the next."""
        if not self._faults.is_on(fault):
            return
        self._world.effect(Cause.FAULT, lambda: self._sicken(fault))
        self._world.clock.after(fault.bad_for, lambda: self._over(fault))
        self._world.clock.after(fault.bad_for + fault.good_for, lambda: self.begin(fault))

    def end(self, fault: Flapping) -> None:
        """All are well."""
        ended = [ids for other, ids in self._sick if other is fault]
        self._sick = [item for item in self._sick if item[0] is not fault]
        for instance_id in [item for ids in ended for item in ids]:
            instance = self._world.instances.current.get(instance_id)
            if instance is not None and instance.guest is Guest(fault.guest):
                self._health.set_guest(instance_id, Guest.WELL)

    def _over(self, fault: Flapping) -> None:
        self._world.effect(Cause.FAULT, lambda: self.end(fault))

    def _sicken(self, fault: Flapping) -> None:
        hit = [
            item.id
            for item in self._world.instances.current.values()
            if item.state == "running"
            and item.guest is Guest.WELL
            and (fault.when.zones is None or item.zone in fault.when.zones)
            and happens(self._world.chance, fault.when.share)
        ]
        for instance_id in hit:
            self._health.set_guest(instance_id, Guest(fault.guest))
            self._faults.count(fault, "world")
        self._sick.append((fault, hit))
