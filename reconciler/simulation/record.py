"""What a replay leaves, by the truth or by counting; every time counts from the beginning of the trouble.

Measures that a report shows are worked out of it by `measures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """A slot did not serve for a while; `until` None is to the end."""

    slot: str
    tier: int
    since: timedelta
    until: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A slot went over to data from a backup. `stated` is the loss that the controller stated, `lost` the true one."""

    slot: str
    tier: int
    at: timedelta
    source: str
    """`archive` or `snapshot`."""
    stated: timedelta | None
    lost: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Something waited for a person's word; `until` None is to the end."""

    slot: str
    tier: int
    gate: str
    since: timedelta
    until: timedelta | None
    granted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A place, or a capability of one, was in a state for a while. What was never but normal has none."""

    what: str
    state: str
    since: timedelta
    until: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The calls of one minute: all, those that may change something, and those that failed."""

    minute: int
    all: int
    mutating: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Something that served or was the only copy was destroyed by the controller."""

    at: timedelta
    slot: str
    resource_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One replay. `lasted` is how long it was watched, `trouble_lasts` how long the scenario is."""

    policy: str
    seed: int
    saturation: bool
    trouble_lasts: timedelta
    lasted: timedelta
    slots: Mapping[int, int]
    """By tier, how many are declared."""
    down: tuple[Down, ...]
    restores: tuple[Restored, ...]
    approvals: tuple[Waited, ...]
    bands: tuple[Band, ...]
    calls: tuple[Calls, ...]
    destroyed: tuple[Lost, ...]
    launches: int
    passes: int
    passed_over: int
    """Of the passes, those that could change nothing and were not made."""
    stopped: str | None = None
    """Why the controller stopped for safety; None when it went on to the end."""
