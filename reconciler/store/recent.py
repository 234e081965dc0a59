"""What memory keeps of the journal: open and recent intents, and the highest numbers.

It is read whole, or moved on by what this process has written since: a pass that acts must not cost reading thousands.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from reconciler.planning.actions import SlotRef, is_backup
from reconciler.planning.intents import OPEN_STATES, Intent, IntentState
from reconciler.store import journal
from reconciler.store.schema import intents

RECENT = timedelta(hours=24)
"""How long a closed intent counts as recent; an abandoned one does until it is found or proved lost."""
BACKUPS_RECENT = timedelta(hours=1)
"""The same of snapshots that were taken or deleted as asked: there are hundreds a day, and their list knows of them.

No name of such an operation is used again after so long (planning.backups.schedule.named_date).
"""
TOGETHER = timedelta(minutes=10)
"""Intents cease to be recent together, at the full ten minutes after: each time they are all read anew."""
FOREVER = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentJournal:
    """The journal of a cell as a case needs it. Before `until` time alone changes nothing of it."""

    open_intents: tuple[Intent, ...]
    recent_intents: tuple[Intent, ...]
    highest_incarnations: Mapping[SlotRef, int]
    highest_attempts: Mapping[str, int]
    until: datetime


def read(connection: Connection, cell: str, now: datetime) -> RecentJournal:
    """All of it."""
    recent = _recent(connection, cell, now)
    return RecentJournal(
        open_intents=_open(connection, cell),
        recent_intents=recent,
        highest_incarnations=_highest_incarnations(connection, cell),
        highest_attempts=_highest_attempts(connection, cell, now),
        until=_until(recent),
    )


def read_on(
    connection: Connection,
    cell: str,
    now: datetime,
    before: RecentJournal,
    changed: Collection[str],
) -> RecentJournal:
    """The same before the `until` of `before`, where since then no intents were written but those of these."""
    if not changed:
        return before
    these = intents.c.operation_id.in_(changed)
    recent = _recent(connection, cell, now, these)
    return RecentJournal(
        open_intents=_moved_on(before.open_intents, changed, _open(connection, cell, these)),
        recent_intents=_moved_on(before.recent_intents, changed, recent),
        highest_incarnations=_incarnations_moved_on(connection, cell, before, these),
        highest_attempts=_attempts_moved_on(connection, cell, now, before, these),
        until=min(before.until, _until(recent)),
    )


# Intents.


def _open(
    connection: Connection, cell: str, *conditions: ColumnElement[bool]
) -> tuple[Intent, ...]:
    return journal.matching(connection, cell, intents.c.state.in_(OPEN_STATES), *conditions)


def _recent(
    connection: Connection, cell: str, now: datetime, *conditions: ColumnElement[bool]
) -> tuple[Intent, ...]:
    within = and_(
        intents.c.state.not_in(OPEN_STATES),
        intents.c.updated_at >= _at_full_minutes(now) - RECENT,
        ~_long_done_backup(now),
    )
    counts = or_(within, intents.c.state == IntentState.ABANDONED)
    return journal.matching(connection, cell, counts, *conditions)


def _moved_on(
    before: tuple[Intent, ...], changed: Collection[str], now: tuple[Intent, ...]
) -> tuple[Intent, ...]:
    left = [intent for intent in before if intent.action.operation_id not in changed]
    if not now and len(left) == len(before):
        return before
    for intent in now:
        insort(left, intent, key=journal.order_of)
    return tuple(left)


def _until(recent: tuple[Intent, ...]) -> datetime:
    ends = (_recent_until(intent) for intent in recent if intent.state is not IntentState.ABANDONED)
    return min(ends, default=FOREVER)


def _recent_until(intent: Intent) -> datetime:
    done_backup = intent.state is IntentState.OBSERVED and is_backup(intent.action.request)
    lasts = BACKUPS_RECENT if done_backup else RECENT
    return _at_full_minutes(intent.updated_at + lasts) + TOGETHER


def _at_full_minutes(at: datetime) -> datetime:
    return at - (at - EPOCH) % TOGETHER


def _long_done_backup(now: datetime) -> ColumnElement[bool]:
    return and_(
        intents.c.kind.in_(journal.BACKUP_KINDS),
        intents.c.state == IntentState.OBSERVED,
        intents.c.updated_at < _at_full_minutes(now) - BACKUPS_RECENT,
    )


# Numbers.


def _highest_incarnations(
    connection: Connection, cell: str, *conditions: ColumnElement[bool]
) -> dict[SlotRef, int]:
    """A rejected launch had no effect, so it used up no incarnation; every other one may have."""
    query = (
        select(intents.c.fleet, intents.c.ordinal, func.max(intents.c.incarnation))
        .where(
            intents.c.cell == cell,
            intents.c.kind == "launch",
            intents.c.fleet.is_not(None),
            intents.c.state != IntentState.REJECTED,
            *conditions,
        )
        .group_by(intents.c.fleet, intents.c.ordinal)
        .order_by(intents.c.fleet, intents.c.ordinal)
    )
    return {
        SlotRef(fleet, ordinal): highest for fleet, ordinal, highest in connection.execute(query)
    }


def _incarnations_moved_on(
    connection: Connection, cell: str, before: RecentJournal, these: ColumnElement[bool]
) -> Mapping[SlotRef, int]:
    slots = select(intents.c.fleet, intents.c.ordinal).where(these, intents.c.kind == "launch")
    moved = {SlotRef(*row) for row in connection.execute(slots) if row.fleet is not None}
    if not moved:
        return before.highest_incarnations
    left = {slot: n for slot, n in before.highest_incarnations.items() if slot not in moved}
    in_them = tuple_(intents.c.fleet, intents.c.ordinal).in_(
        [(slot.fleet, slot.ordinal) for slot in sorted(moved)]
    )
    return left | _highest_incarnations(connection, cell, in_them)


def _highest_attempts(
    connection: Connection, cell: str, now: datetime, *conditions: ColumnElement[bool]
) -> dict[str, int]:
    query = (
        select(intents.c.family, func.max(intents.c.attempt))
        .where(intents.c.cell == cell, ~_long_done_backup(now), *conditions)
        .group_by(intents.c.family)
        .order_by(intents.c.family)
    )
    return {family: highest for family, highest in connection.execute(query)}  # noqa: C416 - rows are not pairs to mypy


def _attempts_moved_on(
    connection: Connection,
    cell: str,
    now: datetime,
    before: RecentJournal,
    these: ColumnElement[bool],
) -> Mapping[str, int]:
    moved = set(connection.scalars(select(intents.c.family).where(these)))
    left = {family: n for family, n in before.highest_attempts.items() if family not in moved}
    in_them = intents.c.family.in_(sorted(moved))
    return left | _highest_attempts(connection, cell, now, in_them)
