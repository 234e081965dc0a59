"""How a command is declared: its docstring is its help, with indented examples shown as they stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click


def subcommand(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """`@click.command(name)` whose help keeps the line breaks of paragraphs that are indented."""

    def declared(function: Callable[..., Any]) -> click.Command:
        return click.command(name, help=_with_examples(inspect.getdoc(function) or ""))(function)

    return declared


def _with_examples(text: str) -> str:
    """Click fills every paragraph unless its first line is a lone backspace character."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith("  ") else paragraph for paragraph in paragraphs
    )
