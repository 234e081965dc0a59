"""Which snapshots are of which claim: lineage is proved by our tags, or by a volume that is known to fill the claim.

A snapshot whose tags say one thing and whose volume another is of the wrong lineage: of no claim at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers.observed import GapSubject, Observation, Snapshot, SnapshotState
from reconciler.planning.identity import Tag, claim_of, incarnation_of, owner_of, slot_key
from reconciler.planning.memory import Memory
from reconciler.planning.slots.claims import ClaimView, Standing

BEGUN_TOGETHER_WITHIN = timedelta(seconds=10)
"""Between the first and the last snapshot of one CreateSnapshots. It takes them at one instant (EC2 API reference); how
far apart it dates them nobody promises.
"""
Lineage = tuple[str, int, str]
"""Fleet, ordinal and claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineages:
    """Snapshots by the claim that they are of, newest first; `of` is what that was found from."""

    by_claim: Mapping[Lineage, tuple[Snapshot, ...]]
    of: tuple[object, ...]


_MADE_BY_US = (Tag.OPERATION.value, Tag.DUE.value)


def lineages(
    observation: Observation, memory: Memory, owner: str, last: Lineages | None = None
) -> Lineages | None:
    """The snapshots of every claim; None when they were not read whole. From the same things as `last`, the same."""
    if observation.snapshots_as_of is None or observation.lacks(GapSubject.SNAPSHOTS):
        return None
    of = (observation.snapshots, observation.volumes, memory.known, owner)
    if last is not None and all(now is then for now, then in zip(of, last.of, strict=True)):
        return last
    fills = _volumes(observation, memory, owner) if observation.snapshots else {}
    filled = frozenset(fills.values())
    found: defaultdict[Lineage, list[Snapshot]] = defaultdict(list)
    for snapshot in observation.snapshots.values():
        lineage = _lineage_of(snapshot, fills, filled, owner)
        if lineage is not None:
            found[lineage].append(snapshot)
    by_claim = {lineage: newest_first(snapshots) for lineage, snapshots in found.items()}
    return Lineages(by_claim=by_claim, of=of)


def taken_together(claims: Sequence[ClaimView]) -> list[tuple[Snapshot, ...]]:
    """The sets that one call took of all claims, in the order of the claims and in any state, newest first.

    They carry its operation and began together. A request that arrived twice took two sets, and whoever copied our tags
    by hand made more that carry it; a second of one claim begins another set. Of a single claim each snapshot is one.
    """
    if len(claims) == 1:
        return [(item,) for item in claims[0].snapshots or ()]
    taken = [
        (item.tags[Tag.OPERATION], item.started_at, place, item)
        for place, view in enumerate(claims)
        for item in view.snapshots or ()
        if Tag.OPERATION in item.tags
    ]
    taken.sort(key=lambda one: (*one[:3], one[3].id))
    found: list[tuple[Snapshot, ...]] = []
    begun: dict[int, Snapshot] = {}
    for operation, at, place, item in taken:
        first = next(iter(begun.values()), item)
        apart = at - first.started_at > BEGUN_TOGETHER_WITHIN
        if apart or place in begun or first.tags[Tag.OPERATION] != operation:
            begun = {}
        begun[place] = item
        if len(begun) == len(claims):
            found.append(tuple(begun[number] for number in range(len(claims))))
            begun = {}
    return sorted(found, key=moment_of, reverse=True)


def moment_of(snapshots: Sequence[Snapshot]) -> datetime:
    """The moment of which a set is."""
    return min(item.started_at for item in snapshots)


def with_snapshots(
    claims: tuple[ClaimView, ...], snapshots: Sequence[tuple[Snapshot, ...]]
) -> tuple[ClaimView, ...]:
    """The claims of a slot, each with its snapshots. One that has any was filled before, whatever else is forgotten."""
    return tuple([_with(view, own) for view, own in zip(claims, snapshots, strict=True)])


def _with(view: ClaimView, snapshots: tuple[Snapshot, ...]) -> ClaimView:
    snapshots = _in_force(view, snapshots) if snapshots else snapshots
    own = tuple(item for item in snapshots if Tag.COPIED_FROM not in item.tags)
    if own and view.standing is Standing.NEVER_FILLED:
        detail = "no volume fills it any more; there are snapshots of one"
        return replace(view, standing=Standing.LOST, detail=detail, snapshots=own)
    if snapshots and view.standing is Standing.NEVER_FILLED:
        detail = _held_elsewhere(snapshots[0])
        return replace(view, standing=Standing.CONFLICT, detail=detail, snapshots=own)
    return replace(view, snapshots=own)


