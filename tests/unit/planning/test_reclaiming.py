"""The end of volumes that were kept: copies that were not needed, and what restores left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import InstanceState, SnapshotState, VolumeState
from providers.requests import (
    CreateSnapshot,
    DeleteVolume,
    LaunchInstance,
    SetTags,
    TerminateInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Bucket, Course, Reason
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.backed_up import DATABASE, VOLUME
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.kept import final_snapshot, left_behind, undone_copy
from tests.support.plans import bucket, planned, the_action
from tests.support.restored import COPY, NEW, OLD, given_up, prepared, taken_over

DATE = Tag.QUARANTINE_UNTIL.value


def reclaimed(scene: Scene) -> list[Action]:
    """What the plan does about kept volumes."""
    return [item for item in planned(scene).actions if item.course is Course.RECLAIM]


def retagged(scene: Scene, key: str, **tags: str | None) -> None:
    item = scene.instances.get(key) or scene.volumes[key]
    named = {Tag[name.upper()].value: value for name, value in tags.items()}
    merged = {**item.tags, **named}
    scene.change(key, tags={name: value for name, value in merged.items() if value is not None})


def made_long_ago(scene: Scene, volume: str, *, ago: timedelta) -> None:
    """That volume's one snapshot is that old."""
    (id_,) = [item.id for item in scene.snapshots.values() if item.volume_id == volume]
    scene.snapshots[id_] = replace(scene.snapshots[id_], started_at=scene.now - ago)


def dating(scene: Scene) -> Action:
    """The first step of undoing a replacement with a copy."""
    scene.change(VOLUME, state=VolumeState.IN_USE)
    action = planned(scene).actions[0]
    assert isinstance(action.request, SetTags)
    return action


# Copies of replacements that are undone


def test_the_copy_of_a_replacement_that_is_not_needed_is_dated_before_that_ends() -> None:
    scene = prepared()
    action = dating(scene)
    until = f"{scene.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert action.request == SetTags(resource_id=COPY, tags={DATE: until})


@pytest.mark.parametrize("state", list(IntentState))
def test_nothing_waits_for_a_date_that_cannot_be_written(state: IntentState) -> None:
    scene = prepared()
    scene.began(dating(scene), state=state)
    assert TerminateInstance(instance_id=NEW) in [item.request for item in planned(scene).actions]


@pytest.mark.parametrize("shown", [True, False])
def test_a_replacement_whose_copy_was_dated_never_takes_over(shown: bool) -> None:  # noqa: FBT001 - both views
    """What carries a date fills no claim. The original fails again before the replacement is gone."""
    scene = prepared()
    broken = scene.volumes[VOLUME].state
    action = dating(scene)
    scene.change(VOLUME, state=broken)
    scene.began(action, ago=HOUR, state=IntentState.OBSERVED)
    if shown:
        given_up(scene)
    assert the_action(scene).request == TerminateInstance(instance_id=NEW)


def test_a_copy_that_was_not_needed_goes_after_its_hour() -> None:
    scene = undone_copy()
    (action,) = reclaimed(scene)
    assert isinstance(action.request, DeleteVolume)
    assert action.request.volume_id == COPY
    assert action.request.final_snapshot_id is None
    assert action.reason is Reason.QUARANTINE_OVER


def test_before_its_hour_is_over_it_stays_and_the_slot_is_looked_at_again_then() -> None:
    scene = undone_copy(ended_ago=-10 * MINUTE)
    assert reclaimed(scene) == []
    assert bucket(scene, DATABASE) is Bucket.HEALTHY


@pytest.mark.parametrize("date", [None, "some day", "9999-01-01T00:00:00Z"])
def test_without_a_date_that_can_be_read_and_is_over_a_volume_stays(date: str | None) -> None:
    scene = undone_copy()
    retagged(scene, COPY, quarantine_until=date)
    assert reclaimed(scene) == []


def test_what_was_made_empty_stays() -> None:
    scene = undone_copy()
    scene.change(COPY, snapshot_id=None)
    assert reclaimed(scene) == []


