"""What one slot needs: the table of design section 7.1, read top-down.

decide              copies of its snapshots in other regions, beside what follows                            copies
  _decide           conflicts, open intents, gaps, surplus; then by whether the slot has an occupant
    without         none ever: launch; gone: launch again, or around its volumes; else wait for proof       vacancy
    with one        move the data to it; then by verdict: keep it healthy, repair, or watch   moving, keeping, repair
                    healthy: beside that its backups, and the end of what was kept        backups, reclaiming
"""

from __future__ import annotations

from providers.observed import Instance
from reconciler.health.verdict import Sign, Status, Verdict
from reconciler.planning.actions import Bucket, Course, Gate
from reconciler.planning.backups.copies import copy_elsewhere
from reconciler.planning.backups.due import back_up
from reconciler.planning.backups.reclaiming import reclaim
from reconciler.planning.courses.by_hand import trouble_or_order, with_orders_told
from reconciler.planning.courses.carrying import carry_over
from reconciler.planning.courses.keeping import is_staged, keep_healthy, let_in, safe_corrections
from reconciler.planning.courses.leaving import leave_behind
from reconciler.planning.courses.moving import move_the_data
from reconciler.planning.courses.remove import remove_slot
from reconciler.planning.courses.repair import repair
from reconciler.planning.courses.restoring import restore
from reconciler.planning.courses.unseen import gap_over
from reconciler.planning.courses.vacancy import fill
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import Role, incarnation_of, role_of
from reconciler.planning.intents import Intent
from reconciler.planning.losses.lost import Trouble, trouble_of
from reconciler.planning.phrases import clause_of, since_clause
from reconciler.planning.slots.absence import Absence
from reconciler.planning.slots.claims import Standing

ABOUT_THE_SERVICE = frozenset({Sign.PROBE, Sign.USER_CHECK, Sign.CLAIM_ERROR})
"""Bad signs that a volume out of place explains; the others are EC2's word against the instance itself."""


def decide(here: Situation) -> Decision:
    """What the slot needs now, what people ordered for it, and what of its snapshots is due elsewhere."""
    return copy_elsewhere(here, with_orders_told(here, _decide(here)))


def _decide(here: Situation) -> Decision:
    """The first line that fits decides."""
    if (conflict := _conflict(here)) is not None:
        return conflict
    if here.view.busy:
        return _wait_for(here, here.view.busy)
    occupant = here.view.occupant
    if (gap := gap_over(here, occupant.zone if occupant else None)) is not None:
        why = f"not seen: {gap.subject} could not be read ({gap.code})"
        return here.rest(Bucket.UNKNOWN, why)
    if not here.view.wanted:
        return remove_slot(here)
    if occupant is None:
        return fill(here)
    return _with_occupant(here, occupant)


# What stops every decision


def _conflict(here: Situation) -> Decision | None:
    """Two claim the slot, or what we know of it is contradicted: a person decides."""
    view = here.view
    committed = incarnation_of(view.occupant.tags) if view.occupant else 0
    removed = [
        f"{item.id} exists without our tags"
        for item, absence in view.missing
        if absence is Absence.TAGS_REMOVED and item.incarnation >= committed
    ]
    if removed or view.doubts:
        why = f"{(*removed, *view.doubts)[0]}; put our tags back as they were, or terminate it"
        return _conflict_hold(here, Gate.TAGS_REMOVED, why)
    twins = [item.id for item in view.extras if role_of(item.tags) is not Role.REPLACEMENT]
    if twins:
        why = f"{', '.join(twins)} claims the slot as well; leave one of them"
        return _conflict_hold(here, Gate.CONFLICT, why)
    last = [i.id for i in view.superseded if incarnation_of(i.tags) == view.highest_incarnation]
    if last:
        why = f"{', '.join(last)} is dated like what was replaced, and nothing took its place; take the date off"
        return _conflict_hold(here, Gate.CONFLICT, why)
    for claim in view.claims:
        if claim.standing is Standing.CONFLICT:
            return _conflict_hold(here, Gate.CONFLICT, claim.detail)
    return None


