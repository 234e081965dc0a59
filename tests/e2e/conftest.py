from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.embedded import embedded_cloud
from tests.e2e.terminal import Terminal
from tests.support.fault_proxy import running_fault_proxy


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A fresh cloud behind a proxy, and a terminal in a folder whose path has a space."""
    folder = tmp_path / "my fleets"
    folder.mkdir()
    with (
        embedded_cloud() as cloud,
        running_fault_proxy(cloud.endpoint, honours_client_tokens=True) as proxy,
    ):
        yield Terminal(folder=folder, cloud=cloud, proxy=proxy)
