"""The real command line as processes, against a cloud of its own process, through a proxy that counts and hurts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from reconciler.demo.embedded import EmbeddedCloud
from tests.support.fault_proxy import FaultProxy

OWNER = "e2e"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Terminal:
    """A person's terminal: a folder with `fleets/` and a store, and the environment that points at the cloud."""

    folder: Path
    cloud: EmbeddedCloud
    proxy: FaultProxy
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "fleets").mkdir(exist_ok=True)
        self.environment = {
            **self.cloud.environment_over(os.environ),
            "AWS_ENDPOINT_URL": self.proxy.endpoint,
            "RECONCILER_DESIRED": str(self.folder / "fleets"),
            "RECONCILER_STORE": str(self.folder / "store.sqlite"),
            "RECONCILER_OWNER": OWNER,
        }

    @property
    def ec2(self) -> Any:
        """Plain boto3, past the proxy: what other people and tools use."""
        return boto3.session.Session(
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name=self.cloud.region,
        ).client("ec2", endpoint_url=self.cloud.endpoint)

    def declare(self, name: str, document: str) -> None:
        """Write a file of the desired state; `{image}` and the like are filled in."""
        subnets = ", ".join(f"{zone}: {subnet}" for zone, subnet in self.cloud.subnets.items())
        text = (
            document.replace("{image}", self.cloud.image)
            .replace("{group}", self.cloud.security_group)
            .replace("{account}", self.cloud.account)
            .replace("{zones}", ", ".join(self.cloud.subnets))
            .replace("{subnets}", subnets)
        )
        (self.folder / "fleets" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def command(self, *words: str, environment: Mapping[str, str] | None = None) -> Ended:
        """Run a command to its end, without a terminal."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *words],
            env={**self.environment, **(environment or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`reconciler run` in the background; ended with SIGTERM, which must drain and exit 0."""
        process = self.started(*words)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, self.log()
        finally:
            process.kill()
            process.wait()

    def started(self, *words: str) -> subprocess.Popen[str]:
        """`reconciler run` in the background; whoever starts it ends it."""
        with (self.folder / "run.log").open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "reconciler", "run", "--interval", "1s", *words],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def log(self) -> str:
        """What `run` said."""
        return (self.folder / "run.log").read_text(encoding="utf-8")


def eventually(found: Callable[[], list[str]], *, within_s: float, log: Callable[[], str]) -> None:
    """Wait until nothing is found to be wrong; fails with what still is, and the log."""
    deadline = time.monotonic() + within_s
    while faults := found():
        assert time.monotonic() < deadline, f"still: {faults}\n{log()}"
        time.sleep(0.3)
