"""Where lines are printed: how wide, in which colours, and in an alphabet that the stream can carry.

Colour only on a terminal; NO_COLOR and TERM=dumb turn it off (https://no-color.org). A pipe gets plain text at 100
columns or COLUMNS. rich is imported only where there is colour to show.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

from reconciler.surface.layout import Line, Style, bounded_width, plain_text

PIPE_WIDTH = 100

STYLES: dict[Style, str] = {
    Style.PLAIN: "none",
    Style.HEADING: "bold underline",
    Style.STRONG: "bold",
    Style.DIM: "dim",
    Style.CREATE: "green",
    Style.CHANGE: "yellow",
    Style.DISRUPT: "red",
    Style.HELD: "magenta",
    Style.GOOD: "green",
    Style.BAD: "bold red",
}

ASCII = str.maketrans(
    {
        "»": ">",
        "«": "<",
        "▲": "^",
        "◇": "o",
        "†": "x",
        "▼": "v",
        "✓": "*",
        "↻": "@",
        "→": "->",
        "…": "...",
        "·": "-",
    }
)
"""What our own symbols become where the stream can't carry them."""


def show(lines: Iterable[Line], stream: TextIO, environ: Mapping[str, str]) -> None:
    """Print the lines, in colour where that is wanted."""
    lines = list(lines)
    if in_colour(stream, environ):
        _show_in_colour(lines, stream)
    else:
        stream.write(carried(printable(plain_text(lines)), stream.encoding))


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Columns to lay out for."""
    if environ.get("COLUMNS", "").isdigit():
        return bounded_width(int(environ["COLUMNS"]))
    if not stream.isatty():
        return PIPE_WIDTH
    return bounded_width(shutil.get_terminal_size().columns)


def in_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True on a terminal that can show colour and whose user did not refuse it."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def carried(text: str, encoding: str | None) -> str:
    """The text as the encoding can carry it: our symbols in ASCII and anything else escaped where it can't."""
    target = encoding or "utf-8"
    try:
        text.encode(target)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(target, "backslashreplace").decode(target)
    return text


def printable(text: str) -> str:
    """Text without the characters that would move a cursor; tags and messages come from outside."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _show_in_colour(lines: list[Line], stream: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415 - a pipe never needs it
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False, soft_wrap=True, emoji=False, markup=False)
    for line in lines:
        spans = (
            (carried(printable(span.text), stream.encoding), STYLES[span.style]) for span in line
        )
        console.print(Text.assemble(*spans, end=""))
