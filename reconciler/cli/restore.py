"""`reconciler restore`: a slot from its backups, although EC2 may say nothing against its volumes."""

from __future__ import annotations

import click

from reconciler.cli.giving import Given, give, loss_clause, order_options, withdraw
from reconciler.cli.ordering import restoration
from reconciler.cli.subcommand import subcommand
from reconciler.planning.orders import OrderKind


@subcommand("restore")
@click.option(
    "--from",
    "snapshot_id",
    metavar="SNAPSHOT",
    help="A snapshot of the slot, with those taken with it; the best restore point unless given.",
)
@click.option(
    "--reason", default="no reason given", help="Kept with the order and shown beside what follows."
)
@order_options
def command(*, given: Given, snapshot_id: str | None, reason: str) -> int:
    """Restore a slot from its backups, although its volumes may be well.

    Shows the restore point and what would be lost, and asks. The copy is prepared beside the old instance and takes
    over as soon as it is proven; what it replaces is stopped and kept. A larger loss than the one shown now is asked
    about again. The order ends when the copy holds the slot, or when it expires. SLOT is written as fleet/ordinal.

      reconciler restore shared-postgres/17 --reason "a table was dropped at 14:02"
      reconciler restore shared-postgres/17 --from snap-0123456789abcdef0
    """
    if given.withdraw:
        return withdraw(given, OrderKind.RESTORE)
    return give(
        given,
        lambda seen, said: restoration(seen, given.slot, said, snapshot_id),
        question=lambda order: f"Restore {given.slot} and lose {loss_clause(order)}?",
        reason=reason,
    )
