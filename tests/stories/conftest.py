"""What every story begins with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import DATABASES, guarding
from tests.support.memory_disk import memory_disk


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the controller's journal is."""
    with memory_disk() as empty:
        yield empty


@pytest.fixture
def guard(folder: Path) -> Iterator[VirtualGuard]:
    """A fleet of databases that has been well for an hour, and its controller."""
    with guarding(DATABASES, folder) as guard:
        yield guard
