"""User data: the boot script's text, in place or from a file that lies inside the loaded directory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from desired_state.documents.document import Problem
from desired_state.documents.instance import (
    LARGEST_USER_DATA_BYTES,
    user_data_problems,
)
from desired_state.model import UserData
from desired_state.reading.diagnostics import quoted
from desired_state.reading.source import (
    UnreadableError,
    decoded,
    read_bytes,
    why_unreadable,
)

_AT = ("spec", "instance", "userData", "file")


def read_user_data(reference: str, *, declared_in: Path, root: Path) -> tuple[str, list[Problem]]:
    """The text of the file, which lies beside the document and under `root`, and what is wrong with it.

    `at` of a problem counts from the root of the document. With a problem the text may be cut or empty.
    """
    try:
        path = _confined(reference, declared_in=declared_in, root=root)
        text = decoded(read_bytes(path, limit=LARGEST_USER_DATA_BYTES))
    except UnreadableError as error:
        at_line = f" on line {error.place[0]}" if error.place else ""
        return "", [_problem(reference, f"{error}{at_line}", error.hint)]
    found = [_problem(reference, each.message, each.hint) for each in user_data_problems(text)]
    if not text.strip():
        found.append(_problem(reference, "is empty", None))
    return text, found


def hashed(text: str) -> UserData:
    """The user data with the hash that stands for it in everything stored or shown."""
    return UserData(text=text, sha256=hashlib.sha256(text.encode()).hexdigest())


def _problem(reference: str, message: str, hint: str | None) -> Problem:
    return Problem(message=f"{quoted(reference)} {message}", at=_AT, hint=hint)


def _confined(reference: str, *, declared_in: Path, root: Path) -> Path:
    """The file's real path. Raises UnreadableError when it is not there or, links resolved, not under the root."""
    if Path(reference).is_absolute():
        raise UnreadableError("is an absolute path", hint="write it relative to this document")
    beside = declared_in.parent / reference
    try:
        real = beside.resolve(strict=True)
    except OSError as error:
        raise UnreadableError(why_unreadable(beside, error)) from error
    except ValueError as error:  # NUL, or what cannot be encoded.
        raise UnreadableError("is not the name of a file") from error
    except RuntimeError as error:  # Python 3.11 reports a loop of links so.
        raise UnreadableError("is a symbolic link that leads back to itself") from error
    if not real.is_relative_to(root.resolve()):
        raise UnreadableError(
            "lies outside the directory that is loaded", hint="move the file beside this document"
        )
    return real