def _conflict_hold(here: Situation, gate: Gate, why: str) -> Decision:
    return here.hold(f"conflict: {why}", Hold(course=Course.REPAIR, gate=gate, reason=why))


def _wait_for(here: Situation, intents: tuple[Intent, ...]) -> Decision:
    """An unresolved intent keeps its slot busy."""
    intent = intents[0]
    what = f"{intent.action.request.kind} {intent.state}"
    if intent.resource_id:
        what += f" as {intent.resource_id}"
    return here.rest(Bucket.WAITING, f"{what} {since_clause(intent.begun_at, here.now)}")


# An occupant


def _with_occupant(here: Situation, occupant: Instance) -> Decision:
    verdict = here.verdict(occupant)
    beside = here.not_open([*safe_corrections(here), *let_in(here, occupant)])
    if (fencing := leave_behind(here, occupant, beside)) is not None:
        return fencing
    trouble = trouble_or_order(here, occupant, _trouble_due(here, occupant, verdict))
    if trouble is not None:
        return restore(here, occupant, trouble)
    if (carrying := carry_over(here, occupant)) is not None:
        return carrying
    if _can_use_its_data(here, verdict) and (moving := move_the_data(here, occupant)) is not None:
        return moving
    if _may_serve(verdict) and is_staged(here, occupant) and (groups := let_in(here, occupant)):
        return here.act("it has its data; its service is let in", *groups)
    match verdict.status:
        case Status.HEALTHY:
            kept = back_up(here, occupant, keep_healthy(here, occupant))
            return reclaim(here, occupant, kept)
        case Status.UNHEALTHY:
            return repair(here, occupant, verdict)
        case Status.STARTING | Status.SUSPECT:
            return _watch(here, occupant, verdict)
        case Status.UNKNOWN:
            return here.rest(Bucket.UNKNOWN, f"unknown: {clause_of(verdict)}")


def _can_use_its_data(here: Situation, verdict: Verdict) -> bool:
    """Data is not brought to an instance that EC2 speaks against, nor to one that is being replaced."""
    if verdict.status is not Status.UNHEALTHY:
        return True
    return _may_serve(verdict) and here.view.replacement is None


def _may_serve(verdict: Verdict) -> bool:
    """Nothing speaks against it but what its data, or the groups in which it waits, explain."""
    if verdict.status is not Status.UNHEALTHY:
        return True
    return bool(verdict.bad_signs) and verdict.bad_signs <= ABOUT_THE_SERVICE


def _watch(here: Situation, occupant: Instance, verdict: Verdict) -> Decision:
    """Not healthy, not unhealthy: wait for what comes first. A stop by hand is somebody's wish, for a while."""
    summary = f"{verdict.status}: {clause_of(verdict)}"
    if Sign.STOPPED in verdict.bad_signs:
        hold = Hold(
            course=Course.REPAIR,
            gate=Gate.STOPPED_BY_HAND,
            reason=f"{occupant.id} was stopped by somebody else; left alone for now",
            earliest_release=verdict.changes_at,
        )
        return here.hold(summary, hold)
    corrections = here.not_open([*safe_corrections(here), *let_in(here, occupant)])
    return here.act(summary, *corrections, next_check_at=verdict.changes_at)


def _trouble_due(here: Situation, occupant: Instance, verdict: Verdict) -> Trouble | None:
    """What only a restore mends, once the volumes that an instance was launched with must be shown: views may lag.

    An instance that somebody stopped is left alone first.
    """
    volumes_due_at = occupant.launched_at + here.case.desired.policy.deadlines.create
    unhealthy = verdict.status is Status.UNHEALTHY
    if not unhealthy and (Sign.STOPPED in verdict.bad_signs or here.now < volumes_due_at):
        return None
    return trouble_of(here, occupant)
