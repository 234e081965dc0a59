"""Which copies in other regions are of which claim. Their tags alone say so: a copy's volume id means nothing.

A copy that can't be told whole (its source, the region of that, the point in time that it holds) is of no claim, and
is never touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from desired_state.model import Claim
from providers.observed import GapSubject, Observation, Snapshot
from reconciler.planning.identity import Tag, claim_of, slot_key
from reconciler.planning.slots.claims import ClaimView
from reconciler.planning.slots.restore_points import made_by_us, newest_first

Place = tuple[str, str, int, str]
"""Region, fleet, ordinal and claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Copies of ours by the claim that they are of, newest first; `of` is what that was found from."""

    by_place: Mapping[Place, tuple[Snapshot, ...]]
    of: tuple[object, ...]


def copies(observation: Observation, owner: str, last: Copies | None = None) -> Copies | None:
    """The copies of every claim, each dated from what it holds; None where no other region was read.

    From the same things as `last`, the same.
    """
    if not observation.copies:
        return None
    of = (observation.copies, owner)
    if last is not None and all(now is then for now, then in zip(of, last.of, strict=True)):
        return last
    found: defaultdict[Place, list[Snapshot]] = defaultdict(list)
    for region, seen in observation.copies.items():
        for snapshot in seen.snapshots.values():
            place = _place_of(snapshot, region, observation.cell.region, owner)
            held = taken_at(snapshot)
            if place is not None and held is not None:
                found[place].append(replace(snapshot, started_at=held))
    return Copies(by_place={key: newest_first(items) for key, items in found.items()}, of=of)


def of_claims(
    claims: Sequence[Claim], slot: tuple[str, int], copied: Copies, observation: Observation
) -> list[tuple[Snapshot, ...] | None]:
    """The copies of each claim of a slot; None where none is declared, or where they were not read whole."""

    def of(claim: Claim) -> tuple[Snapshot, ...] | None:
        region = claim.backup.copy_to if claim.backup else None
        if region is None or region not in observation.copies:
            return None
        if observation.lacks(GapSubject.COPIES, region):
            return None
        return copied.by_place.get((region, *slot, claim.name), ())

    return [of(claim) for claim in claims]


def with_copies(
    claims: tuple[ClaimView, ...], found: Sequence[tuple[Snapshot, ...] | None]
) -> tuple[ClaimView, ...]:
    """The claims of a slot, each with its copies."""
    return tuple(
        view if own is None else replace(view, copies=own)
        for view, own in zip(claims, found, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What a claim could be restored from in the region of its `copyTo`, if this one were lost."""

    region: str
    copy: Snapshot | None
    """The newest usable one, dated from what it holds."""
    read: bool
    """Whether that region was read: if not, nothing is known of what is there."""
    late: bool
    """More than an interval beyond `maxLoss` old, or none at all though there was so long something to copy."""


def elsewhere_of(view: ClaimView, now: datetime) -> Elsewhere | None:
    """None where the claim names no region."""
    backup = view.claim.backup
    if backup is None or backup.copy_to is None or backup.snapshots is None:
        return None
    copy = next((item for item in view.copies or () if item.usable), None)
    waiting = copy or min(
        (item for item in view.snapshots or () if item.usable),
        key=lambda item: item.started_at,
        default=None,
    )
    allowed = backup.max_loss + backup.snapshots.every
    late = waiting is not None and now - waiting.started_at > allowed
    read = view.copies is not None
    return Elsewhere(region=backup.copy_to, copy=copy, read=read, late=read and late)


def taken_at(snapshot: Snapshot) -> datetime | None:
    """The point in time that a copy holds; None of what is no copy, or says it in no readable way."""
    try:
        at = datetime.fromisoformat(snapshot.tags.get(Tag.TAKEN_AT, ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def source_of(copy: Snapshot) -> str | None:
    """The snapshot that a copy was made from."""
    return copy.tags.get(Tag.COPIED_FROM)


def _place_of(snapshot: Snapshot, region: str, home: str, owner: str) -> Place | None:
    key, claim = slot_key(snapshot.tags), claim_of(snapshot.tags)
    from_here = snapshot.tags.get(Tag.COPIED_FROM_REGION) == home
    if not (from_here and made_by_us(snapshot, owner) and source_of(snapshot)):
        return None
    return None if key is None or claim is None else (region, *key, claim)
