"""Moving a claim's volume to the occupant: write fence, detach, attach, one at a time (design section 7.2).

The fence is the state of the instance that holds the volume, not the detach: `stopped` or `terminated`, read in the
observation and again by id right before the detach. Force-detach is never sent.
"""

from __future__ import annotations

from datetime import datetime

from providers.observed import AttachmentState, Instance, InstanceState
from providers.requests import AttachVolume, DetachVolume, StopInstance
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.claims import ClaimView, Standing
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import Tag
from reconciler.planning.intents import WITHOUT_EFFECT, Intent

SETTLED = (Standing.ATTACHED, Standing.LOST, Standing.ERROR, Standing.NEVER_FILLED)


def move_the_data(here: Situation, occupant: Instance) -> Decision | None:
    """The next step that brings the slot's volumes to its occupant; None when none can or need be moved."""
    if occupant.state is not InstanceState.RUNNING:
        return None
    for claim in here.view.claims:
        if claim.standing not in SETTLED:
            return _move(here, occupant, claim)
    return None


def _move(here: Situation, occupant: Instance, claim: ClaimView) -> Decision:
    match claim.standing:
        case Standing.FREE:
            return _attach(here, occupant, claim)
        case Standing.HELD:
            return _take_from_holder(here, occupant, claim)
        case Standing.UNPROVEN:
            hold = Hold(course=Course.REATTACH, gate=Gate.UNPROVEN_ABSENCE, reason=claim.detail)
            return here.hold(claim.detail, hold)
        case _:
            return _wait_or_say(here, claim)


def _attach(here: Situation, occupant: Instance, claim: ClaimView) -> Decision:
    volume = claim.volume
    assert volume is not None  # noqa: S101 - a free claim has a volume
    if volume.zone != occupant.zone:
        why = f"{volume.id} is in {volume.zone}, {occupant.id} in {occupant.zone}"
        return here.hold(why, Hold(course=Course.REATTACH, gate=Gate.CONFLICT, reason=why))
    fresh = Tag.IN_SERVICE_SINCE not in occupant.tags
    detail = f"{volume.id} fills claim {claim.claim.name}"
    draft = here.draft(
        occupant,
        AttachVolume(volume_id=volume.id, instance_id=occupant.id, device=claim.claim.device),
        course=Course.KEEP_THE_DATA if fresh else Course.REATTACH,
        reason=Reason.MOVE_DATA if fresh else Reason.CLAIM_UNATTACHED,
        detail=detail,
        claim=claim.claim.name,
        continuation=fresh,
    )
    return here.act(detail, draft)


def _take_from_holder(here: Situation, occupant: Instance, claim: ClaimView) -> Decision:
    """Fence the holder, then detach from it. Only an original that was superseded is ever fenced."""
    attachment = claim.attachment
    assert attachment is not None  # noqa: S101 - a held claim is attached
    holder = next(
        (i for i in (*here.view.alive, *here.view.ending) if i.id == attachment.instance_id), None
    )
    if holder is None or (holder.alive and holder not in here.view.superseded):
        hold = Hold(course=Course.KEEP_THE_DATA, gate=Gate.CONFLICT, reason=claim.detail)
        return here.hold(claim.detail, hold)
    match holder.state:
        case InstanceState.STOPPED:
            return _detach(here, holder, claim)
        case InstanceState.SHUTTING_DOWN | InstanceState.TERMINATED:
            return here.rest(Bucket.WAITING, f"{holder.id} is {holder.state}; {claim.detail}")
        case InstanceState.RUNNING | InstanceState.PENDING | InstanceState.STOPPING:
            return _fence(here, occupant, holder)


def _fence(here: Situation, occupant: Instance, holder: Instance) -> Decision:
    """Stop, then stop with force; when neither is proved, a person has to say."""
    stops = [item for item in _intents_on(here, holder.id) if _had_no_effect(item)]
    if any(_is_forced(item) for item in stops):
        why = f"{holder.id} can't be proved stopped, so {occupant.id} must not get its volume"
        return here.hold(why, Hold(course=Course.KEEP_THE_DATA, gate=Gate.FENCE, reason=why))
    if holder.state is InstanceState.STOPPING and not stops:
        return here.rest(Bucket.WAITING, f"{holder.id} is stopping")
    detail = f"{holder.id} must not write any more before its volume moves to {occupant.id}"
    draft = here.draft(
        holder,
        StopInstance(instance_id=holder.id, forced=bool(stops)),
        course=Course.KEEP_THE_DATA,
        reason=Reason.WRITE_FENCE,
        detail=detail,
        continuation=True,
    )
    return here.act(detail, draft)


def _detach(here: Situation, holder: Instance, claim: ClaimView) -> Decision:
    attachment = claim.attachment
    assert attachment is not None  # noqa: S101 - a held claim is attached
    if (hanging := _hangs(here, attachment.volume_id)) is not None:
        return _hanging(here, claim, hanging)
    detail = f"{holder.id} is stopped; {attachment.volume_id} can leave it"
    draft = here.draft(
        holder,
        DetachVolume(
            volume_id=attachment.volume_id, instance_id=holder.id, device=attachment.device
        ),
        course=Course.KEEP_THE_DATA,
        reason=Reason.MOVE_DATA,
        detail=detail,
        claim=claim.claim.name,
        continuation=True,
    )
    return here.act(detail, draft)


def _wait_or_say(here: Situation, claim: ClaimView) -> Decision:
    """In motion: wait, unless our detach is past its deadline."""
    moving = claim.attachment is not None and claim.attachment.state in (
        AttachmentState.DETACHING,
        AttachmentState.BUSY,
    )
    volume = claim.volume
    if moving and volume is not None and (since := _hangs(here, volume.id)) is not None:
        return _hanging(here, claim, since)
    return here.rest(Bucket.WAITING, claim.detail)


def _hanging(here: Situation, claim: ClaimView, since: datetime) -> Decision:
    why = f"{claim.detail}; its detach hangs since {since:%H:%M}Z and is not forced"
    return here.hold(why, Hold(course=Course.KEEP_THE_DATA, gate=Gate.FENCE, reason=why))


def _hangs(here: Situation, volume_id: str) -> datetime | None:
    """When a detach of this volume began that ended without effect at its deadline."""
    return next(
        (
            intent.begun_at
            for intent in here.view.recent
            if isinstance(intent.action.request, DetachVolume)
            and intent.action.request.volume_id == volume_id
            and intent.state in WITHOUT_EFFECT
        ),
        None,
    )


def _intents_on(here: Situation, instance_id: str) -> list[Intent]:
    return [
        intent
        for intent in here.view.recent
        if isinstance(intent.action.request, StopInstance)
        and intent.action.request.instance_id == instance_id
    ]


def _had_no_effect(intent: Intent) -> bool:
    return intent.state in WITHOUT_EFFECT


def _is_forced(intent: Intent) -> bool:
    request = intent.action.request
    return isinstance(request, StopInstance) and request.forced
