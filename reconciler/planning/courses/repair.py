"""Repairing an unhealthy occupant: the ladder, without the steps that the evidence makes pointless."""

from __future__ import annotations

from datetime import timedelta

from desired_state.model import LadderStep
from providers.observed import Instance, InstanceState
from providers.requests import RebootInstance, Request, StartInstance, StopInstance
from reconciler.health.capabilities import CapabilityKind
from reconciler.health.verdict import Sign, Verdict
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.actions import Bucket, Course, Gate, Reason, target_of
from reconciler.planning.braked import holds_steps_in_place
from reconciler.planning.courses.by_hand import order_for
from reconciler.planning.courses.carrying import worth_stopping
from reconciler.planning.courses.fencing import is_forced
from reconciler.planning.courses.latecomers import (
    is_late_with_its_zone,
    wait_for_the_late,
    works_somewhere,
)
from reconciler.planning.courses.moving import misplaced_claim
from reconciler.planning.courses.replacing import (
    advance_replacement,
    course_of_replacing,
    launch_replacement,
    replace_as_ordered,
)
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import incarnation_of
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent, IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.orders import OrderKind
from reconciler.planning.phrases import clause_of

POINTLESS: dict[Sign, frozenset[LadderStep]] = {
    # A reboot stays on the same hardware; stop and start moves to another (EC2 user guide, status checks).
    Sign.SYSTEM_CHECK: frozenset({LadderStep.REBOOT}),
    # The guest cannot complete I/O, so it cannot shut down cleanly either.
    Sign.ATTACHED_EBS_CHECK: frozenset({LadderStep.REBOOT}),
    Sign.STOPPED: frozenset({LadderStep.REBOOT}),
    # What never came up has nothing to lose and may have been launched wrong.
    Sign.PENDING: frozenset({LadderStep.REBOOT, LadderStep.RESTART}),
    Sign.INSTANCE_CHECK: frozenset(),
    Sign.PROBE: frozenset(),
    Sign.USER_CHECK: frozenset(),
    Sign.CLAIM: frozenset(),
    Sign.CLAIM_ERROR: frozenset({LadderStep.REBOOT, LadderStep.RESTART}),
    Sign.SCHEDULED_EVENT: frozenset(),
    Sign.NO_DATA: frozenset(),
}

REASONS = (
    (Sign.STOPPED, Reason.STOPPED_BY_HAND),
    (Sign.SYSTEM_CHECK, Reason.SYSTEM_CHECK),
    (Sign.INSTANCE_CHECK, Reason.INSTANCE_CHECK),
    (Sign.ATTACHED_EBS_CHECK, Reason.ATTACHED_EBS_CHECK),
    (Sign.PROBE, Reason.PROBE),
    (Sign.USER_CHECK, Reason.USER_CHECK),
)

RELAPSE = timedelta(hours=1)
"""A step that helped for less than this did not help: the next time it is the next one's turn."""


def repair(here: Situation, occupant: Instance, verdict: Verdict) -> Decision:
    """The next step for an unhealthy occupant. What is under way is finished before a new step begins.

    Where a person ordered its replacement, that is the step, and nobody is asked once more.
    """
    if (order := order_for(here, OrderKind.REPLACE, occupant)) is not None:
        return replace_as_ordered(here, occupant, order)
    if (held := _doubtful(here, occupant, verdict)) is not None:
        return held
    if (waiting := _volume_to_be_judged(here, verdict)) is not None:
        return waiting
    if here.view.replacement is not None:
        return advance_replacement(here, here.view.replacement)
    if not works_somewhere(here) and (
        kept := wait_for_the_late(here, occupant, clause_of(verdict))
    ):
        return kept
    steps = _steps_taken(here, occupant)
    useless = _pointless(here, occupant, verdict) | _tried(steps)
    useless |= _held_in_place(here, occupant, useless)
    for step in here.fleet.repair.ladder:
        if step not in useless:
            return _take(here, occupant, verdict, step, steps)
    why = f"{clause_of(verdict)}; no step of its ladder is left"
    return here.hold(why, Hold(course=Course.REPAIR, gate=Gate.LADDER, reason=why))


def _doubtful(here: Situation, occupant: Instance, verdict: Verdict) -> Decision | None:
    """A passing probe is serving; and one vantage point alone never takes out data (design section 6)."""
    if not here.fleet.stateful:
        return None
    treated = incarnation_of(occupant.tags)
    if verdict.serving:
        gate, why = Gate.SERVING, f"its probe passes, although {clause_of(verdict)}"
    elif verdict.bad_signs == {Sign.PROBE}:
        if (misplaced := misplaced_claim(here)) is not None:
            return misplaced  # What explains the probe comes before what a person would vouch for.
        gate, why = Gate.THIRD_SIGN, f"only its probe fails: {clause_of(verdict)}"
    else:
        return None
    return here.ask(gate, Course.REPAIR, treated, why)


def _volume_to_be_judged(here: Situation, verdict: Verdict) -> Decision | None:
    """Where the instance can't reach a volume that is about to be judged stuck, no step of the ladder helps, and
    nothing is gained by a replacement that takes over to have that volume moved to it.
    """
    if Sign.ATTACHED_EBS_CHECK not in verdict.bad_signs:
        return None
    for claim in here.view.claims:
        judged = here.case.volume_verdicts.get(claim.volume.id) if claim.volume else None
        if judged is None or judged.condition is not VolumeCondition.SUSPECT:
            continue
        if judged.bad_signs and judged.changes_at is not None:
            why = f"{claim.volume.id if claim.volume else ''} is suspect: it may be what its instance can't reach"
            return here.rest(Bucket.WAITING, why, next_check_at=judged.changes_at)
    return None


