"""A real moto server over HTTP in a process of its own, shared by a test session and emptied between tests.

Fixtures, imported by the conftest.py of each folder that needs them:

moto_server   the running server, one per session (and per xdist worker)
moto          its endpoint URL, emptied, with fake credentials in the environment; one per test

The process ends with its standard input, so that it goes even when the test run is killed.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ACCOUNT = "123456789012"
"""The account that moto plays."""

REGION = "us-east-1"

REPOSITORY = Path(__file__).resolve().parents[2]

SERVER_SETTINGS = {
    # Loading moto's thousands of images would cost a second at each reset.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
}

FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""All that boto3 needs to sign, and nothing of the developer's own."""

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoServer:
    """A running server; `endpoint` is what AWS_ENDPOINT_URL is set to."""

    endpoint: str

    def reset(self) -> None:
        """Forget every resource; the default network of each region comes back by itself."""
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        try:
            connection.request("POST", "/moto-api/reset")
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                msg = f"moto could not be reset: {answer.status} {answer.read()[:200]!r}"
                raise RuntimeError(msg)
        finally:
            connection.close()


@contextmanager
def running_moto_server() -> Iterator[MotoServer]:
    """Start the server on a free loopback port, and stop it at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.moto_server"],
        cwd=REPOSITORY,
        env=os.environ | FAKE_CREDENTIALS | SERVER_SETTINGS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        if not endpoint:
            msg = f"the moto server did not start (exit {process.wait()}); its error is above"
            raise RuntimeError(msg)
        try:
            yield MotoServer(endpoint=endpoint)
        finally:
            process.stdin.close()
            process.wait(timeout=10)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    """One server for the whole session."""
    with running_moto_server() as server:
        yield server


@pytest.fixture
def moto(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of an empty cloud, with credentials for it in the environment."""
    moto_server.reset()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in FAKE_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return moto_server.endpoint


def one_at_a_time(application: WsgiApplication) -> WsgiApplication:
    """Serve requests one after the other: moto's lists raise when a tag is written while they are served."""
    turn = threading.Lock()

    def serialised(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with turn:
            return list(application(environ, start_response))

    return serialised


def serve_until_standard_input_ends() -> None:
    """The server's process: print the endpoint, serve, and leave when the parent does."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - a second that only the child needs
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - as above

    class QuietHandler(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """A line per request would drown the test's own output."""

    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()  # The serving threads are daemons and go with the process.


if __name__ == "__main__":
    serve_until_standard_input_ends()