def test_a_copy_that_held_the_slot_once_is_not_taken_for_one_that_never_did() -> None:
    """Its instance was committed, and ended; the journal knows."""
    scene = undone_copy()
    commit = SetTags(resource_id=NEW, tags={Tag.ROLE.value: "occupant"}, commit=True)
    (other,) = reclaimed(undone_copy())
    scene.began(
        replace(other, request=commit, incarnation=2), ago=2 * HOUR, state=IntentState.OBSERVED
    )
    assert reclaimed(scene) == []


def test_it_stays_while_its_slot_is_not_well() -> None:
    scene = undone_copy()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=MINUTE)
    assert reclaimed(scene) == []


def test_it_stays_while_another_instance_of_the_slot_lives() -> None:
    """Kept for somebody to look at, who may want the volume as well."""
    scene = left_behind()
    scene.change(OLD, state=InstanceState.STOPPED)
    retagged(scene, OLD, quarantine_until=f"{scene.now + HOUR:%Y-%m-%dT%H:%M:%SZ}")
    assert bucket(scene, DATABASE) is Bucket.HEALTHY
    assert reclaimed(scene) == []


def test_it_stays_while_somebody_has_it_on_an_instance() -> None:
    scene = undone_copy()
    scene.attached(COPY, OLD, device="/dev/sdz")
    assert reclaimed(scene) == []


@pytest.mark.parametrize(
    "state", [IntentState.BEGUN, IntentState.ACCEPTED, IntentState.OBSERVED, IntentState.ABANDONED]
)
def test_what_was_deleted_is_not_deleted_again_while_a_view_lags(state: IntentState) -> None:
    scene = undone_copy()
    (action,) = reclaimed(scene)
    scene.began(action, state=state)
    assert reclaimed(scene) == []


def test_what_is_not_needed_needs_no_persons_word() -> None:
    """The default for databases is to ask; housekeeping is declared, like backups."""
    scene = undone_copy()
    assert planned(scene).withheld == ()


# What restores left behind


def test_what_was_left_behind_is_snapshotted_a_last_time_before_it_goes() -> None:
    scene = left_behind()
    (action,) = reclaimed(scene)
    assert isinstance(action.request, CreateSnapshot)
    assert action.request.volume_id == VOLUME
    assert action.request.tags[Tag.CLAIM.value] == "data"
    assert action.request.tags[Tag.INCARNATION.value] == "1"
    assert action.reason is Reason.FINAL_SNAPSHOT


def test_a_copy_without_a_name_that_another_has_overtaken_goes_like_what_was_left_behind() -> None:
    """The next restore was committed before its hour was over: that it never served can't be told any more."""
    scene = left_behind()
    retagged(scene, VOLUME, claim=None)
    scene.change(VOLUME, snapshot_id="snap-0")
    (first,) = reclaimed(scene)
    assert isinstance(first.request, CreateSnapshot)
    final = final_snapshot(scene)
    (then,) = reclaimed(scene)
    assert isinstance(then.request, DeleteVolume)
    assert then.request.final_snapshot_id == final.id


def test_once_its_final_snapshot_is_completed_it_goes_together_with_what_stays() -> None:
    scene = left_behind()
    final = final_snapshot(scene)
    (action,) = reclaimed(scene)
    assert isinstance(action.request, DeleteVolume)
    assert action.request.final_snapshot_id == final.id
    (kept,) = action.request.restore_point_ids
    assert scene.snapshots[kept].volume_id == COPY


def test_it_waits_while_its_final_snapshot_is_pending() -> None:
    scene = left_behind()
    final_snapshot(scene, state=SnapshotState.PENDING)
    assert reclaimed(scene) == []


def test_a_snapshot_from_before_its_time_was_over_is_not_its_final_one() -> None:
    scene = left_behind(ended_ago=HOUR)
    final_snapshot(scene, ago=2 * HOUR)
    (action,) = reclaimed(scene)
    assert isinstance(action.request, CreateSnapshot)


