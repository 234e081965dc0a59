"""`reconciler plan` of a converged cell over HTTP, next to a plain boto3 script that reads the same lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measuring import Measured, least_disturbed, measure
from tests.bench.prepared_cell import OWNER, REGION, CellSize, write_desired_state
from tests.bench.tables import Report, Target

SIZE = CellSize(fleets=20, slots=50)
RUNS = 5
COLUMNS = ("", "CPU s", "wall s", "max RSS MB", "calls", "pages", "exit")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayServer:
    """A running replay: where it is, and the fewest calls that read each list."""

    endpoint: str
    pages: Mapping[str, int]

    def calls(self) -> int:
        """Calls answered so far."""
        with urllib.request.urlopen(f"{self.endpoint}/calls") as reply:
            return sum(json.load(reply).values())

    def environment(self) -> dict[str, str]:
        """This process's, pointed at the replay and at nothing else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


@contextmanager
def replay_server(size: CellSize) -> Iterator[ReplayServer]:
    """A replay of a cell of this size in a process of its own."""
    arguments = ["--fleets", str(size.fleets), "--slots", str(size.slots)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.replay", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            yield ReplayServer(**json.loads(process.stdout.readline()))
        finally:
            process.kill()


def plan_command(desired: Path, store: Path) -> list[str]:
    """The dry run as a person would call it, for this desired state and store."""
    options = ["--desired", str(desired), "--store", str(store), "--owner", OWNER]
    return [sys.executable, "-m", "reconciler", "plan", *options]


def run() -> Report:
    """Both clients in turn, so that a busy moment of the machine hits both."""
    with replay_server(SIZE) as server, tempfile.TemporaryDirectory() as scratch:
        desired = Path(scratch, "desired")
        write_desired_state(desired, SIZE)
        ours, theirs = [], []
        script = [sys.executable, "-m", "tests.bench.plain_boto3", OWNER]
        for number in range(RUNS):
            store = Path(scratch, f"store-{number}.sqlite")
            ours.append(counted(server, plan_command(desired, store)))
            theirs.append(counted(server, script))
        return report(ours, theirs, server.pages)


def counted(server: ReplayServer, command: Sequence[str]) -> tuple[Measured, int]:
    """One run, and the calls that it made."""
    before = server.calls()
    measured = measure(command, server.environment())
    return measured, server.calls() - before


def report(
    ours: Sequence[tuple[Measured, int]],
    theirs: Sequence[tuple[Measured, int]],
    pages: Mapping[str, int],
) -> Report:
    """The table and the verdicts."""
    fewest = sum(pages.values()) + 1  # And one call for the account.
    plan = least_disturbed([measured for measured, _ in ours])
    script = least_disturbed([measured for measured, _ in theirs])
    calls = {"plan": max(count for _, count in ours), "script": max(count for _, count in theirs)}
    return Report(
        title=f"plan of {SIZE.instances} instances with a volume each, over HTTP (best of {RUNS})",
        columns=COLUMNS,
        rows=(
            row("reconciler plan", plan, calls["plan"], fewest),
            row("plain boto3 script", script, calls["script"], fewest),
        ),
        targets=(
            Target(what="CPU against the script", measured=plan.cpu_s / script.cpu_s, limit=1.5),
            Target(what="memory of the plan", measured=plan.rss_mb, limit=130, unit="MB"),
            Target(what="calls of the plan", measured=calls["plan"], limit=fewest, exact=True),
        ),
        notes=tuple(faults(plan, script)),
    )


def row(name: str, measured: Measured, calls: int, pages: int) -> tuple[str, ...]:
    """One line of the table."""
    return (
        name,
        f"{measured.cpu_s:.2f}",
        f"{measured.wall_s:.2f}",
        f"{measured.rss_mb:.0f}",
        str(calls),
        str(pages),
        str(measured.exit_code),
    )


def faults(plan: Measured, script: Measured) -> Iterator[str]:
    """Why the figures would mean nothing: a client that failed, or a plan that found something to do."""
    if plan.exit_code != 0:
        yield f"the plan should find nothing to do; it ended with {plan.exit_code}: {plan.last_words}"
    if script.exit_code != 0:
        yield f"the script failed: {script.last_words}"
    elif json.loads(script.stdout)["instances"] != SIZE.instances:
        yield f"the script saw {script.stdout.strip()}"
