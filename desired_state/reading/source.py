"""A file's bytes, read within a limit, and its text with the means to point into it."""

from __future__ import annotations

import os
import re
import stat
from functools import cached_property
from pathlib import Path

from desired_state.reading.diagnostics import Diagnostic, Severity, printable
from desired_state.reading.secrets import masked
from desired_state.reading.tree import Place

SIZE_LIMIT_BYTES = 5_000_000
"""No file of fleets comes near this; a dump or a log given by mistake does."""

SHOWN_WIDTH = 100
"""Characters of a source line that are shown; a longer line is cut on both sides of the column."""
MASKED_MARGIN = 2000
"""Characters on both sides of the column in which secrets are looked for."""

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What libyaml counts as the end of a line, so that its line numbers find the right one."""

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 forbids in a file (section 5.1): control characters, NUL among them, and surrogates."""


class UnreadableError(Exception):
    """A file could not be read as text; says why, as the end of a sentence that begins with its name."""

    def __init__(self, reason: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(reason)
        self.place = place
        self.hint = hint


class Source:
    """The text of one file under the name by which it was given."""

    def __init__(self, *, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text without their ends."""
        return _LINE_BREAK.split(self.text)

    def diagnostic(
        self,
        place: Place,
        message: str,
        *,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """A diagnostic that shows the line at the place. What looks like a secret is masked."""
        line, column = place
        excerpt, caret = _excerpt(self.lines[line - 1] if line <= len(self.lines) else "", column)
        return Diagnostic(
            file=self.file,
            line=line,
            column=column,
            message=masked(message),
            excerpt=excerpt,
            caret=caret,
            hint=None if hint is None else masked(hint),
            severity=severity,
        )


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """What is shown of the line around the column, and how much of that is before the column."""
    # Masking a line of megabytes for each of its errors would take minutes; no secret is as long as the margin.
    start = max(0, column - 1 - MASKED_MARGIN)
    near = masked(line[start : column - 1 + MASKED_MARGIN])
    at = column - 1 - start
    first = max(0, min(at - SHOWN_WIDTH // 2, len(near) - SHOWN_WIDTH))
    shown = printable(near[first : first + SHOWN_WIDTH].replace("\t", " "))
    before = "..." if start + first > 0 else ""
    after = "..." if start + first + SHOWN_WIDTH < len(line) else ""
    return before + shown + after, len(before) + at - first


def read_source(path: Path) -> Source:
    """The text of a YAML file. Raises UnreadableError."""
    text = decoded(read_bytes(path, limit=SIZE_LIMIT_BYTES))
    # A byte order mark is legal, invisible, and would shift the columns of the first line.
    return Source(file=str(path), text=text.removeprefix("\ufeff"))


def read_bytes(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; no more than one byte beyond is read.

    Raises UnreadableError for what is larger, is no regular file, or cannot be opened or read.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            content = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError(why_unreadable(path, error)) from error
    if len(content) > limit:
        raise UnreadableError(f"is larger than {limit:,} bytes")
    return content


def decoded(content: bytes) -> str:
    """The bytes as UTF-8 text. Raises UnreadableError with the place of the first that is not."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        raise UnreadableError(
            f"is not UTF-8 text: byte 0x{content[error.start]:02x}",
            place=_place_after(before),
            hint="save the file as UTF-8",
        ) from error
    forbidden = _NOT_TEXT.search(text.removeprefix("\ufeff"))
    if forbidden is not None:
        raise UnreadableError(
            f"holds the control character U+{ord(forbidden[0]):04X}",
            place=_place_after(text.removeprefix("\ufeff")[: forbidden.start()]),
            hint="the file may be binary or UTF-16; save it as UTF-8 text",
        )
    return text


def has_control_characters(text: str) -> bool:
    """Whether the text, once escapes are resolved, holds what may not stand in a file either."""
    return not text.isprintable() and _NOT_TEXT.search(text) is not None


def why_unreadable(path: Path, error: OSError) -> str:
    """The end of the sentence `<path> ...` for an error of the file system."""
    if isinstance(error, FileNotFoundError):
        if os.path.islink(path):  # noqa: PTH114 - does not raise for names that are too long
            return f"is a symbolic link to {path.readlink()}, which does not exist"
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a directory, not a file"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a named pipe would else wait for a writer for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _place_after(text: str) -> Place:
    lines = _LINE_BREAK.split(text)
    return len(lines), len(lines[-1]) + 1
