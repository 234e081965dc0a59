"""The rules of the last look about backups; each returns what is wrong with one action, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from providers.observed import (
    InstanceState,
    Observation,
    Snapshot,
    SnapshotState,
    Volume,
    VolumeState,
)
from providers.requests import (
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    LaunchInstance,
)
from reconciler.health.verdict import Status
from reconciler.planning.actions import Action, Course, Reason, SlotRef
from reconciler.planning.case import is_well
from reconciler.planning.checks.actions import Facts
from reconciler.planning.identity import Tag, claim_of, slot_of
from reconciler.planning.slots.copied import source_of, taken_at
from reconciler.planning.slots.restore_points import BEGUN_TOGETHER_WITHIN, made_by_us

CAN_NOT_WRITE = (InstanceState.STOPPED, InstanceState.TERMINATED)


def _snapshots_only_of_what_is_well(action: Action, facts: Facts) -> str | None:
    """Of volumes that are well and in use on the healthy occupant, and of which none is pending."""
    if not isinstance(action.request, CreateSnapshot | CreateSnapshots):
        return None
    if action.course in (Course.KEEP_THE_DATA, Course.RECLAIM):
        return None  # Of what nobody writes to: the next rule, and `check_reclaiming`.
    if fault := unhealthy(action, facts):
        return fault
    occupant = facts.occupant_of(action.slot)
    observation = facts.case.observation
    for id_ in _volumes_of(action.request):
        volume = observation.volumes.get(id_)
        if volume is None or volume.state is not VolumeState.IN_USE:
            return f"{id_} is not in use"
        if not is_well(facts.case, volume):
            return f"{id_} is not known to be well"
        if occupant is None or {item.instance_id for item in volume.attachments} != {occupant.id}:
            return f"{id_} is not on the occupant of {action.slot}"
        if any(_is_pending(item, id_) for item in observation.snapshots.values()):
            return f"a snapshot of {id_} is pending"
    return None


def _a_last_snapshot_is_of_what_nobody_writes(action: Action, facts: Facts) -> str | None:
    """Of a volume that is well, and on no instance that could still write to it."""
    if not isinstance(action.request, CreateSnapshot | CreateSnapshots):
        return None
    if action.course is not Course.KEEP_THE_DATA:
        return None
    observation = facts.case.observation
    for id_ in _volumes_of(action.request):
        volume = observation.volumes.get(id_)
        if volume is None or not is_well(facts.case, volume):
            return f"{id_} is not known to be well"
        for item in volume.attachments:
            holder = observation.instances.get(item.instance_id)
            if holder is None or holder.state not in CAN_NOT_WRITE:
                return f"{item.instance_id} may still write to {id_}"
    return None


def _snapshots_carry_their_lineage(action: Action, facts: Facts) -> str | None:
    """By their tags they are found again, told apart and restored: owner, slot, claim, and the operation."""
    if not isinstance(action.request, CreateSnapshot | CreateSnapshots):
        return None
    tags = action.request.tags
    if tags.get(Tag.OWNER) != facts.case.owner or slot_of(tags) != action.slot:
        return f"tags name the slot {slot_of(tags)} of {tags.get(Tag.OWNER)}"
    if tags.get(Tag.OPERATION) != action.operation_id:
        return "operation tag and operation id differ"
    for id_ in _volumes_of(action.request):
        volume = facts.case.observation.volumes.get(id_)
        if volume is not None and (fault := _other_claim(action, volume, tags)):
            return fault
    return None


def _a_newer_restore_point_stays(action: Action, facts: Facts) -> str | None:
    """A completed snapshot of ours goes only where a newer, usable one of its claim stays; others must have failed."""
    if not isinstance(action.request, DeleteSnapshot):
        return None
    if fault := unhealthy(action, facts):
        return fault
    observation, request = facts.case.observation, action.request
    doomed = observation.snapshots.get(request.snapshot_id)
    if doomed is None or not made_by_us(doomed, facts.case.owner):
        return f"{request.snapshot_id} was not taken by us"
    if request.restore_point_id is None:
        return None if doomed.state is SnapshotState.ERROR else f"{doomed.id} is {doomed.state}"
    if doomed.state is not SnapshotState.COMPLETED:
        return f"{doomed.id} is {doomed.state}"
    kept = observation.snapshots.get(request.restore_point_id)
    if kept is None or not kept.usable or kept.started_at <= doomed.started_at:
        return f"{request.restore_point_id} is no newer restore point"
    if _claim(kept, observation) != _claim(doomed, observation):
        return f"{kept.id} is of another claim than {doomed.id}"
    return None


def _only_good_snapshots_are_copied(action: Action, facts: Facts) -> str | None:
    """Usable ones of ours, to where the claim's document says, one at a time, none that is there already."""
    request, observation = action.request, facts.case.observation
    if not isinstance(request, CopySnapshot):
        return None
    source = observation.snapshots.get(request.snapshot_id)
    if source is None or not source.usable or not made_by_us(source, facts.case.owner):
        return f"{request.snapshot_id} is not known to be a usable one of ours"
    if request.to_region != _declared_region(action, facts):
        return f"{action.slot} declares no copies of {action.claim} in {request.to_region}"
    seen = observation.copies.get(request.to_region)
    if seen is None:
        return f"the copies in {request.to_region} were not read"
    for item in seen.snapshots.values():
        if item.state is SnapshotState.PENDING and _is_of_the_same_claim(item, action):
            return f"{item.id} is pending in {request.to_region}"
        if source_of(item) == source.id and item.state is SnapshotState.COMPLETED:
            return f"{item.id} is a copy of {source.id} already"
    return None


