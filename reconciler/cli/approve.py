"""`reconciler approve`: a person's word that releases what a gate withholds."""

from __future__ import annotations

import os
from dataclasses import dataclass
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
from reconciler.cli.terms import Terms, Wishes, terms_clause, terms_of
from reconciler.clock import SystemClock
from reconciler.main import declared, look, reaching
from reconciler.planning.actions import Withheld
from reconciler.planning.memory import Approval
from reconciler.settings import Settings
from reconciler.store.store import Store
from reconciler.surface import words

Waiting = tuple[CellIdentity, Withheld]
SOME_WAIT_STILL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is approved, in which cell, and on which terms."""

    cell: CellIdentity
    item: Withheld
    terms: Terms


@subcommand("approve")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option(
    "--fleet",
    metavar="NAME",
    help="Approve what waits in this fleet for a person's word; a loss beyond its objective needs --max-loss.",
)
@click.option(
    "--max-loss",
    type=Duration(),
    metavar="DURATION",
    help="The largest loss to take; with --fleet, approve the restores that lose no more, and nothing else.",
)
@click.option(
    "--empty",
    is_flag=True,
    help="Let empty volumes stand in for the data; the old volume is kept.",
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
    *,
    settings: Settings,
    ids: tuple[str, ...],
    fleet: str | None,
    max_loss: timedelta | None,
    empty: bool,
    lasts: timedelta | None,
) -> int:
    """Release what a gate withholds for a person's word.

    IDs are shown by `reconciler plan`, beside what they release. They stay the same over passes and restarts, and
    each is for one course of one slot. A loss is approved as it is shown: for a larger one you are asked again.
    Nothing is done by this command itself: `run` or `apply` goes on with it.
    Exit code 0: approved. 2: some of the fleet waits still. 1: an error, and nothing was approved.

      reconciler approve shared-postgres-17-3fa2c1
      reconciler approve shared-postgres-17-3fa2c1 --empty
      reconciler approve --fleet shared-postgres --max-loss 26h --for 24h
    """
    _require_sense(ids, fleet, empty=empty)
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        waiting = [
            (seen.case.observation.cell, item)
            for seen in look(reach, desired)
            for item in seen.plan.withheld
            if item.approval_id is not None
        ]
    wishes = Wishes(max_loss=max_loss, empty=empty)
    named = _named(waiting, ids, wishes)
    others, left = _of_fleet(waiting, fleet, wishes) if fleet is not None else ([], [])
    now = SystemClock().now()
    expires_at = now + (lasts or desired.policy.approval_lasts)
    for item, why in left:
        say(f"not approved {item.approval_id}: {why}")
    if left and not (named or others):
        raise Refused(f"nothing of {fleet} was approved")
    _grant(settings, [*named, *others], now=now, expires_at=expires_at)
    return SOME_WAIT_STILL if left else 0


def _require_sense(ids: tuple[str, ...], fleet: str | None, *, empty: bool) -> None:
    if not ids and fleet is None:
        raise Refused(
            "nothing to approve is named: give ids from `reconciler plan`, or --fleet NAME"
        )
    if empty and fleet is not None:
        raise Refused("--empty gives up data and is for ids alone, not for a whole fleet")


def _named(waiting: list[Waiting], ids: tuple[str, ...], wishes: Wishes) -> list[Grant]:
    """What is named, once each. Refused, before anything is granted, when one of it can't be approved so."""
    by_id = {item.approval_id or "": (cell, item) for cell, item in waiting}
    grants = []
    for name in dict.fromkeys(ids):
        if name not in by_id:
            near = get_close_matches(name, by_id, n=1)
            hint = f"did you mean {near[0]}?" if near else f"these do: {', '.join(by_id) or 'none'}"
            raise Refused(f"{name} does not wait for approval; {hint}")
        cell, item = by_id[name]
        terms = terms_of(item, wishes, named=True)
        if isinstance(terms, str):
            raise Refused(f"{name} was not approved: {terms}")
        grants.append(Grant(cell=cell, item=item, terms=terms))
    return grants


def _of_fleet(
    waiting: list[Waiting], fleet: str, wishes: Wishes
) -> tuple[list[Grant], list[tuple[Withheld, str]]]:
    """What is approved of all that waits in a fleet, once each, and what is not and why."""
    of_fleet = {
        item.approval_id: (cell, item)
        for cell, item in waiting
        if item.slot and item.slot.fleet == fleet
    }
    if not of_fleet:
        raise Refused(f"nothing of {fleet} waits for approval")
    grants, left = [], []
    for cell, item in of_fleet.values():
        terms = terms_of(item, wishes, named=False)
        if isinstance(terms, str):
            left.append((item, terms))
        else:
            grants.append(Grant(cell=cell, item=item, terms=terms))
    return grants, left


def _grant(settings: Settings, grants: list[Grant], *, now: datetime, expires_at: datetime) -> None:
    with Store.open(settings.store) as store:
        for grant in grants:
            item = grant.item
            approval = Approval(
                id=item.approval_id or "",
                gate=item.gate,
                granted_at=now,
                expires_at=expires_at,
                granted_by=actor(os.environ),
                max_loss=grant.terms.max_loss,
                empty=grant.terms.empty,
            )
            store.cell(grant.cell).grant(approval)
            what = f"{words.COURSES[item.course]} of {words.slots([item.slot])}"
            until = words.instant(expires_at)
            say(f"approved {approval.id}: {what}{terms_clause(grant.terms)}, until {until}")
