"""Which volume fills each claim of a slot, and how it stands.

A volume launched together with its instance carries the slot's tags at once and the claim's name only after a tag
call, because RunInstances tags all volumes of a launch alike; until then its device tells the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from desired_state.model import Claim
from providers.observed import (
    Attachment,
    AttachmentState,
    Instance,
    Snapshot,
    Volume,
    VolumeState,
)
from reconciler.planning.absence import Absence, Sight, absence_of
from reconciler.planning.casting import ever_occupied
from reconciler.planning.identity import Tag, claim_of, incarnation_of
from reconciler.planning.intents import Intent
from reconciler.planning.memory import KnownResource

QUARANTINE_UNTIL = Tag.QUARANTINE_UNTIL.value
LEAST_RESTORE_GRACE = timedelta(minutes=30)
REPLAYED_WITHIN = timedelta(minutes=15)
FILLED_MIB_S = 100


class Standing(StrEnum):
    """How a claim stands."""

    ATTACHED = "attached"
    """On the occupant, where it belongs."""
    MISPLACED = "misplaced"
    """On the occupant, under another device than the claim's."""
    FREE = "free"
    HELD = "held"
    """On another instance of this slot."""
    MOVING = "moving"
    """Creating, attaching, detaching or busy."""
    NEVER_FILLED = "never-filled"
    LOST = "lost"
    UNPROVEN = "unproven"
    """Known, not shown, its absence not proved."""
    ERROR = "error"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView:
    """A claim with the volume that fills it, if one does, and the attachment that matters."""

    claim: Claim
    standing: Standing
    detail: str
    volume: Volume | None = None
    attachment: Attachment | None = None
    snapshots: tuple[Snapshot, ...] | None = None
    """Those of its lineage, in any state, newest first; None when they were not read whole."""


def view_claims(
    claims: Sequence[Claim],
    *,
    occupant: Instance | None,
    slot_instances: Sequence[Instance],
    volumes: Sequence[Volume],
    known: Sequence[KnownResource],
    recent: Sequence[Intent],
    sight: Sight,
    of_ours: AbstractSet[str] = frozenset(),
) -> tuple[ClaimView, ...]:
    """One view per declared claim, in the order of the document. `of_ours` are the ids of the claims' snapshots."""
    roots = {item.id: item.root_device for item in slot_instances}
    ours = roots.keys() | {item.id for item in known if item.kind == "instance"}
    if occupant is not None:
        # A copy that was prepared for a replacement fills its claim by the commit, and not before.
        committed = incarnation_of(occupant.tags)
        volumes = [item for item in volumes if incarnation_of(item.tags) <= committed]
        known = [item for item in known if item.incarnation <= committed]
    shown = sorted(volumes, key=lambda volume: volume.id)
    views = []
    for claim in claims:
        candidates = _candidates(
            claim, shown, occupant, only=len(claims) == 1, roots=roots, of_ours=of_ours
        )
        if candidates:
            views.append(_view_of_candidates(claim, candidates, occupant, ours))
        else:
            ever = ever_occupied(slot_instances, known, recent)
            nameless = [v for v in shown if _is_nameless(v, claims, roots, of_ours)]
            views.append(
                _conflict_over(claim, nameless)
                if nameless
                else _view_without_volume(claim, shown, known, sight, ever=ever)
            )
    return tuple(views)


def _candidates(
    claim: Claim,
    volumes: Sequence[Volume],
    occupant: Instance | None,
    *,
    only: bool,
    roots: dict[str, str | None],
    of_ours: AbstractSet[str],
) -> list[Volume]:
    """The volumes that may fill a claim. One that is named for it, or was launched with the occupant to fill it, goes
    before any that is merely in its place.
    """
    filling = [v for v in volumes if _fills(v, claim, only=only, roots=roots, of_ours=of_ours)]
    if len(filling) < 2:
        return filling
    meant = (v for v in filling if Tag.CLAIM in v.tags or _came_with(v, occupant, claim))
    return list(meant) or filling


def _came_with(volume: Volume, occupant: Instance | None, claim: Claim) -> bool:
    """Launched together: of one incarnation, and on the claim's device."""
    if occupant is None or incarnation_of(volume.tags) != incarnation_of(occupant.tags):
        return False
    attachment = _attachment_to(volume, occupant.id)
    return attachment is not None and attachment.device == claim.device


def _fills(
    volume: Volume,
    claim: Claim,
    *,
    only: bool,
    roots: dict[str, str | None],
    of_ours: AbstractSet[str],
) -> bool:
    """By its claim tag; without one, by its device; wherever else it is, when the fleet has but one claim."""
    if volume.state in (VolumeState.DELETING, VolumeState.DELETED):
        return False
    if QUARANTINE_UNTIL in volume.tags:
        return False
    named = claim_of(volume.tags)
    if named is not None:
        return named == claim.name
    if any(item.device == roots.get(item.instance_id) for item in volume.attachments):
        return False
    in_place = any(item.device == claim.device for item in volume.attachments)
    return in_place or (only and (volume.snapshot_id in of_ours or _may_hold_data(volume)))


def _may_hold_data(volume: Volume) -> bool:
    """What was made from a snapshot, or goes with an instance, may be a root volume, or have been one."""
    return not volume.snapshot_id and not any(
        item.delete_on_termination for item in volume.attachments
    )


def _is_nameless(
    volume: Volume, claims: Sequence[Claim], roots: dict[str, str | None], of_ours: AbstractSet[str]
) -> bool:
    """Data of the slot that says of no claim: it may be any one's."""

    def fills(*, only: bool) -> bool:
        return any(_fills(volume, item, only=only, roots=roots, of_ours=of_ours) for item in claims)

    return fills(only=True) and not fills(only=len(claims) == 1)