def _copies_carry_their_lineage(action: Action, facts: Facts) -> str | None:
    """By their tags alone they are told apart and restored: whose, from which snapshot of where, and what they hold."""
    request, observation = action.request, facts.case.observation
    if not isinstance(request, CopySnapshot):
        return None
    source = observation.snapshots.get(request.snapshot_id)
    if source is None or request.from_region != observation.cell.region:
        return f"{request.snapshot_id} is not of {request.from_region}"
    kept = (Tag.OWNER, Tag.FLEET, Tag.SLOT, Tag.INCARNATION, Tag.CLAIM, Tag.DUE)
    expected = {tag: source.tags.get(tag) for tag in kept}
    expected[Tag.COPIED_FROM] = source.id
    expected[Tag.COPIED_FROM_REGION] = observation.cell.region
    expected[Tag.TAKEN_AT] = source.started_at.isoformat()
    expected[Tag.OPERATION] = action.operation_id
    for tag, value in expected.items():
        if value is None or request.tags.get(tag) != value:
            return f"{tag} is {request.tags.get(tag)} and should be {value}"
    right = slot_of(source.tags) == action.slot and claim_of(source.tags) == action.claim
    return None if right else f"{source.id} is of {slot_of(source.tags)}"


def _a_newer_copy_stays(action: Action, facts: Facts) -> str | None:
    """A completed copy of ours goes only where a newer, usable one of its claim stays; others must have failed."""
    request = action.request
    if not isinstance(request, DeleteCopy):
        return None
    if fault := unhealthy(action, facts):
        return fault
    seen = facts.case.observation.copies.get(request.region)
    copied = seen.snapshots if seen is not None else {}
    doomed = copied.get(request.snapshot_id)
    if doomed is None or not made_by_us(doomed, facts.case.owner) or source_of(doomed) is None:
        return f"{request.snapshot_id} is no copy of ours in {request.region}"
    if doomed.tags.get(Tag.COPIED_FROM_REGION) != facts.case.observation.cell.region:
        return f"{doomed.id} was not copied from here"
    if request.restore_point_id is None:
        return None if doomed.state is SnapshotState.ERROR else f"{doomed.id} is {doomed.state}"
    if doomed.state is not SnapshotState.COMPLETED:
        return f"{doomed.id} is {doomed.state}"
    kept = copied.get(request.restore_point_id)
    held, held_by_kept = taken_at(doomed), taken_at(kept) if kept is not None else None
    newer = held is not None and held_by_kept is not None and held_by_kept > held
    if kept is None or not kept.usable or not newer:
        return f"{request.restore_point_id} is no newer copy"
    same = (slot_of(kept.tags), claim_of(kept.tags)) == (
        slot_of(doomed.tags),
        claim_of(doomed.tags),
    )
    return None if same else f"{kept.id} is of another claim than {doomed.id}"


def _declared_region(action: Action, facts: Facts) -> str | None:
    fleet = facts.fleet_of(action)
    for claim in fleet.claims if fleet else ():
        if claim.name == action.claim and claim.backup is not None:
            return claim.backup.copy_to
    return None


