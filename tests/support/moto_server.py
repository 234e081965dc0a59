"""The product's embedded cloud (moto over HTTP in a process of its own), shared by a test session and emptied between
tests.

Fixtures, imported by the conftest.py of each folder that needs them:

moto_server   the running cloud, one per session (and per xdist worker)
moto          its endpoint URL, emptied, with fake credentials in the environment; one per test
"""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from reconciler.demo.embedded import EmbeddedCloud, embedded_cloud


@pytest.fixture(scope="session")
def moto_server() -> Iterator[EmbeddedCloud]:
    """One cloud for the whole session."""
    with embedded_cloud() as cloud:
        yield cloud


@pytest.fixture
def moto(moto_server: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of an empty cloud, with credentials for it in the environment and nothing of the developer's own."""
    forget_everything(moto_server)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    return moto_server.endpoint


def forget_everything(cloud: EmbeddedCloud) -> None:
    """Empty it, also of what it had prepared; the default network of each region comes back by itself."""
    connection = http.client.HTTPConnection(urlsplit(cloud.endpoint).netloc, timeout=30)
    try:
        connection.request("POST", "/moto-api/reset")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            msg = f"moto could not be reset: {answer.status} {answer.read()[:200]!r}"
            raise RuntimeError(msg)
    finally:
        connection.close()
