"""Replacing: launch first, prove, commit, and only then let go of the original (design sections 7.1 and 7.2)."""

from __future__ import annotations

from dataclasses import replace

from providers.observed import AttachmentState, Instance, InstanceState
from providers.requests import SetTags, TerminateInstance
from reconciler.health.verdict import Status
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.actions import Bucket, Change, Course, Gate, Reason
from reconciler.planning.courses.latecomers import wait_for_the_late
from reconciler.planning.courses.leaving import is_quarantined
from reconciler.planning.courses.undone import date_copies, is_given_up
from reconciler.planning.courses.unseen import hold_for_the_unseen
from reconciler.planning.decision import Decision, Draft, Hold, LaunchWish, Situation
from reconciler.planning.identity import Role, Tag, claim_of, incarnation_of
from reconciler.planning.losses.lost import trouble_of, unplaceable_claims
from reconciler.planning.nature import Nature
from reconciler.planning.orders import Order
from reconciler.planning.phrases import clause_of
from reconciler.planning.placing.reach import zones_of_claims
from reconciler.planning.slots.absence import Absence
from reconciler.planning.slots.arranging import carries_its_volumes
from reconciler.planning.slots.drift import Correction, kept_volumes

MOST_ALIVE = 3
"""Of one slot: its occupant, an original that still holds the data, and a replacement; beside what is in quarantine."""
MAY_LIVE = (Absence.TAGS_REMOVED, Absence.UNPROVEN)


def launch_replacement(
    here: Situation,
    original: Instance,
    reason: Reason,
    detail: str,
    *,
    course: Course,
    agreed: bool = False,
    by_judgement: bool = False,
) -> Decision:
    """Wish for a replacement beside the original; with claims, in the zone of their volumes."""
    held = hold_for_the_unseen(here) or unplaceable_claims(here)
    if held is not None:
        return held
    if (first := make_room(here)) is not None:
        return first
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT,
        course=course,
        reason=reason,
        detail=detail,
        treated=incarnation_of(original.tags),
        zones=zones_of_claims(here) if here.fleet.stateful else None,
        with_volumes=False,
        agreed=agreed,
        nature=Nature.HOUSEKEEPING if course is Course.UPDATE else Nature.CONSTRUCTIVE,
        by_judgement=by_judgement,
        down_since=here.down_since(original),
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)


def replace_as_ordered(here: Situation, original: Instance, order: Order) -> Decision:
    """What a person ordered, launch first and commit when proven, however the original is."""
    course = course_of_replacing(here)
    if here.view.replacement is not None:
        return advance_replacement(here, here.view.replacement, course=course)
    return launch_replacement(
        here, original, Reason.BY_HAND, order.said, course=course, agreed=True
    )


def make_room(here: Situation) -> Decision | None:
    """Where one replacement after the other falls sick, the earlier ones that can't serve go before the next."""
    active = [item.id for item in here.view.alive if not _is_out_of_the_way(here, item)]
    active += [item.id for item, absence in here.view.missing if absence in MAY_LIVE]
    if len(active) < MOST_ALIVE:
        return None
    for instance in here.view.superseded:
        if not _can_go(here, instance):
            continue
        detail = f"{instance.id} is superseded and cannot serve"
        return end_instance(
            here,
            instance,
            nature=Nature.UNDOING,
            course=course_of_replacing(here),
            reason=Reason.SUPERSEDED,
            detail=detail,
            continuation=True,
            guarded=True,
        )
    why = f"{', '.join(active)} are alive and none can be let go"
    return here.hold(why, Hold(course=Course.REPAIR, gate=Gate.LAST_COPY, reason=why))


def _is_out_of_the_way(here: Situation, instance: Instance) -> bool:
    """Stopped and dated: what is only about to be dated may still be in the way of what comes next."""
    stopped = instance.state is InstanceState.STOPPED
    return stopped and Tag.QUARANTINE_UNTIL in instance.tags and is_quarantined(here, instance)


def _can_go(here: Situation, instance: Instance) -> bool:
    """It can't serve, and either never came into service or is stopped with nothing left on it.

    Not where its own record shows a claim's volume on it, whatever the volume's says: one of the two views is older.
    """
    verdict = here.verdict(instance)
    if verdict.serving or verdict.status is Status.HEALTHY:
        return False
    shown = (here.case.observation.volumes.get(item.volume_id) for item in instance.attachments)
    if any(volume is not None and claim_of(volume.tags) is not None for volume in shown):
        return False
    bare = all(item.device == instance.root_device for item in instance.attachments)
    emptied = bare and instance.state is InstanceState.STOPPED
    if Tag.IN_SERVICE_SINCE in instance.tags and not emptied:
        return False
    return not is_quarantined(here, instance) and _held_claims(here, instance) is None


def advance_replacement(
    here: Situation, replacement: Instance, *, course: Course | None = None
) -> Decision:
    """Wait until a replacement is proven, then commit; a failed one makes room for the next.

    With claims it is proven when its checks are good, since it gets its data and serves only after its commit. One
    that was prepared with copies of its own takes over in a restore alone.
    """
    if course is not Course.RESTORE and carries_its_volumes(here.view, replacement):
        detail = "the volumes of the slot can be kept, its copies are not needed"
        return keep_copies(here, replacement) or undo_replacement(
            here, replacement, Reason.ORIGINAL_RECOVERED, detail
        )
    if (incomplete := without_its_volumes(here, replacement)) is not None:
        return incomplete
    verdict = here.verdict(replacement)
    if verdict.status is Status.UNHEALTHY:
        detail = f"the replacement never served: {clause_of(verdict)}"
        return wait_for_the_late(here, replacement, clause_of(verdict)) or undo_replacement(
            here,
            replacement,
            Reason.REPLACEMENT_FAILED,
            detail,
            by_judgement=verdict.by_judgement,
        )
    if verdict.status is not Status.HEALTHY:
        summary = f"replacement {replacement.id} is {verdict.status}: {clause_of(verdict)}"
        return here.rest(Bucket.WAITING, summary, next_check_at=verdict.changes_at)
    commit = _commit(here, replacement, course or _course_of(here))
    return here.act(f"replacement {replacement.id} is proven", commit)


def without_its_volumes(here: Situation, replacement: Instance) -> Decision | None:
    """What was launched with volumes is proven with all of them on it, whatever its checks say (design section 7.1)."""
    if not carries_its_volumes(here.view, replacement):
        return None
    if is_given_up(here, replacement):
        detail = f"the copies on {replacement.id} are given up"
        return undo_replacement(here, replacement, Reason.REPLACEMENT_FAILED, detail)
    missing = [
        item.volume_id
        for item in replacement.attachments
        if item.state is not AttachmentState.ATTACHED and item.device != replacement.root_device
    ]
    if not missing:
        return None
    detail = f"replacement {replacement.id} is without {', '.join(missing)}"
    due_at = replacement.launched_at + here.case.desired.policy.deadlines.start
    if here.now < due_at:
        return here.rest(Bucket.WAITING, detail, next_check_at=due_at)
    return wait_for_the_late(here, replacement, detail) or undo_replacement(
        here, replacement, Reason.REPLACEMENT_FAILED, detail
    )


def keep_copies(here: Situation, replacement: Instance) -> Decision | None:
    """Copies are let go of once what they are of is known to serve again; silence about it is no recovery."""
    doubted = [
        view.volume.id
        for view in here.view.claims
        if view.volume is not None and _may_be_stuck(here, view.volume.id)
    ]
    if not doubted or not carries_its_volumes(here.view, replacement):
        return None
    summary = (
        f"{replacement.id} is kept with its copies: {', '.join(doubted)} is not known to serve"
    )
    return here.rest(Bucket.WAITING, summary)


def _may_be_stuck(here: Situation, volume_id: str) -> bool:
    """It was stuck, and has not recovered to the end."""
    before = here.case.memory.volumes.get(volume_id)
    return before is not None and before.condition is VolumeCondition.STUCK


def _commit(here: Situation, replacement: Instance, course: Course) -> Draft:
    original = here.view.occupant
    serving = original is not None and here.verdict(original).serving
    takes_over = f", takes over from {original.id}" if original else ""
    draft = here.draft(
        replacement,
        SetTags(
            resource_id=replacement.id, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True
        ),
        nature=_nature_of_commit(here, original, course),
        course=course,
        reason=Reason.REPLACEMENT_PROVEN,
        detail=f"{replacement.id} is proven{takes_over}",
        changes=(Change(field=Tag.ROLE, old=Role.REPLACEMENT, new=Role.OCCUPANT),),
        treated=incarnation_of(original.tags) if original else None,
        continuation=True,
        takes_out=serving and here.fleet.stateful,
    )
    return replace(draft, zone=original.zone if original else replacement.zone)


