"""`reconciler pause`: do nothing for a while. Writes the store alone, so it works when the cloud does not."""

from __future__ import annotations

import os
from datetime import timedelta

import click

from reconciler.cli.actor import actor
from reconciler.cli.failures import Refused
from reconciler.cli.options import cell_options
from reconciler.cli.output import say
from reconciler.cli.quantities import Duration
from reconciler.cli.scopes import EVERYTHING, known_cells, policy_in_force, require_scope, said
from reconciler.cli.subcommand import subcommand
from reconciler.clock import SystemClock
from reconciler.planning.memory import Pause
from reconciler.settings import Settings
from reconciler.store.store import Store
from reconciler.surface import words


@subcommand("pause")
@click.argument("scope", default=EVERYTHING)
@click.option(
    "--for",
    "lasts",
    type=Duration(),
    metavar="DURATION",
    help="How long; 4h unless the policy says otherwise.",
)
@click.option(
    "--reason", default="no reason given", help="Shown wherever the pause holds something."
)
@cell_options
def command(*, settings: Settings, scope: str, lasts: timedelta | None, reason: str) -> int:
    """Do nothing to a fleet, a slot or everything, for a while.

    SCOPE is a fleet (`web`), a slot (`web/3`) or, when left out, everything that the store knows. What is under way
    is still followed to its end. Works beside a running controller and without the cloud.

      reconciler pause --reason "zone use1-az4 is being looked at"
      reconciler pause shared-postgres/17 --for 24h --reason "forensics, ticket 4711"
    """
    policy = policy_in_force(settings)
    wanted = lasts or policy.pause_lasts
    if wanted > policy.pause_lasts_at_most:
        raise Refused(
            f"a pause lasts at most {words.duration(policy.pause_lasts_at_most)}; for longer, declare `paused: true`"
        )
    now = SystemClock().now()
    cells = known_cells(settings)
    with Store.open(settings.store) as store:
        for identity in require_scope(settings, store, cells, scope, now):
            pause = Pause(
                scope=scope,
                reason=reason,
                paused_at=now,
                expires_at=now + wanted,
                paused_by=actor(os.environ),
            )
            store.cell(identity).pause(pause)
            say(f"{said(scope)} paused in {identity} until {words.instant(pause.expires_at)}")
    return 0
