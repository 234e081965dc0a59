"""`reconciler replace`: a new instance for a slot, although EC2 may say nothing against the one that is there."""

from __future__ import annotations

import click

from reconciler.cli.giving import Given, give, order_options, withdraw
from reconciler.cli.ordering import replacement
from reconciler.cli.subcommand import subcommand
from reconciler.planning.orders import OrderKind


@subcommand("replace")
@click.option(
    "--reason", default="no reason given", help="Kept with the order and shown beside what follows."
)
@order_options
def command(*, given: Given, reason: str) -> int:
    """Replace the instance of a slot, launch first, although it may be healthy.

    Its volumes are kept: they move once the old instance is proved stopped. Shows what follows and asks; every gate
    holds it but the fleet's mode, since you order it. It is done once: the order ends when the new instance holds the
    slot, or when it expires, and what it began is undone then. SLOT is written as fleet/ordinal.

      reconciler replace web/3 --reason "its host is to be retired"
      reconciler replace web/3 --withdraw
    """
    if given.withdraw:
        return withdraw(given, OrderKind.REPLACE)
    return give(
        given,
        lambda seen, said: replacement(seen, given.slot, said),
        question=lambda _order: f"Replace the instance of {given.slot}?",
        reason=reason,
    )
