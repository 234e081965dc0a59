"""What one pass of the loop learnt, kept in a single transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, or_, select, update

from reconciler.health.conditions import RememberedCondition, Scope
from reconciler.health.reads import RememberedReads
from reconciler.health.verdict import RememberedHealth
from reconciler.health.volumes import RememberedVolume
from reconciler.planning.learning import Lessons
from reconciler.planning.memory import CapacityMemory, ColdStart, KnownResource, Memory
from reconciler.store import journal
from reconciler.store.encoding import encode_condition, encode_health, encode_reads, encode_volume
from reconciler.store.journal import Writing
from reconciler.store.schema import (
    capacity,
    cells,
    conditions,
    health,
    held_since,
    known_resources,
    orders,
    overrides,
    passes,
    reads,
    volumes,
)

Key = TypeVar("Key")
Item = TypeVar("Item")

HISTORY_LASTS = timedelta(days=30)
"""Events of ended intents and lines about passes are dropped after this."""
BACKUPS_LAST = timedelta(days=3)
"""Snapshots that were taken or deleted as asked are dropped after this: a slot may have two hundred a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRecord:
    """All that a pass leaves behind: what it learnt, the whole memory of capacity, and what `status` shows of it."""

    lessons: Lessons
    capacity: tuple[CapacityMemory, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """E.g. slots by bucket, actions by result, calls."""
    refused: str | None = None
    """Why the files as they are now are not the desired state in force; None when they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSummary:
    """A pass as `status` shows it."""

    as_of: datetime
    complete: bool
    counts: Mapping[str, int]
    refused: str | None = None


def record(writing: Writing, done: PassRecord, before: Memory) -> None:
    """Make what is remembered what this pass knows. `before` is what is in the store: only what differs is written."""
    lessons = done.lessons
    _remember(writing, known_resources, before.known, lessons.known, _known_row)
    _remember(writing, health, before.health, lessons.health, _health_row)
    _remember(writing, volumes, before.volumes, lessons.volumes, _volume_row)
    _remember(writing, held_since, before.held_since, lessons.held_since, _held_row)
    _remember(writing, conditions, before.conditions, lessons.conditions, _condition_row)
    _remember(writing, reads, before.reads, lessons.reads, _reads_row)
    remember_capacity(writing, done.capacity, before.capacity)
    _record_cell(writing, lessons)
    writing.connection.execute(
        _INSERT_PASS,
        {
            "cell": writing.cell,
            "as_of": lessons.as_of,
            "complete": lessons.complete_looks > 0,
            "counts": json.dumps(dict(done.counts)),
            "refused": done.refused,
        },
    )


def memory_after(before: Memory, done: PassRecord) -> Memory:
    """What a recollection right after the record would give, sharing whatever stayed the same."""
    lessons = done.lessons
    return replace(
        before,
        passes=before.passes + lessons.complete_looks,
        cold=_cold_after(before.cold, lessons.cold),
        known=_shared(before.known, lessons.known),
        health=_shared(before.health, lessons.health),
        volumes=_shared(before.volumes, lessons.volumes),
        held_since=_shared(before.held_since, lessons.held_since),
        conditions=_shared(before.conditions, lessons.conditions),
        reads=_shared(before.reads, lessons.reads),
        recorded_since=before.recorded_since or lessons.as_of,
        capacity=tuple(sorted(done.capacity, key=lambda item: (item.zone, item.type))),
    )


def _cold_after(before: ColdStart | None, learnt: ColdStart | None) -> ColdStart | None:
    """Once a person has released a cold cell, it stays so."""
    if before is None or learnt is None:
        return learnt
    return learnt if learnt.released else replace(learnt, released=before.released)


def forget_history(writing: Writing, now: datetime) -> None:
    """Drop events of ended intents, lines about passes, orders and overrides that are too old."""
    oldest = now - HISTORY_LASTS
    writing.connection.execute(
        delete(passes).where(passes.c.cell == writing.cell, passes.c.as_of < oldest)
    )
    writing.connection.execute(
        delete(orders).where(orders.c.cell == writing.cell, orders.c.expires_at < oldest)
    )
    writing.connection.execute(
        delete(overrides).where(overrides.c.cell == writing.cell, overrides.c.expires_at < oldest)
    )
    journal.forget_events(writing, oldest)
    journal.forget_backups(writing, now - BACKUPS_LAST)


def remember_capacity(
    writing: Writing, items: tuple[CapacityMemory, ...], before: tuple[CapacityMemory, ...]
) -> None:
    """Make the memory of capacity these."""
    _remember(writing, capacity, _by_offering(before), _by_offering(items), _capacity_row)


def last(connection: Connection, cell: str) -> PassSummary | None:
    """The newest pass on record."""
    row = connection.execute(
        select(passes).where(passes.c.cell == cell).order_by(passes.c.id.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return PassSummary(
        as_of=row.as_of,
        complete=row.complete,
        counts=json.loads(row.counts),
        refused=row.refused,
    )


def _shared(before: Mapping[Key, Item], after: Mapping[Key, Item]) -> Mapping[Key, Item]:
    """The mapping that was there when nothing in it changed, else the new one in the order of the store."""
    return before if before == after else {key: after[key] for key in sorted(after, key=str)}


def _remember(
    writing: Writing,
    table: Table,
    before: Mapping[Key, Item],
    after: Mapping[Key, Item],
    row_of: Callable[[Key, Item], dict[str, object]],
) -> None:
    """Make the cell's rows of a table these. A steady cell changes nothing, so that a pass costs what changed."""
    if before is after or before == after:
        return
    missing = object()
    fresh = {key: item for key, item in after.items() if before.get(key, missing) != item}
    stale = {key: item for key, item in before.items() if key in fresh or key not in after}
    names = [column.name for column in table.primary_key if column.name != "cell"]
    if stale:
        conditions = [table.c[name] == bindparam(f"key_{name}") for name in names]
        rows = [row_of(key, item) for key, item in stale.items()]
        writing.connection.execute(
            delete(table).where(table.c.cell == writing.cell, *conditions),
            [{f"key_{name}": row[name] for name in names} for row in rows],
        )
    if fresh:
        rows = [{"cell": writing.cell, **row_of(key, item)} for key, item in fresh.items()]
        writing.connection.execute(insert(table), rows)


def _record_cell(writing: Writing, lessons: Lessons) -> None:
    cold = lessons.cold
    writing.connection.execute(
        _UPDATE_CELL,
        {
            "of_cell": writing.cell,
            "looks": lessons.complete_looks,
            "since": cold.since if cold else None,
            "observations": cold.complete_observations if cold else 0,
            "released": cold is not None and cold.released,
            "as_of": lessons.as_of,
        },
    )


def _known_row(_id: str, resource: KnownResource) -> dict[str, object]:
    return {
        "id": resource.id,
        "kind": resource.kind,
        "fleet": resource.slot.fleet if resource.slot else None,
        "ordinal": resource.slot.ordinal if resource.slot else None,
        "claim": resource.claim,
        "incarnation": resource.incarnation,
        "zone": resource.zone,
        "last_seen_at": resource.last_seen_at,
        "ended": resource.ended,
        "absent_since": resource.absent_since,
        "absent_checks": resource.absent_checks,
    }


def _capacity_row(_offering: tuple[str, str], item: CapacityMemory) -> dict[str, object]:
    return {
        "zone": item.zone,
        "type": item.type,
        "failures": item.failures,
        "last_failed_at": item.last_failed_at,
        "until": item.until,
    }


def _health_row(instance_id: str, item: RememberedHealth) -> dict[str, object]:
    return {"instance_id": instance_id, "remembered": encode_health(item)}


def _volume_row(volume_id: str, item: RememberedVolume) -> dict[str, object]:
    return {"volume_id": volume_id, "remembered": encode_volume(item)}


def _condition_row(scope: Scope, item: RememberedCondition) -> dict[str, object]:
    return {"scope": str(scope), "remembered": encode_condition(item)}


def _reads_row(zone: str, item: RememberedReads) -> dict[str, object]:
    return {"zone": zone, "remembered": encode_reads(item)}


def _held_row(gate: str, since: datetime) -> dict[str, object]:
    return {"gate": gate, "since": since}


def _by_offering(items: Iterable[CapacityMemory]) -> dict[tuple[str, str], CapacityMemory]:
    return {(item.zone, item.type): item for item in items}


_INSERT_PASS = insert(passes)
_UPDATE_CELL = (
    update(cells)
    .where(cells.c.cell == bindparam("of_cell"))
    .values(
        passes=cells.c.passes + bindparam("looks"),
        cold_since=bindparam("since"),
        cold_observations=bindparam("observations"),
        # Only ever set here: a person may release a cold cell while a pass that began before is under way.
        cold_released=or_(cells.c.cold_released, bindparam("released")),
        recorded_since=func.coalesce(cells.c.recorded_since, bindparam("as_of")),
    )
)
