"""Moving a claim's volume to the occupant: write fence, detach, attach, one at a time (design section 7.2).

The fence is the state of the instance that holds the volume, not the detach: `stopped` or `terminated`, read in the
observation and again by id right before the detach. Force-detach is never sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from desired_state.model import Claim
from providers.observed import Attachment, AttachmentState, Instance, InstanceState, Volume
from providers.requests import AttachVolume, DetachVolume
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.courses.fencing import write_fence
from reconciler.planning.courses.keeping import safe_corrections
from reconciler.planning.courses.replacing import advance_replacement, launch_replacement
from reconciler.planning.decision import Decision, Draft, Hold, Situation
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import span
from reconciler.planning.placing.reach import hangs_since
from reconciler.planning.slots.claims import ClaimView, Standing

NO_ROOM_FOR_IT = ("InvalidParameterValue", "AttachmentLimitExceeded")
"""How EC2 refuses a device name that something has taken, and one volume more."""
SETTLED = (Standing.ATTACHED, Standing.LOST, Standing.ERROR, Standing.NEVER_FILLED)


def move_the_data(here: Situation, occupant: Instance) -> Decision | None:
    """The next step that brings the slot's volumes to its occupant; None when none can or need be moved."""
    if occupant.state is not InstanceState.RUNNING:
        return None
    for claim in here.view.claims:
        if claim.standing not in SETTLED:
            return _move(here, occupant, claim)
    return None


def _move(here: Situation, occupant: Instance, view: ClaimView) -> Decision:
    match view:
        case ClaimView(standing=Standing.FREE, volume=Volume() as volume):
            return _attach(here, occupant, view.claim, volume)
        case ClaimView(attachment=Attachment() as attachment) if _is_with_an_original(
            here, view, attachment
        ):
            return _take_from_holder(here, occupant, view, attachment)
        case ClaimView(standing=Standing.MISPLACED):
            return _hold_for_the_misplaced(here, view)
        case ClaimView(standing=Standing.UNPROVEN):
            hold = Hold(course=Course.REATTACH, gate=Gate.UNPROVEN_ABSENCE, reason=view.detail)
            return here.hold(view.detail, hold)
        case _:
            return _wait_or_say(here, occupant, view)


def misplaced_claim(here: Situation) -> Decision | None:
    """Holds a slot of which a volume is on another device than declared; None where none is."""
    found = (view for view in here.view.claims if view.standing is Standing.MISPLACED)
    view = next(found, None)
    return None if view is None else _hold_for_the_misplaced(here, view)


def _hold_for_the_misplaced(here: Situation, view: ClaimView) -> Decision:
    """Somebody put it there, or the claim was declared anew; nothing is detached from what runs."""
    why = f"{view.detail}; detach it, and it is attached as declared"
    return here.hold(why, Hold(course=Course.REATTACH, gate=Gate.CONFLICT, reason=why))


def _is_with_an_original(here: Situation, view: ClaimView, attachment: Attachment) -> bool:
    """Held by another instance; or on its way to one for so long that it was superseded."""
    if view.standing is Standing.HELD:
        return True
    superseded = {item.id for item in here.view.superseded}
    return attachment.state is AttachmentState.ATTACHING and attachment.instance_id in superseded


def _attach(here: Situation, occupant: Instance, claim: Claim, volume: Volume) -> Decision:
    if (obstacle := _obstacle(occupant, claim, volume)) is not None:
        hold = Hold(course=Course.REATTACH, gate=Gate.CONFLICT, reason=obstacle)
        return here.hold(obstacle, hold)
    refused_since = _refused_since(here, occupant, volume)
    if here.now >= refused_since + here.case.desired.policy.deadlines.attach:
        detail = f"{volume.id} is refused as {claim.device} by {occupant.id} since {refused_since:%H:%M}Z"
        return _to_another_instance(here, occupant, detail)
    fresh = Tag.IN_SERVICE_SINCE not in occupant.tags
    detail = f"{volume.id} fills claim {claim.name}"
    draft = here.draft(
        occupant,
        AttachVolume(volume_id=volume.id, instance_id=occupant.id, device=claim.device),
        nature=Nature.CONSTRUCTIVE,
        course=Course.KEEP_THE_DATA if fresh else Course.REATTACH,
        reason=Reason.MOVE_DATA if fresh else Reason.CLAIM_UNATTACHED,
        detail=detail,
        claim=claim.name,
        continuation=fresh,
    )
    return here.act(detail, draft)


def _refused_since(here: Situation, occupant: Instance, volume: Volume) -> datetime:
    """Since when this instance has had no room for the volume, whatever its lists show; now where it may have."""
    refused = (
        intent.begun_at
        for intent in here.view.recent
        if intent.error_code in NO_ROOM_FOR_IT
        and isinstance(intent.action.request, AttachVolume)
        and intent.action.request.volume_id == volume.id
        and intent.action.request.instance_id == occupant.id
    )
    return min(refused, default=here.now)


def _obstacle(occupant: Instance, claim: Claim, volume: Volume) -> str | None:
    """Why EC2 would refuse the attachment for ever."""
    if volume.zone != occupant.zone:
        return f"{volume.id} is in {volume.zone}, {occupant.id} in {occupant.zone}"
    for item in occupant.attachments:
        if item.device == claim.device:
            return f"{claim.device} of {occupant.id} is taken by {item.volume_id}"
    return None


