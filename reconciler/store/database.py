"""One connection to the store's database: how transactions begin and end, and what its errors mean to people."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from reconciler.store.errors import CommitUnknown, StoreUnusable
from reconciler.store.journaled import Journaled

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another process's transaction; those take milliseconds."""
READ_BUSY_TIMEOUT_S = 2.0
"""How long a reader waits: a person sits before it."""

_WRITES = "reconciler_writes"

Stamp = tuple[int, int]
"""How often others have written, by the database's count, and how often this process has."""


class Database:
    """A single SQLite connection, shared by the threads of this process one transaction at a time.

    Rollback journal and `synchronous=FULL`: a commit that returned survives a power cut. Several processes may have the
    file open, each with one connection.
    """

    def __init__(self, path: Path | None, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        self._engine = _engine(path, read_only=read_only)
        self._written = 0
        self._taught: Counter[str] = Counter()
        self._journaled: defaultdict[str, Journaled] = defaultdict(Journaled)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; everything read in it belongs together."""
        with (
            self._lock,
            self._translated(),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction: all of it is on disk when this returns, or none of it.

        Raises CommitUnknown when the commit itself failed, StoreUnusable when anything before it did.
        """
        if self.read_only:
            raise StoreUnusable(f"the store {self.path or 'in memory'} was opened to be read only")
        with self._lock, self._translated(), self._engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            transaction = connection.begin()
            self._written += 1
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as fault:
                raise CommitUnknown(self._message(fault)) from fault

    def stamp(self, connection: Connection) -> Stamp:
        """Equal to an earlier one only when nobody has written since (SQLite manual, PRAGMA data_version)."""
        others: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        return others, self._written

    def teach(self, cell: str) -> None:
        """What passes learnt of that cell is about to be written."""
        self._taught[cell] += 1

    def taught(self, connection: Connection, cell: str) -> Stamp:
        """Equal to an earlier one only when nothing that passes learnt of that cell was written since."""
        return self.stamp(connection)[0], self._taught[cell]

    def journaled(self, cell: str) -> Journaled:
        """What this process has written of that cell's journal; to be used within a transaction alone."""
        return self._journaled[cell]

    def check(self) -> None:
        """Raise StoreUnusable when the file is damaged: nothing may rest on half a journal."""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            advice = _ADVICE[sqlite3.SQLITE_CORRUPT]
            raise StoreUnusable(f"the store {self.path or 'in memory'} {advice} ({found})")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as fault:
            raise StoreUnusable(self._message(fault)) from fault

    def _message(self, fault: DBAPIError) -> str:
        code = getattr(fault.orig, "sqlite_errorcode", None)
        advice = _ADVICE.get(code & 0xFF if code is not None else None, _UNKNOWN)
        return f"the store {self.path or 'in memory'} {advice} ({fault.orig})"


def _engine(path: Path | None, *, read_only: bool) -> Engine:
    # mode=rw never makes a file; a reader too needs it, to roll back what a crashed writer left half done.
    database = f"file:{_quoted(path)}?mode=rw" if path else ":memory:"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            database,
            uri=path is not None,
            timeout=READ_BUSY_TIMEOUT_S if read_only else BUSY_TIMEOUT_S,
            isolation_level=None,  # Transactions begin where the listener below says so.
            check_same_thread=False,  # One thread at a time, by the lock in Database.
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only and path:
            connection.execute("PRAGMA query_only = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options: Any = connection.get_execution_options()
        writes = options.get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _quoted(path: Path) -> str:
    """A path inside SQLite's URI: only these three characters mean something there."""
    text = str(path.absolute())
    return text.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


_UNKNOWN = "cannot be used: see the database's own message"
_KEPT = "; the file was left as it is"
_ADVICE: dict[int | None, str] = {
    sqlite3.SQLITE_CORRUPT: (
        "is damaged: move it away and keep it, then start with a copy or with an empty store;"
        f" a cell without memory is cold and does nothing disruptive until `reconciler resume --cold`{_KEPT}"
    ),
    sqlite3.SQLITE_NOTADB: f"is not a database of ours: name the right file with --store{_KEPT}",
    sqlite3.SQLITE_READONLY: "cannot be written: make the file and its directory writable for this user",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: free some space; nothing is done without a journal",
    sqlite3.SQLITE_BUSY: "has been locked by another process for seconds: see who holds the file open",
    sqlite3.SQLITE_LOCKED: "is locked by this process: report this as a bug",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: this user must be allowed to read it and to write its directory",
    sqlite3.SQLITE_PERM: "may not be opened: run as the user who owns it",
    sqlite3.SQLITE_IOERR: "cannot be read or written, the disk reports an error: check the disk",
    sqlite3.SQLITE_CONSTRAINT: "refused what would contradict itself: report this as a bug; nothing was written",
    None: _UNKNOWN,
}
