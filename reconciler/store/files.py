"""Safe places for the store's file and its lock files: ours alone, and never through a symbolic link."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from reconciler.store.errors import StoreUnusable

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def is_there(path: Path) -> bool:
    """Whether anything is at that place, a dangling link included. StoreUnusable when that cannot be known."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise StoreUnusable(f"the store {path} cannot be looked at: {fault.strerror}") from fault
    return True


def create_private(path: Path) -> None:
    """Make an empty file 0600, and its directory 0700 where that is missing. An existing file stays as it is."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
    except OSError as fault:
        raise StoreUnusable(
            f"the store {path} cannot be made: {fault.strerror}."
            f" Make {path.parent} writable for this user, or name another place with --store"
        ) from fault
    check_private(path)
    _check_writable(path)


def _create(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def check_private(path: Path) -> None:
    """Refuse what someone else could have planted or could change. StoreUnusable says which and what to do."""
    try:
        found = path.lstat()
    except OSError as fault:
        raise StoreUnusable(f"the store {path} cannot be looked at: {fault.strerror}") from fault
    if stat.S_ISLNK(found.st_mode):
        raise StoreUnusable(
            f"the store {path} is a symbolic link: name the file itself with --store {path.resolve()}"
        )
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnusable(f"the store {path} is not a file: name one with --store")
    if found.st_uid != os.geteuid():
        raise StoreUnusable(
            f"the store {path} belongs to user {found.st_uid} and this process runs as user {os.geteuid()}:"
            " run it as the owner"
        )
    if found.st_mode & _WRITABLE_BY_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise StoreUnusable(
            f"the store {path} can be written by others (mode {mode:04o}): chmod 600 it once you know that it is sound"
        )


def _check_writable(path: Path) -> None:
    """SQLite needs the directory too, for its journal; found out now rather than in the middle of a pass."""
    for place in (path, path.parent):
        if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StoreUnusable(
                f"the store {path} cannot be written: make {place} writable for this user"
            )
