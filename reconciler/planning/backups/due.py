"""Backups of a healthy slot: the snapshot that is due, and those that have had their time (design sections 7.3 and 8).

back_up       only while the occupant is healthy, and every volume well and where it belongs
  snapshot    one of all the slot's volumes together, once a date, never beside a pending one
  expiry      failed ones; and completed ones beyond `keep`, never the last good one

A decision of keeping a slot healthy is taken without any of this; backups are added to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desired_state.model import SnapshotSchedule
from providers.observed import Instance, InstanceState, Snapshot, SnapshotState, Volume, VolumeState
from providers.requests import CreateSnapshot, CreateSnapshots, DeleteSnapshot, DeleteVolume
from reconciler.planning.actions import Course, Reason, named_ids
from reconciler.planning.backups.copies import being_copied
from reconciler.planning.backups.schedule import last_due, named_date, named_hour
from reconciler.planning.backups.taking import lineage_tags, snapshot_of, tagged_with_its_operation
from reconciler.planning.backups.thinning import expired, next_expiry
from reconciler.planning.case import is_well
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.identity import claim_of, incarnation_of
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import span
from reconciler.planning.slots.claims import ClaimView, Standing
from reconciler.planning.slots.restore_points import made_by_us, taken_together

AGAIN_AFTER_FAILURE = timedelta(minutes=10)
"""`maxLoss` allows for one snapshot that fails and is repeated (desired_state.documents.volume)."""
CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""EC2's start time of a snapshot is by its own clock."""
EXPIRED_AT_ONCE = 5
"""Of one slot in one pass, so that a shorter `keep` is no landslide; the others are told as a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claim with a schedule, with the volume that fills it and its snapshots."""

    view: ClaimView
    volume: Volume
    schedule: SnapshotSchedule
    snapshots: tuple[Snapshot, ...]

    @property
    def name(self) -> str:
        """The claim's name."""
        return self.view.claim.name


def back_up(here: Situation, occupant: Instance, decision: Decision) -> Decision:
    """The decision about a healthy slot, with what is due for its backups."""
    held = _held(here, occupant)
    if not held:
        return decision
    taking, next_at, notes = _snapshot(here, occupant, held)
    expiring, more = _expiry(here, occupant, held)
    ends = [next_expiry(_thinned(here, one), one.schedule.keep, here.now) for one in held]
    times = [at for at in (decision.next_check_at, next_at, *ends) if at is not None]
    return replace(
        decision,
        drafts=(*decision.drafts, *here.not_open([*taking, *expiring])),
        next_check_at=min(times, default=None),
        notes=(*decision.notes, *notes, *more),
    )


def _held(here: Situation, occupant: Instance) -> tuple[Held, ...]:
    """The claims with a schedule; none while anything of them is not as it should be, or was not read."""
    held = []
    for view in here.view.claims:
        backup, volume = view.claim.backup, view.volume
        if backup is None or backup.snapshots is None:
            continue
        if volume is None or view.snapshots is None or not _in_place(view, volume):
            return ()
        if not is_well(here.case, volume):
            return ()
        held.append(
            Held(view=view, volume=volume, schedule=backup.snapshots, snapshots=view.snapshots)
        )
    return tuple(held) if occupant.state is InstanceState.RUNNING else ()


def _in_place(view: ClaimView, volume: Volume) -> bool:
    """On the occupant, in use, and named: lineage is copied from the volume's tags."""
    attached = view.standing is Standing.ATTACHED and volume.state is VolumeState.IN_USE
    return attached and claim_of(volume.tags) == view.claim.name


# The snapshot that is due


def _snapshot(
    here: Situation, occupant: Instance, held: Sequence[Held]
) -> tuple[list[Draft], datetime | None, list[str]]:
    """The draft of it, else when it is due, and a note where one takes its time."""
    every = min(item.schedule.every for item in held)
    due_at = last_due(here.view.ref, every, here.now)
    if pending := [item for one in held for item in _pending(one)]:
        oldest = min(pending, key=lambda item: item.started_at)
        since = f"{oldest.started_at:%Y-%m-%dT%H:%M:%SZ}"
        late_at = oldest.started_at + every
        if here.now < late_at:
            return [], late_at, []
        note = (
            f"{here.view.ref}: {oldest.id} is pending since {since}; the next snapshot waits for it"
        )
        return [], None, [note]
    if _under_way(here):
        return [], None, []
    if _is_taken(here, held, due_at):
        return [], due_at + every, []
    failed_at = _failed_since(here, held, due_at)
    if failed_at is not None and here.now < failed_at + AGAIN_AFTER_FAILURE:
        return [], min(failed_at + AGAIN_AFTER_FAILURE, due_at + every), []
    return [_taking(here, occupant, held, due_at)], due_at + every, []


