"""The end of volumes that were kept until a date (design sections 7.1 and 7.4). One volume of a slot at a time.

reclaim         only while the slot is healthy and in service, with its claims attached, and nobody else of it lives
  undone copy   of a replacement that was never committed: an hour later it goes, its snapshot stays
  left behind   after its date: a final snapshot of it, which stays; and it goes once that is completed

What was left behind goes only while every claim has a restore point of the volume that took its place, from after the
occupant came into service. Without a date, or with one that can't be read, a volume is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers.observed import Instance, Snapshot, SnapshotState, Volume, VolumeState
from providers.requests import CreateSnapshot, DeleteVolume
from reconciler.planning.actions import Bucket, Course, Reason
from reconciler.planning.backups.schedule import named_date
from reconciler.planning.backups.taking import snapshot_of
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.identity import (
    claim_of,
    in_service_since,
    incarnation_of,
    quarantined_until,
)
from reconciler.planning.intents import WITHOUT_EFFECT, IntentState
from reconciler.planning.nature import Nature
from reconciler.planning.slots.claims import Standing
from reconciler.planning.slots.restore_points import made_by_us

AGAIN_AFTER_FAILURE = timedelta(days=1)
"""A final snapshot that failed is tried again; what can't be read at all stays."""
LOOKED_AT_AGAIN = timedelta(minutes=5)
"""The rhythm in which snapshots are listed (design section 5)."""
MOST_FAILED = 3
"""Failed snapshots count against EC2's limit of five a volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is due for one volume; nothing where it waits, until `next_check_at` where time alone changes that."""

    draft: Draft | None = None
    next_check_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A volume whose time is over, and since when."""

    volume: Volume
    since: datetime


def reclaim(here: Situation, occupant: Instance, decision: Decision) -> Decision:
    """The decision about a slot at rest, with the next step towards the end of what it keeps."""
    if not here.view.kept or not _may_reclaim(here, occupant, decision):
        return decision
    dates = {volume.id: quarantined_until(volume.tags) for volume in here.view.kept}
    later = [at for at in dates.values() if at is not None and here.now < at]
    over = [
        Over(volume=volume, since=since)
        for volume in here.view.kept
        if (since := dates[volume.id]) is not None and since <= here.now
    ]
    step = _first_step(here, occupant, sorted(over, key=lambda one: (one.since, one.volume.id)))
    times = [decision.next_check_at, step.next_check_at, *later]
    return replace(
        decision,
        drafts=(*decision.drafts, *here.not_open([step.draft] if step.draft else [])),
        next_check_at=min((at for at in times if at is not None), default=None),
        notes=(*decision.notes, *([step.note] if step.note else [])),
    )


def _may_reclaim(here: Situation, occupant: Instance, decision: Decision) -> bool:
    """The slot is healthy and alone, whole and in service, nothing else is due, and its snapshots are known."""
    return (
        decision.rests_in is Bucket.HEALTHY
        and decision.wish is None
        and not decision.holds
        and here.view.alive == (occupant,)
        and not here.view.unproven
        and in_service_since(occupant.tags) is not None
        and all(view.standing is Standing.ATTACHED for view in here.view.claims)
        and all(view.snapshots is not None for view in here.view.claims)
    )


def _first_step(here: Situation, occupant: Instance, over: list[Over]) -> Step:
    """Of the first volume that can go or waits for something; those that can't go are passed over."""
    if any(_is_ours(intent.action.course, intent.action.request) for intent in here.view.sharing):
        return Step()
    for one in over:
        if (step := _step(here, occupant, one)) is not None:
            return step
    return Step()


def _is_ours(course: Course, request: object) -> bool:
    final = isinstance(request, CreateSnapshot) and course is Course.RECLAIM
    return final or isinstance(request, DeleteVolume)


def _step(here: Situation, occupant: Instance, one: Over) -> Step | None:
    volume = one.volume
    if volume.state is not VolumeState.AVAILABLE or volume.attachments or _is_used(here, volume):
        return None
    if incarnation_of(volume.tags) > incarnation_of(occupant.tags):
        # Never committed: an occupant of a lower incarnation than one that was is none (`casting`).
        copy = volume.snapshot_id is not None
        return Step(draft=_deletion(here, occupant, one, None, ())) if copy else None
    if _claim_name(here, volume) is None:
        return None
    restore_points = _restore_points(here, occupant)
    if restore_points is None:
        return Step(note=_waits_for_restore_points(here, volume))
    final = _final_snapshots(here, one)
    good = next((item for item in final if item.usable), None)
    if good is not None:
        return Step(draft=_deletion(here, occupant, one, good, restore_points))
    return _snapshot_first(here, one, final)