def _take_from_holder(
    here: Situation, occupant: Instance, view: ClaimView, attachment: Attachment
) -> Decision:
    """Fence the holder, then detach from it. Only an original that was superseded is ever fenced."""
    holder = next(
        (i for i in (*here.view.alive, *here.view.ending) if i.id == attachment.instance_id), None
    )
    if holder is None or (holder.alive and holder not in here.view.superseded):
        hold = Hold(course=Course.KEEP_THE_DATA, gate=Gate.CONFLICT, reason=view.detail)
        return here.hold(view.detail, hold)
    match holder.state:
        case InstanceState.STOPPED:
            return _detach(here, holder, view, attachment)
        case InstanceState.SHUTTING_DOWN | InstanceState.TERMINATED:
            detail = f"{holder.id} is {holder.state}; {view.detail}"
            within = here.case.desired.policy.deadlines.terminate
            return _wait_at_most(here, occupant, view, detail, within)
        case InstanceState.RUNNING | InstanceState.PENDING | InstanceState.STOPPING:
            return write_fence(here, occupant, holder)


def _detach(here: Situation, holder: Instance, view: ClaimView, attachment: Attachment) -> Decision:
    if (since := hangs_since(here, attachment)) is not None:
        return _hanging(here, f"{view.detail}; its detach hangs since {since:%H:%M}Z")
    if naming := _names_of_a_copy(here, view):
        return here.act(f"{attachment.volume_id} is named for its claim before it moves", *naming)
    detail = f"{holder.id} is stopped; {attachment.volume_id} can leave it"
    draft = here.draft(
        holder,
        DetachVolume(
            volume_id=attachment.volume_id, instance_id=holder.id, device=attachment.device
        ),
        nature=Nature.ENTAILED,
        course=Course.KEEP_THE_DATA,
        reason=Reason.MOVE_DATA,
        detail=detail,
        claim=view.claim.name,
        continuation=True,
    )
    return here.act(detail, draft)


def _names_of_a_copy(here: Situation, view: ClaimView) -> list[Draft]:
    """Off its device, nothing but its name would tell a copy from a former root volume."""
    if view.volume is None or view.volume.snapshot_id is None:
        return []
    return [item for item in safe_corrections(here) if item.action.claim == view.claim.name]


def _wait_or_say(here: Situation, occupant: Instance, view: ClaimView) -> Decision:
    """In motion by nobody's open intent: it may take as long as such a thing takes, then a person is told."""
    deadlines = here.case.desired.policy.deadlines
    attachment = view.attachment
    if attachment is None:
        return _wait_at_most(here, occupant, view, view.detail, deadlines.create)
    if attachment.state is AttachmentState.ATTACHING:
        return _wait_for_attachment(here, occupant, view)
    if (since := hangs_since(here, attachment)) is not None:
        return _hanging(here, f"{view.detail}; its detach hangs since {since:%H:%M}Z")
    return _wait_at_most(here, occupant, view, view.detail, deadlines.detach)


def _wait_for_attachment(here: Situation, occupant: Instance, view: ClaimView) -> Decision:
    """A device name may be unusable on one host for good: past the deadline another instance gets the volume.

    Only where it was our own attachment that ended at its deadline; of another's nobody knows since when it hangs.
    """
    tries = [
        intent
        for intent in here.view.recent
        if isinstance(intent.action.request, AttachVolume)
        and intent.action.claim == view.claim.name
        and intent.action.request.instance_id == occupant.id
    ]
    if tries and tries[-1].state is IntentState.DEAD:
        return _to_another_instance(here, occupant, f"{view.detail}, and hangs")
    deadline = here.case.desired.policy.deadlines.attach
    return _wait_at_most(here, occupant, view, view.detail, deadline)


def _to_another_instance(here: Situation, occupant: Instance, detail: str) -> Decision:
    """Another host has the device name free; nothing is torn off this one for it."""
    if here.view.replacement is not None:
        return advance_replacement(here, here.view.replacement)
    return launch_replacement(
        here, occupant, Reason.ATTACHMENT_HANGS, detail, course=Course.KEEP_THE_DATA
    )


def _wait_at_most(
    here: Situation, occupant: Instance, view: ClaimView, detail: str, duration: timedelta
) -> Decision:
    """Wait, counted from when the occupant's trouble or the last step began; past that it hangs."""
    began = max(here.down_since(occupant) or here.now, _last_moved_at(here, view))
    if here.now < began + duration:
        return here.rest(Bucket.WAITING, detail, next_check_at=began + duration)
    return _hanging(here, f"{detail}, for {span(here.now - began)}")


def _last_moved_at(here: Situation, view: ClaimView) -> datetime:
    """When the last step that we took with the claim's volume came to its end; long ago when there was none."""
    ends = (
        intent.updated_at
        for intent in here.view.recent
        if isinstance(intent.action.request, AttachVolume | DetachVolume)
        and intent.action.claim == view.claim.name
        and intent.state is IntentState.OBSERVED
    )
    return max(ends, default=datetime.min.replace(tzinfo=here.now.tzinfo))


def _hanging(here: Situation, detail: str) -> Decision:
    why = f"{detail}; nothing is forced"
    return here.hold(why, Hold(course=Course.KEEP_THE_DATA, gate=Gate.FENCE, reason=why))
