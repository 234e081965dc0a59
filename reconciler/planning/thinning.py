"""Which snapshots of a claim have had their time, by the grains of `keep`. Pure, and of one claim alone.

A snapshot is kept by a grain when it is the oldest of its period (its hour, day, week or month; `all` keeps every one)
and not older than the grain says. The oldest, because that choice never changes as others are added: what is kept today
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
    oldest_first = sorted(snapshots, key=lambda item: (item.started_at, item.id))
    kept: set[str] = set()
    for grain, duration in keep.items():
        for snapshot in _of_grain(oldest_first, grain):
            if now - snapshot.started_at <= duration:
                kept.add(snapshot.id)
    return tuple(item for item in oldest_first if item.id not in kept)


def _of_grain(oldest_first: Sequence[Snapshot], grain: str) -> Iterable[Snapshot]:
    """The oldest of each period, or every one."""
    period = PERIODS.get(grain)
    if period is None:
        return oldest_first
    firsts: dict[Hashable, Snapshot] = {}
    for snapshot in oldest_first:
        firsts.setdefault(period(snapshot.started_at), snapshot)
    return firsts.values()
