"""Fences: proof that an instance can no longer write before its volume moves, or no longer serve (section 7.2).

Stop, then stop with force, each within its deadline. What neither proves is a fence debt: a person is told, and it is
tried again and again, since waiting proves nothing.
"""

from __future__ import annotations

from datetime import datetime

from providers.observed import Instance, InstanceState
from providers.requests import StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.courses.by_hand import order_for
from reconciler.planning.courses.isolating import isolate
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.orders import OrderKind


def write_fence(here: Situation, occupant: Instance, holder: Instance) -> Decision:
    """The next step that proves `holder` stopped, so that its volume can move to `occupant`."""
    return _fence(
        here,
        holder,
        course=Course.KEEP_THE_DATA,
        reason=Reason.WRITE_FENCE,
        detail=f"{holder.id} must not write any more before its volume moves to {occupant.id}",
        debt=f"{holder.id} can't be proved stopped, so {occupant.id} must not get its volume",
    )


def serve_fence(here: Situation, occupant: Instance, holder: Instance) -> Decision:
    """The next step that proves `holder` stopped, now that `occupant` has its place with copies of its volumes.

    Where even a forced stop hangs, it is cut off instead if groups for that are declared.
    """
    hangs = any(
        is_forced(item) and item.state is IntentState.DEAD for item in stops_of(here, holder)
    )
    if hangs and (isolating := isolate(here, holder)) is not None:
        return isolating
    return _fence(
        here,
        holder,
        course=Course.RESTORE,
        reason=Reason.SERVE_FENCE,
        detail=f"{holder.id} must not serve any more: {occupant.id} holds the slot with a copy",
        debt=f"{holder.id} can't be proved stopped, so {occupant.id} must not serve yet",
        confirmable_id=holder.id,
    )


def _fence(
    here: Situation,
    holder: Instance,
    *,
    course: Course,
    reason: Reason,
    detail: str,
    debt: str,
    confirmable_id: str | None = None,
) -> Decision:
    deadlines = here.case.desired.policy.deadlines
    hanging = [item for item in stops_of(here, holder) if item.state is IntentState.DEAD]
    forced = [item for item in hanging if is_forced(item)]
    if forced:
        again_at = forced[-1].updated_at + deadlines.stop_unproven
        if here.now < again_at and not _ordered_since(here, forced[-1].updated_at):
            hold = Hold(
                course=course,
                gate=Gate.FENCE,
                reason=debt,
                earliest_release=again_at,
                confirmable_id=confirmable_id,
            )
            return here.hold(debt, hold)
    if holder.state is InstanceState.STOPPING and not hanging:
        hangs_at = _stopping_since(here, holder) + deadlines.stop
        if here.now < hangs_at:
            return here.rest(Bucket.WAITING, f"{holder.id} is stopping", next_check_at=hangs_at)
    force = bool(hanging) or holder.state is InstanceState.STOPPING
    stop = here.draft(
        holder,
        StopInstance(instance_id=holder.id, forced=force),
        nature=Nature.ENTAILED,
        course=course,
        reason=reason,
        detail=detail,
        continuation=True,
    )
    return here.act(detail, stop)


def _ordered_since(here: Situation, last_ended_at: datetime) -> bool:
    """Whether a person ordered after the last attempt to try once more."""
    occupant = here.view.occupant
    order = order_for(here, OrderKind.FENCE, occupant) if occupant else None
    return order is not None and order.given_at > last_ended_at


def stops_of(here: Situation, instance: Instance) -> list[Intent]:
    """Our closed stops of an instance, oldest first."""
    return [
        intent
        for intent in here.view.recent
        if isinstance(intent.action.request, StopInstance)
        and intent.action.request.instance_id == instance.id
    ]


def is_forced(intent: Intent) -> bool:
    """Whether an intent is a stop with force."""
    request = intent.action.request
    return isinstance(request, StopInstance) and request.forced


def _stopping_since(here: Situation, instance: Instance) -> datetime:
    """Since when somebody else's stop is under way, as far as is known."""
    remembered = here.case.memory.health.get(instance.id)
    seen = remembered.since.get(Sign.STOPPED) if remembered else None
    return instance.state_changed_at or seen or here.now
