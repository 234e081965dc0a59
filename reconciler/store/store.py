"""Opens the store: a file that is ours, a schema that this version knows, and the cells in it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, insert, inspect, select, text, update

from providers.observed import CellIdentity
from reconciler.store.cell import CellStore
from reconciler.store.database import Database
from reconciler.store.errors import EndpointChanged, StoreUnusable
from reconciler.store.files import check_private, create_private, is_there
from reconciler.store.schema import SCHEMA_VERSION, cells, intents, leases, metadata


class Store:
    """All cells' memory in one database. Use as a context manager, or call `close`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cells: list[CellStore] = []

    @staticmethod
    def open(url_or_path: str | Path, *, read_only: bool = False) -> Store:
        """Open the store at a path or `sqlite:///` URL, making it where it is missing.

        With `read_only` nothing is made, migrated or written; a store that is not there is an empty memory.
        Raises StoreUnusable, which says what to do; an existing file is never deleted or truncated.
        """
        path = _path(url_or_path)
        if read_only and not is_there(path):
            return Store(_empty(read_only=True))
        if read_only:
            check_private(path)
        else:
            create_private(path)
        database = Database(path, read_only=read_only)
        try:
            database.check()
            _check_schema(database)
        except BaseException:
            database.close()
            raise
        return Store(database)

    @staticmethod
    def in_memory() -> Store:
        """An empty store in no file, which ends with this process: for a cell that is simulated."""
        return Store(_empty(read_only=False))

    def cell(self, identity: CellIdentity) -> CellStore:
        """The store of one cell, which is registered when it is new.

        Raises EndpointChanged when the cell has history through another endpoint.
        """
        with self._database.read() as connection:
            row = _registered(connection, identity)
            if row == identity.endpoint:
                return self._opened(identity)
            if row is not None and _has_history(connection, identity):
                raise EndpointChanged(cell=str(identity), known=row, found=identity.endpoint)
        if not self._database.read_only:
            with self._database.write() as connection:
                _register(connection, identity)
        return self._opened(identity)

    def confirm_endpoint(self, identity: CellIdentity) -> None:
        """A person confirms that the cell is to be reached through this endpoint from now on."""
        with self._database.write() as connection:
            _register(connection, identity)

    def cells(self) -> tuple[CellIdentity, ...]:
        """Every cell that was ever registered, as last reached."""
        with self._database.read() as connection:
            rows = connection.execute(select(cells).order_by(cells.c.cell))
            return tuple(
                CellIdentity(account=row.account, region=row.region, endpoint=row.endpoint)
                for row in rows
            )

    def close(self) -> None:
        """Let go of the file and of the lock files beside it, as the end of the process would.

        A cell that is to be free for others at once is released first.
        """
        for cell in self._cells:
            cell.close()
        self._database.close()

    def _opened(self, identity: CellIdentity) -> CellStore:
        cell = CellStore(self._database, str(identity))
        self._cells.append(cell)
        return cell

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _path(url_or_path: str | Path) -> Path:
    text_form = str(url_or_path)
    if text_form.startswith("sqlite:///"):
        return Path(text_form.removeprefix("sqlite:///"))
    if "://" in text_form:
        raise StoreUnusable(
            f"{text_form.partition('://')[0]} stores are not supported yet: give a path or sqlite:///path"
        )
    return Path(text_form)


def _empty(*, read_only: bool) -> Database:
    """A memory of nothing, in no file."""
    database = Database(None, read_only=False)
    with database.write() as connection:
        metadata.create_all(connection)
    database.read_only = read_only
    return database


def _check_schema(database: Database) -> None:
    with database.read() as connection:
        version = _version(connection, database)
    if version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        raise StoreUnusable(
            f"the store {database.path} was written by a newer version (schema {version}, this one knows"
            f" {SCHEMA_VERSION}): use that version; the file was left as it is"
        )
    if not database.read_only:
        # Alembic takes a third of a second to import and is needed once per upgrade.
        from reconciler.store.migrations.upgrade import upgrade  # noqa: PLC0415 - see above

        with database.write() as connection:
            if _version(connection, database) < SCHEMA_VERSION:
                upgrade(connection)
    elif version:
        raise StoreUnusable(
            f"the store {database.path} was written by an older version (schema {version}):"
            " `reconciler apply` or `reconciler run` brings it up to date"
        )


def _version(connection: Connection, database: Database) -> str:
    """The schema's revision; empty for an empty database. StoreUnusable when the tables are someone else's."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return found or ""
    if tables:
        raise StoreUnusable(
            f"the store {database.path} is a database of something else: name another file with --store"
        )
    return ""


def _registered(connection: Connection, identity: CellIdentity) -> str | None:
    return connection.execute(
        select(cells.c.endpoint).where(cells.c.cell == str(identity))
    ).scalar_one_or_none()


def _has_history(connection: Connection, identity: CellIdentity) -> bool:
    passes = connection.execute(
        select(cells.c.passes).where(cells.c.cell == str(identity))
    ).scalar_one()
    first = connection.execute(
        select(intents.c.operation_id).where(intents.c.cell == str(identity)).limit(1)
    )
    return passes > 0 or first.first() is not None


def _register(connection: Connection, identity: CellIdentity) -> None:
    name = str(identity)
    moved = connection.execute(
        update(cells).where(cells.c.cell == name).values(endpoint=identity.endpoint)
    )
    if moved.rowcount:
        return
    connection.execute(
        insert(cells).values(
            cell=name,
            account=identity.account,
            region=identity.region,
            endpoint=identity.endpoint,
            passes=0,
            cold_observations=0,
            cold_released=False,
        )
    )
    connection.execute(insert(leases).values(cell=name, epoch=0, since_s=0.0, expires_at_s=0.0))
