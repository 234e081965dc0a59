"""A run is a function of its seed: the same trace twice, whatever order a set happens to have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.run import make_empty_store, run
from tests.simulation.seeds import drawn
from tests.support.repository import ROOT

BUSY = 134
"""A seed with deaths, a journal that fails, stale views and people."""


def test_a_seed_tells_the_same_story_twice(tmp_path: Path) -> None:
    empty = make_empty_store(tmp_path / "empty.sqlite3")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    once, again = run(drawn(BUSY), first, empty), run(drawn(BUSY), second, empty)
    assert once.narrative.text == again.narrative.text
    assert once.fingerprint == again.fingerprint


def test_a_seed_tells_the_same_story_under_two_hash_seeds() -> None:
    running = [_running(hash_seed) for hash_seed in ("1", "4242")]
    traces = [process.communicate()[0].splitlines()[-1] for process in running]
    assert traces[0].startswith("trace ")
    assert traces[0] == traces[1]


def _running(hash_seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation", "--seed", str(BUSY)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )
