"""Replacing: launch first, prove, commit, and only then let go of the original (design sections 7.1 and 7.2)."""

from __future__ import annotations

from desired_state.model import UpdateStrategy
from providers.observed import Instance, InstanceState
from providers.requests import KeepVolumeOnTermination, SetTags, TerminateInstance
from reconciler.health.verdict import Sign, Status, Verdict, Weight
from reconciler.planning.actions import Bucket, Change, Course, Gate, Reason
from reconciler.planning.decision import Decision, Hold, LaunchWish, Situation
from reconciler.planning.drift import Drift, kept_volumes
from reconciler.planning.identity import Role, Tag, incarnation_of
from reconciler.planning.losses import lost_claim
from reconciler.planning.phrases import clause_of


def launch_replacement(
    here: Situation, original: Instance, reason: Reason, detail: str, *, course: Course
) -> Decision:
    """Wish for a replacement beside the original; with claims, in the zone of their volumes."""
    if (lost := lost_claim(here)) is not None:
        return lost
    zones = {claim.volume.zone for claim in here.view.claims if claim.volume is not None}
    if len(zones) > 1:
        why = f"its volumes are in several zones: {', '.join(sorted(zones))}"
        return here.hold(why, Hold(course=course, gate=Gate.CONFLICT, reason=why))
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT,
        course=course,
        reason=reason,
        detail=detail,
        treated=incarnation_of(original.tags),
        zones=tuple(zones) if here.fleet.stateful else None,
        with_volumes=False,
        down_since=here.down_since(original),
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)


def launch_update(here: Situation, occupant: Instance, summary: str, drift: Drift) -> Decision:
    """Fields that only a launch sets: at the next replacement, or slot by slot."""
    fields = ", ".join(change.field for change in drift.by_launch)
    if here.fleet.update is UpdateStrategy.ON_REPLACE:
        changes = "; ".join(f"{c.field} {c.old} \u2192 {c.new}" for c in drift.by_launch)
        note = f"{here.view.ref}: changes at its next replacement: {changes}"
        return here.rest(Bucket.HEALTHY, summary, notes=(*drift.notes, note))
    return launch_replacement(
        here, occupant, Reason.UPDATE, f"{fields} changed", course=Course.UPDATE
    )


def advance_replacement(here: Situation, replacement: Instance) -> Decision:
    """Wait until a replacement is proven, then commit; a failed one makes room for the next."""
    verdict = here.verdict(replacement)
    original = here.view.occupant
    course = course_of(here)
    if verdict.status is Status.UNHEALTHY:
        detail = f"the replacement never served: {clause_of(verdict)}"
        return reclaim(here, replacement, Reason.REPLACEMENT_FAILED, detail)
    if not is_proven(here, replacement, verdict):
        summary = f"replacement {replacement.id} is {verdict.status}: {clause_of(verdict)}"
        return here.rest(Bucket.WAITING, summary, next_check_at=verdict.changes_at)
    serving = original is not None and here.verdict(original).serving
    detail = f"{replacement.id} is proven" + (
        f", takes over from {original.id}" if original else ""
    )
    commit = here.draft(
        replacement,
        SetTags(resource_id=replacement.id, tags={Tag.ROLE: Role.OCCUPANT}, commit=True),
        course=course,
        reason=Reason.REPLACEMENT_PROVEN,
        detail=detail,
        changes=(Change(field=Tag.ROLE, old=Role.REPLACEMENT, new=Role.OCCUPANT),),
        treated=incarnation_of(original.tags) if original else None,
        continuation=True,
        takes_out=serving and here.fleet.stateful,
    )
    return here.act(detail, commit)


def course_of(here: Situation) -> Course:
    """What a replacement of this slot is for."""
    occupant = here.view.occupant
    if occupant is not None and here.verdict(occupant).status is Status.HEALTHY:
        return Course.UPDATE
    return Course.KEEP_THE_DATA if here.fleet.stateful else Course.REPLACE


def is_proven(here: Situation, replacement: Instance, verdict: Verdict) -> bool:
    """Stateless: healthy. With claims it cannot serve before it has its volumes: running, both checks ok."""
    if not here.fleet.stateful:
        return verdict.status is Status.HEALTHY
    good = {item.sign for item in verdict.evidence if item.weight is Weight.GOOD}
    return (
        replacement.state is InstanceState.RUNNING
        and {
            Sign.SYSTEM_CHECK,
            Sign.INSTANCE_CHECK,
        }
        <= good
    )


def reclaim(
    here: Situation,
    instance: Instance,
    reason: Reason,
    detail: str,
    *,
    continuation: bool = False,
) -> Decision:
    """Terminate an instance that the slot does not need, never one that still holds a claim's volume."""
    held = [
        claim.volume.id
        for claim in here.view.claims
        if claim.volume is not None
        and claim.attachment is not None
        and claim.attachment.instance_id == instance.id
    ]
    if held:
        why = f"{instance.id} still holds {', '.join(held)}"
        hold = Hold(course=Course.RECLAIM, gate=Gate.LAST_COPY, reason=why)
        return here.hold(why, hold)
    return end_instance(
        here,
        instance,
        course=Course.RECLAIM,
        reason=reason,
        detail=detail,
        continuation=continuation,
    )


def end_instance(
    here: Situation,
    instance: Instance,
    *,
    course: Course,
    reason: Reason,
    detail: str,
    continuation: bool = False,
    confirmed: bool = False,
) -> Decision:
    """Terminate, after DeleteOnTermination is off for every data volume on it."""
    kept = kept_volumes(instance)
    if kept:
        drafts = [
            here.draft(
                instance,
                item.request,
                course=course,
                reason=Reason.KEEP_VOLUME,
                detail=item.detail,
                changes=item.changes,
            )
            for item in kept
            if isinstance(item.request, KeepVolumeOnTermination)
        ]
        open_families = {intent.action.family for intent in here.view.sharing}
        drafts = [draft for draft in drafts if draft.action.family not in open_families]
        return here.act(f"{instance.id} must not take its volumes with it", *drafts)
    terminate = here.draft(
        instance,
        TerminateInstance(instance_id=instance.id),
        course=course,
        reason=reason,
        detail=detail,
        continuation=continuation,
        guarded=not continuation and not confirmed,
    )
    return here.act(detail, terminate)