def _nature_of_commit(here: Situation, original: Instance | None, course: Course) -> Nature:
    """What is confirmed to be down is taken over from in every condition; what serves is not."""
    if course is Course.UPDATE:
        return Nature.HOUSEKEEPING
    if original is None or not here.verdict(original).serving:
        return Nature.ENTAILED
    seen_to_serve = here.fleet.health.probe is not None
    if course is Course.RESTORE and not seen_to_serve and trouble_of(here, original) is not None:
        return Nature.ENTAILED
    return Nature.DISRUPTIVE


def _course_of(here: Situation) -> Course:
    """What a replacement of this slot is for."""
    occupant = here.view.occupant
    if occupant is not None and here.verdict(occupant).status is Status.HEALTHY:
        return Course.UPDATE
    return course_of_replacing(here)


def course_of_replacing(here: Situation) -> Course:
    """How this kind of fleet is replaced."""
    return Course.KEEP_THE_DATA if here.fleet.stateful else Course.REPLACE


# Letting go


def let_go_of_superseded(here: Situation, instance: Instance, occupant: Instance) -> Decision:
    """The end of a replacement's course: entailed by its commit, so it needs no further word."""
    detail = f"{occupant.id} holds the slot and is healthy"
    course = course_of_replacing(here)
    kept_for_long = Tag.QUARANTINE_UNTIL in instance.tags
    return _held_claims(here, instance) or end_instance(
        here,
        instance,
        nature=Nature.HOUSEKEEPING if kept_for_long else Nature.ENTAILED,
        course=course,
        reason=Reason.SUPERSEDED,
        detail=detail,
        continuation=True,
    )


def undo_replacement(
    here: Situation,
    replacement: Instance,
    reason: Reason,
    detail: str,
    *,
    nature: Nature = Nature.UNDOING,
    by_judgement: bool = False,
) -> Decision:
    """Before its commit everything can be undone: it never served, and holds but copies, which are kept for an hour."""
    if (held := _held_claims(here, replacement)) is not None:
        return held
    if dating := date_copies(here, replacement, nature, by_judgement=by_judgement):
        return here.act(detail, *dating)
    return end_instance(
        here,
        replacement,
        nature=nature,
        course=Course.RECLAIM,
        reason=reason,
        detail=detail,
        continuation=True,
        guarded=True,
        by_judgement=by_judgement,
    )


def reclaim_orphan(here: Situation, instance: Instance) -> Decision:
    """An instance that is no part of its slot."""
    detail = "no part of the slot"
    return _held_claims(here, instance) or end_instance(
        here,
        instance,
        nature=Nature.HOUSEKEEPING,
        course=Course.RECLAIM,
        reason=Reason.ORPHAN,
        detail=detail,
        guarded=True,
    )


def _held_claims(here: Situation, instance: Instance) -> Decision | None:
    """An instance that still holds a claim's volume is never ended."""
    held = [
        claim.volume.id
        for claim in here.view.claims
        if claim.volume is not None
        and claim.attachment is not None
        and claim.attachment.instance_id == instance.id
    ]
    if not held:
        return None
    why = f"{instance.id} still holds {', '.join(held)}"
    return here.hold(why, Hold(course=Course.RECLAIM, gate=Gate.LAST_COPY, reason=why))


def end_instance(
    here: Situation,
    instance: Instance,
    *,
    nature: Nature,
    course: Course,
    reason: Reason,
    detail: str,
    continuation: bool = False,
    guarded: bool = False,
    by_judgement: bool = False,
) -> Decision:
    """Terminate, after DeleteOnTermination is off for every data volume on it."""
    kept = kept_volumes(instance)
    if kept:
        drafts = [_keep(here, instance, item, course, continuation=continuation) for item in kept]
        return here.act(f"{instance.id} must not take its volumes with it", *here.not_open(drafts))
    terminate = here.draft(
        instance,
        TerminateInstance(instance_id=instance.id),
        nature=nature,
        course=course,
        reason=reason,
        detail=detail,
        continuation=continuation,
        guarded=guarded,
        by_judgement=by_judgement,
    )
    return here.act(detail, terminate)


def _keep(
    here: Situation, instance: Instance, item: Correction, course: Course, *, continuation: bool
) -> Draft:
    return here.draft(
        instance,
        item.request,
        nature=Nature.CONSTRUCTIVE,
        course=course,
        reason=item.reason,
        detail=item.detail,
        changes=item.changes,
        continuation=continuation,
    )
