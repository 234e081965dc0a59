"""Which snapshots of a claim have had their time, by the grains of `keep`. Pure, and of one claim alone.

A snapshot is kept by a grain when it is the oldest of its period (its hour, day, week or month; `all` keeps every one)
and younger than the grain says. The oldest, because that choice never changes as others are added: what is kept today
is kept tomorrow, until its time is over.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from providers.observed import Snapshot

Period = Callable[[datetime], Hashable]

PERIODS: Mapping[str, Period] = {
    "hourly": lambda at: (at.date(), at.hour),
    "daily": lambda at: at.date(),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
}
"""In UTC, so that no day has 23 or 25 hours. The names are those of the documents; `all` has no period."""


def expired(
    snapshots: Iterable[Snapshot], keep: Mapping[str, timedelta], now: datetime
) -> tuple[Snapshot, ...]:
    """The completed snapshots that no grain keeps, oldest first. Other reasons to keep one are not known here."""
    oldest_first = _sorted(snapshots)
    ends = _ends(oldest_first, keep)
    return tuple(item for item in oldest_first if item.id not in ends or ends[item.id] <= now)


def next_expiry(
    snapshots: Iterable[Snapshot], keep: Mapping[str, timedelta], now: datetime
) -> datetime | None:
    """When the next of them has had its time, if nothing but time passes; None when none is kept."""
    ends = _ends(_sorted(snapshots), keep)
    return min((end for end in ends.values() if end > now), default=None)


def _sorted(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda item: (item.started_at, item.id))


def _ends(oldest_first: Sequence[Snapshot], keep: Mapping[str, timedelta]) -> dict[str, datetime]:
    """Until when each is kept by the grain that keeps it longest; without those that none keeps."""
    ends: dict[str, datetime] = {}
    for grain, duration in keep.items():
        for snapshot in _of_grain(oldest_first, grain):
            end = snapshot.started_at + duration
            ends[snapshot.id] = max(end, ends.get(snapshot.id, end))
    return ends


def _of_grain(oldest_first: Sequence[Snapshot], grain: str) -> Iterable[Snapshot]:
    """The oldest of each period, or every one."""
    period = PERIODS.get(grain)
    if period is None:
        return oldest_first
    firsts: dict[Hashable, Snapshot] = {}
    for snapshot in oldest_first:
        firsts.setdefault(period(snapshot.started_at), snapshot)
    return firsts.values()
