"""Durations, sizes and shares as people write them: `90s`, `200GiB`, `20%`."""

from __future__ import annotations

import re
from datetime import timedelta

from desired_state.model import Share
from desired_state.reading.diagnostics import described

DURATION_PATTERN = r"^[1-9][0-9]{0,8}[smhd]$"
SIZE_PATTERN = r"^[1-9][0-9]{0,8}(GiB|TiB)$"
SHARE_PATTERN = r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)%$"

LONGEST = timedelta(days=3650)
"""No grace, deadline or retention is longer; a longer one is a slip of the keyboard."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_GIB = {"GiB": 1, "TiB": 1024}
_WRITTEN_SIZE = re.compile(r"([1-9][0-9]*)\s*([GT]i?B?)", re.IGNORECASE)


class QuantityError(ValueError):
    """A quantity that cannot be read; the message is the end of a sentence that begins with the key."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_duration(value: object) -> timedelta:
    """`90s`, `15m`, `12h` or `7d`: a positive whole number and one unit. Raises QuantityError."""
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        hint = f"add a unit, as in {value}s" if type(value) is int and value > 0 else None
        raise QuantityError(
            f"must be a duration such as 90s, 15m, 12h or 7d, not {described(value)}", hint
        )
    duration = timedelta(seconds=int(value[:-1]) * _SECONDS[value[-1]])
    if duration > LONGEST:
        raise QuantityError(f"must be at most {LONGEST.days}d, not {described(value)}")
    return duration


def format_duration(duration: timedelta) -> str:
    """A duration in its largest whole unit: `90s`, `15m`, `24h` stays `1d`."""
    seconds = round(duration.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def parse_size_gib(value: object) -> int:
    """`200GiB` or `1TiB`, in GiB, the unit in which EBS sells volumes. Raises QuantityError."""
    if isinstance(value, str) and re.fullmatch(SIZE_PATTERN, value):
        return int(value[:-3]) * _GIB[value[-3:]]
    raise QuantityError(
        f"must be a size such as 200GiB or 1TiB, not {described(value)}", _size_hint(value)
    )


def _size_hint(value: object) -> str | None:
    if type(value) is int and value > 0:
        return f"add the unit, as in {value}GiB"
    written = _WRITTEN_SIZE.fullmatch(value) if isinstance(value, str) else None
    if written is not None:
        return f"EBS counts in powers of 1024: write {written[1]}{written[2][0].upper()}iB"
    return None


def format_size(size_gib: int) -> str:
    """A size in TiB where it is a whole number of them, else in GiB."""
    return f"{size_gib // 1024}TiB" if size_gib % 1024 == 0 else f"{size_gib}GiB"


def parse_share(value: object) -> Share:
    """A count such as 2, or a share such as `20%`. Raises QuantityError."""
    if type(value) is int and value >= 0:
        return Share(count=value)
    if isinstance(value, str) and re.fullmatch(SHARE_PATTERN, value):
        return Share(percent=float(value[:-1]))
    raise QuantityError(
        f"must be a whole number such as 2, or a share such as 20%, not {described(value)}"
    )


def parse_percent(value: object) -> float:
    """A share such as `20%`, as a number of percent. Raises QuantityError."""
    if isinstance(value, str) and re.fullmatch(SHARE_PATTERN, value):
        return float(value[:-1])
    hint = f"write {value}%" if type(value) is int and 0 <= value <= 100 else None
    raise QuantityError(f"must be a share such as 20%, not {described(value)}", hint)


def format_percent(percent: float) -> str:
    """A number of percent as it is written: `20%`, `2.5%`."""
    return f"{percent:g}%"
