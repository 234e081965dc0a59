"""Carrying the data of a slot to where it can be used, when its volumes are well but can't be brought (design 7.1).

carry_over      a detach hangs after the fence, or the volumes' zone has had no capacity for half an hour
  take          snapshots of what nobody writes any more: they lose nothing
  launch        a replacement with all of the slot's volumes made from them, in any zone that works
  commit        as soon as it is proven; nothing is gained by waiting

As soon as the volumes can be brought after all, nothing of this is due any more, and what was prepared is undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from providers.observed import Instance, InstanceState, Snapshot, SnapshotState, Volume, VolumeState
from providers.requests import AttachVolume, CreateSnapshot, StartInstance
from reconciler.planning.actions import Bucket, Course, Reason
from reconciler.planning.backups.schedule import named_date
from reconciler.planning.backups.taking import snapshot_of
from reconciler.planning.case import is_well
from reconciler.planning.courses.keeping import safe_corrections
from reconciler.planning.courses.replacing import advance_replacement, make_room, undo_replacement
from reconciler.planning.courses.unseen import hold_for_the_unseen
from reconciler.planning.decision import Decision, Draft, LaunchWish, Situation
from reconciler.planning.identity import Role, Tag, claim_of, incarnation_of
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent
from reconciler.planning.losses.asking import allowed_loss
from reconciler.planning.losses.lost import unserved_since
from reconciler.planning.losses.made_from import reached_by, snapshot_ids
from reconciler.planning.phrases import span
from reconciler.planning.placing.reach import why_not_brought, without_room
from reconciler.planning.slots.arranging import carries_its_volumes
from reconciler.planning.slots.claims import ClaimView

CAN_NOT_WRITE = (InstanceState.STOPPED, InstanceState.TERMINATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A claim whose volume is well, and on nothing that could write to it; its snapshots were read."""

    view: ClaimView
    volume: Volume
    snapshots: tuple[Snapshot, ...]


def carry_over(here: Situation, occupant: Instance | None) -> Decision | None:
    """The next step; None where the volumes can be brought to the slot, or are not known to be well and still."""
    still = _still(here)
    if still is None or (why := why_not_brought(here, occupant)) is None:
        return None
    if (unseen := hold_for_the_unseen(here)) is not None:
        return unseen
    replacement = here.view.replacement
    if replacement is not None and carries_its_volumes(here.view, replacement):
        outdated = _outdated(here, occupant, replacement, still)
        return outdated or advance_replacement(here, replacement, course=Course.RESTORE)
    if replacement is not None:
        return None
    if not all(claim_of(one.volume.tags) == one.view.claim.name for one in still):
        return _name(here, why)
    taken = [_last_snapshot(here, one) for one in still]
    found = [item for item in taken if item is not None and item.usable]
    if len(found) == len(still):
        return _launch(here, occupant, still, found, why)
    return _take(here, still, why)


def _outdated(
    here: Situation, occupant: Instance | None, replacement: Instance, still: Sequence[Still]
) -> Decision | None:
    """A copy that a restore prepared before lacks what was written until the volumes stood still. Where that is more
    than may be lost without a word, it makes room for one that lacks nothing.
    """
    made_of = snapshot_ids(here, replacement)
    if made_of is None:
        return here.rest(Bucket.WAITING, f"{replacement.id} is not shown with its volumes")
    if made_of and made_of <= {item.id for one in still for item in _last_snapshots(here, one)}:
        return None
    empty = not made_of and Tag.RESTORE_FROM not in replacement.tags
    loss = unserved_since(here, occupant) - reached_by(here, replacement)
    if not empty and loss <= allowed_loss(here.view.claims):
        return None
    lacks = "is empty" if empty else f"loses {span(loss)} of writes"
    detail = f"{replacement.id} {lacks}, and the volumes of the slot can be carried over whole"
    return undo_replacement(here, replacement, Reason.COPY_OUTDATED, detail)


def _still(here: Situation) -> tuple[Still, ...] | None:
    """Every claim of the slot, all of them well and still."""
    claims = []
    for view in here.view.claims:
        volume = view.volume
        if volume is None or view.snapshots is None or not is_well(here.case, volume):
            return None
        if volume.state not in (VolumeState.AVAILABLE, VolumeState.IN_USE):
            return None
        if not all(_is_still(here, item.instance_id) for item in volume.attachments):
            return None
        claims.append(Still(view=view, volume=volume, snapshots=view.snapshots))
    return tuple(claims) or None


