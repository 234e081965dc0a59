"""Copies of a claim's snapshots in the region that it names (`copyTo`), for the day on which this one is in trouble.

copy_elsewhere  whatever else is decided of the slot: a completed snapshot is as good as it was
  copying       the newest usable one of ours, one of a claim at a time; what was missed is not caught up
  expiry        while the slot is healthy: failed ones, and those beyond `keep`, never the newest good one
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desired_state.model import SnapshotSchedule
from providers.observed import Snapshot, SnapshotState
from providers.requests import CopySnapshot, DeleteCopy
from reconciler.health.verdict import Status
from reconciler.planning.actions import Course, Reason
from reconciler.planning.backups.schedule import BEGINNING, named_hour
from reconciler.planning.backups.thinning import expired, next_expiry
from reconciler.planning.decision import Decision, Draft, Situation, action_for
from reconciler.planning.identity import Tag, claim_of, incarnation_of, slot_of
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import span
from reconciler.planning.slots.claims import ClaimView
from reconciler.planning.slots.copied import source_of
from reconciler.planning.slots.restore_points import made_by_us

AGAIN_AFTER_FAILURE = timedelta(hours=1)
"""What makes copies fail, a key that the other region lacks above all, rarely passes by itself."""
EXPIRED_AT_ONCE = 5
"""Of one claim in one pass, as of snapshots."""
_GOOD = (SnapshotState.PENDING, SnapshotState.COMPLETED)
_MULTI_REGION_KEY = "mrk-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A claim with a region for copies, in which they were read whole."""

    view: ClaimView
    region: str
    schedule: SnapshotSchedule
    snapshots: tuple[Snapshot, ...]
    copies: tuple[Snapshot, ...]

    @property
    def name(self) -> str:
        return self.view.claim.name

    def requested(self, intents: tuple[Intent, ...]) -> list[Intent]:
        """Those that asked for a copy of this claim there."""
        return [
            intent
            for intent in intents
            if isinstance(intent.action.request, CopySnapshot)
            and intent.action.request.to_region == self.region
            and intent.action.claim == self.name
        ]


def copy_elsewhere(here: Situation, decision: Decision) -> Decision:
    """The decision about a slot, with what is due for its copies."""
    claims = _with_copies(here)
    if not claims:
        return decision
    drafts: list[Draft] = []
    times: list[datetime | None] = [decision.next_check_at]
    notes: list[str] = []
    for claim in claims:
        drafts += _copying(here, claim)
        times += [_again_at(here, claim)]
        notes += _failures(here, claim)
        if _is_healthy(here):
            drafts += _expiry(here, claim)
            times += [next_expiry(_completed(claim), claim.schedule.keep, here.now)]
    return replace(
        decision,
        drafts=(*decision.drafts, *here.not_open(drafts)),
        next_check_at=min((at for at in times if at is not None), default=None),
        notes=(*decision.notes, *notes),
    )


def being_copied(here: Situation) -> frozenset[str]:
    """Snapshots that a copy is still made from, as far as is known: one that goes takes its copy with it."""
    asked = {
        intent.action.request.snapshot_id
        for intent in here.view.sharing
        if isinstance(intent.action.request, CopySnapshot)
    }
    shown = {
        source
        for view in here.view.claims
        for item in view.copies or ()
        if item.state is SnapshotState.PENDING and (source := source_of(item))
    }
    return frozenset(asked | shown)


def _with_copies(here: Situation) -> list[_Claim]:
    found = []
    for view in here.view.claims if here.view.wanted else ():
        backup = view.claim.backup
        if backup is None or backup.copy_to is None or backup.snapshots is None:
            continue
        if view.copies is None or view.snapshots is None:
            continue
        found.append(
            _Claim(
                view=view,
                region=backup.copy_to,
                schedule=backup.snapshots,
                snapshots=view.snapshots,
                copies=view.copies,
            )
        )
    return found


def _is_healthy(here: Situation) -> bool:
    """The slot holds its occupant, healthy, and nothing else: only then anything is let go."""
    occupant = here.view.occupant
    if occupant is None or here.view.alive != (occupant,):
        return False
    return here.verdict(occupant).status is Status.HEALTHY


# The copy that is due


def _copying(here: Situation, claim: _Claim) -> list[Draft]:
    """At most one, and none beside another that is under way."""
    source = _newest(here, claim)
    if source is None or claim.requested(here.view.sharing):
        return []
    if any(item.state is SnapshotState.PENDING for item in claim.copies):
        return []
    if _is_there(here, claim, source) or _again_at(here, claim) is not None:
        return []
    return [_draft(here, claim, source)]


def _newest(here: Situation, claim: _Claim) -> Snapshot | None:
    """The newest usable one of ours whose own tags say whose it is: they are what its copy is told by."""
    for item in claim.snapshots:
        named = slot_of(item.tags) == here.view.ref and claim_of(item.tags) == claim.name
        if item.usable and named and made_by_us(item, here.case.owner):
            return item
    return None


def _is_there(here: Situation, claim: _Claim, source: Snapshot) -> bool:
    """What holds as much is there, or the journal knows of one that a list has shown."""
    if any(item.state in _GOOD and item.started_at >= source.started_at for item in claim.copies):
        return True
    failed = {item.id for item in claim.copies if item.state not in _GOOD}
    return any(
        intent.action.request.snapshot_id == source.id
        and intent.state is IntentState.OBSERVED
        and intent.resource_id not in failed
        for intent in claim.requested(here.view.recent)
        if isinstance(intent.action.request, CopySnapshot)
    )


