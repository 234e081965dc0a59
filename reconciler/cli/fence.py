"""`reconciler fence`: try an owed fence again, or vouch for an instance that nothing can prove to be off."""

from __future__ import annotations

import click

from reconciler.cli.giving import Given, give, order_options, withdraw
from reconciler.cli.ordering import another_try, confirmation
from reconciler.cli.subcommand import subcommand
from reconciler.planning.orders import OrderKind


@subcommand("fence")
@click.option(
    "--confirmed",
    metavar="HOW",
    help="You vouch that the old instance serves and writes no more; say how you know.",
)
@order_options
def command(*, given: Given, confirmed: str | None) -> int:
    """Try an owed fence of a slot again, or vouch for what can't be proved.

    A fence is owed when an instance that others have taken the place of can't be proved stopped. With --confirmed the
    slot goes on without that proof until your word expires: if the instance does serve, its clients see two. No volume
    is ever moved for it. SLOT is written as fleet/ordinal.

      reconciler fence shared-postgres/17
      reconciler fence shared-postgres/17 --confirmed "its host was powered off, ticket 4711"
    """
    if given.withdraw:
        return withdraw(given, OrderKind.FENCE, OrderKind.FENCED)
    if confirmed is None:
        return give(
            given,
            lambda seen, said: another_try(seen, given.slot, said),
            question=lambda _order: f"Try the fence of {given.slot} again?",
            reason="try it again",
        )
    return give(
        given,
        lambda seen, said: confirmation(seen, given.slot, said),
        question=lambda order: (
            f"Do you vouch that {order.instance_id} neither serves nor writes any more?"
        ),
        reason=confirmed,
    )
