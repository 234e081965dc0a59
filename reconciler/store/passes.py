"""What one pass of the loop learnt, kept in a single transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from reconciler.planning.learning import Lessons
from reconciler.planning.memory import CapacityMemory, KnownResource
from reconciler.store import journal
from reconciler.store.encoding import encode_health
from reconciler.store.journal import Writing
from reconciler.store.schema import capacity, cells, health, held_since, known_resources, passes

HISTORY_LASTS = timedelta(days=30)
"""Events of ended intents and lines about passes are dropped after this."""


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


def record(writing: Writing, done: PassRecord) -> None:
    """Make what is remembered what this pass knows, and drop history that is too old."""
    lessons = done.lessons
    _remember(writing, known_resources, [_known_row(item) for item in lessons.known.values()])
    _remember(
        writing,
        health,
        [
            {"instance_id": key, "remembered": encode_health(item)}
            for key, item in lessons.health.items()
        ],
    )
    _remember(
        writing,
        held_since,
        [{"gate": gate, "since": since} for gate, since in lessons.held_since.items()],
    )
    remember_capacity(writing, done.capacity)
    _record_cell(writing, lessons)
    writing.connection.execute(
        insert(passes).values(
            cell=writing.cell,
            as_of=lessons.as_of,
            complete=lessons.complete_looks > 0,
            counts=json.dumps(dict(done.counts)),
            refused=done.refused,
        )
    )
    oldest = lessons.as_of - HISTORY_LASTS
    writing.connection.execute(
        delete(passes).where(passes.c.cell == writing.cell, passes.c.as_of < oldest)
    )
    journal.forget_events(writing, oldest)


def remember_capacity(writing: Writing, items: tuple[CapacityMemory, ...]) -> None:
    """Make the memory of capacity these."""
    _remember(writing, capacity, [_capacity_row(item) for item in items])


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


def _remember(writing: Writing, table: Table, rows: list[dict[str, object]]) -> None:
    """Make the cell's rows of a table these. A steady cell changes nothing, so that a pass costs what changed."""
    key_columns = [column for column in table.primary_key if column.name != "cell"]
    names = [column.name for column in key_columns]
    wanted = {tuple(row[name] for name in names): {"cell": writing.cell, **row} for row in rows}
    found = {
        tuple(row[name] for name in names): dict(row)
        for row in writing.connection.execute(
            select(table).where(table.c.cell == writing.cell)
        ).mappings()
    }
    stale = [key for key, row in found.items() if wanted.get(key) != row]
    fresh = [row for key, row in wanted.items() if found.get(key) != row]
    if stale:
        conditions = [column == bindparam(f"key_{column.name}") for column in key_columns]
        writing.connection.execute(
            delete(table).where(table.c.cell == writing.cell, *conditions),
            [{f"key_{name}": part for name, part in zip(names, key, strict=True)} for key in stale],
        )
    if fresh:
        writing.connection.execute(insert(table), fresh)


def _record_cell(writing: Writing, lessons: Lessons) -> None:
    changes: dict[str, object] = {
        "passes": cells.c.passes + lessons.complete_looks,
        "cold_since": lessons.cold.since if lessons.cold else None,
        "cold_observations": lessons.cold.complete_observations if lessons.cold else 0,
    }
    if lessons.cold and lessons.cold.released:
        # Only ever set here: a person may release a cold cell while a pass that began before is under way.
        changes["cold_released"] = True
    writing.connection.execute(update(cells).where(cells.c.cell == writing.cell).values(changes))


def _known_row(resource: KnownResource) -> dict[str, object]:
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


def _capacity_row(item: CapacityMemory) -> dict[str, object]:
    return {
        "zone": item.zone,
        "type": item.type,
        "failures": item.failures,
        "last_failed_at": item.last_failed_at,
        "until": item.until,
    }
