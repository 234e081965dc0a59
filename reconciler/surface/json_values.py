"""Values of ours as JSON: camelCase keys, instants in UTC ISO 8601, durations in seconds, slots as `fleet/ordinal`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from reconciler.planning.actions import SlotRef
from reconciler.surface import words

Json = dict[str, Any]


def json_text(document: Json) -> str:
    """The document as text with a final line break; keys stay in the order in which they were put."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def json_value(value: object) -> Any:
    """The value as JSON knows it. TypeError for a type that has no place in a document."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case SlotRef():
            return str(value)
        case datetime():
            return words.instant(value)
        case timedelta():
            return value.total_seconds()
        case Mapping():
            pairs = {str(json_value(key)): item for key, item in value.items()}
            return {key: json_value(pairs[key]) for key in sorted(pairs)}
        case tuple() | list():
            return [json_value(item) for item in value]
        case frozenset() | set():
            return sorted(json_value(item) for item in value)
        case _ if is_dataclass(value):
            return {
                camel(item.name): json_value(getattr(value, item.name)) for item in fields(value)
            }
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a JSON document")


def camel(name: str) -> str:
    """`user_data_sha256` as `userDataSha256`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