def _only_its_own_is_restored(action: Action, facts: Facts) -> str | None:
    """Each volume of a launch is empty, or from a usable snapshot of this slot and of the claim on its device."""
    request, fleet = action.request, facts.fleet_of(action)
    if not isinstance(request, LaunchInstance):
        return None
    claims = {claim.device: claim.name for claim in fleet.claims} if fleet else {}
    for volume in request.volumes:
        if volume.snapshot_id is None:
            continue
        snapshot = facts.case.observation.snapshots.get(volume.snapshot_id)
        if snapshot is None or not snapshot.usable:
            return f"{volume.snapshot_id} is not known to be usable"
        slot, claim = _proven_lineage(snapshot, facts)
        if slot != action.slot:
            return f"{snapshot.id} is of {slot or 'no slot that is known'}"
        if claim not in (None, claims.get(volume.device)):
            return f"{snapshot.id} is of claim {claim}, {volume.device} is that of {claims.get(volume.device)}"
    return None


def _what_belongs_together_is_of_one_moment(action: Action, facts: Facts) -> str | None:
    """Volumes are made from what one call took of all of them; only what nobody wrote is carried over one by one."""
    request = action.request
    if not isinstance(request, LaunchInstance) or action.reason is Reason.CARRIED_OVER:
        return None
    known = facts.case.observation.snapshots
    ids = sorted(volume.snapshot_id for volume in request.volumes if volume.snapshot_id)
    found = [known[id_] for id_ in ids if id_ in known]
    if len(found) < 2:
        return None
    begun = [item.started_at for item in found]
    operations = {item.tags.get(Tag.OPERATION) for item in found}
    if len(operations) > 1 or None in operations:
        return f"{', '.join(ids)} are of several calls"
    if (apart := max(begun) - min(begun)) > BEGUN_TOGETHER_WITHIN:
        return f"{', '.join(ids)} began {apart.total_seconds():g} s apart"
    return None


def _proven_lineage(snapshot: Snapshot, facts: Facts) -> tuple[SlotRef | None, str | None]:
    """The slot and claim of the volume that it was taken of, as that is shown or known; else those of our tags."""
    volume = facts.case.observation.volumes.get(snapshot.volume_id)
    if volume is not None and volume.tags.get(Tag.OWNER) == facts.case.owner:
        return slot_of(volume.tags), claim_of(volume.tags) or claim_of(snapshot.tags)
    known = facts.case.memory.known.get(snapshot.volume_id)
    if known is not None:
        return known.slot, known.claim or claim_of(snapshot.tags)
    if snapshot.tags.get(Tag.OWNER) == facts.case.owner:
        return slot_of(snapshot.tags), claim_of(snapshot.tags)
    return None, None


def unhealthy(action: Action, facts: Facts) -> str | None:
    """Why the slot of an action is not known to be healthy; None when it is."""
    occupant = facts.occupant_of(action.slot)
    verdict = facts.case.verdicts.get(occupant.id) if occupant else None
    healthy = verdict is not None and verdict.status is Status.HEALTHY
    return None if healthy else f"{action.slot} is not healthy"


def _volumes_of(request: CreateSnapshot | CreateSnapshots) -> tuple[str, ...]:
    return (request.volume_id,) if isinstance(request, CreateSnapshot) else request.volume_ids


def _is_pending(snapshot: Snapshot, volume_id: str) -> bool:
    return snapshot.state is SnapshotState.PENDING and snapshot.volume_id == volume_id


def _is_of_the_same_claim(snapshot: Snapshot, action: Action) -> bool:
    return slot_of(snapshot.tags) == action.slot and claim_of(snapshot.tags) == action.claim


def _other_claim(action: Action, volume: Volume, tags: Mapping[str, str]) -> str | None:
    """What is taken together has its claim from the tags of each volume."""
    named = claim_of(volume.tags)
    if named is None and action.course is Course.RECLAIM:
        return None  # A copy that never served: what is taken of it is of no claim's lineage.
    if named is None:
        return f"{volume.id} is not named for a claim"
    if isinstance(action.request, CreateSnapshot) and tags.get(Tag.CLAIM) != named:
        return f"{volume.id} fills {named}, the tags name {tags.get(Tag.CLAIM)}"
    return None


def _claim(snapshot: Snapshot, observation: Observation) -> str | None:
    """As its tags say; else as those of its volume."""
    volume = observation.volumes.get(snapshot.volume_id)
    return claim_of(snapshot.tags) or (claim_of(volume.tags) if volume else None)


BACKUP_RULES: tuple[Callable[[Action, Facts], str | None], ...] = (
    _snapshots_only_of_what_is_well,
    _a_last_snapshot_is_of_what_nobody_writes,
    _snapshots_carry_their_lineage,
    _a_newer_restore_point_stays,
    _only_good_snapshots_are_copied,
    _copies_carry_their_lineage,
    _a_newer_copy_stays,
    _only_its_own_is_restored,
    _what_belongs_together_is_of_one_moment,
)
