"""How long a person waits for the commands that talk to nobody."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.bench.measuring import Measured, least_disturbed, measure
from tests.bench.prepared_cell import CellSize, write_desired_state
from tests.bench.tables import Report, Target

RUNS = 5
HELP_LIMIT_S = 0.4
VALIDATE_LIMIT_S = 0.6
FLEETS = CellSize(fleets=100, slots=10)


def run() -> Report:
    """`--help`, and `validate` of 100 fleets."""
    with tempfile.TemporaryDirectory() as scratch:
        write_desired_state(Path(scratch), FLEETS)
        rows = {
            "reconciler --help": best(["--help"]),
            f"reconciler validate, {FLEETS.fleets} fleets": best(
                ["validate", "--desired", scratch]
            ),
        }
    limits = (HELP_LIMIT_S, VALIDATE_LIMIT_S)
    return Report(
        title=f"commands that talk to nobody (best of {RUNS})",
        columns=("", "CPU s", "wall s", "max RSS MB", "exit"),
        rows=tuple(
            (name, f"{m.cpu_s:.2f}", f"{m.wall_s:.2f}", f"{m.rss_mb:.0f}", str(m.exit_code))
            for name, m in rows.items()
        ),
        targets=tuple(
            Target(what=name, measured=measured.wall_s, limit=limit, unit="s")
            for (name, measured), limit in zip(rows.items(), limits, strict=True)
        ),
        notes=tuple(
            f"{name} ended with {measured.exit_code}: {measured.last_words}"
            for name, measured in rows.items()
            if measured.exit_code
        ),
    )


def best(arguments: list[str]) -> Measured:
    """The least disturbed of several runs of our command."""
    command = [sys.executable, "-m", "reconciler", *arguments]
    return least_disturbed([measure(command, os.environ) for _ in range(RUNS)])
