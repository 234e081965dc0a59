"""A folder that is gone when the machine is: for stores of tests in which processes end, and machines do not.

To wait for a disk would prove nothing there, and would take most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY = Path("/dev/shm")


@contextmanager
def memory_disk() -> Iterator[Path]:
    """An empty folder in memory; on disk where there is no such thing."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
