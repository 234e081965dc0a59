"""Reads all that is remembered of a cell into one value, and knows for how long that value holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from reconciler.planning.actions import Gate, SlotRef
from reconciler.planning.memory import (
    Approval,
    CapacityMemory,
    ColdStart,
    KnownResource,
    Memory,
    Override,
    Pause,
)
from reconciler.store import recent
from reconciler.store.database import Stamp
from reconciler.store.encoding import (
    decode_condition,
    decode_health,
    decode_reads,
    decode_scope,
    decode_volume,
)
from reconciler.store.journaled import Journaled
from reconciler.store.recent import RecentJournal
from reconciler.store.schema import (
    approvals,
    capacity,
    cells,
    conditions,
    health,
    held_since,
    known_resources,
    orders,
    overrides,
    pauses,
    reads,
    volumes,
)
from reconciler.store.words import order_of, override_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A memory as it was read: good from `since` until `until` as long as nobody writes."""

    memory: Memory
    journal: RecentJournal
    journaled: int
    """How much this process had written of the journal by then."""
    stamp: Stamp
    taught: Stamp
    since: datetime
    until: datetime

    def holds(self, stamp: Stamp, now: datetime) -> bool:
        """Whether reading it again would give the same."""
        return stamp == self.stamp and self.since <= now < self.until

    def journal_moved_on(
        self, connection: Connection, cell: str, now: datetime, *, stamp: Stamp, written: Journaled
    ) -> RecentJournal | None:
        """The journal of now, where only this process has written since; None when it has to be read whole."""
        changed = written.since(self.journaled)
        others_wrote = stamp[0] != self.stamp[0]
        if others_wrote or changed is None or not self.since <= now < self.journal.until:
            return None
        return recent.read_on(connection, cell, now, self.journal, changed)


def recollect(
    connection: Connection,
    cell: str,
    now: datetime,
    *,
    stamp: Stamp,
    taught: Stamp,
    written: Journaled,
    last: Recollection | None = None,
) -> Recollection:
    """What is remembered, and when time alone would change it: a word expires, an intent is recent no longer.

    What passes learnt is taken over from the `last` one where nothing of it was written since, and of the journal only
    what this process wrote is read again: journaling an intent must not cost reading thousands of rows.
    """
    learnt = last.memory if last is not None and last.taught == taught else None
    moved_on = (
        last.journal_moved_on(connection, cell, now, stamp=stamp, written=written)
        if last is not None
        else None
    )
    intents_of_now = moved_on or recent.read(connection, cell, now)
    memory = _recall(connection, cell, now, learnt, intents_of_now)
    ends = [
        *(approval.expires_at for approval in memory.approvals.values()),
        *(pause.expires_at for pause in memory.pauses),
        *(order.expires_at for order in memory.orders),
        *([memory.override.expires_at] if memory.override else []),
    ]
    return Recollection(
        memory=memory,
        journal=intents_of_now,
        journaled=written.count,
        stamp=stamp,
        taught=taught,
        since=now,
        until=min([intents_of_now.until, *ends]),
    )


def recall(connection: Connection, cell: str, now: datetime) -> Memory:
    """What is remembered of the cell and in force at that instant; an unknown cell is remembered as nothing."""
    return _recall(connection, cell, now, None, recent.read(connection, cell, now))


def _recall(
    connection: Connection,
    cell: str,
    now: datetime,
    learnt: Memory | None,
    intents_of_now: RecentJournal,
) -> Memory:
    """`learnt` is a memory from which what passes learnt is taken instead of reading it."""
    row = connection.execute(select(cells).where(cells.c.cell == cell)).one_or_none()
    if row is None:
        return Memory()
    learnt = learnt or _learnt(connection, cell)
    return replace(
        learnt,
        passes=row.passes,
        cold=_cold(row),
        open_intents=intents_of_now.open_intents,
        recent_intents=intents_of_now.recent_intents,
        highest_incarnations=intents_of_now.highest_incarnations,
        highest_attempts=intents_of_now.highest_attempts,
        approvals={
            r.id: _approval(r)
            for r in _rows(connection, cell, approvals, approvals.c.expires_at > now)
        },
        pauses=tuple(_pause(r) for r in _rows(connection, cell, pauses, pauses.c.expires_at > now)),
        orders=tuple(
            order_of(r)
            for r in _rows(
                connection, cell, orders, orders.c.expires_at > now, orders.c.ended_at.is_(None)
            )
        ),
        capacity=recall_capacity(connection, cell),
        override=_override(connection, cell, now),
        recorded_since=row.recorded_since,
    )


def _learnt(connection: Connection, cell: str) -> Memory:
    """What passes learnt of the cell, and nothing else."""
    return Memory(
        known={r.id: _known(r) for r in _rows(connection, cell, known_resources)},
        health={
            r.instance_id: decode_health(r.remembered) for r in _rows(connection, cell, health)
        },
        volumes={
            r.volume_id: decode_volume(r.remembered) for r in _rows(connection, cell, volumes)
        },
        held_since={r.gate: r.since for r in _rows(connection, cell, held_since)},
        conditions={
            decode_scope(r.scope): decode_condition(r.remembered)
            for r in _rows(connection, cell, conditions)
        },
        reads={r.zone: decode_reads(r.remembered) for r in _rows(connection, cell, reads)},
    )


def recall_capacity(connection: Connection, cell: str) -> tuple[CapacityMemory, ...]:
    """The capacity errors that are remembered, by zone and type."""
    return tuple(_capacity(row) for row in _rows(connection, cell, capacity))


def _rows(connection: Connection, cell: str, table: Table, *conditions: Any) -> list[Row[Any]]:
    """Rows of the cell in the order of their keys, so that the same memory always reads the same."""
    query = select(table).where(table.c.cell == cell, *conditions).order_by(*table.primary_key)
    return list(connection.execute(query))


def _cold(row: Row[Any]) -> ColdStart | None:
    if row.cold_since is None:
        return None
    return ColdStart(
        since=row.cold_since,
        complete_observations=row.cold_observations,
        released=row.cold_released,
    )


def _known(row: Row[Any]) -> KnownResource:
    return KnownResource(
        id=row.id,
        kind=row.kind,
        slot=SlotRef(row.fleet, row.ordinal) if row.fleet is not None else None,
        claim=row.claim,
        incarnation=row.incarnation,
        zone=row.zone,
        last_seen_at=row.last_seen_at,
        ended=row.ended,
        absent_since=row.absent_since,
        absent_checks=row.absent_checks,
    )


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=row.id,
        gate=Gate(row.gate),
        granted_at=row.granted_at,
        expires_at=row.expires_at,
        granted_by=row.granted_by,
        max_loss=_duration(row.max_loss_s),
        empty=row.empty,
    )


def _pause(row: Row[Any]) -> Pause:
    return Pause(
        scope=row.scope,
        reason=row.reason,
        paused_at=row.paused_at,
        expires_at=row.expires_at,
        paused_by=row.paused_by,
    )


def _override(connection: Connection, cell: str, now: datetime) -> Override | None:
    """The newest that is in force."""
    in_force = _rows(
        connection, cell, overrides, overrides.c.expires_at > now, overrides.c.ended_at.is_(None)
    )
    return override_of(in_force[-1]) if in_force else None


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _capacity(row: Row[Any]) -> CapacityMemory:
    return CapacityMemory(
        zone=row.zone,
        type=row.type,
        failures=row.failures,
        last_failed_at=row.last_failed_at,
        until=row.until,
    )
