"""Which resources and zones a request names: faults are bound to zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.simulated.filters import zones_of
from providers.simulated.world import World

_ONE = ("InstanceId", "VolumeId", "SnapshotId")
_MANY = ("InstanceIds", "VolumeIds", "SnapshotIds", "Resources")


def ids_named(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of resources in the request, in its order."""
    return tuple(_ids(parameters))


def zones_named(world: World, parameters: Mapping[str, Any]) -> frozenset[str] | None:
    """The ids of the zones that the request touches; None when it names nothing that is in a zone."""
    zones = {zone for identifier in _ids(parameters) if (zone := _zone_of(world, identifier))}
    if subnet := parameters.get("SubnetId"):
        zones.update(zone for key, zone in world.layout.subnets.items() if key == subnet)
    name = parameters.get("AvailabilityZone") or parameters.get("Placement", {}).get(
        "AvailabilityZone"
    )
    if name and (zone := world.layout.zone_id(name)):
        zones.add(zone)
    if zone := parameters.get("AvailabilityZoneId"):
        zones.add(zone)
    if filtered := zones_of(parameters.get("Filters", ()), world.layout):
        zones.update(filtered)
    return frozenset(zones) or None


def exists(world: World, identifier: str) -> bool:
    """Whether anything has that id now."""
    return world.tags_of(identifier) is not None


def _ids(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name in _ONE:
        if name in parameters:
            yield parameters[name]
    for name in _MANY:
        yield from parameters.get(name, ())
    if "InstanceSpecification" in parameters:
        yield parameters["InstanceSpecification"].get("InstanceId", "")


def _zone_of(world: World, identifier: str) -> str | None:
    instance = world.instances.current.get(identifier)
    if instance is not None:
        return instance.zone
    volume = world.volumes.current.get(identifier)
    return volume.zone if volume is not None else None
