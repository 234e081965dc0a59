"""What people have said: approvals, pauses, orders, and that a cold cell may act. Written beside a controller."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, update

from reconciler.planning.actions import SlotRef
from reconciler.planning.memory import Approval, Pause
from reconciler.planning.orders import Order, OrderKind
from reconciler.store.schema import approvals, cells, orders, pauses


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
    withdraw(connection, cell, given.slot, given.kind)
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


def withdraw(connection: Connection, cell: str, slot: SlotRef, kind: OrderKind) -> bool:
    """Take an order back; False when there was none."""
    return _deleted(
        connection.execute(
            delete(orders).where(
                orders.c.cell == cell,
                orders.c.fleet == slot.fleet,
                orders.c.ordinal == slot.ordinal,
                orders.c.kind == kind.value,
            )
        ).rowcount
    )


def release_cold(connection: Connection, cell: str) -> None:
    """A person has looked: the cell may act although its memory is new."""
    connection.execute(update(cells).where(cells.c.cell == cell).values(cold_released=True))


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _deleted(count: int) -> bool:
    return count > 0
