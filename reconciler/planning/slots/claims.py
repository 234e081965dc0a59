"""Which volume fills each claim of a slot, and how it stands.

A volume launched together with its instance carries the slot's tags at once and the claim's name only after a tag
call, because RunInstances tags all volumes of a launch alike; until then its device tells the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
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
from reconciler.planning.identity import Tag, claim_of, incarnation_of, quarantined_until
from reconciler.planning.intents import Intent
from reconciler.planning.memory import KnownResource
from reconciler.planning.slots.absence import Absence, Sight, absence_of
from reconciler.planning.slots.archives import ClaimArchive
from reconciler.planning.slots.casting import ever_occupied, incarnations_that_held


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
    copies: tuple[Snapshot, ...] | None = None
    """Those in the region of `copyTo`, likewise, each dated from the point in time that it holds."""
    archive: ClaimArchive | None = None
    """None when it declares none."""

    @property
    def backups_read(self) -> bool:
        """Whether it is known what it could be restored from."""
        if self.claim.backup is None:
            return True
        return self.snapshots is not None and (
            self.archive is None or self.archive.as_of is not None
        )


def view_claims(
    claims: Sequence[Claim],
    *,
    occupant: Instance | None,
    slot_instances: Sequence[Instance],
    volumes: Sequence[Volume],
    known: Sequence[KnownResource],
    intents: Sequence[Intent],
    sight: Sight,
    snapshot_ids: AbstractSet[str],
) -> tuple[ClaimView, ...]:
    """One view per declared claim, in the order of the document. `snapshot_ids` are those of the claims' lineages."""
    roots = {item.id: item.root_device for item in slot_instances}
    ours = roots.keys() | {item.id for item in known if item.kind == "instance"}
    if occupant is not None:
        # A copy that was prepared for a replacement fills its claim by the commit, and not before.
        committed = incarnation_of(occupant.tags)
        volumes = [item for item in volumes if incarnation_of(item.tags) <= committed]
        known = [item for item in known if item.incarnation <= committed]
    shown = sorted(volumes, key=lambda volume: volume.id)
    fitting = _Fitting(claims=claims, roots=roots, snapshot_ids=snapshot_ids)

    def supersedes(volume: Volume) -> bool:
        held = incarnations_that_held(slot_instances, intents)
        return incarnation_of(volume.tags) in held

    views = []
    for claim in claims:
        candidates = _candidates(claim, shown, occupant, fitting, supersedes)
        if candidates:
            views.append(_view_of_candidates(claim, candidates, occupant, ours))
        elif nameless := [volume for volume in shown if fitting.is_nameless(volume)]:
            views.append(_conflict_over(claim, nameless))
        else:
            ever = ever_occupied(slot_instances, known, intents)
            views.append(_view_without_volume(claim, shown, known, sight, ever=ever))
    return tuple(views)


def _candidates(
    claim: Claim,
    volumes: Sequence[Volume],
    occupant: Instance | None,
    fitting: _Fitting,
    supersedes: Callable[[Volume], bool],
) -> list[Volume]:
    """The volumes that may fill a claim. One that is named for it, or was launched with the occupant to fill it, goes
    before any that is merely in its place.

    What came with a committed instance, a copy or an empty one, supersedes those of lower incarnations, whatever their
    tags say, and whether that instance lives or not: after a commit it only goes forward.
    """
    filling = [volume for volume in volumes if fitting.fills(volume, claim)]
    if len(filling) < 2:
        return filling
    oldest = max((incarnation_of(item.tags) for item in filling if supersedes(item)), default=0)
    filling = [
        item
        for item in filling
        if incarnation_of(item.tags) >= oldest or (occupant and _attachment_to(item, occupant.id))
    ]
    meant = (v for v in filling if Tag.CLAIM in v.tags or _came_with(v, occupant, claim))
    return list(meant) or filling


def _came_with(volume: Volume, occupant: Instance | None, claim: Claim) -> bool:
    """Launched together: of one incarnation, and on the claim's device."""
    if occupant is None or incarnation_of(volume.tags) != incarnation_of(occupant.tags):
        return False
    attachment = _attachment_to(volume, occupant.id)
    return attachment is not None and attachment.device == claim.device


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitting:
    """Which volumes may fill which claim of a slot."""

    claims: Sequence[Claim]
    roots: Mapping[str, str | None]
    """The root device of each instance of the slot."""
    snapshot_ids: AbstractSet[str]

    def fills(self, volume: Volume, claim: Claim) -> bool:
        """By its claim tag; without one, by its device; wherever else it is, when the fleet has but one claim."""
        if not _may_fill(volume):
            return False
        named = claim_of(volume.tags)
        if named is not None:
            return named == claim.name
        if self._is_root(volume):
            return False
        return _is_on(claim.device, volume) or (len(self.claims) == 1 and self._is_data(volume))

    def is_nameless(self, volume: Volume) -> bool:
        """Data of the slot that neither its name nor its device gives to a claim: it may be any one's."""
        return (
            _may_fill(volume)
            and claim_of(volume.tags) is None
            and not self._is_root(volume)
            and self._is_data(volume)
            and not any(self.fills(volume, claim) for claim in self.claims)
        )

    def _is_root(self, volume: Volume) -> bool:
        return any(item.device == self.roots.get(item.instance_id) for item in volume.attachments)

    def _is_data(self, volume: Volume) -> bool:
        """What was made from another snapshot, or goes with an instance, may be a root volume, or have been one."""
        if volume.snapshot_id:
            return volume.snapshot_id in self.snapshot_ids
        return not any(item.delete_on_termination for item in volume.attachments)


def _may_fill(volume: Volume) -> bool:
    ending = volume.state in (VolumeState.DELETING, VolumeState.DELETED)
    return not ending and quarantined_until(volume.tags) is None


def _is_on(device: str, volume: Volume) -> bool:
    return any(item.device == device for item in volume.attachments)


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


def brought_claims(claims: Sequence[ClaimView], occupant: Instance) -> tuple[ClaimView, ...]:
    """The claims whose volumes were made when the occupant was launched: copies, or empty ones."""
    return tuple(
        view
        for view in claims
        if view.volume is not None
        and incarnation_of(view.volume.tags) == incarnation_of(occupant.tags)
    )


def restored_claims(claims: Sequence[ClaimView], occupant: Instance) -> tuple[ClaimView, ...]:
    """The claims whose volumes were made to restore their data when the occupant was launched."""
    from_archive = Tag.RESTORE_FROM in occupant.tags
    return tuple(
        view
        for view in brought_claims(claims, occupant)
        if view.volume is not None and (view.volume.snapshot_id is not None or from_archive)
    )


def with_archive(view: ClaimView, archive: ClaimArchive | None) -> ClaimView:
    """A claim with its archive. One that anything was ever archived of was filled before."""
    if archive and archive.incarnations and view.standing is Standing.NEVER_FILLED:
        detail = "no volume fills it any more; there is an archive of one"
        return replace(view, standing=Standing.LOST, detail=detail, archive=archive)
    return replace(view, archive=archive)
