"""Tags: in the calls that make resources, and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.simulated.refusals import Refused, invalid, not_found
from providers.simulated.world import World

MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256


def tags_for(kind: str, specifications: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The tags that TagSpecifications give to resources of a kind. Raises Refused."""
    tags: dict[str, str] = {}
    for specification in specifications:
        if specification.get("ResourceType") == kind:
            tags |= tags_in(specification.get("Tags", ()))
    return checked(tags)


def tags_in(items: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags from EC2's list of keys and values."""
    return {item["Key"]: item.get("Value", "") for item in items}


def checked(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags, if EC2 would take them. Raises Refused."""
    if len(tags) > MOST_TAGS:
        raise Refused("TagLimitExceeded", f"More than {MOST_TAGS} tags.")
    for key, value in tags.items():
        if not key or len(key) > LONGEST_KEY or key.lower().startswith("aws:"):
            raise invalid(f"Tag keys can't be empty, too long or start with aws: '{key}'")
        if len(value) > LONGEST_VALUE:
            raise invalid(f"The value of tag '{key}' exceeds {LONGEST_VALUE} characters")
    return dict(tags)


def refuse_metadata_keys(tags: Mapping[str, str], options: Mapping[str, Any]) -> None:
    """Tags that are exposed in instance metadata may hold neither spaces nor slashes. Raises Refused."""
    if options.get("InstanceMetadataTags") != "enabled":
        return
    for key in tags:
        if "/" in key or " " in key or key in (".", "..", "_index"):
            raise invalid(f"'{key}' is not a valid tag key when tags are in instance metadata")


def create_tags(world: World, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """CreateTags: all resources or none."""
    fresh = tags_in(parameters["Tags"])
    for identifier in parameters["Resources"]:
        before = world.tags_of(identifier)
        if before is None:
            raise not_found(identifier)
        checked({**before, **fresh})
        instance = world.instances.current.get(identifier)
        if instance is not None:
            refuse_metadata_keys(fresh, instance.metadata_options)
    for identifier in parameters["Resources"]:
        before = world.tags_of(identifier) or {}
        if any(before.get(key) != value for key, value in fresh.items()):
            world.retag(identifier, {**before, **fresh})
    return {}


def delete_tags(world: World, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """DeleteTags: keys, or keys with a value; without Tags all of them."""
    for identifier in parameters["Resources"]:
        before = world.tags_of(identifier)
        if before is None:
            raise not_found(identifier)
        kept = {
            key: value
            for key, value in before.items()
            if not _doomed(key, value, parameters.get("Tags"))
        }
        if kept != before:
            world.retag(identifier, kept)
    return {}


def _doomed(key: str, value: str, items: Sequence[Mapping[str, str]] | None) -> bool:
    if items is None:
        return True
    return any(item["Key"] == key and item.get("Value", value) == value for item in items)
