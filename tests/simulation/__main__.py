"""Runs seeds of the simulation.

    python -m tests.simulation --seed 17 [--narrate]
    python -m tests.simulation --seeds 0..2000 [--stop]

Exit code 1 when a seed failed, 2 when a fault was hit too seldom to say anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.coverage import Coverage
from tests.simulation.run import Verdict, make_empty_store, run
from tests.simulation.seeds import drawn

MEMORY = Path("/dev/shm")
SOAK = 500
"""From so many seeds on, every fault must have been on in a fifth of them and hit a hundred times."""


def verdicts(seeds: range) -> Iterator[Verdict]:
    """Each seed in a folder of its own, which is gone afterwards."""
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        empty = make_empty_store(Path(folder) / "empty.sqlite3")
        for seed in seeds:
            with tempfile.TemporaryDirectory(dir=place) as own:
                yield run(drawn(seed), Path(own), empty)


def main() -> int:
    arguments = _arguments()
    coverage, failed = Coverage(), 0
    for verdict in verdicts(arguments.seeds):
        coverage.merge(verdict.coverage)
        failed += not verdict.good
        if arguments.narrate:
            print(verdict.narrative.text, end="\n\n")
        if not verdict.good or len(arguments.seeds) == 1:
            print(verdict, flush=True)
        if len(arguments.seeds) == 1:
            print(f"trace {verdict.fingerprint}")
        if failed and arguments.stop:
            break
    if len(arguments.seeds) > 1:
        print(f"\n{len(arguments.seeds)} seeds, {failed} failed\n\n{coverage.table()}")
    if failed:
        return 1
    return _seldom(coverage) if len(arguments.seeds) >= SOAK else 0


def _seldom(coverage: Coverage) -> int:
    missing, rare = coverage.missing(), coverage.rare(share=0.2, hits=100)
    if missing:
        print(f"never hit: {', '.join(missing)}")
    if rare:
        print(
            f"on in less than a fifth of the seeds, or hit less than 100 times: {', '.join(rare)}"
        )
    return 2 if missing or rare else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", dest="seeds", type=lambda text: range(int(text), int(text) + 1))
    which.add_argument("--seeds", type=_range, help="A..B, without B")
    parser.add_argument("--stop", action="store_true", help="at the first seed that fails")
    parser.add_argument("--narrate", action="store_true", help="tell the whole story")
    return parser.parse_args()


def _range(text: str) -> range:
    first, _, end = text.partition("..")
    return range(int(first), int(end))


if __name__ == "__main__":
    sys.exit(main())
