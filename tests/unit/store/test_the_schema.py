"""The tables in code and the migrations that make them are the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from reconciler.store import migrations
from reconciler.store.errors import StoreUnusable
from reconciler.store.schema import SCHEMA_VERSION, metadata
from reconciler.store.store import Store


def test_the_migrations_make_the_tables_of_the_code(path: Path) -> None:
    Store.open(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        options = {"compare_type": True}
        differences = compare_metadata(
            MigrationContext.configure(connection, opts=options), metadata
        )
    engine.dispose()
    assert differences == []


def test_the_newest_migration_is_the_version_that_the_code_knows() -> None:
    (package,) = migrations.__path__
    assert ScriptDirectory(package).get_current_head() == SCHEMA_VERSION


def test_an_upgrade_that_fails_half_way_leaves_nothing_half_made(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM alembic_version")
        raw.execute("DROP TABLE cells")
        before = names_of_tables(raw)
    raw.close()
    # The first migration makes `cells`, and then finds `intents` there already.
    with pytest.raises(StoreUnusable, match="already exists"):
        Store.open(path)
    with sqlite3.connect(path) as raw:
        assert names_of_tables(raw) == before
    raw.close()


def names_of_tables(raw: sqlite3.Connection) -> set[str]:
    return {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
