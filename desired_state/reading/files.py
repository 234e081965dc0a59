"""Which files are meant by the paths that someone gave."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desired_state.reading.diagnostics import Diagnostic
from desired_state.reading.source import why_unreadable

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to read. What it refers to must lie under `root`: the directory given, or its own."""

    path: Path
    root: Path


@dataclass(slots=True)
class _Search:
    files: dict[Path, FoundFile]
    """By resolved path, so that a file reached in two ways is read once."""
    directories: set[Path]
    diagnostics: list[Diagnostic]


def find_files(paths: Sequence[Path]) -> tuple[list[FoundFile], list[Diagnostic]]:
    """Files as given, and all `*.yaml` and `*.yml` below directories, in the order of their names.

    Names that begin with a dot are skipped, except when given. Links are followed, each directory is searched once.
    """
    search = _Search(files={}, directories=set(), diagnostics=[])
    # Directories first, so that a file that is also given by itself has the wider root, in any order of paths.
    for path in sorted(paths, key=lambda given: (not _is_directory(given), str(given))):
        if _is_directory(path):
            _search_given_directory(search, path)
        else:
            _add_file(search, path, root=path.parent)
    return sorted(search.files.values(), key=lambda found: str(found.path)), search.diagnostics


def _search_given_directory(search: _Search, path: Path) -> None:
    known = len(search.files)
    already_searched = path.resolve() in search.directories
    complaints = len(search.diagnostics)
    _search_directory(search, path, root=path)
    if (
        len(search.files) == known
        and len(search.diagnostics) == complaints
        and not already_searched
    ):
        search.diagnostics.append(
            Diagnostic(file=str(path), message="no *.yaml or *.yml file in this directory")
        )


def _search_directory(search: _Search, directory: Path, root: Path) -> None:
    resolved = directory.resolve()
    if resolved in search.directories:
        return
    search.directories.add(resolved)
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        search.diagnostics.append(
            Diagnostic(file=str(directory), message=why_unreadable(directory, error))
        )
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_directory(entry):
            _search_directory(search, entry, root)
        elif entry.suffix in SUFFIXES:
            _add_file(search, entry, root)


def _add_file(search: _Search, path: Path, root: Path) -> None:
    try:
        resolved = path.resolve(strict=True)
    except OSError as error:
        search.diagnostics.append(Diagnostic(file=str(path), message=why_unreadable(path, error)))
    except RuntimeError:  # Python 3.11 reports a loop of links so.
        search.diagnostics.append(
            Diagnostic(file=str(path), message="is a symbolic link that leads back to itself")
        )
    else:
        search.files.setdefault(resolved, FoundFile(path=path, root=root))


def _is_directory(path: Path) -> bool:
    # Unlike Path.is_dir() this does not raise where looking is not permitted; reading tells why.
    return os.path.isdir(path)  # noqa: PTH112
