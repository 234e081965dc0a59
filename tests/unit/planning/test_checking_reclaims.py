"""The last look at volumes that were kept: for every rule, a plan that breaks it is planted and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import InstanceState, SnapshotState, VolumeState
from providers.requests import CreateSnapshot, DeleteSnapshot, DeleteVolume, SetTags
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Course
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import attach, commit, expiry
from tests.support.backed_up import DATABASE, VOLUME
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.kept import final_snapshot, left_behind, undone_copy
from tests.support.plans import planned
from tests.support.planted import violations
from tests.support.restored import COPY, NEW, OLD, given_up, prepared

TIME = "only what had its time is deleted"
HELD = "what is deleted is held elsewhere"
FINAL = "a final snapshot is of what had its time"


def the_reclaim(scene: Scene) -> Action:
    (action,) = [item for item in planned(scene).actions if item.course is Course.RECLAIM]
    assert violations(scene, action) == []
    return action


def deleting() -> tuple[Scene, Action]:
    """What was left behind goes, after its final snapshot."""
    scene = left_behind()
    final_snapshot(scene)
    return scene, the_reclaim(scene)


def letting_a_copy_go() -> tuple[Scene, Action]:
    scene = undone_copy()
    return scene, the_reclaim(scene)


def changed(action: Action, **fields: object) -> Action:
    return replace(action, request=replace(action.request, **fields))  # type: ignore[arg-type]


def redated(scene: Scene, volume: str, ends_in: timedelta) -> str:
    text = f"{scene.now + ends_in:%Y-%m-%dT%H:%M:%SZ}"
    date = {Tag.QUARANTINE_UNTIL.value: text}
    scene.change(volume, tags={**scene.volumes[volume].tags, **date})
    return text


def test_a_volume_whose_date_is_not_over_or_was_moved_stays() -> None:
    scene, action = deleting()
    redated(scene, VOLUME, HOUR)
    assert TIME in violations(scene, action)
    at = scene.now + HOUR
    assert TIME in violations(scene, changed(action, quarantined_until=at))


def test_a_volume_without_a_date_stays() -> None:
    scene, action = deleting()
    tags = {k: v for k, v in scene.volumes[VOLUME].tags.items() if k != Tag.QUARANTINE_UNTIL}
    scene.change(VOLUME, tags=tags)
    assert TIME in violations(scene, action)


def test_the_volume_that_fills_the_claim_stays() -> None:
    scene, action = deleting()
    assert TIME in violations(scene, changed(action, volume_id=COPY))


def test_a_volume_on_an_instance_stays_whichever_side_shows_it() -> None:
    scene, action = deleting()
    scene.change(OLD, state=InstanceState.STOPPED)
    scene.attached(VOLUME, OLD)
    assert TIME in violations(scene, action)
    scene.change(VOLUME, state=VolumeState.AVAILABLE, attachments=())
    assert TIME in violations(scene, action)


def test_a_volume_that_a_call_is_under_way_about_stays() -> None:
    scene, action = deleting()
    scene.began(attach(DATABASE), state=IntentState.ACCEPTED)
    assert TIME in violations(scene, action)


def test_a_volume_stays_while_its_slot_is_sick_or_has_others() -> None:
    scene, action = deleting()
    scene.change(OLD, state=InstanceState.STOPPED)
    assert TIME in violations(scene, action)
    scene, action = deleting()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR, incarnation=2)
    assert TIME in violations(scene, action)


@pytest.mark.parametrize("state", [SnapshotState.PENDING, SnapshotState.ERROR])
def test_a_volume_stays_until_its_final_snapshot_is_completed(state: SnapshotState) -> None:
    scene, action = deleting()
    assert isinstance(action.request, DeleteVolume)
    id_ = action.request.final_snapshot_id or ""
    scene.snapshots[id_] = replace(scene.snapshots[id_], state=state)
    assert HELD in violations(scene, action)


def test_a_snapshot_of_another_volume_or_of_earlier_is_not_its_final_one() -> None:
    scene, action = deleting()
    assert isinstance(action.request, DeleteVolume)
    (other,) = action.request.restore_point_ids
    assert HELD in violations(scene, changed(action, final_snapshot_id=other))
    before = next(
        item.id
        for item in scene.snapshots.values()
        if item.volume_id == VOLUME and item.id != action.request.final_snapshot_id
    )
    assert HELD in violations(scene, changed(action, final_snapshot_id=before))


def test_a_volume_stays_without_a_restore_point_of_what_took_its_place() -> None:
    scene, action = deleting()
    assert isinstance(action.request, DeleteVolume)
    assert HELD in violations(scene, changed(action, restore_point_ids=()))
    (id_,) = action.request.restore_point_ids
    scene.snapshots[id_] = replace(scene.snapshots[id_], started_at=scene.now - 2 * HOUR)
    assert HELD in violations(scene, action)


def test_what_was_in_service_never_goes_without_a_final_snapshot() -> None:
    scene, action = deleting()
    scene.change(VOLUME, snapshot_id="snap-0")
    without = changed(action, final_snapshot_id=None, restore_point_ids=())
    assert violations(scene, without) == [HELD]


def test_an_empty_volume_never_goes_for_a_copy() -> None:
    scene, action = letting_a_copy_go()
    scene.change(COPY, snapshot_id=None)
    assert violations(scene, action) == [HELD]


def test_a_copy_that_was_committed_does_not_go_as_one_that_was_not() -> None:
    scene, action = letting_a_copy_go()
    scene.began(commit(DATABASE), ago=2 * HOUR, state=IntentState.OBSERVED)
    assert HELD in violations(scene, action)


def test_a_final_snapshot_is_only_of_what_had_its_time_and_is_on_nothing() -> None:
    scene = left_behind()
    action = the_reclaim(scene)
    assert isinstance(action.request, CreateSnapshot)
    redated(scene, VOLUME, HOUR)
    assert violations(scene, action) == [FINAL]
    redated(scene, VOLUME, -MINUTE)
    scene.attached(VOLUME, NEW, device="/dev/sdz")
    assert violations(scene, action) == [FINAL]


def test_a_final_snapshot_is_no_way_around_the_rules_for_snapshots() -> None:
    """Of the volume in service it is asked for as reclaiming, while that is sick."""
    scene = left_behind()
    action = the_reclaim(scene)
    assert FINAL in violations(scene, changed(action, volume_id=COPY))


def test_what_a_deletion_rests_on_is_not_deleted_too() -> None:
    scene, action = deleting()
    assert isinstance(action.request, DeleteVolume)
    final = action.request.final_snapshot_id or ""
    other = expiry(final)
    assert isinstance(other.request, DeleteSnapshot)
    assert "restore points stay" in violations(scene, action, other)


def test_no_replacement_is_committed_whose_copy_was_given_up() -> None:
    scene = prepared()
    taking_over = commit(DATABASE)
    assert isinstance(taking_over.request, SetTags)
    assert violations(scene, taking_over) == []
    given_up(scene)
    assert violations(scene, taking_over) == ["no copy is committed that was given up"]


def test_what_somebody_put_on_a_replacement_is_no_copy_of_its() -> None:
    scene = prepared()
    date = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(VOLUME, tags={**scene.volumes[VOLUME].tags, **date})
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    assert violations(scene, commit(DATABASE)) == []


def test_a_copy_that_was_given_up_is_one_on_any_device() -> None:
    scene = given_up(prepared())
    moved = [
        replace(item, device="/dev/sdz") if item.volume_id == COPY else item
        for item in scene.instances[NEW].attachments
    ]
    scene.change(NEW, attachments=tuple(moved))
    assert violations(scene, commit(DATABASE)) == ["no copy is committed that was given up"]


def test_nothing_is_deleted_in_a_cold_cell() -> None:
    scene, action = deleting()
    scene.cold()
    assert "nothing rash while cold" in violations(scene, action)
