"""`reconciler apply`: show the plan, ask, and carry out what was shown."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from desired_state.model import DesiredState
from reconciler.cli.actor import actor
from reconciler.cli.confirmations import Confirmations, confirmed, require_released
from reconciler.cli.converging import Ending, once, until_converged
from reconciler.cli.failures import Refused
from reconciler.cli.options import cell_options, handlers_option
from reconciler.cli.output import print_lines, say, stdout_width
from reconciler.cli.overriding import override_of, override_option, with_override
from reconciler.cli.plan import SOMETHING_TO_DO, plans_lines
from reconciler.cli.quantities import Duration
from reconciler.cli.subcommand import subcommand
from reconciler.clock import SystemClock
from reconciler.loop.assess import assess
from reconciler.loop.cells import Cell
from reconciler.main import Reach, declared, hold, means, reaching
from reconciler.planning.actions import Bucket, Gate
from reconciler.planning.case import Case
from reconciler.planning.memory import Approval
from reconciler.planning.outcome import Plan
from reconciler.settings import Settings
from reconciler.surface import words
from reconciler.surface.condition_text import override_clause
from reconciler.surface.layout import BLANK
from reconciler.surface.logs import configure_logging


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed for one cell, and the confirmations that it rests on."""

    cell: Cell
    case: Case
    plan: Plan
    approvals: tuple[Approval, ...]

    def acts(self, *, waiting: bool) -> bool:
        """Whether anything is done here, or followed to its end."""
        on_the_way = any(slot.bucket is Bucket.WAITING for slot in self.plan.slots)
        return bool(self.plan.actions) or (waiting and (on_the_way or self.in_turn > 0))

    @property
    def in_turn(self) -> int:
        """How many actions wait for nothing but their turn."""
        return sum(item.gate is Gate.PACE for item in self.plan.withheld)

    @property
    def as_it_is(self) -> Ending:
        """How an apply ends that has nothing to do here."""
        return Ending(
            failed=(),
            withheld=len(self.plan.withheld),
            under_way=0,
            converged=self.plan.converged,
        )


@subcommand("apply")
@click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal.")
@click.option("--wait", is_flag=True, help="Go on, pass after pass, until all stands as declared.")
@click.option(
    "--timeout",
    type=Duration(),
    default=timedelta(minutes=30),
    metavar="DURATION",
    help="How long --wait waits.  [default: 30m]",
)
@click.option(
    "--confirm-shrink", is_flag=True, help="Confirm a scale-down that is large or has volumes."
)
@click.option(
    "--retire",
    multiple=True,
    metavar="FLEET",
    help="End the instances of a fleet that is no longer declared; its volumes stay.",
)
@override_option
@handlers_option
@cell_options
def command(
    *,
    settings: Settings,
    yes: bool,
    wait: bool,
    timeout: timedelta,
    confirm_shrink: bool,
    retire: tuple[str, ...],
    override_brakes: str | None,
    handlers: Path | None,
) -> int:
    """Show the plan, ask, and carry out what was shown.

    After the question the cloud is read again, and only what was shown is done. With --wait, later passes do what
    follows for the same slots. Refused while `reconciler run` holds the cell.
    Exit code 0: done. 2: something is withheld or left. 1: an error, or something that the cloud refused.

      reconciler apply --desired fleets/ --owner prod-east
      reconciler apply --yes --wait --timeout 1h
      reconciler apply --retire old-web
    """
    configure_logging(sys.stderr, json=False, least=logging.ERROR)
    desired = declared(settings)
    by, now = actor(os.environ), SystemClock().now()
    wishes = Confirmations(
        shrink=confirm_shrink,
        retire=retire,
        by=by,
        lasts=desired.policy.approval_lasts,
        override=override_of(override_brakes, by, now, desired.policy),
    )
    with (
        reaching(settings, read_only=False, handlers_path=handlers) as reach,
        hold(reach, desired, "reconciler apply") as cells,
    ):
        proposals = _propose(cells, desired, wishes)
        print_lines(
            plans_lines([(item.case, item.plan) for item in proposals], width=stdout_width())
        )
        acting = [item for item in proposals if item.acts(waiting=wait)]
        _ask(acting, yes=yes, wait=wait)
        endings = [
            _carry_out(item, wishes, reach, desired, wait=wait, timeout=timeout)
            if item in acting
            else item.as_it_is
            for item in proposals
        ]
    if wishes.override is not None and not acting:
        say("nothing was to be done, so the brakes were not lifted")
    return _conclude(endings, acted=bool(acting), waited=wait)


def _propose(cells: Sequence[Cell], desired: DesiredState, wishes: Confirmations) -> list[Proposal]:
    """What would be done in every cell, the flags counted in. Refused when a flag makes no sense."""
    clock = SystemClock()
    seen = [
        (cell, assess(cell.senses, desired, cell.store.memory(now), now))
        for cell, now in ((cell, clock.now()) for cell in cells)
    ]
    require_released(wishes.retire, (assessment.plan for _, assessment in seen))
    proposals = []
    for cell, assessment in seen:
        plan, approvals = confirmed(assessment, wishes)
        case = with_override(assessment.case, wishes.override)
        proposals.append(Proposal(cell=cell, case=case, plan=plan, approvals=approvals))
    return proposals


def _ask(proposals: list[Proposal], *, yes: bool, wait: bool) -> None:
    """Returns when a person, or --yes, agrees, or nothing is to be done. Refused otherwise, with nothing done."""
    number = sum(len(item.plan.actions) + (item.in_turn if wait else 0) for item in proposals)
    if number:
        print_lines([BLANK])
    if yes or not number:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "there is no terminal to ask on, so nothing was done; use --yes to do it unasked"
        )
    if not click.confirm(f"Do {'this' if number == 1 else f'these {number} actions'}?", err=True):
        raise Refused("not confirmed; nothing was done")


def _carry_out(
    proposal: Proposal,
    wishes: Confirmations,
    reach: Reach,
    desired: DesiredState,
    *,
    wait: bool,
    timeout: timedelta,
) -> Ending:
    for approval in proposal.approvals:
        proposal.cell.store.grant(approval)
    if wishes.override is not None:
        proposal.cell.store.override(wishes.override)
        say(override_clause(wishes.override, proposal.case.now))
    acting = means(reach)
    if wait:
        return until_converged(proposal.cell, desired, acting, proposal.plan, timeout=timeout)
    return once(proposal.cell, desired, acting, proposal.plan)


def _conclude(endings: list[Ending], *, acted: bool, waited: bool) -> int:
    """The closing sentences and the exit code."""
    failed = sum(len(ending.failed) for ending in endings)
    withheld = sum(ending.withheld for ending in endings)
    under_way = sum(ending.under_way for ending in endings)
    converged = all(ending.converged for ending in endings)
    if failed:
        say(f"error: {words.count(failed, 'action')} did not go through; see above")
        return 1
    if acted and converged:
        say("done: everything stands as declared")
    elif acted and under_way:
        on_the_way = f"{words.count(under_way, 'slot')} on the way"
        say(f"done what was shown; {on_the_way}, `reconciler apply --wait` follows them")
    if withheld:
        say(f"{withheld} withheld; `reconciler plan` shows what lets it go")
    return SOMETHING_TO_DO if withheld or (waited and not converged) else 0
