"""`reconciler explain`: everything about one slot."""

from __future__ import annotations

import click

from reconciler.cli.options import SLOT, cell_options, output_option
from reconciler.cli.output import print_document, print_lines, stdout_width
from reconciler.cli.seen_slots import cell_of
from reconciler.cli.subcommand import subcommand
from reconciler.main import declared, look, reaching
from reconciler.planning.actions import SlotRef
from reconciler.settings import Settings
from reconciler.surface.explain import explain_document, explain_lines

ENTRIES_SHOWN = 30


@subcommand("explain")
@click.argument("slot", type=SLOT)
@output_option
@cell_options
def command(*, settings: Settings, slot: SlotRef, output: str) -> int:
    """Tell everything about one slot.

    Where it stands, on which evidence, what holds it back, what would change that, when it is looked at again, and
    what was done to it. SLOT is written as fleet/ordinal.

      reconciler explain shared-postgres/17
    """
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        seen = cell_of(slot, look(reach, desired))
        store = reach.store.cell(seen.case.observation.cell)
        history = store.history(slot, ENTRIES_SHOWN)[::-1]
    if output == "json":
        print_document(explain_document(seen.case, seen.plan, slot, history))
    else:
        print_lines(explain_lines(seen.case, seen.plan, slot, history, width=stdout_width()))
    return 0
