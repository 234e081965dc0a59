"""Puts a bug into a copy of the source, and sees whether the tests that existed before catch it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.planted_bugs.bugs import Bug
from tests.support.repository import ROOT, files

PATIENCE_S = 600
HANGS_AFTER_S = 60
"""What is to catch a bug that hangs takes a few seconds without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """Whether a bug was caught, and what was said."""

    bug: Bug
    caught: bool
    said: str


def plant(bug: Bug, copy: Path) -> None:
    """Change the copy's source. ValueError when the source is not as the bug knows it."""
    for edit in bug.edits:
        path = copy / edit.file
        source = path.read_text()
        if source.count(edit.old) != 1:
            raise ValueError(f"{bug}: {edit.file} has {source.count(edit.old)} of {edit.old!r}")
        path.write_text(source.replace(edit.old, edit.new))


def copied(folder: Path) -> Path:
    """A copy of the repository's files."""
    for path in files():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


def catch(bug: Bug, folder: Path) -> Catch:
    """Plant the bug in a copy and run what is to catch it. Only of a bug that hangs is no end an end."""
    copy = copied(folder)
    plant(bug, copy)
    patience_s = HANGS_AFTER_S if bug.hangs else PATIENCE_S
    try:
        ran = _run(bug.caught_by, copy, patience_s)
    except subprocess.TimeoutExpired:
        return Catch(bug=bug, caught=bug.hangs, said="no end")
    return Catch(bug=bug, caught=ran.returncode == 1, said=(ran.stdout + ran.stderr).strip())


def fails_without(caught_by: tuple[str, ...], folder: Path) -> str | None:
    """What a command says that fails on the source as it is: such a one catches nothing. None when it is well."""
    ran = _run(caught_by, copied(folder), PATIENCE_S)
    return (ran.stdout + ran.stderr).strip() if ran.returncode == 1 else None


def _run(
    arguments: tuple[str, ...], copy: Path, patience_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
