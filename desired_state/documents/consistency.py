"""Rules that tie parts of a fleet together.

They look at the document as written, so that they are told together with everything else that is wrong in it;
what has the wrong shape is passed over here, because validation tells that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from desired_state.documents.document import Problem
from desired_state.documents.ebs import device_slot
from desired_state.reading.diagnostics import did_you_mean, quoted
from desired_state.reading.tree import Path, YamlMapping, YamlSequence, value_at

_ZONES = ("spec", "placement", "zones")
_REGION = ("spec", "placement", "region")
_SUBNETS = ("spec", "instance", "subnets")
_VOLUMES = ("spec", "volumes")


def consistency_problems(fleet: YamlMapping) -> Iterator[Problem]:
    """Problems of a whole Fleet document; `at` counts from its root."""
    yield from _zones_and_subnets(fleet)
    yield from _zone_names_and_region(fleet)
    yield from _repeated_in_volumes(fleet, "name", same=lambda name: name)
    yield from _repeated_in_volumes(fleet, "device", same=device_slot)
    yield from _copies_in_own_region(fleet)


def _zones_and_subnets(fleet: YamlMapping) -> Iterator[Problem]:
    subnets = value_at(fleet, _SUBNETS)
    first_index: dict[str, int] = {}
    for index, zone in enumerate(_texts(fleet, _ZONES)):
        first_index.setdefault(zone, index)
    if not first_index or not isinstance(subnets, YamlMapping):
        return
    for zone, index in first_index.items():
        if zone not in subnets:
            message = f"is {quoted(zone)}, which has no subnet"
            hint = "add it to `spec.instance.subnets`"
            yield Problem(message=message, at=(*_ZONES, index), hint=hint)
    for zone in subnets:
        if zone not in first_index:
            without_subnet = [zone for zone in first_index if zone not in subnets]
            hint = did_you_mean(zone, without_subnet) or "add the zone, or remove its subnet"
            message = f"is {quoted(zone)}, which is not in `spec.placement.zones`"
            yield Problem(message=message, at=(*_SUBNETS, zone, "[key]"), hint=hint)


def _zone_names_and_region(fleet: YamlMapping) -> Iterator[Problem]:
    """A zone's name begins with its region; zone ids are checked against the cloud when they are used."""
    region = value_at(fleet, _REGION)
    if not isinstance(region, str):
        return
    for index, zone in enumerate(_texts(fleet, _ZONES)):
        is_name = zone[-1:].isalpha() and zone.count("-") >= 2
        if is_name and not zone.startswith(region):
            message = f"is {quoted(zone)}, which is not in {region}"
            yield Problem(message=message, at=(*_ZONES, index))


def _repeated_in_volumes(
    fleet: YamlMapping, field: str, *, same: Callable[[str], str]
) -> Iterator[Problem]:
    volumes = value_at(fleet, _VOLUMES)
    first: dict[str, str] = {}
    for index in range(len(volumes) if isinstance(volumes, YamlSequence) else 0):
        value = value_at(fleet, (*_VOLUMES, index, field))
        if not isinstance(value, str):
            continue
        if same(value) in first:
            message = f"is {quoted(value)}, as is `{first[same(value)]}`"
            yield Problem(message=message, at=(*_VOLUMES, index, field), hint=f"each {field} once")
        else:
            first[same(value)] = f"spec.volumes[{index}].{field}"


def _copies_in_own_region(fleet: YamlMapping) -> Iterator[Problem]:
    region = value_at(fleet, _REGION)
    volumes = value_at(fleet, _VOLUMES)
    for index in range(len(volumes) if isinstance(volumes, YamlSequence) else 0):
        at = (*_VOLUMES, index, "backup", "copyTo")
        if region is not None and value_at(fleet, at) == region:
            yield Problem(message=f"must be another region than the fleet's, {region}", at=at)


def archive_places(fleet: YamlMapping, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where the claims of a fleet archive to: the place of each URL in the document, and the URL of that fleet."""
    volumes = value_at(fleet, _VOLUMES)
    for index in range(len(volumes) if isinstance(volumes, YamlSequence) else 0):
        at = (*_VOLUMES, index, "backup", "archive", "url")
        url = value_at(fleet, at)
        if isinstance(url, str):
            yield at, url.replace("{fleet}", name).rstrip("/")


def _texts(fleet: YamlMapping, path: Path) -> list[str]:
    items = value_at(fleet, path)
    return (
        [item for item in items if isinstance(item, str)] if isinstance(items, YamlSequence) else []
    )