def _pointless(here: Situation, occupant: Instance, verdict: Verdict) -> set[LadderStep]:
    """Steps that the evidence makes pointless, or that could not be undone here and now."""
    steps = {step for sign in verdict.bad_signs for step in POINTLESS[sign]}
    if verdict.serving or not verdict.bad_signs:
        # It serves, or it never came up: nothing is gained by taking it down first.
        steps |= {LadderStep.REBOOT, LadderStep.RESTART}
    short = any(
        (memory.zone, memory.type) == (occupant.zone, occupant.type) and here.now < memory.until
        for memory in here.case.memory.capacity
    )
    stopped = occupant.state is InstanceState.STOPPED
    replaceable = LadderStep.REPLACE in here.fleet.repair.ladder
    if short and (not stopped or replaceable):
        # A stopped instance needs capacity to start again; never destroy what can't be replaced.
        steps.add(LadderStep.RESTART)
    if is_late_with_its_zone(here, occupant):
        steps |= {LadderStep.REBOOT, LadderStep.RESTART}
    if not here.case.capabilities.works(occupant.zone, CapabilityKind.LAUNCH):
        elsewhere = replaceable and not here.fleet.stateful and works_somewhere(here)
        if not stopped or elsewhere:
            steps.add(LadderStep.RESTART)
    return steps


def _held_in_place(
    here: Situation, occupant: Instance, useless: set[LadderStep]
) -> set[LadderStep]:
    """Where conditions hold what takes an occupant down, a replacement is prepared elsewhere instead of waiting.

    A start takes nothing down. Where there is no replacing, the step waits with its reason.
    """
    replaced = LadderStep.REPLACE in here.fleet.repair.ladder and LadderStep.REPLACE not in useless
    if not replaced or not holds_steps_in_place(here.case, occupant.zone, here.fleet.name):
        return set()
    stopped = occupant.state is InstanceState.STOPPED
    return {LadderStep.REBOOT} if stopped else {LadderStep.REBOOT, LadderStep.RESTART}


def _steps_taken(here: Situation, occupant: Instance) -> list[Intent]:
    """What we did to repair this instance in this trouble, or shortly before it."""
    since = min(here.down_since(occupant) or here.now, here.now - RELAPSE)
    return [
        intent
        for intent in here.view.recent
        if intent.action.course is Course.REPAIR
        and intent.begun_at >= since
        and intent.state not in WITHOUT_A_TRACE
        and target_of(intent.action.request) == occupant.id
    ]


def _tried(steps: list[Intent]) -> set[LadderStep]:
    """Steps that ended, well or not."""
    tried = set()
    for intent in steps:
        if isinstance(intent.action.request, RebootInstance):
            tried.add(LadderStep.REBOOT)
        if isinstance(intent.action.request, StartInstance):
            tried.add(LadderStep.RESTART)
        if is_forced(intent) and intent.state is IntentState.DEAD:
            tried.add(LadderStep.RESTART)
    return tried


def _take(
    here: Situation, occupant: Instance, verdict: Verdict, step: LadderStep, steps: list[Intent]
) -> Decision:
    reason = next((r for sign, r in REASONS if sign in verdict.bad_signs), Reason.NEVER_STARTED)
    detail = clause_of(verdict)
    stops = [item for item in steps if isinstance(item.action.request, StopInstance)]
    match step:
        case LadderStep.REBOOT:
            reboot = RebootInstance(instance_id=occupant.id)
            return _step(here, occupant, reboot, reason, detail)
        case LadderStep.RESTART if occupant.state is InstanceState.STOPPED:
            start = StartInstance(instance_id=occupant.id)
            begun = bool(stops)
            why = Reason.RESTARTING if begun else Reason.STOPPED_BY_HAND
            return _step(here, occupant, start, why, detail, continuation=begun)
        case LadderStep.RESTART:
            return _stop(here, occupant, stops, reason, detail)
        case LadderStep.REPLACE:
            if occupant.state is not InstanceState.STOPPED and (cause := worth_stopping(here)):
                return _stop(here, occupant, stops, Reason.WRITE_FENCE, f"{detail}; {cause}")
            course = course_of_replacing(here)
            return launch_replacement(
                here, occupant, reason, detail, course=course, by_judgement=verdict.by_judgement
            )


def _stop(
    here: Situation, occupant: Instance, stops: list[Intent], reason: Reason, detail: str
) -> Decision:
    """With force where ours hung, or another's is under way."""
    hangs = any(item.state is IntentState.DEAD for item in stops)
    forced = hangs or occupant.state is InstanceState.STOPPING
    stop = StopInstance(instance_id=occupant.id, forced=forced)
    return _step(here, occupant, stop, reason, detail, continuation=hangs, guarded=True)


def _step(
    here: Situation,
    occupant: Instance,
    request: Request,
    reason: Reason,
    detail: str,
    *,
    continuation: bool = False,
    guarded: bool = False,
) -> Decision:
    starts = isinstance(request, StartInstance)
    draft = here.draft(
        occupant,
        request,
        nature=Nature.CONSTRUCTIVE if starts else Nature.DISRUPTIVE,
        course=Course.REPAIR,
        reason=reason,
        detail=detail,
        by_judgement=here.verdict(occupant).by_judgement,
        continuation=continuation,
        guarded=guarded,
    )
    return here.act(detail, draft)
