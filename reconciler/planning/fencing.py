"""The write fence: proof that an instance can no longer write, before its volume goes elsewhere (section 7.2).

Stop, then stop with force, each within its deadline. What neither proves is a fence debt: a person is told, and it is
tried again and again, since waiting proves nothing.
"""

from __future__ import annotations

from datetime import datetime

from providers.observed import Instance, InstanceState
from providers.requests import StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.decision import Decision, Draft, Hold, Situation
from reconciler.planning.intents import Intent, IntentState


def write_fence(here: Situation, occupant: Instance, holder: Instance) -> Decision:
    """The next step that proves `holder` stopped, so that its volume can move to `occupant`."""
    deadlines = here.case.desired.policy.deadlines
    hanging = [item for item in stops_of(here, holder) if item.state is IntentState.DEAD]
    forced = [item for item in hanging if is_forced(item)]
    if forced:
        again_at = forced[-1].updated_at + deadlines.stop_unproven
        if here.now < again_at:
            return _debt(here, occupant, holder, again_at)
    if holder.state is InstanceState.STOPPING and not hanging:
        hangs_at = _stopping_since(here, holder) + deadlines.stop
        if here.now < hangs_at:
            return here.rest(Bucket.WAITING, f"{holder.id} is stopping", next_check_at=hangs_at)
    force = bool(hanging) or holder.state is InstanceState.STOPPING
    stop = _stop(here, occupant, holder, forced=force)
    return here.act(stop.action.detail, stop)


def _debt(here: Situation, occupant: Instance, holder: Instance, again_at: datetime) -> Decision:
    why = f"{holder.id} can't be proved stopped, so {occupant.id} must not get its volume"
    hold = Hold(course=Course.KEEP_THE_DATA, gate=Gate.FENCE, reason=why, earliest_release=again_at)
    return here.hold(why, hold)


def _stop(here: Situation, occupant: Instance, holder: Instance, *, forced: bool) -> Draft:
    return here.draft(
        holder,
        StopInstance(instance_id=holder.id, forced=forced),
        course=Course.KEEP_THE_DATA,
        reason=Reason.WRITE_FENCE,
        detail=f"{holder.id} must not write any more before its volume moves to {occupant.id}",
        continuation=True,
    )


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
