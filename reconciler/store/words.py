"""What people have said: approvals, pauses, orders, overrides, and that a cold cell may act; beside a controller."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from reconciler.planning.actions import SlotRef
from reconciler.planning.memory import Approval, Override, Pause
from reconciler.planning.orders import Order, OrderKind
from reconciler.store.schema import approvals, cells, orders, overrides, pauses


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOrder:
    """An order on record, and when it was withdrawn or another took its place; None for one that was left alone."""

    order: Order
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOverride:
    """An override on record, and when it was taken back; None for one that was left alone."""

    override: Override
    ended_at: datetime | None


def grant(connection: Connection, cell: str, approval: Approval) -> None:
    """Keep an approval; a newer one of the same id takes its place."""
    revoke(connection, cell, approval.id)
    row = asdict(approval)
    loss_s = _seconds(row.pop("max_loss"))
    connection.execute(insert(approvals).values(cell=cell, max_loss_s=loss_s, **row))


def revoke(connection: Connection, cell: str, approval_id: str) -> bool:
    """Take an approval back; False when there was none."""
    return _deleted(
        connection.execute(
            delete(approvals).where(approvals.c.cell == cell, approvals.c.id == approval_id)
        ).rowcount
    )


def pause(connection: Connection, cell: str, word: Pause) -> None:
    """Keep a pause; a newer one of the same scope takes its place."""
    resume(connection, cell, word.scope)
    connection.execute(insert(pauses).values(cell=cell, **asdict(word)))


def resume(connection: Connection, cell: str, scope: str) -> bool:
    """End the pause of exactly this scope; False when there was none."""
    return _deleted(
        connection.execute(
            delete(pauses).where(pauses.c.cell == cell, pauses.c.scope == scope)
        ).rowcount
    )


def order(connection: Connection, cell: str, given: Order) -> None:
    """Keep an order; a newer one of the same kind for the same slot takes its place."""
    withdraw(connection, cell, given.slot, given.kind, given.given_at)
    connection.execute(
        insert(orders).values(
            cell=cell,
            fleet=given.slot.fleet,
            ordinal=given.slot.ordinal,
            kind=given.kind.value,
            incarnation=given.incarnation,
            reason=given.reason,
            given_at=given.given_at,
            expires_at=given.expires_at,
            given_by=given.given_by,
            instance_id=given.instance_id,
            snapshot_id=given.snapshot_id,
            max_loss_s=_seconds(given.max_loss),
        )
    )


def withdraw(
    connection: Connection, cell: str, slot: SlotRef, kind: OrderKind, now: datetime
) -> bool:
    """Take an order in force back; False when there was none. That it was given stays on record."""
    ended = connection.execute(
        update(orders)
        .where(
            orders.c.cell == cell,
            orders.c.fleet == slot.fleet,
            orders.c.ordinal == slot.ordinal,
            orders.c.kind == kind.value,
            orders.c.ended_at.is_(None),
            orders.c.expires_at > now,
        )
        .values(ended_at=now)
    )
    return ended.rowcount > 0


def given_orders(
    connection: Connection, cell: str, slot: SlotRef | None, limit: int
) -> tuple[GivenOrder, ...]:
    """The newest orders of a slot or of the whole cell, in force or not; newest first."""
    query = select(orders).where(orders.c.cell == cell).order_by(orders.c.id.desc()).limit(limit)
    if slot:
        query = query.where(orders.c.fleet == slot.fleet, orders.c.ordinal == slot.ordinal)
    rows = connection.execute(query)
    return tuple(GivenOrder(order=order_of(row), ended_at=row.ended_at) for row in rows)


def order_of(row: Row[Any]) -> Order:
    """The order in a row of the table."""
    return Order(
        slot=SlotRef(row.fleet, row.ordinal),
        kind=OrderKind(row.kind),
        incarnation=row.incarnation,
        reason=row.reason,
        given_at=row.given_at,
        expires_at=row.expires_at,
        given_by=row.given_by,
        instance_id=row.instance_id,
        snapshot_id=row.snapshot_id,
        max_loss=None if row.max_loss_s is None else timedelta(seconds=row.max_loss_s),
    )


def override(connection: Connection, cell: str, given: Override) -> None:
    """Keep a word that lifts the brakes; the newest in force counts, and none is lost from the record."""
    connection.execute(insert(overrides).values(cell=cell, **asdict(given)))


def end_override(connection: Connection, cell: str, now: datetime) -> bool:
    """Take back what lifts the brakes; False when nothing did."""
    ended = connection.execute(
        update(overrides)
        .where(
            overrides.c.cell == cell,
            overrides.c.ended_at.is_(None),
            overrides.c.expires_at > now,
        )
        .values(ended_at=now)
    )
    return ended.rowcount > 0


def given_overrides(connection: Connection, cell: str, limit: int) -> tuple[GivenOverride, ...]:
    """The newest overrides of the cell, in force or not; newest first."""
    query = (
        select(overrides)
        .where(overrides.c.cell == cell)
        .order_by(overrides.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query)
    return tuple(GivenOverride(override=override_of(row), ended_at=row.ended_at) for row in rows)


def override_of(row: Row[Any]) -> Override:
    """The override in a row of the table."""
    return Override(
        reason=row.reason,
        given_at=row.given_at,
        expires_at=row.expires_at,
        given_by=row.given_by,
    )


def release_cold(connection: Connection, cell: str) -> None:
    """A person has looked: the cell may act although its memory is new."""
    connection.execute(update(cells).where(cells.c.cell == cell).values(cold_released=True))


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _deleted(count: int) -> bool:
    return count > 0
