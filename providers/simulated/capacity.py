"""How many instances of a type a zone has room for, and the account's limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import CapacityShort, QuotaReached, ZoneDisrupted
from providers.simulated.refusals import Refused
from providers.simulated.world import World

OCCUPYING = ("pending", "running", "stopping", "shutting-down")
"""States in which an instance takes room; a stopped one gives it back and may not get it again."""


class Capacity:
    """Room by zone and type; where nothing was said there is room for all."""

    def __init__(
        self, world: World, faults: FaultPlan, room: Mapping[tuple[str, str], int]
    ) -> None:
        self._world = world
        self._faults = faults
        self._room = dict(room)

    def set_room(self, zone: str, instance_type: str, room: int | None) -> None:
        """Room for that many instances of the type in the zone altogether; None is without end."""
        if room is None:
            self._room.pop((zone, instance_type), None)
        else:
            self._room[zone, instance_type] = room

    def claim(self, operation: str, zone: str, instance_type: str, count: int = 1) -> None:
        """There is room for these instances. Raises Refused."""
        short = self._faults.strikes(
            CapacityShort,
            operation,
            zones={zone},
            fits=lambda fault: fault.types is None or instance_type in fault.types,
        )
        down = self._faults.strikes(ZoneDisrupted, operation, zones={zone})
        if short or down or self._left(zone, instance_type) < count:
            raise no_capacity(self._world.layout.zones[zone], instance_type)

    def claim_quota(self, operation: str, zone: str, *, instances: int, volumes: int) -> None:
        """The account may have that many more. Raises Refused."""
        if reached := self._faults.strikes(QuotaReached, operation, zones={zone}):
            raise Refused(reached.code, f"You have reached your limit ({reached.code}).")
        layout = self._world.layout
        if _count_alive(self._world.instances.current.values()) + instances > layout.instance_limit:
            raise Refused(
                "InstanceLimitExceeded",
                "You have requested more instances than your current limit.",
            )
        if len(self._world.volumes.current) + volumes > layout.volume_limit:
            raise Refused("VolumeLimitExceeded", "You have reached your volume limit.")

    def _left(self, zone: str, instance_type: str) -> int:
        room = self._room.get((zone, instance_type))
        if room is None:
            return self._world.layout.instance_limit
        taken = sum(
            1
            for instance in self._world.instances.current.values()
            if (instance.zone, instance.type) == (zone, instance_type)
            and instance.state in OCCUPYING
        )
        return room - taken


def no_capacity(zone_name: str, instance_type: str) -> Refused:
    """EC2 answers a shortage with status 500 (aws-facts B9: listed under server errors)."""
    return Refused(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you "
        f"requested ({zone_name}). Our system will be working on provisioning additional capacity.",
        500,
    )


def _count_alive(instances: Iterable[object]) -> int:
    return sum(1 for instance in instances if getattr(instance, "alive", False))
