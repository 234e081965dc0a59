"""The rules of the last look about volumes that were kept; each returns what is wrong with one action, or None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from desired_state.model import Claim
from providers.observed import AttachmentState, Instance, Snapshot, Volume, VolumeState
from providers.requests import CreateSnapshot, CreateSnapshots, DeleteVolume, SetTags
from reconciler.planning.actions import Action, Course, named_ids
from reconciler.planning.checks.actions import Facts
from reconciler.planning.checks.backups import unhealthy
from reconciler.planning.identity import (
    Tag,
    in_service_since,
    incarnation_of,
    quarantined_until,
)
from reconciler.planning.slots.restore_points import made_by_us


def _only_what_had_its_time_is_deleted(action: Action, facts: Facts) -> str | None:
    """A volume that is on nothing, of the very date that is over, in a healthy slot where nobody else lives."""
    request = action.request
    if not isinstance(request, DeleteVolume):
        return None
    volume = facts.case.observation.volumes.get(request.volume_id)
    if volume is None or quarantined_until(volume.tags) != request.quarantined_until:
        return f"{request.volume_id} is not kept until {request.quarantined_until}"
    return _still_in_use(volume, facts) or _not_at_rest(action, facts)


def _what_is_deleted_is_held_elsewhere(action: Action, facts: Facts) -> str | None:
    """By the snapshot that a copy was made from, if it was never committed; else by a final snapshot of its own, beside
    a restore point of every claim from after its occupant came into service.
    """
    request = action.request
    if not isinstance(request, DeleteVolume):
        return None
    volume = facts.case.observation.volumes.get(request.volume_id)
    occupant = facts.occupant_of(action.slot)
    if volume is None or occupant is None:
        return f"{request.volume_id} or the occupant of {action.slot} is not shown"
    if request.final_snapshot_id is None:
        return _was_ever_used(volume, occupant)
    final = facts.case.observation.snapshots.get(request.final_snapshot_id)
    until = quarantined_until(volume.tags)
    if final is None or until is None or not _holds(final, volume.id, until, facts):
        return f"{request.final_snapshot_id} is no final snapshot of {volume.id}"
    fleet = facts.fleet_of(action)
    for claim in fleet.claims if fleet else ():
        if not _has_restore_point(claim, request, occupant, facts):
            return f"claim {claim.name} has no restore point from after {occupant.id} came into service"
    return None


def _a_final_snapshot_is_of_what_had_its_time(action: Action, facts: Facts) -> str | None:
    """Nobody can write to it, and nobody else needs it: how it is does not matter any more."""
    if action.course is not Course.RECLAIM:
        return None
    if isinstance(action.request, CreateSnapshots):
        return "what was kept is snapshotted one by one"
    if not isinstance(action.request, CreateSnapshot):
        return None
    volume = facts.case.observation.volumes.get(action.request.volume_id)
    if volume is None:
        return f"{action.request.volume_id} is not shown"
    return _still_in_use(volume, facts) or _not_at_rest(action, facts)


def _no_copy_is_committed_that_was_given_up(action: Action, facts: Facts) -> str | None:
    """What carries a date fills no claim: a commit would leave its slot without its data. What is of another
    incarnation is no copy of its, whoever put it there.
    """
    if not isinstance(action.request, SetTags) or not action.request.commit:
        return None
    seen = facts.case.observation
    replacement = seen.instances.get(action.request.resource_id)
    if replacement is None:
        return None
    incarnation = incarnation_of(replacement.tags)
    for volume in (seen.volumes.get(item.volume_id) for item in replacement.attachments):
        if volume is None or incarnation_of(volume.tags) != incarnation:
            continue
        if (until := volume.tags.get(Tag.QUARANTINE_UNTIL)) is not None:
            return f"{volume.id} is kept until {until}, and no longer"
    return None


def _still_in_use(volume: Volume, facts: Facts) -> str | None:
    """Why it is not known to be on nothing, with its time over; None when it is."""
    until = quarantined_until(volume.tags)
    if until is None or facts.case.now < until:
        return f"{volume.id} has not had its time"
    if volume.state is not VolumeState.AVAILABLE or volume.attachments:
        return f"{volume.id} is {volume.state}"
    for instance in facts.case.observation.instances.values():
        if any(item.volume_id == volume.id for item in instance.attachments):
            return f"{instance.id} has {volume.id}"
    if any(volume.id in named_ids(i.action.request) for i in facts.case.memory.open_intents):
        return f"a call about {volume.id} is under way"
    return None


def _not_at_rest(action: Action, facts: Facts) -> str | None:
    occupant = facts.occupant_of(action.slot)
    if occupant is None or action.slot is None:
        return f"{action.slot} has no occupant"
    others = [item.id for item in facts.living.get(action.slot, ()) if item.id != occupant.id]
    if others:
        return f"{', '.join(others)} lives in {action.slot} as well"
    return unhealthy(action, facts)


def _was_ever_used(volume: Volume, occupant: Instance) -> str | None:
    """Why it can't be told that it never came into service; None when that is known."""
    if volume.snapshot_id is None:
        return f"{volume.id} was made from no snapshot"
    if incarnation_of(volume.tags) <= incarnation_of(occupant.tags):
        return f"{volume.id} may have been in service"
    return None


def _has_restore_point(
    claim: Claim, request: DeleteVolume, occupant: Instance, facts: Facts
) -> bool:
    since = in_service_since(occupant.tags)
    filling = [
        item.volume_id
        for item in occupant.attachments
        if item.device == claim.device and item.state is AttachmentState.ATTACHED
    ]
    if since is None or len(filling) != 1:
        return False
    named = (facts.case.observation.snapshots.get(id_) for id_ in request.restore_point_ids)
    return any(item is not None and _holds(item, filling[0], since, facts) for item in named)


def _holds(snapshot: Snapshot, volume_id: str, since: datetime, facts: Facts) -> bool:
    """A usable one of ours of that volume, from then or later."""
    ours = made_by_us(snapshot, facts.case.owner)
    return (
        ours
        and snapshot.usable
        and snapshot.volume_id == volume_id
        and snapshot.started_at >= since
    )


RECLAIM_RULES: tuple[Callable[[Action, Facts], str | None], ...] = (
    _only_what_had_its_time_is_deleted,
    _what_is_deleted_is_held_elsewhere,
    _a_final_snapshot_is_of_what_had_its_time,
    _no_copy_is_committed_that_was_given_up,
)
