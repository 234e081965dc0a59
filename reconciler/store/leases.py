"""Who may write for a cell: a lease row with an epoch, and an operating-system lock beside a store in a file.

Whoever takes a cell over raises its epoch, and every journal write proves holder and epoch inside its own transaction,
so that a process that was paused for too long can no longer write. Leases are compared by the database's clock alone.
The lock file tells at once that a former holder on this machine has died; it is never deleted, only unlocked.
"""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Float, bindparam, case, or_, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from reconciler.store.errors import LeaseHeld, LeaseLost, StoreUnusable
from reconciler.store.files import create_private
from reconciler.store.schema import leases

LEASE_LASTS = timedelta(minutes=2)
"""Longer than the longest call; every journal write renews it, so that no call starts on a lease about to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that may hold cells. `started_at` tells it from a later one with the same number."""

    host: str
    pid: int
    command: str
    started_at: datetime

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid} on {self.host}, started {self.started_at:%Y-%m-%dT%H:%M:%S.%fZ})"


def this_process(command: str, started_at: datetime) -> Holder:
    """This process as a holder; `command` is what a person typed, e.g. `reconciler run`."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        command=command,
        started_at=started_at.astimezone(UTC),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A cell held: the proof that every write shows."""

    cell: str
    holder: str
    epoch: int


class DatabaseNow(FunctionElement[float]):
    """Seconds since 1970 by the database's clock."""

    type = Float()
    inherit_cache = True


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(*_asked: Any, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow, "postgresql")
def _postgresql_now(*_asked: Any, **_options: Any) -> str:
    return "extract(epoch from clock_timestamp())"


_RENEW = (
    update(leases)
    .where(
        leases.c.cell == bindparam("of_cell"),
        leases.c.holder == bindparam("of_holder"),
        leases.c.epoch == bindparam("of_epoch"),
    )
    .values(expires_at_s=DatabaseNow() + LEASE_LASTS.total_seconds())
)


def acquire(connection: Connection, cell: str, holder: Holder, *, former_is_dead: bool) -> Lease:
    """Take a free or expired lease, or renew one's own; `former_is_dead` when the lock file proves it.

    Raises LeaseHeld.
    """
    name = str(holder)
    mine = leases.c.holder == name
    now = DatabaseNow()
    free = or_(leases.c.holder.is_(None), mine, leases.c.expires_at_s < now)
    taken = connection.execute(
        update(leases)
        .where(leases.c.cell == cell)
        .where(leases.c.cell == cell if former_is_dead else free)
        .values(
            epoch=case((mine, leases.c.epoch), else_=leases.c.epoch + 1),
            since_s=case((mine, leases.c.since_s), else_=now),
            holder=name,
            expires_at_s=now + LEASE_LASTS.total_seconds(),
        )
    )
    if taken.rowcount == 0:
        raise held(connection, cell)
    epoch = connection.execute(select(leases.c.epoch).where(leases.c.cell == cell)).scalar_one()
    return Lease(cell=cell, holder=name, epoch=epoch)


def prove(connection: Connection, lease: Lease) -> None:
    """Show, inside the transaction that writes, that the lease is still ours, and renew it. Raises LeaseLost."""
    ours = {"of_cell": lease.cell, "of_holder": lease.holder, "of_epoch": lease.epoch}
    renewed = connection.execute(_RENEW, ours)
    if renewed.rowcount == 0:
        row = connection.execute(select(leases).where(leases.c.cell == lease.cell)).one()
        raise LeaseLost(
            f"cell {lease.cell} was taken over by {row.holder or 'nobody'} (epoch {row.epoch}, ours was {lease.epoch}):"
            " this process stops; nothing was written"
        )


def give_up(connection: Connection, lease: Lease) -> None:
    """Free the cell, if it is still ours."""
    connection.execute(
        update(leases)
        .where(
            leases.c.cell == lease.cell,
            leases.c.holder == lease.holder,
            leases.c.epoch == lease.epoch,
        )
        .values(holder=None, expires_at_s=0.0)
    )


def held(connection: Connection, cell: str) -> LeaseHeld:
    """The error that names who holds the cell."""
    row = connection.execute(select(leases).where(leases.c.cell == cell)).one()
    return LeaseHeld(
        cell=cell,
        holder=row.holder or "a process that is just starting or stopping",
        since=datetime.fromtimestamp(row.since_s, UTC),
    )


class LockFile:
    """An exclusive lock that ends with the process, whatever way it ends."""

    def __init__(self, store: Path, cell: str) -> None:
        self.path = store.with_name(f"{store.name}.{cell.replace('/', '-')}.lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """True when the lock is ours now; False when another process has it. Raises StoreUnusable."""
        if self._descriptor is not None:
            return True
        create_private(self.path)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as fault:
            raise StoreUnusable(
                f"the lock file {self.path} cannot be opened: {fault.strerror}"
            ) from fault
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Unlock; the file stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
