"""What people have said: approvals and pauses, and that a cold cell may act. Written beside a running controller."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, update

from reconciler.planning.memory import Approval, Pause
from reconciler.store.schema import approvals, cells, pauses


def grant(connection: Connection, cell: str, approval: Approval) -> None:
    """Keep an approval; a newer one of the same id takes its place."""
    revoke(connection, cell, approval.id)
    connection.execute(insert(approvals).values(cell=cell, **asdict(approval)))


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


def release_cold(connection: Connection, cell: str) -> None:
    """A person has looked: the cell may act although its memory is new."""
    connection.execute(update(cells).where(cells.c.cell == cell).values(cold_released=True))


def _deleted(count: int) -> bool:
    return count > 0