def _is_still(here: Situation, instance_id: str) -> bool:
    holder = here.case.observation.instances.get(instance_id)
    return holder is not None and holder.state in CAN_NOT_WRITE


def _name(here: Situation, why: str) -> Decision | None:
    """A snapshot is told by its volume's claim, so a copy that has no name yet gets it first."""
    naming = [item for item in safe_corrections(here) if item.action.claim is not None]
    summary = f"{why}; its volumes are named for their claims first"
    return here.act(summary, *naming) if naming else None


def worth_stopping(here: Situation) -> str | None:
    """Why a sick occupant is stopped before it has a successor: its zone has no capacity for one, its volumes are well,
    and what they hold can be carried to a zone that has.
    """
    for view in here.view.claims:
        if view.volume is None or view.snapshots is None or not is_well(here.case, view.volume):
            return None
    return without_room(here)


# Their last snapshots


def _last_snapshot(here: Situation, one: Still) -> Snapshot | None:
    """The newest that we asked for since the volume can't be written any more."""
    found = _last_snapshots(here, one)
    return next((item for item in found if item.state is not SnapshotState.ERROR), None)


def _last_snapshots(here: Situation, one: Still) -> list[Snapshot]:
    asked = {
        intent.action.operation_id
        for intent in (*here.view.recent, *here.view.sharing)
        if _is_last_of(intent, one) and intent.begun_at >= _written_until(here, one)
    }
    return [
        item
        for item in one.snapshots
        if item.volume_id == one.volume.id and item.tags.get(Tag.OPERATION) in asked
    ]


def _is_last_of(intent: Intent, one: Still) -> bool:
    request = intent.action.request
    return (
        isinstance(request, CreateSnapshot)
        and intent.action.course is Course.KEEP_THE_DATA
        and request.volume_id == one.volume.id
        and intent.state not in WITHOUT_A_TRACE
    )


def _written_until(here: Situation, one: Still) -> datetime:
    """The latest instant at which something may still have written to it, by what we did and what EC2 shows."""
    holders = {item.instance_id for item in one.volume.attachments}
    starts = [
        here.case.observation.instances[id_].launched_at
        for id_ in holders
        if id_ in here.case.observation.instances
    ]
    moves = [
        intent.updated_at
        for intent in here.view.recent
        if isinstance(intent.action.request, AttachVolume | StartInstance)
        and intent.state not in WITHOUT_A_TRACE
    ]
    return max([one.volume.created_at, *starts, *moves])


def _take(here: Situation, still: Sequence[Still], why: str) -> Decision:
    """One of each volume; nobody writes, so they fit together whenever each is taken."""
    summary = f"{why}; what they hold is carried over by snapshots"
    missing = [one for one in still if _last_snapshot(here, one) is None]
    drafts = here.not_open([_snapshot(here, one, why) for one in missing])
    if drafts:
        return here.act(summary, *drafts)
    return here.rest(Bucket.WAITING, summary)


def _snapshot(here: Situation, one: Still, why: str) -> Draft:
    return snapshot_of(
        here,
        one.volume,
        one.view.claim.name,
        due_at=named_date(_written_until(here, one), here.now),
        incarnation=incarnation_of(one.volume.tags),
        course=Course.KEEP_THE_DATA,
        reason=Reason.LAST_SNAPSHOT,
        detail=why,
    )


def _launch(
    here: Situation,
    occupant: Instance | None,
    still: Sequence[Still],
    snapshots: Sequence[Snapshot],
    why: str,
) -> Decision:
    if (first := make_room(here)) is not None:
        return first
    ids = ", ".join(sorted(item.id for item in snapshots))
    detail = f"{why}; carried over by {ids}, which lose nothing"
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT if here.view.alive else Role.OCCUPANT,
        course=Course.RESTORE,
        reason=Reason.CARRIED_OVER,
        detail=detail,
        treated=incarnation_of(occupant.tags) if occupant else here.view.highest_incarnation,
        zones=None,
        with_volumes=True,
        snapshots={
            one.view.claim.name: item.id for one, item in zip(still, snapshots, strict=True)
        },
        down_since=here.down_since(occupant) if occupant else None,
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)