def test_somebody_elses_snapshot_is_not_its_final_one() -> None:
    scene = left_behind()
    final_snapshot(scene, ours=False)
    (action,) = reclaimed(scene)
    assert isinstance(action.request, CreateSnapshot)


@pytest.mark.parametrize(
    ("ago", "due"), [(DAY - MINUTE, False), (DAY, True)], ids=["just before", "a day later"]
)
def test_a_final_snapshot_that_failed_is_taken_again_a_day_later(
    ago: timedelta,
    due: bool,  # noqa: FBT001 - a table of answers
) -> None:
    scene = left_behind(ended_ago=5 * DAY)
    final_snapshot(scene, ago=ago, state=SnapshotState.ERROR)
    assert bool(reclaimed(scene)) is due


def test_what_cannot_be_snapshotted_stays_and_a_person_is_told() -> None:
    scene = left_behind(ended_ago=9 * DAY)
    for days in (2, 4, 6):
        final_snapshot(scene, ago=days * DAY, state=SnapshotState.ERROR)
    assert reclaimed(scene) == []
    assert any("delete it by hand" in note for note in planned(scene).notes)


def test_it_stays_as_long_as_what_took_its_place_has_no_restore_point_since_it_serves() -> None:
    scene = left_behind()
    final_snapshot(scene)
    made_long_ago(scene, COPY, ago=HOUR + MINUTE)
    assert reclaimed(scene) == []
    assert any(f"{VOLUME} has had its time" in note for note in planned(scene).notes)


def test_no_final_snapshot_is_taken_before_that_restore_point_is_there() -> None:
    """Where both volumes are lost the newer snapshots must be told from it by those of what took its place."""
    scene = left_behind()
    scene.snapshots = {key: item for key, item in scene.snapshots.items() if item.volume_id != COPY}
    assert reclaimed(scene) == []


def test_one_volume_of_a_slot_goes_at_a_time() -> None:
    scene = left_behind()
    final_snapshot(scene)
    scene.volume(DATABASE, "data", incarnation=3)
    third = next(key for key, item in scene.volumes.items() if item.tags[Tag.INCARNATION] == "3")
    retagged(scene, third, quarantine_until=f"{scene.now - HOUR:%Y-%m-%dT%H:%M:%SZ}")
    scene.change(third, snapshot_id=next(iter(scene.snapshots)))
    (first,) = reclaimed(scene)
    assert isinstance(first.request, DeleteVolume)
    assert first.request.volume_id == VOLUME
    scene.began(first, state=IntentState.ACCEPTED)
    assert reclaimed(scene) == []


def test_a_final_snapshot_is_never_restored_from_though_it_is_the_newest() -> None:
    """It lacks all that was written since another volume took the place of its own."""
    scene = left_behind()
    final_snapshot(scene, ago=MINUTE / 2)
    scene.change(COPY, state=VolumeState.ERROR)
    (launch,) = [item.request for item in planned(scene).actions]
    assert isinstance(launch, LaunchInstance)
    (id_,) = [volume.snapshot_id for volume in launch.volumes]
    assert scene.snapshots[id_ or ""].volume_id == COPY


def test_a_schedule_is_not_satisfied_by_a_final_snapshot() -> None:
    scene = left_behind()
    (final,) = reclaimed(scene)
    scene.began(final, ago=MINUTE / 2, state=IntentState.OBSERVED, resource_id="snap-0final")
    made_long_ago(scene, COPY, ago=50 * MINUTE)
    due = [item.request for item in planned(scene).actions if item.course is Course.BACK_UP]
    assert [item.volume_id for item in due if isinstance(item, CreateSnapshot)] == [COPY]


def test_a_slot_in_the_middle_of_a_restore_reclaims_nothing() -> None:
    scene = taken_over(original=InstanceState.STOPPED)
    retagged(scene, VOLUME, quarantine_until=f"{scene.now - HOUR:%Y-%m-%dT%H:%M:%SZ}")
    assert reclaimed(scene) == []
