"""When a snapshot is copied to the region that its claim names, which one, under which tags; and when copies go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Mode
from providers.observed import Gap, GapSubject, Snapshot, SnapshotState
from providers.requests import CopySnapshot, CreateSnapshot, DeleteCopy, DeleteSnapshot
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Bucket, Gate
from reconciler.planning.backups.copies import AGAIN_AFTER_FAILURE
from reconciler.planning.backups.thinning import expired
from reconciler.planning.gates.gates import COPIES_AT_ONCE
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.support.backed_up import DATABASE, EVERY, VOLUME, databases, due_ago, in_time, old
from tests.support.cases import Scene
from tests.support.copied import ELSEWHERE, copied_databases, with_snapshot
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import volume_id


def copying(scene: Scene) -> CopySnapshot:
    request = the_action(scene).request
    assert isinstance(request, CopySnapshot)
    return request


# Which one, and when


def test_a_completed_snapshot_is_copied_to_where_its_claim_says() -> None:
    scene, snapshot = with_snapshot()
    request = copying(scene)
    assert (request.snapshot_id, request.to_region) == (snapshot.id, ELSEWHERE)
    assert request.from_region == scene.case().observation.cell.region


def test_its_copy_says_whose_it_is_from_what_and_when_that_was_taken() -> None:
    scene, snapshot = with_snapshot()
    action = the_action(scene)
    tags = copying(scene).tags
    assert {tag: tags[tag] for tag in snapshot.tags if tag != Tag.OPERATION} == {
        tag: value for tag, value in snapshot.tags.items() if tag != Tag.OPERATION
    }
    assert tags[Tag.OPERATION] == action.operation_id
    assert tags[Tag.COPIED_FROM] == snapshot.id
    assert tags[Tag.COPIED_FROM_REGION] == "us-east-1"
    assert tags[Tag.TAKEN_AT] == snapshot.started_at.isoformat()
    assert tags["team"] == "data"


def test_without_a_region_nothing_is_copied() -> None:
    scene, _ = with_snapshot(databases())
    assert done(scene) == []


def test_what_is_copied_already_is_not_copied_again() -> None:
    scene, snapshot = with_snapshot()
    scene.copied(snapshot)
    assert done(scene) == []


@pytest.mark.parametrize("state", [SnapshotState.PENDING, SnapshotState.ERROR])
def test_a_snapshot_that_is_not_completed_is_not_copied(state: SnapshotState) -> None:
    scene, snapshot = with_snapshot()
    scene.snapshots[snapshot.id] = replace(snapshot, state=state)
    assert "copy-snapshot" not in " ".join(done(scene))


def test_neither_an_archived_snapshot_nor_one_of_others_is_copied() -> None:
    scene, snapshot = with_snapshot()
    scene.snapshots[snapshot.id] = replace(snapshot, storage_tier="archive")
    scene.snapshot(VOLUME, ago=MINUTE, ours=False)
    assert done(scene) == []


def test_only_the_newest_is_copied_and_what_was_missed_is_not_caught_up() -> None:
    scene, newest = with_snapshot()
    scene.snapshot(VOLUME, ago=due_ago(scene) + EVERY)
    assert copying(scene).snapshot_id == newest.id
    scene.copied(newest)
    assert done(scene) == []


def test_one_of_a_claim_is_under_way_at_a_time() -> None:
    scene, _ = with_snapshot()
    before = scene.snapshot(VOLUME, ago=due_ago(scene) + EVERY)
    scene.copied(before, state=SnapshotState.PENDING)
    assert done(scene) == []


def test_one_that_was_asked_for_and_is_not_shown_yet_is_under_way() -> None:
    for state in (IntentState.BEGUN, IntentState.ACCEPTED, IntentState.OBSERVED):
        other = Scene(copied_databases())
        other.in_service()
        in_time(other)
        other.began(the_action(other), ago=MINUTE, state=state)
        assert done(other) == [], state


def test_none_is_begun_beside_one_of_an_older_snapshot_that_is_not_shown_yet() -> None:
    scene = Scene(copied_databases())
    scene.in_service()
    scene.snapshot(VOLUME, ago=due_ago(scene) + EVERY)
    scene.began(the_copy(scene), ago=MINUTE, state=IntentState.ACCEPTED)
    in_time(scene)
    assert done(scene) == []


def test_a_copy_is_made_whatever_becomes_of_the_slot() -> None:
    """The day on which a region is in trouble is the day for which there are copies."""
    scene, _ = with_snapshot()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert f"copy-snapshot {DATABASE}" in done(scene)


def test_a_gap_over_the_cell_keeps_no_copy_back() -> None:
    scene, _ = with_snapshot()
    scene.gap(GapSubject.INSTANCES)
    assert done(scene) == [f"copy-snapshot {DATABASE}"]


def test_what_that_region_does_not_answer_touches_nothing_else() -> None:
    scene, _ = with_snapshot()
    scene.snapshots.clear()
    scene.gaps.append(
        Gap(subject=GapSubject.COPIES, zone=ELSEWHERE, code="AuthFailure", detail="not enabled")
    )
    assert done(scene) == [f"snapshot {DATABASE}"]
    in_time(scene)
    assert done(scene) == []
    assert bucket(scene, DATABASE) is Bucket.HEALTHY
    assert any("copies could not be read in eu-west-1" in note for note in planned(scene).notes)


def test_an_observed_fleet_gets_no_copies() -> None:
    scene, _ = with_snapshot(copied_databases(mode=Mode.OBSERVE))
    assert (done(scene), held(scene)) == ([], [f"mode-observe {DATABASE}"])


# Encryption


@pytest.mark.parametrize(
    ("key", "there"),
    [
        (None, None),
        ("arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d", None),
        ("arn:aws:kms:us-east-1:111122223333:key/mrk-0a1b2c3d", "mrk-0a1b2c3d"),
    ],
)
def test_only_a_key_of_several_regions_goes_along(key: str | None, there: str | None) -> None:
    scene, snapshot = with_snapshot()
    scene.snapshots[snapshot.id] = replace(snapshot, kms_key_id=key)
    assert (copying(scene).encrypted, copying(scene).kms_key_id) == (True, there)


def test_a_claim_that_is_not_encrypted_has_copies_that_are_not() -> None:
    fleet = copied_databases()
    plain = tuple(replace(claim, encrypted=False) for claim in fleet.claims)
    scene, snapshot = with_snapshot(replace(fleet, claims=plain))
    scene.snapshots[snapshot.id] = replace(snapshot, encrypted=False)
    assert not copying(scene).encrypted


# After a failure


def failed(scene: Scene, snapshot: Snapshot, *, ago: timedelta) -> Snapshot:
    """A copy of that snapshot was asked for that long ago, and has failed."""
    copy = scene.copied(
        snapshot, state=SnapshotState.ERROR, state_message="Given key ID is not accessible"
    )
    scene.began(the_copy(scene), ago=ago, state=IntentState.OBSERVED, resource_id=copy.id)
    return copy


def the_copy(scene: Scene) -> Action:
    (action,) = [item for item in plan(scene.case()).actions if is_copy(item)]
    return action


def is_copy(action: Action) -> bool:
    return isinstance(action.request, CopySnapshot)


def test_a_copy_that_failed_is_tried_again_an_hour_later_and_the_reason_is_told() -> None:
    scene, snapshot = with_snapshot()
    copy = failed(scene, snapshot, ago=AGAIN_AFTER_FAILURE - MINUTE)
    made = planned(scene)
    assert f"copy-snapshot {DATABASE}" not in done(scene)
    assert [note for note in made.notes if copy.id in note and "Given key ID" in note]
    assert made.next_check_at is not None
    assert made.next_check_at <= scene.now + MINUTE
    later, snapshot = with_snapshot()
    failed(later, snapshot, ago=AGAIN_AFTER_FAILURE)
    assert f"copy-snapshot {DATABASE}" in done(later)


def test_a_copy_that_failed_is_deleted_at_once() -> None:
    scene, snapshot = with_snapshot()
    copy = failed(scene, snapshot, ago=MINUTE)
    request = the_action(scene).request
    assert isinstance(request, DeleteCopy)
    assert (request.snapshot_id, request.restore_point_id) == (copy.id, None)
    assert request.region == ELSEWHERE


# Several


def test_as_many_as_a_region_takes_go_at_once_those_furthest_behind_first() -> None:
    count = COPIES_AT_ONCE + 2
    scene = Scene(copied_databases(replicas=count))
    scene.in_service()
    for ordinal in range(count):
        volume = volume_id(f"shared-postgres/{ordinal}")
        scene.snapshot(volume, ago=MINUTE)
        if ordinal < 2:
            scene.copied(scene.snapshot(volume, ago=2 * HOUR))
    first = [item for item in planned(scene).actions if is_copy(item)]
    assert len(first) == COPIES_AT_ONCE
    assert {str(item.slot) for item in first}.isdisjoint({DATABASE, "shared-postgres/1"})
    assert held(scene).count(f"snapshots-at-once {DATABASE}") == 1


def test_those_that_are_pending_there_count() -> None:
    scene = Scene(copied_databases(replicas=COPIES_AT_ONCE + 1))
    scene.in_service()
    for ordinal in range(COPIES_AT_ONCE + 1):
        snapshot = scene.snapshot(volume_id(f"shared-postgres/{ordinal}"), ago=MINUTE)
        if ordinal > 0:
            scene.copied(snapshot, state=SnapshotState.PENDING)
    assert not [item for item in planned(scene).actions if is_copy(item)]


def test_the_snapshots_themselves_go_first() -> None:
    scene = Scene(copied_databases(replicas=2))
    scene.in_service()
    scene.snapshot(VOLUME, ago=MINUTE)
    kinds = [type(item.request) for item in planned(scene).actions]
    assert kinds == [CreateSnapshot, CopySnapshot]


# Expiry


def aged(scene: Scene, newest: Snapshot) -> Snapshot:
    """The newest is there, and one that `keep` keeps no longer."""
    scene.copied(newest)
    gone = replace(newest, id="snap-gone", started_at=scene.now - 90 * DAY)
    return scene.copied(gone)


def test_copies_are_thinned_by_keep_of_what_they_hold_not_of_when_they_were_made() -> None:
    scene, newest = with_snapshot()
    doomed = aged(scene, newest)
    action = the_action(scene)
    assert isinstance(action.request, DeleteCopy)
    assert action.request.snapshot_id == doomed.id
    assert doomed.started_at == scene.now


def test_the_newest_copy_of_a_claim_is_never_deleted() -> None:
    scene, newest = with_snapshot()
    del scene.snapshots[newest.id]
    held_by_all = scene.copied(replace(newest, started_at=scene.now - 90 * DAY))
    assert expired([held_by_all], {"all": DAY}, scene.now + 2 * DAY)
    assert not [item for item in plan(scene.case()).actions if isinstance(item.request, DeleteCopy)]


def test_an_archived_copy_makes_no_other_dispensable() -> None:
    scene, newest = with_snapshot()
    scene.copied(newest, storage_tier="archive")
    scene.copied(replace(newest, id="snap-gone", started_at=scene.now - 90 * DAY))
    assert not [item for item in plan(scene.case()).actions if isinstance(item.request, DeleteCopy)]


def test_no_copy_goes_while_the_slot_is_not_healthy() -> None:
    scene, newest = with_snapshot()
    aged(scene, newest)
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert not [item for item in plan(scene.case()).actions if isinstance(item.request, DeleteCopy)]


@pytest.mark.parametrize(
    "missing", [Tag.COPIED_FROM, Tag.COPIED_FROM_REGION, Tag.TAKEN_AT, Tag.OPERATION, Tag.DUE]
)
def test_what_is_not_whole_told_as_a_copy_of_ours_is_never_touched(missing: Tag) -> None:
    scene, newest = with_snapshot()
    doomed = aged(scene, newest)
    tags = {key: value for key, value in doomed.tags.items() if key != missing}
    scene.copies[doomed.id] = replace(doomed, tags=tags)
    assert done(scene) == []


def test_copies_from_another_region_are_not_ours_to_delete() -> None:
    scene, newest = with_snapshot()
    doomed = aged(scene, newest)
    tags = {**doomed.tags, Tag.COPIED_FROM_REGION.value: "ap-south-1"}
    scene.copies[doomed.id] = replace(doomed, tags=tags)
    assert done(scene) == []


def test_a_snapshot_stays_while_it_is_being_copied() -> None:
    scene, newest = with_snapshot()
    going = old(scene, ago=90 * DAY)
    scene.copied(newest)
    assert isinstance(the_action(scene).request, DeleteSnapshot)
    scene.copied(going, state=SnapshotState.PENDING)
    assert done(scene) == []


# What a copy is not


def test_where_only_copies_from_another_region_are_nothing_begins_empty_unasked() -> None:
    """A fleet that was declared elsewhere before, where it may well live: neither restored nor begun anew."""
    _, snapshot = with_snapshot()
    moved = Scene(copied_databases())
    lineage = {**snapshot.tags, Tag.COPIED_FROM: "snap-1", Tag.COPIED_FROM_REGION: ELSEWHERE}
    moved.snapshots[snapshot.id] = replace(snapshot, tags=lineage)
    assert done(moved) == []
    withheld = the_hold(moved)
    assert withheld.gate is Gate.CONFLICT
    assert f"{snapshot.id} holds a copy of its data from {ELSEWHERE}" in withheld.reason


def test_a_copy_from_another_region_is_no_restore_point_of_a_slot_here() -> None:
    scene, snapshot = with_snapshot()
    lineage = {**snapshot.tags, Tag.COPIED_FROM: "snap-1", Tag.COPIED_FROM_REGION: ELSEWHERE}
    scene.snapshots[snapshot.id] = replace(snapshot, tags=lineage)
    assert done(scene) == [f"snapshot {DATABASE}"]