def _pending(one: Held) -> list[Snapshot]:
    """At most one of a volume at a time, whoever made it: EBS allows few, and failed ones count among them."""
    return [
        item
        for item in one.snapshots
        if item.state is SnapshotState.PENDING and item.volume_id == one.volume.id
    ]


def _under_way(here: Situation) -> bool:
    return any(_is_scheduled(intent) for intent in here.view.sharing)


def _is_scheduled(intent: Intent) -> bool:
    """A snapshot of this schedule, and not one of what nobody can write to any more."""
    asked_for = isinstance(intent.action.request, CreateSnapshot | CreateSnapshots)
    return asked_for and intent.action.course is Course.BACK_UP


def _is_taken(here: Situation, held: Sequence[Held], due_at: datetime) -> bool:
    """All of the slot's volumes have one of ours since the date, or the journal knows of one that a list has shown."""
    since = due_at - CLOCKS_DIFFER_BY
    good = (SnapshotState.PENDING, SnapshotState.COMPLETED)
    if all(any(item.state in good for item in _ours_since(here, one, since)) for one in held):
        return True
    failed = {item.id for one in held for item in one.snapshots if item.state not in good}
    return any(
        _is_scheduled(intent)
        and intent.state is IntentState.OBSERVED
        and intent.begun_at >= due_at
        and intent.resource_id not in failed
        for intent in here.view.recent
    )


def _failed_since(here: Situation, held: Sequence[Held], due_at: datetime) -> datetime | None:
    """When the last one of this date that failed was begun."""
    shown = [
        item.started_at
        for one in held
        for item in _ours_since(here, one, due_at - CLOCKS_DIFFER_BY)
        if item.state is SnapshotState.ERROR
    ]
    known = [
        intent.begun_at
        for intent in here.view.recent
        if _is_scheduled(intent) and intent.state is IntentState.DEAD and intent.begun_at >= due_at
    ]
    return max((*shown, *known), default=None)


def _ours_since(here: Situation, one: Held, since: datetime) -> list[Snapshot]:
    """Of the volume that fills the claim now: an older volume's do not back this one up."""
    return [
        item
        for item in one.snapshots
        if item.volume_id == one.volume.id
        and item.started_at >= since
        and made_by_us(item, here.case.owner)
    ]


def _taking(here: Situation, occupant: Instance, held: Sequence[Held], due_at: datetime) -> Draft:
    """One call for all volumes of the slot, so that they can be restored together."""
    named, detail = named_date(due_at, here.now), _age(here, held)
    if len(held) == 1:
        return snapshot_of(
            here,
            held[0].volume,
            held[0].name,
            due_at=named,
            incarnation=incarnation_of(occupant.tags),
            course=Course.BACK_UP,
            reason=Reason.SNAPSHOT_DUE,
            detail=detail,
        )
    volumes = tuple(one.volume.id for one in held)
    request = CreateSnapshots(
        instance_id=occupant.id,
        volume_ids=volumes,
        left_out=_left_out(occupant, volumes),
        due_at=named,
        tags=lineage_tags(here, named),
    )
    draft = here.draft(
        occupant,
        request,
        nature=Nature.CONSTRUCTIVE,
        course=Course.BACK_UP,
        reason=Reason.SNAPSHOT_DUE,
        detail=detail,
    )
    return tagged_with_its_operation(draft, request)


def _left_out(occupant: Instance, volumes: Sequence[str]) -> tuple[str, ...]:
    """Data volumes on the instance that are no claims, or claims without a schedule."""
    return tuple(
        sorted(
            item.volume_id
            for item in occupant.attachments
            if item.device != occupant.root_device and item.volume_id not in volumes
        )
    )


def _age(here: Situation, held: Sequence[Held]) -> str:
    newest = [next((item for item in one.snapshots if item.usable), None) for one in held]
    if any(item is None for item in newest):
        return "there is no completed one yet"
    oldest = min(item.started_at for item in newest if item is not None)
    return f"the newest is {span(here.now - oldest)} old"


