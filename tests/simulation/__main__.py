"""Runs seeds of the simulation.

    python -m tests.simulation --seed 17 [--narrate]
    python -m tests.simulation --seeds 0..2000 [--jobs 2] [--stop]

Seeds share nothing, so they run in as many processes as there are cores; they are told of in their order.
Exit code 1 when a seed failed, 2 when a fault was hit too seldom to say anything.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.simulation.coverage import Coverage
from tests.simulation.run import Verdict, make_empty_store, run
from tests.simulation.seeds import drawn

MEMORY = Path("/dev/shm")
SOAK = 500
"""From so many seeds on, every fault must have been on in a fifth of them and hit a hundred times."""
LEAST_SHARE = 0.2
LEAST_HITS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is kept of a verdict; the story of a seed can always be told again."""

    good: bool
    text: str
    coverage: Coverage


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        empty_store = make_empty_store(Path(folder) / "empty.sqlite3")
        if len(arguments.seeds) == 1:
            return _tell_one(arguments.seeds[0], empty_store, narrate=arguments.narrate)
        return _tell_many(arguments.seeds, empty_store, arguments.jobs, stop=arguments.stop)


def _tell_one(seed: int, empty_store: Path, *, narrate: bool) -> int:
    verdict = _verdict(seed, empty_store)
    if narrate:
        print(verdict.narrative.text, end="\n\n")
    print(verdict)
    print(f"trace {verdict.fingerprint}")
    return 0 if verdict.good else 1


def _tell_many(seeds: range, empty_store: Path, jobs: int, *, stop: bool) -> int:
    coverage, failed = Coverage(), 0
    for ended in _ended(seeds, empty_store, jobs):
        coverage.merge(ended.coverage)
        failed += not ended.good
        if not ended.good:
            print(ended.text, flush=True)
        if failed and stop:
            break
    print(f"\n{coverage.seeds} seeds, {failed} failed\n\n{coverage.report()}")
    if failed:
        return 1
    return _seldom(coverage) if len(seeds) >= SOAK else 0


def _ended(seeds: range, empty_store: Path, jobs: int) -> Iterator[Ended]:
    """In the order of the seeds."""
    run_one = partial(_run_one, empty_store=empty_store)
    if jobs == 1:
        yield from map(run_one, seeds)
        return
    with ProcessPoolExecutor(max_workers=jobs) as processes:
        try:
            yield from processes.map(run_one, seeds)
        finally:
            processes.shutdown(cancel_futures=True)


def _run_one(seed: int, *, empty_store: Path) -> Ended:
    verdict = _verdict(seed, empty_store)
    return Ended(good=verdict.good, text=str(verdict), coverage=verdict.coverage)


def _verdict(seed: int, empty_store: Path) -> Verdict:
    """In a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=empty_store.parent) as own:
        return run(drawn(seed), Path(own), empty_store)


def _seldom(coverage: Coverage) -> int:
    missing, rare = coverage.missing(), coverage.rare(share=LEAST_SHARE, hits=LEAST_HITS)
    if rare:
        print(
            f"\non in less than {LEAST_SHARE:.0%} of the seeds, or hit less than {LEAST_HITS} times: "
            f"{', '.join(rare)}"
        )
    return 2 if missing or rare else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", dest="seeds", type=lambda text: range(int(text), int(text) + 1))
    which.add_argument("--seeds", type=_range, help="A..B, without B")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--stop", action="store_true", help="at the first seed that fails")
    parser.add_argument("--narrate", action="store_true", help="tell the whole story of one seed")
    return parser.parse_args()


def _range(text: str) -> range:
    first, _, end = text.partition("..")
    return range(int(first), int(end))


if __name__ == "__main__":
    sys.exit(main())
