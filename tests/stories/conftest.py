"""What every story begins with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.virtual import VirtualGuard
from tests.stories.databases import DATABASES, guarding


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[VirtualGuard]:
    """A fleet of databases that has been well for an hour, and its controller."""
    with guarding(DATABASES, tmp_path) as guard:
        yield guard
