"""What is wrong in a file, and how it is shown: position, message, the source line with a caret, a way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

SHOWN_WIDTH = 100
"""Characters of a source line that are shown; a longer line is cut on both sides of the column."""


class Severity(StrEnum):
    """An error refuses the files; a warning is legal and unwise."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing that is wrong, or unwise. `line` and `column` count from 1; a whole file has neither."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None
    source_line: str | None = None
    hint: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def order(self) -> tuple[str, int, int, str]:
        """Sorts diagnostics as a reader goes through the files."""
        return (self.file, self.line or 0, self.column or 0, self.message)

    def one_line(self) -> str:
        """`file:line:column: severity: message`, for lists and logs."""
        where = printable(self.file)
        if self.line is not None:
            where += f":{self.line}:{self.column}"
        return f"{where}: {self.severity}: {printable(self.message)}"

    def render(self) -> str:
        """The one line, then the source line with a caret under the column, then the hint."""
        lines = [self.one_line()]
        if self.source_line is not None and self.column is not None:
            lines += [f"    {line}".rstrip() for line in _excerpt(self.source_line, self.column)]
        if self.hint is not None:
            lines.append(f"    {printable(self.hint)}")
        return "\n".join(lines)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean ...?` for the most similar known word, when one is similar enough."""
    spelled = {name.lower(): name for name in known}
    nearest = get_close_matches(word.lower()[:100], spelled, n=1, cutoff=0.6)
    return f"did you mean `{spelled[nearest[0]]}`?" if nearest else None


def one_of(words: Sequence[str]) -> str:
    """Words as alternatives: `a`, `b` or `c`."""
    shown = [f"`{word}`" for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def quoted(value: object) -> str:
    """A value as shown inside a message: strings in quotes, long ones cut."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def printable(text: str) -> str:
    """Text without characters that would move a terminal's cursor or hide what is written."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _excerpt(line: str, column: int) -> tuple[str, str]:
    """The part of the line around the column, and a line with the caret under it."""
    line = printable(line.replace("\t", " "))
    start = max(0, min(column - 1 - SHOWN_WIDTH // 2, len(line) - SHOWN_WIDTH))
    shown = line[start : start + SHOWN_WIDTH]
    before = line[start : column - 1]
    if start > 0:
        shown, before = "..." + shown, "..." + before
    if start + SHOWN_WIDTH < len(line):
        shown += "..."
    return shown, " " * _columns(before) + "^"


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
