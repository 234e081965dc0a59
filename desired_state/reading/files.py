"""Which files are meant by the paths that someone gave."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from desired_state.reading.diagnostics import Diagnostic
from desired_state.reading.source import why_unreadable

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to read. What it refers to must lie under `root`: the directory given, or its own."""

    path: Path
    root: Path


@dataclass(slots=True, kw_only=True)
class _Search:
    files: dict[Path, FoundFile] = field(default_factory=dict)
    """By resolved path, so that a file reached in two ways is read once."""
    directories: set[Path] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def refuse(self, path: Path, message: str, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(file=str(path), message=message, hint=hint))


def find_files(paths: Sequence[Path]) -> tuple[list[FoundFile], list[Diagnostic]]:
    """Files as given, and all `*.yaml` and `*.yml` below directories, in the order of their names.

    Names that begin with a dot are skipped, except when given. Links are followed as long as they stay inside the
    directory given; one that leads out of it is refused, because what it hides is in no review of that directory.
    """
    search = _Search()
    # Directories first, so that a file that is also given by itself has the wider root, in any order of paths.
    for path in sorted(paths, key=lambda given: (not _is_directory(given), str(given))):
        if _is_directory(path):
            _search_given_directory(search, path)
        else:
            resolved = _resolved(search, path)
            if resolved is not None:
                search.files.setdefault(resolved, FoundFile(path=path, root=path.parent))
    return sorted(search.files.values(), key=lambda found: str(found.path)), search.diagnostics


def _search_given_directory(search: _Search, root: Path) -> None:
    inside = root.resolve()
    if inside in search.directories:
        return
    before = len(search.files), len(search.diagnostics)
    pending = [(root, inside)]
    while pending:
        directory, resolved = pending.pop()
        if resolved not in search.directories:
            search.directories.add(resolved)
            pending += _search_directory(search, directory, resolved, root, inside)
    if (len(search.files), len(search.diagnostics)) == before:
        search.refuse(root, "no *.yaml or *.yml file in this directory")


def _search_directory(
    search: _Search, directory: Path, directory_resolved: Path, root: Path, inside: Path
) -> list[tuple[Path, Path]]:
    """Note the files of one directory; the directories in it are returned, as found and resolved."""
    below = []
    for entry in _entries(search, directory):
        is_directory = _is_directory(entry)
        if entry.name.startswith(".") or not (is_directory or entry.suffix in SUFFIXES):
            continue
        # Only links are resolved: it takes a look at every directory above.
        is_link = os.path.islink(entry)  # noqa: PTH114 - does not raise
        resolved = _resolved(search, entry) if is_link else directory_resolved / entry.name
        if resolved is None:
            continue
        if not resolved.is_relative_to(inside):
            hint = "give the place it leads to as a path of its own"
            search.refuse(entry, f"is a link that leads out of {root}", hint)
        elif is_directory:
            below.append((entry, resolved))
        else:
            search.files.setdefault(resolved, FoundFile(path=entry, root=root))
    return below


def _entries(search: _Search, directory: Path) -> list[Path]:
    """What is in the directory, in the order of names."""
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        search.refuse(directory, why_unreadable(directory, error))
        return []


def _resolved(search: _Search, path: Path) -> Path | None:
    """The path without links, or None when it leads nowhere, which is told."""
    try:
        return path.resolve(strict=True)
    except OSError as error:
        search.refuse(path, why_unreadable(path, error))
    except RuntimeError:  # Python 3.11 reports a loop of links so.
        search.refuse(path, "is a symbolic link that leads back to itself")
    return None


def _is_directory(path: Path) -> bool:
    # Unlike Path.is_dir() this does not raise where looking is not permitted; reading tells why.
    return os.path.isdir(path)  # noqa: PTH112
