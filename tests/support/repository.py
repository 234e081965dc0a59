"""The repository as its own tests see it: where it is, and which files belong to it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("desired_state", "providers", "reconciler")


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Every file that is committed or about to be, absolute and sorted; of these suffixes, if any are given."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    found = sorted(ROOT / name for name in set(listed.split("\0")) if name)
    return tuple(
        path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes)
    )
