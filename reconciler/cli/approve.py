"""`reconciler approve`: a person's word that releases what a gate withholds."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from difflib import get_close_matches

import click

from providers.observed import CellIdentity
from reconciler.cli.actor import actor
from reconciler.cli.failures import Refused
from reconciler.cli.options import cell_options
from reconciler.cli.output import say
from reconciler.cli.quantities import Duration
from reconciler.cli.subcommand import subcommand
from reconciler.clock import SystemClock
from reconciler.main import declared, look, reaching
from reconciler.planning.actions import Withheld
from reconciler.planning.memory import Approval
from reconciler.settings import Settings
from reconciler.store.store import Store
from reconciler.surface import words

Waiting = tuple[CellIdentity, Withheld]


@subcommand("approve")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option(
    "--fleet",
    metavar="NAME",
    help="Approve everything of this fleet that waits for a person's word.",
)
@click.option(
    "--for",
    "lasts",
    type=Duration(),
    metavar="DURATION",
    help="How long; 24h unless the policy says otherwise.",
)
@cell_options
def command(
    *, settings: Settings, ids: tuple[str, ...], fleet: str | None, lasts: timedelta | None
) -> int:
    """Release what a gate withholds for a person's word.

    IDs are shown by `reconciler plan`, beside what they release. They stay the same over passes and restarts, and
    each is for one course of one slot. Nothing is done by this command itself: `run` or `apply` goes on with it.

      reconciler approve shared-postgres-17-3fa2c1
      reconciler approve --fleet shared-postgres --for 2h
    """
    if not ids and fleet is None:
        raise Refused(
            "nothing to approve is named: give ids from `reconciler plan`, or --fleet NAME"
        )
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        waiting = [
            (seen.case.observation.cell, item)
            for seen in look(reach, desired)
            for item in seen.plan.withheld
            if item.approval_id is not None
        ]
    chosen = _chosen(waiting, ids, fleet)
    now = SystemClock().now()
    _grant(settings, chosen, now=now, expires_at=now + (lasts or desired.policy.approval_lasts))
    return 0


def _chosen(waiting: list[Waiting], ids: tuple[str, ...], fleet: str | None) -> list[Waiting]:
    """What is named, once each. Refused, before anything is granted, when one of it does not wait for approval."""
    by_id = {item.approval_id or "": (cell, item) for cell, item in waiting}
    unknown = [name for name in ids if name not in by_id]
    if unknown:
        near = get_close_matches(unknown[0], by_id, n=1)
        hint = f"did you mean {near[0]}?" if near else f"these do: {', '.join(by_id) or 'none'}"
        raise Refused(f"{unknown[0]} does not wait for approval; {hint}")
    chosen = dict.fromkeys(ids)
    if fleet is not None:
        of_fleet = [
            name for name, (_, item) in by_id.items() if item.slot and item.slot.fleet == fleet
        ]
        if not of_fleet:
            raise Refused(f"nothing of {fleet} waits for approval")
        chosen |= dict.fromkeys(of_fleet)
    return [by_id[name] for name in chosen]


def _grant(
    settings: Settings, chosen: list[Waiting], *, now: datetime, expires_at: datetime
) -> None:
    with Store.open(settings.store) as store:
        for cell, item in chosen:
            approval = Approval(
                id=item.approval_id or "",
                gate=item.gate,
                granted_at=now,
                expires_at=expires_at,
                granted_by=actor(os.environ),
            )
            store.cell(cell).grant(approval)
            where = words.slots([item.slot])
            until = words.instant(expires_at)
            say(f"approved {approval.id}: {words.COURSES[item.course]} of {where}, until {until}")
