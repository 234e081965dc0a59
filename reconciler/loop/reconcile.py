"""One pass of the loop over one cell. This is the product in twenty lines.

remember   what the store knows
assess     gather, settle, judge, plan, check      (the dry run; changes nothing)
keep       what was learnt
resume     what an earlier pass left open
carry out  the plan, each action written down before it is done
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desired_state.model import DesiredState
from reconciler.clock import Clock, Randomness
from reconciler.execution.capacity import capacity_after
from reconciler.execution.executor import WORKERS, Executor
from reconciler.execution.handlers import Handlers
from reconciler.execution.outcomes import Outcome, Result
from reconciler.execution.retrying import RetryBudget
from reconciler.loop import events
from reconciler.loop.alarms import alarms
from reconciler.loop.assess import Assessment, assess
from reconciler.loop.cells import Cell
from reconciler.planning.actions import Action
from reconciler.planning.outcome import Plan
from reconciler.planning.settling.settle import Settled
from reconciler.store.passes import PassRecord

if TYPE_CHECKING:  # A dry run does without structlog, which takes 5 MB and 60 ms.
    from structlog.typing import FilteringBoundLogger

SUCCESSES = (Result.ACCEPTED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a pass acts with. `budget` is a cell's budget of retries and outlives the pass; `workers` is how many slots
    are acted on at once: a simulation takes one, so that everything has an order.
    """

    clock: Clock
    randomness: Randomness
    handlers: Handlers
    budget: RetryBudget
    log: FilteringBoundLogger
    workers: int = WORKERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass saw and planned, and how each of its actions went, in plan order."""

    assessment: Assessment
    outcomes: tuple[Outcome, ...]


def reconcile(
    cell: Cell,
    desired: DesiredState,
    means: Means,
    *,
    only: Callable[[Action], bool] | None = None,
    refused: str | None = None,
) -> PassResult:
    """One pass. With `only`, nothing but the planned actions that it accepts is done: those that a person has seen.

    `refused` says why the files as they are now are not `desired`, for the status.

    Raises what `assess` raises, and StoreError when the journal can't be kept; then nothing more is done.
    """
    started_s = means.clock.monotonic_s()
    now = means.clock.now()
    memory = cell.store.memory(now)
    before = cell.last.assessment
    assessment = assess(cell.senses, desired, memory, now, before)
    cell.last.assessment = assessment
    executor = _executor(cell, desired, means)
    cell.store.record_pass(_record(assessment, refused))
    resumed = executor.resume(assessment.settlements, assessment.case)
    outcomes = executor.carry_out(_chosen(assessment.plan, only), assessment.case)
    if resumed or outcomes:
        cell.store.remember_capacity(
            capacity_after(assessment.case, assessment.settlements, (*resumed, *outcomes))
        )
    result = PassResult(assessment=assessment, outcomes=(*resumed, *outcomes))
    _tell(result, before, means, duration_s=means.clock.monotonic_s() - started_s)
    return result


def _executor(cell: Cell, desired: DesiredState, means: Means) -> Executor:
    return Executor(
        cloud=cell.senses.cloud,
        prober=cell.senses.prober,
        journal=cell.store,
        clock=means.clock,
        randomness=means.randomness,
        handlers=means.handlers,
        user_data={
            fleet.instance.user_data.sha256: fleet.instance.user_data.text
            for fleet in desired.fleets
            if fleet.instance.user_data is not None
        },
        budget=means.budget,
        workers=means.workers,
    )


def _chosen(plan: Plan, only: Callable[[Action], bool] | None) -> Plan:
    if only is None:
        return plan
    return replace(plan, actions=tuple(action for action in plan.actions if only(action)))


def _record(assessment: Assessment, refused: str | None) -> PassRecord:
    """Kept before anything is done: a crash while acting must not lose what was seen."""
    return PassRecord(
        lessons=assessment.lessons,
        capacity=capacity_after(assessment.case, assessment.settlements, ()),
        counts=_counts(assessment),
        refused=refused,
    )


def _counts(assessment: Assessment) -> dict[str, int]:
    buckets = Counter(str(slot.bucket) for slot in assessment.plan.slots)
    return {
        **dict(sorted(buckets.items())),
        "actions": len(assessment.plan.actions),
        "withheld_actions": len(assessment.plan.withheld),
        "calls": sum(assessment.case.observation.calls.values()),
    }


def _tell(
    result: PassResult, before: Assessment | None, means: Means, *, duration_s: float
) -> None:
    """One canonical line for the pass, and one for each alarm, each action and each intent that ended."""
    assessment = result.assessment
    for alarm in alarms(before, assessment):
        means.log.log(
            alarm.level,
            alarm.event,
            subject=alarm.subject,
            state=alarm.state,
            reason=alarm.reason,
        )
    intents = {item.action.operation_id: item for item in assessment.case.memory.recent_intents}
    for settlement in assessment.settlements:
        intent = intents.get(settlement.operation_id)
        if isinstance(settlement, Settled) and intent is not None:
            means.log.info(
                events.INTENT_SETTLED,
                slot=str(intent.action.slot),
                kind=intent.action.request.kind,
                state=str(settlement.state),
                detail=settlement.detail,
            )
    for outcome in result.outcomes:
        done = outcome.result in SUCCESSES
        tell = means.log.info if done else means.log.warning
        tell(
            events.ACTION_DONE if done else events.ACTION_FAILED,
            slot=str(outcome.action.slot),
            kind=outcome.action.request.kind,
            resource=outcome.resource_id,
            reason=str(outcome.action.reason),
            result=str(outcome.result),
            message=outcome.message,
            error_code=outcome.error_code,
        )
    failed = sum(1 for outcome in result.outcomes if outcome.result not in SUCCESSES)
    means.log.info(
        events.PASS_DONE,
        cell=str(assessment.case.observation.cell),
        **_counts(assessment),
        failed=failed,
        duration_s=round(duration_s, 3),
    )