def _again_at(here: Situation, claim: _Claim) -> datetime | None:
    """When a copy may be tried after the last that failed; None when that may be now."""
    failed = {item.id for item in claim.copies if item.state is SnapshotState.ERROR}
    ended = [
        intent.begun_at
        for intent in claim.requested(here.view.recent)
        if intent.state is IntentState.DEAD or intent.resource_id in failed
    ]
    again_at = max(ended, default=BEGINNING) + AGAIN_AFTER_FAILURE
    return again_at if here.now < again_at else None


def _failures(here: Situation, claim: _Claim) -> list[str]:
    """Why the last one failed: of encrypted ones EC2 says it nowhere else (EBS user guide)."""
    return [
        f"{here.view.ref}: {item.id}, a copy of {source_of(item)} in {claim.region}, failed: "
        f"{item.state_message or 'no reason given'}"
        for item in claim.copies[:1]
        if item.state is SnapshotState.ERROR
    ]


def _draft(here: Situation, claim: _Claim, source: Snapshot) -> Draft:
    incarnation = incarnation_of(source.tags)
    newest = next((item for item in claim.copies if item.usable), None)
    request = CopySnapshot(
        snapshot_id=source.id,
        from_region=here.case.observation.cell.region,
        to_region=claim.region,
        encrypted=source.encrypted or claim.view.claim.encrypted,
        kms_key_id=_key_there(source.kms_key_id),
        due_at=named_hour(here.now),
        tags={},
    )
    behind = f"the newest there is {span(here.now - newest.started_at)} old" if newest else ""
    action = action_for(
        here.case,
        slot=here.view.ref,
        incarnation=incarnation,
        claim=claim.name,
        request=request,
        course=Course.BACK_UP,
        reason=Reason.COPY_DUE,
        detail=behind or "there is none yet",
    )
    tags = _lineage(here, source) | {Tag.OPERATION: action.operation_id}
    plain = {str(key): str(value) for key, value in sorted(tags.items())}
    return Draft(
        action=replace(action, request=replace(request, tags=plain)),
        treated=incarnation,
        nature=Nature.CONSTRUCTIVE,
        behind_since=newest.started_at if newest else BEGINNING,
    )


def _lineage(here: Situation, source: Snapshot) -> dict[str, str]:
    """The source's own tags of ours, and where and when it was taken."""
    kept = (Tag.OWNER, Tag.FLEET, Tag.SLOT, Tag.INCARNATION, Tag.CLAIM, Tag.DUE)
    return {
        **here.fleet.instance.tags,
        **{tag: source.tags[tag] for tag in kept if tag in source.tags},
        Tag.COPIED_FROM: source.id,
        Tag.COPIED_FROM_REGION: here.case.observation.cell.region,
        Tag.TAKEN_AT: source.started_at.isoformat(),
    }


def _key_there(key: str | None) -> str | None:
    """A multi-Region key goes by the same id in every region that has it; any other is of one region alone."""
    id_ = (key or "").rpartition("/")[2]
    return id_ if id_.startswith(_MULTI_REGION_KEY) else None


# Those that have had their time


def _expiry(here: Situation, claim: _Claim) -> list[Draft]:
    """Oldest first, a few at a time."""
    spared = _deleted(here) | _relied_on(here)
    going = [(item, kept) for item, kept in _going(here, claim) if item.id not in spared]
    return [_deleting(here, claim, item, kept) for item, kept in going[:EXPIRED_AT_ONCE]]


def _going(here: Situation, claim: _Claim) -> list[tuple[Snapshot, Snapshot | None]]:
    """Those that may go, each with the newer one that stays; a failed one needs none."""
    going: list[tuple[Snapshot, Snapshot | None]] = [
        (item, None) for item in claim.copies if item.state is SnapshotState.ERROR
    ]
    completed, gone = _completed(claim), _deleted(here)
    last_good = next((item for item in completed if item.usable and item.id not in gone), None)
    if last_good is not None:
        going += [
            (item, last_good)
            for item in expired(completed, claim.schedule.keep, here.now)
            if item.started_at < last_good.started_at
        ]
    return going


def _completed(claim: _Claim) -> list[Snapshot]:
    return [item for item in claim.copies if item.state is SnapshotState.COMPLETED]


def _deleted(here: Situation) -> frozenset[str]:
    """What the journal knows to be gone or going."""
    return frozenset(
        intent.action.request.snapshot_id
        for intent in (*here.view.recent, *here.view.sharing)
        if isinstance(intent.action.request, DeleteCopy)
        and (intent.open or intent.state is IntentState.OBSERVED)
    )


def _relied_on(here: Situation) -> frozenset[str]:
    """What makes another dispensable that is still going."""
    return frozenset(
        intent.action.request.restore_point_id
        for intent in (*here.view.recent, *here.view.sharing)
        if isinstance(intent.action.request, DeleteCopy)
        and intent.open
        and intent.action.request.restore_point_id is not None
    )


def _deleting(here: Situation, claim: _Claim, copy: Snapshot, kept: Snapshot | None) -> Draft:
    incarnation = incarnation_of(copy.tags)
    if kept is None:
        reason, detail = Reason.SNAPSHOT_FAILED, copy.state_message or "no reason given"
    else:
        age = span(here.now - copy.started_at)
        reason, detail = Reason.SNAPSHOT_EXPIRED, f"{age} old; {kept.id} stays"
    action = action_for(
        here.case,
        slot=here.view.ref,
        incarnation=incarnation,
        claim=claim.name,
        request=DeleteCopy(
            region=claim.region,
            snapshot_id=copy.id,
            restore_point_id=kept.id if kept else None,
            due_at=named_hour(here.now),
        ),
        course=Course.BACK_UP,
        reason=reason,
        detail=detail,
    )
    return Draft(action=action, treated=incarnation, nature=Nature.HOUSEKEEPING)
