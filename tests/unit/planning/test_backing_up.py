"""When a snapshot is taken, of what, and under which name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import Mode
from providers.observed import AttachmentState, GapSubject, SnapshotState, VolumeState
from providers.observed_volumes import StatusOfVolume, VolumeStatus
from providers.requests import CreateSnapshot, CreateSnapshots
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Bucket
from reconciler.planning.backups.due import AGAIN_AFTER_FAILURE
from reconciler.planning.gates.gates import SNAPSHOTS_AT_ONCE
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.support.backed_up import (
    DATABASE,
    EVERY,
    VOLUME,
    backed_up,
    databases,
    due_ago,
    in_time,
    old,
)
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.plans import bucket, done, held, planned, the_action
from tests.support.resources import OWNER, instance_id, volume_id
from tests.support.volume_health import disabled, slow, stalled, status_of

SECOND_OF_TIME = timedelta(seconds=1)


def taking(scene: Scene) -> Action:
    action = the_action(scene)
    assert isinstance(action.request, CreateSnapshot | CreateSnapshots)
    return action


# When


def test_a_healthy_database_without_a_snapshot_gets_one() -> None:
    assert done(backed_up()) == [f"snapshot {DATABASE}"]


def test_a_snapshot_of_the_newest_date_is_enough() -> None:
    scene = backed_up()
    in_time(scene)
    assert done(scene) == []
    assert planned(scene).converged


def test_a_snapshot_of_the_date_before_is_not_enough() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=due_ago(scene) + 2 * MINUTE)
    assert done(scene) == [f"snapshot {DATABASE}"]


def test_the_plan_says_when_the_next_one_is_due() -> None:
    scene = backed_up()
    in_time(scene)
    (outcome,) = planned(scene).slots
    assert outcome.next_check_at == scene.now - due_ago(scene) + EVERY


def test_a_pending_snapshot_counts_and_keeps_nothing_waiting() -> None:
    scene = backed_up()
    in_time(scene, state=SnapshotState.PENDING)
    assert planned(scene).converged


def test_no_other_is_taken_beside_a_pending_one_and_a_late_one_is_told() -> None:
    scene = backed_up()
    late = scene.snapshot(VOLUME, ago=3 * HOUR, state=SnapshotState.PENDING)
    made = planned(scene)
    assert made.actions == ()
    assert made.converged
    since = "2026-04-21T09:00:00Z"
    assert made.notes == (
        f"{DATABASE}: {late.id} is pending since {since}; the next snapshot waits for it",
    )


def test_a_pending_snapshot_of_somebody_else_is_waited_for_too() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING, ours=False)
    assert done(scene) == []


def test_what_somebody_else_took_does_not_stand_for_the_schedule() -> None:
    scene = backed_up()
    in_time(scene, ours=False)
    assert done(scene) == [f"snapshot {DATABASE}"]


def test_a_failed_one_is_repeated_after_a_while() -> None:
    scene = backed_up(databases(every=6 * HOUR))
    since = due_ago(scene, 6 * HOUR)
    scene.snapshot(VOLUME, ago=since, state=SnapshotState.ERROR)
    soon = backed_up(databases(every=6 * HOUR))
    soon.snapshot(VOLUME, ago=AGAIN_AFTER_FAILURE - SECOND_OF_TIME, state=SnapshotState.ERROR)
    assert f"snapshot {DATABASE}" in done(scene)
    assert done(soon) == [f"delete-snapshot {DATABASE}"]


def test_none_is_taken_while_one_is_asked_for() -> None:
    scene = backed_up()
    scene.began(taking(scene), state=IntentState.BEGUN)
    assert planned(scene).converged


def test_one_that_is_asked_for_keeps_the_next_date_waiting() -> None:
    scene = backed_up()
    scene.began(taking(scene), state=IntentState.BEGUN)
    scene.now += EVERY
    assert done(scene) == []


def test_one_that_the_journal_saw_and_that_failed_since_is_repeated() -> None:
    scene = backed_up(databases(every=6 * HOUR))
    action = taking(scene)
    failed = scene.snapshot(VOLUME, ago=HOUR, state=SnapshotState.ERROR)
    fields: dict[str, Any] = {"state": IntentState.OBSERVED, "resource_id": failed.id}
    scene.began(action, ago=HOUR, **fields)
    assert f"snapshot {DATABASE}" in done(scene)


def test_one_of_the_volume_before_does_not_back_up_the_one_that_fills_the_claim_now() -> None:
    scene = backed_up()
    in_time(scene, volume_id="vol-0fedcba9876543210")
    assert done(scene) == [f"snapshot {DATABASE}"]


def test_one_that_the_journal_saw_is_not_taken_again_when_a_view_goes_back() -> None:
    scene = backed_up()
    scene.began(taking(scene), ago=MINUTE, state=IntentState.OBSERVED, resource_id="snap-1")
    assert done(scene) == []


def test_one_that_was_lost_is_asked_for_again_under_another_id() -> None:
    scene = backed_up()
    first = taking(scene)
    scene.began(first, ago=MINUTE, state=IntentState.LOST)
    scene.remembering(highest_attempts={first.family: 1})
    second = taking(scene)
    assert (second.family, second.attempt) == (first.family, 2)
    assert second.operation_id != first.operation_id


def test_the_operation_of_each_date_is_another_one() -> None:
    scene = backed_up()
    first = taking(scene)
    scene.now += EVERY
    assert taking(scene).family != first.family


# Never


def test_none_without_a_schedule() -> None:
    assert planned(backed_up(postgres_fleet(replicas=1))).converged


def test_none_of_an_unhealthy_database() -> None:
    scene = backed_up()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert f"snapshot {DATABASE}" not in done(scene)


@pytest.mark.parametrize("state", [VolumeState.ERROR, VolumeState.AVAILABLE])
def test_none_of_a_volume_that_is_not_in_use(state: VolumeState) -> None:
    scene = backed_up()
    scene.change(VOLUME, state=state)
    assert f"snapshot {DATABASE}" not in done(scene)


def test_none_of_a_volume_that_is_being_detached() -> None:
    scene = backed_up()
    scene.attached(VOLUME, instance_id(DATABASE), state=AttachmentState.DETACHING)
    assert f"snapshot {DATABASE}" not in done(scene)


@pytest.mark.parametrize(
    "status",
    [
        slow(VOLUME),
        stalled(VOLUME),
        disabled(VOLUME),
        status_of(VOLUME, status=StatusOfVolume.INSUFFICIENT_DATA),
    ],
)
def test_none_of_a_volume_that_is_not_known_to_be_well(status: VolumeStatus) -> None:
    scene = backed_up()
    scene.volume_status[VOLUME] = status
    assert done(scene) == []


def test_none_is_deleted_either_while_a_volume_is_not_well() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    assert done(scene) == [f"delete-snapshot {DATABASE}"]
    scene.volume_status[VOLUME] = slow(VOLUME)
    assert done(scene) == []


def test_none_before_the_volume_is_named_for_its_claim() -> None:
    scene = backed_up()
    tags = {key: value for key, value in scene.volumes[VOLUME].tags.items() if key != Tag.CLAIM}
    scene.change(VOLUME, tags=tags)
    assert done(scene) == [f"tag {DATABASE}"]


@pytest.mark.parametrize(
    "subject", [GapSubject.SNAPSHOTS, GapSubject.VOLUMES, GapSubject.VOLUME_STATUS]
)
def test_none_while_snapshots_or_volumes_were_not_read_whole(subject: GapSubject) -> None:
    scene = backed_up()
    scene.gap(subject)
    assert done(scene) == []


def test_what_was_not_read_is_not_due_either() -> None:
    scene = backed_up()
    scene.gap(GapSubject.SNAPSHOTS)
    assert planned(scene).converged


def test_none_before_the_list_was_ever_read() -> None:
    scene = backed_up()
    case = scene.case()
    unread = replace(case, observation=replace(case.observation, snapshots_as_of=None))
    assert plan(unread).converged


def test_none_while_paused_and_that_is_said() -> None:
    scene = backed_up()
    scene.paused("shared-postgres")
    assert held(scene) == [f"paused {DATABASE}"]


def test_a_fleet_that_is_only_observed_is_told_what_is_due() -> None:
    assert held(backed_up(databases(mode=Mode.OBSERVE))) == [f"mode-observe {DATABASE}"]


def test_nobody_is_asked_for_each_snapshot() -> None:
    assert done(backed_up(databases(mode=Mode.APPROVE))) == [f"snapshot {DATABASE}"]


def test_no_more_are_asked_for_at_once_than_fit_into_the_bucket() -> None:
    made = planned(backed_up(databases(replicas=SNAPSHOTS_AT_ONCE + 2)))
    assert len(made.actions) == SNAPSHOTS_AT_ONCE
    assert [item.gate for item in made.withheld] == ["snapshots-at-once"] * 2


def test_calls_without_an_answer_count_against_what_goes_at_once() -> None:
    scene = backed_up(databases(replicas=SNAPSHOTS_AT_ONCE + 1))
    first = planned(scene).actions[0]
    scene.began(first, state=IntentState.BEGUN)
    made = planned(scene)
    assert len(made.actions) == SNAPSHOTS_AT_ONCE - 1
    assert first.slot not in {action.slot for action in made.actions}


def test_nothing_is_taken_beside_a_pending_one_whose_tags_were_edited() -> None:
    scene = backed_up()
    pending = scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING)
    edited = {**pending.tags, Tag.SLOT.value: "7"}
    scene.snapshots[pending.id] = replace(pending, tags=edited)
    assert planned(scene).actions == ()


# Of what, and under which name


def test_it_carries_the_whole_lineage() -> None:
    action = taking(backed_up())
    assert isinstance(action.request, CreateSnapshot)
    assert action.request.volume_id == VOLUME
    assert dict(action.request.tags) == {
        "team": "data",
        Tag.OWNER: OWNER,
        Tag.FLEET: "shared-postgres",
        Tag.SLOT: "0",
        Tag.INCARNATION: "1",
        Tag.CLAIM: "data",
        Tag.OPERATION: action.operation_id,
        Tag.DUE: f"{action.request.due_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def two_claims() -> Scene:
    claims = (
        data_claim(backup=snapshots_of(HOUR)),
        data_claim("log", device="/dev/sdg", backup=snapshots_of(EVERY)),
        data_claim("scratch", device="/dev/sdh"),
    )
    return backed_up(postgres_fleet(replicas=1, claims=claims))


def test_the_volumes_of_a_slot_are_taken_together_without_those_that_have_no_schedule() -> None:
    request = taking(two_claims()).request
    assert isinstance(request, CreateSnapshots)
    assert request.instance_id == instance_id(DATABASE)
    assert request.volume_ids == (VOLUME, volume_id(DATABASE, "log"))
    assert request.left_out == (volume_id(DATABASE, "scratch"),)
    assert Tag.CLAIM not in request.tags


def test_none_of_a_set_is_taken_while_one_of_its_volumes_is_not_in_place() -> None:
    scene = two_claims()
    scene.change(volume_id(DATABASE, "log"), state=VolumeState.ERROR)
    assert not [kind for kind in done(scene) if kind.startswith("snapshot")]


def test_a_set_that_lacks_one_is_taken_again() -> None:
    scene = two_claims()
    scene.snapshot(VOLUME, ago=due_ago(scene))
    assert done(scene) == [f"snapshots {DATABASE}"]
    scene.snapshot(volume_id(DATABASE, "log"), ago=due_ago(scene))
    assert done(scene) == []


def test_backups_keep_no_cell_from_standing_as_declared() -> None:
    """In a large fleet a snapshot is due in every pass: who waits for the fleet must not wait for that."""
    scene = backed_up()
    assert planned(scene).converged
    assert bucket(scene, DATABASE) is Bucket.HEALTHY
    scene.began(taking(scene), state=IntentState.ACCEPTED, resource_id="snap-1")
    assert planned(scene).converged
    paused = backed_up()
    paused.paused(DATABASE)
    assert planned(paused).converged
    assert bucket(paused, DATABASE) is Bucket.HEALTHY
