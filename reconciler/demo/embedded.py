"""The embedded cloud of the demo and of the tests: moto behind EC2's real wire, in a process of its own.

`embedded_cloud()` starts `reconciler.demo.embedded_server`, waits for its announcement and ends it in every case.
Nothing listens beyond loopback, and nothing of it is imported into the caller's process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

REGION = "us-east-1"
START_DEADLINE = timedelta(seconds=60)


class EmbeddedCloudError(Exception):
    """The embedded cloud could not be started; says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedCloud:
    """A running embedded cloud, and what a launch in it needs.

    `subnets` maps zone id to subnet id. `probe_proxy` is an HTTP CONNECT proxy that stands in for the network to the
    instances. `process_id` is the server's.
    """

    endpoint: str
    probe_proxy: str
    account: str
    region: str
    image: str
    security_group: str
    staging_security_group: str
    instance_profile: str
    subnets: Mapping[str, str]
    process_id: int

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point a process at this cloud and at no other; the credentials are fake."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "RECONCILER_PROBE_PROXY": self.probe_proxy,
        }

    def environment_over(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """`inherited` without any AWS setting, and ours: a profile, a session token or an endpoint of one service
        (`AWS_ENDPOINT_URL_EC2` beats `AWS_ENDPOINT_URL`) would otherwise lead a demo to somebody's real account.
        """
        kept = {name: value for name, value in inherited.items() if not name.startswith("AWS_")}
        return kept | self.environment


@contextmanager
def embedded_cloud(*, start_deadline: timedelta = START_DEADLINE) -> Iterator[EmbeddedCloud]:
    """Start an empty cloud and end it on leaving. Should this process be killed, the server ends by itself.

    Raises EmbeddedCloudError when the extra `moto` is missing or the server does not come up in time.
    """
    _require_extra()
    with tempfile.TemporaryFile() as log:
        server = _start(log)
        try:
            yield _announcement(server, log, start_deadline)
        finally:
            _stop(server)


def _require_extra() -> None:
    missing = [
        name for name in ("moto", "flask", "flask_cors") if not importlib.util.find_spec(name)
    ]
    if missing:
        raise EmbeddedCloudError(
            f"the embedded cloud needs {', '.join(missing)}, which is not installed; "
            f"run: {sys.executable} -m pip install 'fleet-reconciler[moto]'"
        )


def _start(log: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(  # noqa: S603 - our own module with fixed arguments
        [sys.executable, "-m", "reconciler.demo.embedded_server", "--region", REGION],
        stdin=subprocess.PIPE,  # Never written to: the server ends when this end closes.
        stdout=subprocess.PIPE,
        stderr=log,
        env=inherited,
        start_new_session=True,  # Ctrl-C reaches the caller alone, which then stops the server.
    )


def _announcement(
    server: subprocess.Popen[bytes], log: IO[bytes], deadline: timedelta
) -> EmbeddedCloud:
    if server.stdout is None:
        raise EmbeddedCloudError("the embedded cloud was started without an output to read")
    readable, _, _ = select.select([server.stdout], [], [], deadline.total_seconds())
    if not readable:
        raise EmbeddedCloudError(
            f"the embedded cloud did not answer within {deadline.total_seconds():g} s; "
            "is this machine overloaded? Try again"
        )
    line = server.stdout.readline()
    if not line:
        log.seek(0)
        last_words = log.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise EmbeddedCloudError(f"the embedded cloud ended while starting: {last_words}")
    return EmbeddedCloud(**json.loads(line), process_id=server.pid)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()  # It keeps nothing that a gentler end would save.
    server.wait()
    for pipe in (server.stdin, server.stdout):
        if pipe is not None:
            pipe.close()
