"""`reconciler history`: the journal. Reads the store alone, so it works when the cloud does not."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli.options import SLOT, output_option, store_settings
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.planning.actions import SlotRef
from reconciler.settings import Settings
from reconciler.store.journal import HistoryEntry
from reconciler.store.store import Store
from reconciler.surface.history import histories_document, history_lines
from reconciler.surface.layout import BLANK, Line, Span, Style, line


@subcommand("history")
@click.argument("slot", type=SLOT, required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many of the newest entries to show.",
)
@output_option
@store_settings
def command(*, settings: Settings, slot: SlotRef | None, limit: int, output: str) -> int:
    """Show what was done, when and why.

    The newest entries of the journal, oldest first. Reads the store alone; no cloud is asked.

      reconciler history
      reconciler history shared-postgres/17 --limit 200
    """
    with Store.open(settings.store, read_only=True) as store:
        histories = [
            (str(identity), store.cell(identity).history(slot, limit)[::-1])
            for identity in store.cells()
        ]
    if output == "json":
        print_document(histories_document(histories))
    else:
        print_lines(_lines(histories, width=stdout_width()))
    return 0


def _lines(histories: Sequence[tuple[str, Sequence[HistoryEntry]]], *, width: int) -> list[Line]:
    """One section a cell; with a single cell, or none, there is nothing to head."""
    if len(histories) <= 1:
        return history_lines([entry for _, entries in histories for entry in entries], width=width)
    lines: list[Line] = []
    for cell, entries in histories:
        lines += [line(Span(f"Cell {cell}", Style.HEADING)), *history_lines(entries, width=width)]
        lines.append(BLANK)
    return lines[:-1]
