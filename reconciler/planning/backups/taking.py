"""Asking for a snapshot: the tags that tell whose it is, and the one by which it is found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from providers.observed import Volume
from providers.requests import CreateSnapshot, CreateSnapshots
from reconciler.planning.actions import Course, Reason
from reconciler.planning.decision import Draft, Situation, action_for
from reconciler.planning.identity import Tag, incarnation_of
from reconciler.planning.nature import Nature


def snapshot_of(
    here: Situation,
    volume: Volume,
    claim: str,
    *,
    due_at: datetime,
    incarnation: int,
    course: Course,
    reason: Reason,
    detail: str,
    nature: Nature = Nature.CONSTRUCTIVE,
) -> Draft:
    """The snapshot of one volume that fills a claim; `due_at` and `incarnation` name the operation."""
    own = {Tag.INCARNATION.value: str(incarnation_of(volume.tags)), Tag.CLAIM.value: claim}
    request = CreateSnapshot(
        volume_id=volume.id, due_at=due_at, tags={**lineage_tags(here, due_at), **own}
    )
    action = action_for(
        here.case,
        slot=here.view.ref,
        incarnation=incarnation,
        claim=claim,
        request=request,
        course=course,
        reason=reason,
        detail=detail,
    )
    draft = Draft(action=action, treated=incarnation, nature=nature, zone=volume.zone)
    return tagged_with_its_operation(draft, request)


def lineage_tags(here: Situation, due_at: datetime) -> dict[str, str]:
    """What the snapshots of a slot have in common."""
    return {
        **here.fleet.instance.tags,
        Tag.OWNER: here.case.owner,
        Tag.FLEET: here.view.ref.fleet,
        Tag.SLOT: str(here.view.ref.ordinal),
        Tag.DUE: f"{due_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def tagged_with_its_operation(draft: Draft, request: CreateSnapshot | CreateSnapshots) -> Draft:
    """With the tag by which it is found again when its answer is lost."""
    tags = {**request.tags, Tag.OPERATION: draft.action.operation_id}
    plain = {str(key): str(value) for key, value in sorted(tags.items())}
    return replace(draft, action=replace(draft.action, request=replace(request, tags=plain)))
