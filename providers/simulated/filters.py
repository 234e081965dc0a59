"""EC2's filters: each names a property, its values are alternatives with `*` and `?`, all filters must match."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any, TypeVar

from providers.simulated.layout import Layout
from providers.simulated.records import Instance, Snapshot, Volume
from providers.simulated.refusals import invalid

Subject = TypeVar("Subject")
Values = Sequence[str | None]
Property = Callable[[Subject, Layout], Values]
Filters = Sequence[Mapping[str, Any]]

INSTANCE_PROPERTIES: Mapping[str, Property[Instance]] = {
    "instance-id": lambda item, _: [item.id],
    "instance-state-name": lambda item, _: [item.state],
    "instance-type": lambda item, _: [item.type],
    "image-id": lambda item, _: [item.image],
    "availability-zone": lambda item, layout: [layout.zones[item.zone]],
    "availability-zone-id": lambda item, _: [item.zone],
    "subnet-id": lambda item, _: [item.subnet],
    "client-token": lambda item, _: [item.client_token],
    "private-ip-address": lambda item, _: [item.private_ip],
    "reservation-id": lambda item, _: [item.reservation_id],
    "owner-id": lambda _, layout: [layout.account],
    "instance.group-id": lambda item, _: item.security_groups,
    "block-device-mapping.volume-id": lambda item, _: [a.volume_id for a in item.attachments],
    "block-device-mapping.status": lambda item, _: [a.state for a in item.attachments],
}

VOLUME_PROPERTIES: Mapping[str, Property[Volume]] = {
    "volume-id": lambda item, _: [item.id],
    "status": lambda item, _: [item.state],
    "volume-type": lambda item, _: [item.type],
    "availability-zone": lambda item, layout: [layout.zones[item.zone]],
    "availability-zone-id": lambda item, _: [item.zone],
    "snapshot-id": lambda item, _: [item.snapshot_id],
    "encrypted": lambda item, _: [str(item.encrypted).lower()],
    "size": lambda item, _: [str(item.size_gib)],
    "attachment.instance-id": lambda item, _: [
        item.attachment.instance_id if item.attachment else None
    ],
    "attachment.status": lambda item, _: [item.attachment.state if item.attachment else None],
    "attachment.device": lambda item, _: [item.attachment.device if item.attachment else None],
}

SNAPSHOT_PROPERTIES: Mapping[str, Property[Snapshot]] = {
    "snapshot-id": lambda item, _: [item.id],
    "volume-id": lambda item, _: [item.volume_id],
    "status": lambda item, _: [item.state],
    "owner-id": lambda _, layout: [layout.account],
    "volume-size": lambda item, _: [str(item.size_gib)],
    "description": lambda item, _: [item.description],
}


def matcher(
    filters: Filters, properties: Mapping[str, Property[Any]], layout: Layout
) -> Callable[[Any], bool]:
    """A test for records by these filters. Raises Refused for a filter that EC2 does not know."""
    tests = [_test(item, properties, layout) for item in filters]
    return lambda record: all(test(record) for test in tests)


def zones_of(filters: Filters, layout: Layout) -> frozenset[str] | None:
    """The ids of the zones that the filters name; None when they name none."""
    named: set[str] = set()
    for item in filters:
        values = item.get("Values", ())
        if item.get("Name") == "availability-zone":
            named.update(zone for value in values if (zone := layout.zone_id(value)))
        elif item.get("Name") == "availability-zone-id":
            named.update(value for value in values if value in layout.zones)
    return frozenset(named) or None


def _test(
    item: Mapping[str, Any], properties: Mapping[str, Property[Any]], layout: Layout
) -> Callable[[Any], bool]:
    name, values = str(item.get("Name", "")), list(item.get("Values", ()))
    accepts = _accepts(values)
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda record: key in record.tags and accepts(record.tags[key])
    if name == "tag-key":
        return lambda record: any(accepts(key) for key in record.tags)
    if (found := properties.get(name)) is None:
        raise invalid(f"The filter '{name}' is invalid")
    look = found
    return lambda record: any(
        value is not None and accepts(value) for value in look(record, layout)
    )


def _accepts(values: Sequence[str]) -> Callable[[str], bool]:
    plain = frozenset(value for value in values if not {"*", "?"} & set(value))
    patterns = [
        re.compile(translate(value.replace("[", "[[]")))
        for value in values
        if {"*", "?"} & set(value)
    ]
    if not patterns:
        return lambda text: text in plain
    return lambda text: text in plain or any(pattern.match(text) for pattern in patterns)
