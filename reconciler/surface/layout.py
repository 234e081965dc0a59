"""Text in styled spans: wrapping, labels, columns and grids, without knowing what it is printed on.

A renderer is a function from values to lines; only `terminal` turns styles into colours. Nothing here cuts a word:
an id that is longer than the line stays whole, since it is there to be copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

NARROWEST = 60
WIDEST = 200
GAP = "  "
LABEL_WIDTH = 8


class Style(StrEnum):
    """What a span means; how that looks is decided where it is printed."""

    PLAIN = "plain"
    HEADING = "heading"
    STRONG = "strong"
    DIM = "dim"
    CREATE = "create"
    CHANGE = "change"
    DISRUPT = "disrupt"
    HELD = "held"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text in one style; holds no line break."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]
Field = tuple[str, Line]
"""A label and its value."""
BLANK: Line = ()


def line(*parts: str | Span) -> Line:
    """A line of spans; bare text is plain."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def plain_text(lines: Iterable[Line]) -> str:
    """The lines without their styles, each ended; no trailing blanks."""
    return "".join("".join(span.text for span in item).rstrip() + "\n" for item in lines)


def length(item: Line) -> int:
    """Columns that a line takes."""
    return sum(len(span.text) for span in item)


def bounded_width(width: int) -> int:
    """A width that the layout is made for."""
    return max(NARROWEST, min(WIDEST, width))


def wrapped(parts: Line, *, width: int, first: Line = (), indent: int | None = None) -> list[Line]:
    """The words of `parts` after `first`, broken at blanks; later lines begin `indent` columns in."""
    hanging = length(first) if indent is None else indent
    lines: list[Line] = []
    current, used, fresh = list(first), length(first), True
    for word in _words(parts):
        blank = 0 if fresh else 1
        if not fresh and used + blank + length(word) > width:
            lines.append(tuple(current))
            current, used, blank = [Span(" " * hanging)], hanging, 0
        if blank:
            current.append(Span(" "))
        current.extend(word)
        used, fresh = used + blank + length(word), False
    return [*lines, tuple(current)]


def fields(rows: Sequence[Field], *, width: int, indent: int) -> list[Line]:
    """Labels, dimmed, and their wrapped values in a column of its own."""
    label_width = max([LABEL_WIDTH, *(len(label) for label, _ in rows)])
    lines: list[Line] = []
    for label, value in rows:
        head = " " * indent + label.ljust(label_width) + GAP
        lines += wrapped(value, width=width, first=line(Span(head, Style.DIM)))
    return lines


def columns(rows: Sequence[Sequence[Span]], *, indent: int = 2) -> list[Line]:
    """Rows with their cells aligned, each column as wide as its widest cell."""
    count = max((len(row) for row in rows), default=0)
    widths = [
        max((len(row[at].text) for row in rows if at < len(row)), default=0) for at in range(count)
    ]
    lines: list[Line] = []
    for row in rows:
        spans: list[Span] = [Span(" " * indent)]
        for at, cell in enumerate(row):
            padding = "" if at == len(row) - 1 else " " * (widths[at] - len(cell.text)) + GAP
            spans += [cell, Span(padding)]
        lines.append(tuple(spans))
    return lines


def grid(items: Sequence[str], *, width: int, indent: int) -> list[Line]:
    """Short texts side by side, as many columns as fit, read row by row."""
    if not items:
        return []
    cell = max(len(item) for item in items)
    per_row = max(1, (width - indent + len(GAP)) // (cell + len(GAP)))
    return [
        line(" " * indent + GAP.join(item.ljust(cell) for item in items[at : at + per_row]))
        for at in range(0, len(items), per_row)
    ]


def _words(parts: Line) -> Iterator[Line]:
    """The words of a line; a word whose pieces differ in style stays one."""
    word: list[Span] = []
    for span in parts:
        for at, piece in enumerate(span.text.split(" ")):
            if at and word:
                yield tuple(word)
                word = []
            if piece:
                word.append(Span(piece, span.style))
    if word:
        yield tuple(word)