def _held_elsewhere(copy: Snapshot) -> str:
    """A copy is of the slots of the region that it is from, which may well live; here it is nobody's restore point."""
    region = copy.tags.get(Tag.COPIED_FROM_REGION, "another region")
    return (
        f"{copy.id} holds a copy of its data from {region}; to begin empty here, give the fleet another name, "
        "or delete what was copied"
    )


def _in_force(view: ClaimView, snapshots: tuple[Snapshot, ...]) -> tuple[Snapshot, ...]:
    """Without what was taken of a volume after another had taken its place: what was written since is not in it.

    The volume that fills the claim tells by its date when it did. Where it is gone, the first snapshot of a later
    incarnation does: we snapshot what is in service alone.
    """
    volume, first = view.volume, _first_of_incarnations(snapshots)
    if volume is None and len(first) < 2:
        return snapshots

    def is_superseded(item: Snapshot) -> bool:
        if volume is not None:
            return item.volume_id != volume.id and item.started_at >= volume.created_at
        own = _incarnation_taken(item)
        return any(0 < own < later and at <= item.started_at for later, at in first.items())

    return tuple([item for item in snapshots if not is_superseded(item)])


def _first_of_incarnations(snapshots: Sequence[Snapshot]) -> dict[int, datetime]:
    first: dict[int, datetime] = {}
    for item in snapshots:
        incarnation = _incarnation_taken(item)
        first[incarnation] = min(item.started_at, first.get(incarnation, item.started_at))
    return first


def _incarnation_taken(snapshot: Snapshot) -> int:
    """The incarnation of the volume that we took it of; 0 where somebody else did."""
    ours = all(key in snapshot.tags for key in _MADE_BY_US)
    return incarnation_of(snapshot.tags) if ours else 0


def newest_first(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """By the point in time that they hold."""
    return tuple(sorted(snapshots, key=lambda item: (item.started_at, item.id), reverse=True))


def made_by_us(snapshot: Snapshot, owner: str) -> bool:
    """Whether this installation took it, as its tags say; what others made is never touched.

    A volume carries our owner and operation too, and tools for backups copy the tags of the volumes that they snapshot.
    """
    return owner_of(snapshot.tags) == owner and all(key in snapshot.tags for key in _MADE_BY_US)


def _volumes(
    observation: Observation, memory: Memory, owner: str
) -> dict[str, tuple[tuple[str, int], str | None]]:
    """Slot and claim of every volume that is known to fill one."""
    fills: dict[str, tuple[tuple[str, int], str | None]] = {}
    for known in memory.known.values():
        if known.kind == "volume" and known.slot is not None:
            shown = observation.volumes.get(known.id)
            claim = known.claim or (claim_of(shown.tags) if shown else None)
            fills[known.id] = ((known.slot.fleet, known.slot.ordinal), claim)
    for volume in observation.volumes.values():
        key = slot_key(volume.tags) if owner_of(volume.tags) == owner else None
        if key is not None and volume.id not in fills:
            fills[volume.id] = (key, claim_of(volume.tags))
    return fills


def _lineage_of(
    snapshot: Snapshot,
    fills: Mapping[str, tuple[tuple[str, int], str | None]],
    filled: AbstractSet[tuple[tuple[str, int], str | None]],
    owner: str,
) -> Lineage | None:
    ours = owner_of(snapshot.tags) == owner
    tagged = slot_key(snapshot.tags) if ours else None
    tagged_claim = claim_of(snapshot.tags) if ours else None
    slot, claim = fills.get(snapshot.volume_id, (None, None))
    if snapshot.state is SnapshotState.PENDING and slot is not None and claim is not None:
        # Under way on that volume, whatever its tags; nothing can be restored from it yet.
        return (*slot, claim)
    if tagged is not None and slot is not None and tagged != slot:
        return None
    if tagged_claim is not None and slot is not None and tagged_claim != claim:
        return None  # Of another claim; or of a root volume, which fills none.
    key, name = tagged or slot, tagged_claim or claim
    if key is None or name is None:
        return None
    # Tags can be copied by hand. Alone they prove a lineage only where no volume of it is known any more.
    by_tags_alone = slot is None and (key, name) in filled
    return None if by_tags_alone else (*key, name)
