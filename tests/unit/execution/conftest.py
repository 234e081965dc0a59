"""A cell to act on, with one stateless and one stateful fleet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acting import Acting
from tests.support.fleets import health_spec, http_probe, postgres_fleet, web_fleet


@pytest.fixture
def acting(tmp_path: Path) -> Iterator[Acting]:
    probed = web_fleet(replicas=4, health=health_spec(http_probe()))
    cell = Acting(tmp_path, probed, postgres_fleet(replicas=2))
    yield cell
    cell.close()
