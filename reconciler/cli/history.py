"""`reconciler history`: the journal. Reads the store alone, so it works when the cloud does not."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli.options import SLOT, output_option, store_settings
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.subcommand import subcommand
from reconciler.planning.actions import SlotRef
from reconciler.settings import Settings
from reconciler.store.cell import CellStore
from reconciler.store.store import Store
from reconciler.surface.history import (
    NOTHING,
    History,
    histories_document,
    whole_history_lines,
)
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
        histories = [_history(store.cell(identity), slot, limit) for identity in store.cells()]
    if output == "json":
        print_document(histories_document(histories))
    else:
        print_lines(_lines(histories, width=stdout_width()))
    return 0


def _history(cell: CellStore, slot: SlotRef | None, limit: int) -> History:
    """What was done and what was ordered, oldest first."""
    return History(
        cell=cell.cell,
        entries=cell.history(slot, limit)[::-1],
        orders=cell.given_orders(slot, limit)[::-1],
        overrides=cell.given_overrides(limit)[::-1],
    )


def _lines(histories: Sequence[History], *, width: int) -> list[Line]:
    """One section a cell; with a single cell, or none, there is nothing to head."""
    if len(histories) <= 1:
        return [part for item in histories for part in whole_history_lines(item, width=width)] or [
            line(NOTHING)
        ]
    lines: list[Line] = []
    for item in histories:
        heading = line(Span(f"Cell {item.cell}", Style.HEADING))
        lines += [heading, *whole_history_lines(item, width=width)]
        lines.append(BLANK)
    return lines[:-1]
