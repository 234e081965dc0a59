"""Measuring a command as the kernel accounts for it: processor time, wall time, and memory at its peak."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of a command. CPU is user and system time together; `rss_mb` is in 10^6 bytes."""

    cpu_s: float
    wall_s: float
    rss_mb: float
    exit_code: int
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The last line of what went wrong, for a table."""
        return self.stderr.strip().rpartition("\n")[2]


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        return Measured(
            cpu_s=usage.ru_utime + usage.ru_stime,
            wall_s=wall_s,
            rss_mb=usage.ru_maxrss * 1024 / 1e6,
            exit_code=process.returncode,
            stdout=stdout.read().decode(errors="replace"),
            stderr=stderr.read().decode(errors="replace"),
        )


def least_disturbed(runs: Sequence[Measured]) -> Measured:
    """The run with the least processor time: on a shared machine everything else only adds."""
    return min(runs, key=lambda run: run.cpu_s)
