"""What is wrong in a file, and how it is shown: position, message, the source line with a caret, a way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Severity(StrEnum):
    """An error refuses the files; a warning is legal and unwise."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing that is wrong, or unwise. `line` and `column` count from 1; a whole file has neither.

    `excerpt` is what is shown of the source line, `caret` the number of its characters before the column.
    """

    file: str
    message: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    caret: int = 0
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
        if self.excerpt is not None and self.excerpt.strip():
            under = " " * _columns(self.excerpt[: self.caret]) + "^"
            lines += [f"    {self.excerpt}".rstrip(), f"    {under}"]
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


def quoted(text: str) -> str:
    """Text as shown inside a message: in quotes, and cut when it is long."""
    return f"'{text[:57]}...'" if len(text) > 60 else f"'{text}'"


def described(value: object) -> str:
    """A value as shown inside a message: `'five'`, `the number 5`, `true`, `a list`."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return (
        "a mapping"
        if isinstance(value, dict)
        else "a list"
        if isinstance(value, list)
        else "nothing"
    )


def printable(text: str) -> str:
    """Text without characters that would move a terminal's cursor or hide what is written."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
