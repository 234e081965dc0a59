"""Replays in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.clock import SystemClock

LONG = ["simulate", "us-east-1-2011-04-21", "--slots", "20"]
ENDS_WITHIN_S = 60.0


def is_empty(group: int) -> bool:
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_replays_end_when_whoever_asked_for_them_was_killed(tmp_path: Path) -> None:
    clock = SystemClock()
    with (tmp_path / "told").open("w+b") as told:
        asked = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *LONG],
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,
        )
        ends_at = clock.monotonic_s() + ENDS_WITHIN_S
        while (
            b"slots down" not in (tmp_path / "told").read_bytes() and clock.monotonic_s() < ends_at
        ):
            clock.sleep(0.1)
        assert b"slots down" in (tmp_path / "told").read_bytes()
        asked.send_signal(signal.SIGKILL)
        asked.wait()
        while not is_empty(asked.pid) and clock.monotonic_s() < ends_at:
            clock.sleep(0.1)
        assert is_empty(asked.pid)