def _is_used(here: Situation, volume: Volume) -> bool:
    """It fills a claim, or a call about it may still have its effect, or had its effect already."""
    filling = {view.volume.id for view in here.view.claims if view.volume is not None}
    return volume.id in filling or any(
        isinstance(intent.action.request, DeleteVolume)
        and intent.action.request.volume_id == volume.id
        and intent.state not in WITHOUT_EFFECT | {IntentState.REJECTED}
        for intent in here.view.recent
    )


def _claim_name(here: Situation, volume: Volume) -> str | None:
    """Copies that never served have no name; where there is but one claim they are of that."""
    only = here.view.claims[0].claim.name if len(here.view.claims) == 1 else None
    return claim_of(volume.tags) or only


# What stays in its place


def _restore_points(here: Situation, occupant: Instance) -> tuple[str, ...] | None:
    """Of every claim the newest of ours of its present volume, from after the occupant came into service."""
    since = in_service_since(occupant.tags)
    found = []
    for view in here.view.claims:
        newest = next(
            (
                item
                for item in view.snapshots or ()
                if item.usable
                and view.volume is not None
                and item.volume_id == view.volume.id
                and made_by_us(item, here.case.owner)
            ),
            None,
        )
        if newest is None or since is None or newest.started_at <= since:
            return None
        found.append(newest.id)
    return tuple(found)


def _waits_for_restore_points(here: Situation, volume: Volume) -> str:
    return (
        f"{here.view.ref}: {volume.id} has had its time and stays until every claim has a "
        "snapshot of ours from after the occupant came into service"
    )


def _final_snapshots(here: Situation, one: Over) -> list[Snapshot]:
    """Those of ours of that very volume since its time is over: nothing has written to it since. Newest first."""
    found = [
        item
        for item in here.case.observation.snapshots.values()
        if item.volume_id == one.volume.id
        and item.started_at >= one.since
        and made_by_us(item, here.case.owner)
    ]
    return sorted(found, key=lambda item: (item.started_at, item.id), reverse=True)


def _snapshot_first(here: Situation, one: Over, final: list[Snapshot]) -> Step:
    if any(item.state is SnapshotState.PENDING for item in final):
        return Step(next_check_at=here.now + LOOKED_AT_AGAIN)
    failed = [item.started_at for item in final if item.state is SnapshotState.ERROR]
    if len(failed) >= MOST_FAILED:
        note = f"{here.view.ref}: {one.volume.id} can't be snapshotted and stays; delete it by hand"
        return Step(note=note)
    if failed and here.now < failed[0] + AGAIN_AFTER_FAILURE:
        return Step(next_check_at=failed[0] + AGAIN_AFTER_FAILURE)
    return Step(draft=_final_snapshot(here, one))


# The requests


def _final_snapshot(here: Situation, one: Over) -> Draft:
    return snapshot_of(
        here,
        one.volume,
        _claim_name(here, one.volume) or "",
        due_at=named_date(one.since, here.now),
        incarnation=incarnation_of(one.volume.tags),
        course=Course.RECLAIM,
        reason=Reason.FINAL_SNAPSHOT,
        nature=Nature.HOUSEKEEPING,
        detail=f"kept until {one.since:%Y-%m-%dT%H:%M:%SZ}; this snapshot stays",
    )


def _deletion(
    here: Situation,
    occupant: Instance,
    one: Over,
    final: Snapshot | None,
    restore_points: tuple[str, ...],
) -> Draft:
    stays = f"{final.id} holds it" if final else f"made of {one.volume.snapshot_id}, never used"
    request = DeleteVolume(
        volume_id=one.volume.id,
        quarantined_until=one.since,
        final_snapshot_id=final.id if final else None,
        restore_point_ids=restore_points,
    )
    return here.draft(
        occupant,
        request,
        nature=Nature.HOUSEKEEPING,
        course=Course.RECLAIM,
        reason=Reason.QUARANTINE_OVER,
        detail=f"kept until {one.since:%Y-%m-%dT%H:%M:%SZ}; {stays}",
        claim=claim_of(one.volume.tags),
    )
