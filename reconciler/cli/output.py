"""What commands print: lines or a document on stdout, whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from reconciler.surface.json_values import json_text
from reconciler.surface.layout import Line
from reconciler.surface.terminal import carried, show, width_of


class ReaderGone(Exception):  # noqa: N818 - reads as what it is in "except ReaderGone"
    """Whoever read our output stopped reading; the output is not whole."""

    def __init__(self) -> None:
        super().__init__("the reader of the output went away before all of it was written")


def stdout_width() -> int:
    """Columns to lay out for on stdout."""
    return width_of(sys.stdout, os.environ)


def print_lines(lines: Iterable[Line]) -> None:
    """Lines on stdout, in colour where that is wanted. ReaderGone when nobody reads them."""
    try:
        show(lines, sys.stdout, os.environ)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def print_document(document: dict[str, Any]) -> None:
    """A JSON document on stdout. ReaderGone when nobody reads it."""
    print_text(json_text(document))


def print_text(text: str) -> None:
    """Text on stdout as it is. ReaderGone when nobody reads it."""
    try:
        sys.stdout.write(carried(text, sys.stdout.encoding))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def say(text: str) -> None:
    """One line of progress or of warning on stderr."""
    sys.stderr.write(carried(text, sys.stderr.encoding) + "\n")
    sys.stderr.flush()