def _conflict_over(claim: Claim, nameless: Sequence[Volume]) -> ClaimView:
    ids = ", ".join(volume.id for volume in nameless)
    detail = f"{ids} may fill it and has no tag {Tag.CLAIM}: tag it with the claim's name"
    return ClaimView(claim=claim, standing=Standing.CONFLICT, detail=detail)


def _view_of_candidates(
    claim: Claim, candidates: list[Volume], occupant: Instance | None, ours: set[str]
) -> ClaimView:
    """The one that fills the claim: on the occupant first, then the newest incarnation that is on an instance."""
    if len(candidates) == 1:
        return _view_of_volume(claim, candidates[0], occupant, ours)
    on_occupant = [v for v in candidates if occupant and _attachment_to(v, occupant.id)]
    group = on_occupant or [v for v in candidates if v.attachments] or candidates
    newest = max(incarnation_of(volume.tags) for volume in group)
    leading = [volume for volume in group if incarnation_of(volume.tags) == newest]
    if len(leading) > 1:
        ids = ", ".join(sorted(volume.id for volume in leading))
        detail = f"several volumes fill it: {ids}"
        return ClaimView(claim=claim, standing=Standing.CONFLICT, detail=detail)
    return _view_of_volume(claim, leading[0], occupant, ours)


def _view_of_volume(
    claim: Claim, volume: Volume, occupant: Instance | None, ours: set[str]
) -> ClaimView:
    attachment = _attachment_to(volume, occupant.id) if occupant else None
    if attachment is None and volume.attachments:
        attachment = volume.attachments[0]

    def view(standing: Standing, detail: str) -> ClaimView:
        return ClaimView(
            claim=claim, standing=standing, detail=detail, volume=volume, attachment=attachment
        )

    if volume.state is VolumeState.ERROR:
        return view(Standing.ERROR, f"{volume.id} is in state error")
    if len(volume.attachments) > 1 and len({i.instance_id for i in volume.attachments}) > 1:
        return view(Standing.CONFLICT, f"{volume.id} is on several instances")
    if volume.state is VolumeState.CREATING:
        return view(Standing.MOVING, f"{volume.id} is being created")
    if attachment is None:
        if volume.state is VolumeState.AVAILABLE:
            return view(Standing.FREE, f"{volume.id} is not attached")
        return view(Standing.MOVING, f"{volume.id} is {volume.state} without an attachment")
    where = f"{volume.id} is {attachment.state} on {attachment.instance_id} as {attachment.device}"
    if attachment.instance_id not in ours:
        return view(Standing.CONFLICT, f"{where}, which is not of this slot")
    if attachment.state is not AttachmentState.ATTACHED:
        return view(Standing.MOVING, where)
    if occupant and attachment.instance_id == occupant.id:
        if attachment.device != claim.device:
            why = f"{where}; claim {claim.name} declares {claim.device}"
            return view(Standing.MISPLACED, why)
        return view(Standing.ATTACHED, where)
    return view(Standing.HELD, where)


def _attachment_to(volume: Volume, instance_id: str) -> Attachment | None:
    for item in volume.attachments:
        if item.instance_id == instance_id:
            return item
    return None


def _view_without_volume(
    claim: Claim,
    shown: Sequence[Volume],
    known: Sequence[KnownResource],
    sight: Sight,
    *,
    ever: bool,
) -> ClaimView:
    ids = {volume.id for volume in shown}
    remembered = [
        item
        for item in known
        if item.kind == "volume" and item.claim in (None, claim.name) and item.id not in ids
    ]
    proofs = {item.id: absence_of(item, sight) for item in remembered}
    unproven = sorted(id_ for id_, proof in proofs.items() if proof is Absence.UNPROVEN)
    untagged = sorted(id_ for id_, proof in proofs.items() if proof is Absence.TAGS_REMOVED)
    if untagged:
        detail = f"{', '.join(untagged)} exists without our tags"
        return ClaimView(claim=claim, standing=Standing.CONFLICT, detail=detail)
    if unproven:
        detail = f"{', '.join(unproven)} is not shown; not yet proved gone"
        return ClaimView(claim=claim, standing=Standing.UNPROVEN, detail=detail)
    if remembered:
        detail = f"{', '.join(sorted(proofs))} is gone"
        return ClaimView(claim=claim, standing=Standing.LOST, detail=detail)
    if ever or any(volume.tags.get(Tag.CLAIM) == claim.name for volume in shown):
        return ClaimView(claim=claim, standing=Standing.LOST, detail="no volume fills it any more")
    return ClaimView(claim=claim, standing=Standing.NEVER_FILLED, detail="no volume yet")


def restored_claims(claims: Sequence[ClaimView], occupant: Instance) -> tuple[ClaimView, ...]:
    """The claims whose volumes were made from snapshots when the occupant was launched."""
    return tuple(
        view
        for view in claims
        if view.volume is not None
        and view.volume.snapshot_id is not None
        and incarnation_of(view.volume.tags) == incarnation_of(occupant.tags)
    )


def restore_grace(restored: Sequence[ClaimView]) -> timedelta:
    """How long a restored service may take: blocks come from S3 as they are touched (design section 7.4)."""
    size_mib = sum(view.volume.size_gib for view in restored if view.volume) * 1024
    filling = timedelta(seconds=size_mib / FILLED_MIB_S)
    return max(LEAST_RESTORE_GRACE, REPLAYED_WITHIN + filling)
