"""Passes over one cell until it stands as declared: what `apply` does once a person has said yes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from desired_state.model import DesiredState
from reconciler.cli.failures import Refused
from reconciler.cli.output import print_lines, say, stdout_width
from reconciler.cli.shown import exactly, in_its_course
from reconciler.execution.outcomes import Outcome, Result
from reconciler.loop.cells import Cell
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.planning.actions import Action, Bucket, is_backup
from reconciler.planning.outcome import Plan
from reconciler.surface import words
from reconciler.surface.outcome_text import outcome_lines

BETWEEN_BUSY_PASSES_S = 1.0
BETWEEN_QUIET_PASSES_S = 5.0
"""Something just done is looked for soon; EC2 takes seconds for most, and each look costs requests."""

MOVING = (Bucket.ACTING, Bucket.WAITING, Bucket.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an apply ended: what was not accepted by the cloud, what is left, and whether all stands as declared."""

    failed: tuple[Outcome, ...]
    withheld: int
    under_way: int
    converged: bool


def once(cell: Cell, desired: DesiredState, means: Means, shown: Plan) -> Ending:
    """One pass that does only what was shown. Raises what `reconcile` raises."""
    result = reconcile(cell, desired, means, only=exactly(shown))
    print_lines(outcome_lines(result.outcomes, width=stdout_width()))
    plan = result.assessment.plan
    done = {outcome.action.operation_id for outcome in result.outcomes}
    left = [action for action in plan.actions if action.operation_id not in done]
    if left:
        what = words.count(len(left), "action")
        say(
            f"{what} of the plan of now differ from what was shown and were not done; apply again to see them"
        )
    return Ending(
        failed=_failed(result),
        withheld=len(plan.withheld),
        under_way=sum(slot.bucket in MOVING for slot in plan.slots),
        converged=plan.converged and not done,
    )


def until_converged(
    cell: Cell, desired: DesiredState, means: Means, shown: Plan, *, timeout: timedelta
) -> Ending:
    """Passes until the cell stands as declared, or until only what needs a person is left.

    The first pass does only what was shown, later ones what follows for the same slots. Raises Refused when the time
    is up, and what `reconcile` raises.
    """
    started_s = means.clock.monotonic_s()
    only: Callable[[Action], bool] = exactly(shown)
    told = ""
    while True:
        result = reconcile(cell, desired, means, only=only)
        print_lines(outcome_lines(result.outcomes, width=stdout_width()))
        elapsed = timedelta(seconds=means.clock.monotonic_s() - started_s)
        progress = progress_of(result.assessment.plan)
        if progress != told:
            say(f"[{words.duration(elapsed)}] {progress}")
            told = progress
        only = in_its_course(shown)
        plan = result.assessment.plan
        changed = [item for item in result.outcomes if not is_backup(item.action.request)]
        if not changed and (plan.converged or not is_moving(result, only)):
            return Ending(
                failed=(), withheld=len(plan.withheld), under_way=0, converged=plan.converged
            )
        if elapsed > timeout:
            raise Refused(
                f"not yet as declared after {words.duration(timeout)}: {progress}. What was begun goes on by itself; "
                "`reconciler status` shows it, `reconciler apply --wait` goes on"
            )
        quiet = not changed
        means.clock.sleep(BETWEEN_QUIET_PASSES_S if quiet else BETWEEN_BUSY_PASSES_S)


def is_moving(result: PassResult, only: Callable[[Action], bool]) -> bool:
    """Whether anything will change without a person: something open, under way, allowed, or due at a known time.

    Backups don't count: nothing waits for them, and in a large fleet one is always due.
    """
    plan = result.assessment.plan
    return (
        any(only(action) for action in plan.actions if not is_backup(action.request))
        or any(slot.bucket in MOVING[1:] for slot in plan.slots)
        or any(item.earliest_release is not None for item in plan.withheld)
        or any(
            not is_backup(intent.action.request)
            for intent in result.assessment.case.memory.open_intents
        )
    )


def progress_of(plan: Plan) -> str:
    """`7 of 9 slots healthy, 1 acting, 1 waiting`."""
    counts: Counter[Bucket] = Counter(
        slot.bucket for slot in plan.slots if slot.bucket is not Bucket.RELEASED
    )
    total = sum(counts.values())
    others = [
        f"{counts[bucket]} {bucket.value}"
        for bucket in Bucket
        if counts[bucket] and bucket is not Bucket.HEALTHY
    ]
    healthy = f"{counts[Bucket.HEALTHY]} of {words.count(total, 'slot')} healthy"
    return ", ".join([healthy, *others])


def _failed(result: PassResult) -> tuple[Outcome, ...]:
    return tuple(item for item in result.outcomes if item.result is not Result.ACCEPTED)
