"""What one pass of the loop learnt, kept in a single transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, delete, insert, select, update

from reconciler.health.verdict import RememberedHealth
from reconciler.planning.memory import CapacityMemory, ColdStart, KnownResource
from reconciler.store import journal
from reconciler.store.encoding import encode_health
from reconciler.store.journal import Writing
from reconciler.store.schema import capacity, cells, health, held_since, known_resources, passes

HISTORY_LASTS = timedelta(days=30)
"""Events of ended intents and lines about passes are dropped after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRecord:
    """All that a pass leaves behind; each mapping is the whole of what is remembered from now on."""

    as_of: datetime
    complete: bool
    """The observation had instances, volumes and zones whole."""
    known: Mapping[str, KnownResource]
    health: Mapping[str, RememberedHealth]
    held_since: Mapping[str, datetime] = field(default_factory=dict)
    capacity: tuple[CapacityMemory, ...] = ()
    cold: ColdStart | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    """What `status` shows of the pass, e.g. slots by bucket and calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSummary:
    """A pass as `status` shows it."""

    as_of: datetime
    complete: bool
    counts: Mapping[str, int]


def record(writing: Writing, done: PassRecord) -> None:
    """Replace what is remembered by what this pass knows, and drop history that is too old."""
    _replace_all(writing, known_resources, [_known_row(r) for r in done.known.values()])
    _replace_all(
        writing,
        health,
        [
            {"instance_id": key, "remembered": encode_health(value)}
            for key, value in done.health.items()
        ],
    )
    _replace_all(
        writing,
        held_since,
        [{"gate": gate, "since": since} for gate, since in done.held_since.items()],
    )
    _replace_all(writing, capacity, [_capacity_row(item) for item in done.capacity])
    _record_cell(writing, done)
    writing.connection.execute(
        insert(passes).values(
            cell=writing.cell,
            as_of=done.as_of,
            complete=done.complete,
            counts=json.dumps(dict(done.counts)),
        )
    )
    oldest = done.as_of - HISTORY_LASTS
    writing.connection.execute(
        delete(passes).where(passes.c.cell == writing.cell, passes.c.as_of < oldest)
    )
    journal.forget_events(writing, oldest)


def last(connection: Connection, cell: str) -> PassSummary | None:
    """The newest pass on record."""
    row = connection.execute(
        select(passes).where(passes.c.cell == cell).order_by(passes.c.id.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return PassSummary(as_of=row.as_of, complete=row.complete, counts=json.loads(row.counts))


def _replace_all(writing: Writing, table: Table, rows: list[dict[str, object]]) -> None:
    writing.connection.execute(delete(table).where(table.c.cell == writing.cell))
    if rows:
        writing.connection.execute(insert(table), [{"cell": writing.cell, **row} for row in rows])


def _record_cell(writing: Writing, done: PassRecord) -> None:
    changes: dict[str, object] = {
        "passes": cells.c.passes + (1 if done.complete else 0),
        "cold_since": done.cold.since if done.cold else None,
        "cold_observations": done.cold.complete_observations if done.cold else 0,
    }
    if done.cold and done.cold.released:
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
