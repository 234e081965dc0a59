"""Times in scenarios: moments counted from its beginning, and the date at which it began."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from desired_state.documents.document import Problem, refuse
from desired_state.reading.diagnostics import described
from desired_state.reading.quantities import QuantityError

MOMENT_PATTERN = r"^(?=[0-9])([0-9]{1,3}d)?([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def parse_moment(value: object) -> timedelta:
    """`0s`, `90m`, `1h53m` or `2d12h` after the beginning of the trouble. Raises QuantityError."""
    found = re.fullmatch(MOMENT_PATTERN, value) if isinstance(value, str) else None
    if found is None:
        hint = f"add a unit, as in {value}m" if type(value) is int and value >= 0 else None
        raise QuantityError(
            f"must be a time such as 0s, 90m, 1h53m or 2d12h, not {described(value)}", hint
        )
    days, hours, minutes, seconds = (int(part[:-1]) if part else 0 for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _moment(value: object) -> Any:
    try:
        return parse_moment(value)
    except QuantityError as error:
        refuse([Problem(message=str(error), hint=error.hint)])
        return None


def _date(value: object) -> Any:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            pass
    message = f"must be a date and time in UTC such as 2011-04-21T07:47:00Z, not {described(value)}"
    refuse([Problem(message=message)])
    return None


def written(moment: timedelta) -> str:
    """A moment as documents have it: `1h53m`, `0s`."""
    seconds = round(moment.total_seconds())
    parts = []
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Moment = Annotated[
    timedelta,
    PlainValidator(_moment),
    WithJsonSchema(
        {"type": "string", "pattern": MOMENT_PATTERN, "examples": ["0s", "90m", "1h53m", "2d12h"]}
    ),
]
Date = Annotated[
    datetime,
    PlainValidator(_date),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2011-04-21T07:47:00Z"]}),
]