# Those that have had their time


def _expiry(
    here: Situation, occupant: Instance, held: Sequence[Held]
) -> tuple[list[Draft], list[str]]:
    """Oldest first, a few at a time; none while the slot has more than its occupant."""
    if here.view.alive != (occupant,):
        return [], []
    spared = _already_deleted(here) | _relied_on(here) | _newest_complete_set(here, held)
    spared |= being_copied(here)
    going = [
        (one, item, restore_point)
        for one in held
        for item, restore_point in _of_claim(here, one)
        if item.id not in spared
    ]
    more = len(going) - EXPIRED_AT_ONCE
    note = [f"{here.view.ref}: {more} more snapshots have had their time"] if more > 0 else []
    return [
        _deleting(here, occupant, one, item, restore_point=restore_point)
        for one, item, restore_point in going[:EXPIRED_AT_ONCE]
    ], note


def _of_claim(here: Situation, one: Held) -> list[tuple[Snapshot, Snapshot | None]]:
    """Those of a claim that may go, each with the newer one that stays; a failed one needs none."""
    going: list[tuple[Snapshot, Snapshot | None]] = [
        (item, None)
        for item in one.snapshots
        if item.state is SnapshotState.ERROR and _is_ours(here, item)
    ]
    completed = _thinned(here, one)
    going_already = _already_deleted(here)
    staying = (item for item in completed if item.usable and item.id not in going_already)
    last_good = next(staying, None)
    if last_good is not None:
        going += [
            (item, last_good)
            for item in expired(completed, one.schedule.keep, here.now)
            if item.started_at < last_good.started_at
        ]
    return going


def _thinned(here: Situation, one: Held) -> list[Snapshot]:
    """What `keep` is about."""
    return [
        item
        for item in one.snapshots
        if item.state is SnapshotState.COMPLETED and _is_ours(here, item)
    ]


def _is_ours(here: Situation, snapshot: Snapshot) -> bool:
    """To be deleted, or relied upon when another is: tags alone may be copies, so its volume must be known as well."""
    case = here.case
    known = (
        snapshot.volume_id in case.observation.volumes or snapshot.volume_id in case.memory.known
    )
    return known and made_by_us(snapshot, case.owner)


def _deleting(
    here: Situation,
    occupant: Instance,
    one: Held,
    snapshot: Snapshot,
    *,
    restore_point: Snapshot | None,
) -> Draft:
    if restore_point is None:
        reason, detail = Reason.SNAPSHOT_FAILED, snapshot.state_message or "no reason given"
    else:
        age = span(here.now - snapshot.started_at)
        reason, detail = Reason.SNAPSHOT_EXPIRED, f"{age} old; {restore_point.id} stays"
    return here.draft(
        occupant,
        DeleteSnapshot(
            snapshot_id=snapshot.id,
            restore_point_id=restore_point.id if restore_point else None,
            due_at=named_hour(here.now),
        ),
        nature=Nature.HOUSEKEEPING,
        course=Course.BACK_UP,
        reason=reason,
        detail=detail,
        claim=one.name,
    )


def _already_deleted(here: Situation) -> frozenset[str]:
    """What the journal knows to be gone or going, whatever a list that lags still shows."""
    return frozenset(
        intent.action.request.snapshot_id
        for intent in (*here.view.recent, *here.view.sharing)
        if isinstance(intent.action.request, DeleteSnapshot)
        and (intent.open or intent.state is IntentState.OBSERVED)
    )


def _relied_on(here: Situation) -> frozenset[str]:
    """What makes a snapshot, or a volume, dispensable whose deletion is still under way."""
    return frozenset(
        id_
        for intent in here.view.sharing
        if isinstance(intent.action.request, DeleteSnapshot | DeleteVolume)
        for id_ in named_ids(intent.action.request)[1:]
    )


def _newest_complete_set(here: Situation, held: Sequence[Held]) -> frozenset[str]:
    """The newest snapshots that were taken together of all claims and are all usable: they are restored together."""
    for snapshots in taken_together([one.view for one in held]):
        if all(item.usable and made_by_us(item, here.case.owner) for item in snapshots):
            return frozenset(item.id for item in snapshots)
    return frozenset()
