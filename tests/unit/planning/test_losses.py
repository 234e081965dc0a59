"""With which loss a slot is restored: within what is declared without a word, beyond it on a word for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import Mode
from providers.observed import GapSubject, SnapshotState
from providers.requests import LaunchInstance
from reconciler.planning.actions import Gate
from tests.support.backed_up import DATABASE, VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, data_claim
from tests.support.plans import held, the_action, the_hold
from tests.support.restored import OLD, in_error


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


def test_a_loss_beyond_what_is_allowed_waits_for_a_person() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=3 * HOUR)
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert "loses 175 min of writes" in hold.reason or "loses 2 h 55 min of writes" in hold.reason
    assert hold.approval_id is not None


def approve(scene: Scene, *, more: timedelta = timedelta(), empty: bool = False) -> str:
    """A person approves what waits, for the loss that is shown and so much more; the id."""
    hold = the_hold(scene)
    assert hold.approval_id is not None
    loss = hold.loss + more if hold.loss is not None else None
    scene.approved(hold.approval_id, hold.gate, max_loss=loss, empty=empty)
    return hold.approval_id


def test_an_approved_loss_is_taken() -> None:
    scene = in_error()
    old = scene.snapshot(VOLUME, ago=3 * HOUR)
    approve(scene)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [old.id]


def test_a_loss_does_not_grow_while_a_person_thinks_although_nobody_knows_since_when_the_data_is_gone() -> (
    None
):
    scene = backed_up()
    scene.snapshot(VOLUME, ago=3 * HOUR)
    scene.terminated(DATABASE)
    scene.forgotten(VOLUME)
    asked = the_hold(scene)
    assert (asked.gate, asked.loss) == (Gate.RESTORE, 3 * HOUR)
    scene.remembering(held_since={f"{DATABASE}|restore": scene.now})
    approve(scene)
    scene.now += 20 * MINUTE
    assert launched(scene).volumes
    assert the_action(scene).detail.endswith("which loses 3 h of writes")


def stuck_through_blind_hours(scene: Scene, *, down_for: timedelta) -> Scene:
    """The volume was first seen stuck three hours ago; its sign is young, as nothing could be read in between."""
    scene.stalled(VOLUME, lasting=10 * MINUTE)
    volume = scene.memory.volumes[VOLUME]
    health = scene.memory.health[OLD]
    scene.remembering(
        volumes={VOLUME: replace(volume, condition_since=scene.now - 3 * HOUR)},
        health={**scene.memory.health, OLD: replace(health, trouble_since=scene.now - down_for)},
    )
    return scene


def test_a_loss_does_not_grow_by_the_hours_in_which_a_stuck_volume_could_not_be_read() -> None:
    scene = stuck_through_blind_hours(backed_up(), down_for=4 * HOUR)
    scene.snapshot(VOLUME, ago=3 * HOUR + 30 * MINUTE)
    assert the_action(scene).detail.endswith("which loses 30 min of writes")


def test_what_a_database_wrote_while_it_was_well_is_lost_however_long_its_volume_is_called_stuck() -> (
    None
):
    scene = stuck_through_blind_hours(backed_up(), down_for=HOUR)
    scene.snapshot(VOLUME, ago=3 * HOUR + 30 * MINUTE)
    hold = the_hold(scene)
    assert (hold.gate, hold.loss) == (Gate.RESTORE, 2 * HOUR + 30 * MINUTE)


def test_an_approved_loss_is_for_whatever_restore_point_loses_no_more() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=3 * HOUR)
    approve(scene)
    better = scene.snapshot(VOLUME, ago=2 * HOUR)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [better.id]


def test_a_larger_loss_than_was_shown_is_asked_about_again_under_the_same_id() -> None:
    scene = in_error()
    lost = scene.snapshot(VOLUME, ago=3 * HOUR)
    scene.snapshot(VOLUME, ago=4 * HOUR)
    approved = approve(scene, more=timedelta(minutes=59))
    del scene.snapshots[lost.id]
    hold = the_hold(scene)
    assert hold.approval_id == approved
    assert "; erin approved a loss of 3 h 54 min at most" in hold.reason
    assert hold.loss == timedelta(hours=3, minutes=55)
    scene.approved(approved, Gate.RESTORE, max_loss=timedelta(hours=3, minutes=55))
    assert launched(scene).volumes


def test_an_approved_loss_is_not_asked_about_once_more_by_the_mode() -> None:
    scene = in_error(backed_up(databases(mode=Mode.APPROVE)))
    scene.snapshot(VOLUME, ago=3 * HOUR)
    approve(scene)
    assert launched(scene).volumes


def test_a_restore_that_the_mode_asks_about_is_released_for_no_larger_loss_than_was_shown() -> None:
    scene = in_error(backed_up(databases(mode=Mode.APPROVE)))
    newer = scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.snapshot(VOLUME, ago=30 * MINUTE)
    hold = the_hold(scene)
    assert (hold.gate, hold.loss) == (Gate.APPROVE, 15 * MINUTE)
    approve(scene)
    assert launched(scene).volumes
    del scene.snapshots[newer.id]
    again = the_hold(scene)
    assert (again.gate, again.loss) == (Gate.APPROVE, 25 * MINUTE)
    assert "erin approved a loss of 15 min at most" in again.reason


def test_the_ways_to_choose_between_are_told_with_loss_age_and_completion() -> None:
    scene = in_error()
    taken = scene.snapshot(VOLUME, ago=3 * HOUR)
    scene.snapshot(VOLUME, ago=4 * HOUR, storage_tier="archive")
    scene.snapshot(VOLUME, ago=90 * MINUTE, state=SnapshotState.ERROR)
    late = scene.snapshot(VOLUME, ago=HOUR, state=SnapshotState.PENDING, progress="43%")
    scene.snapshot(VOLUME, ago=2 * MINUTE, state=SnapshotState.PENDING)
    told = [(item.what, item.loss, item.completion) for item in the_hold(scene).alternatives]
    assert told == [
        (taken.id, timedelta(hours=2, minutes=55), "complete"),
        (late.id, 55 * MINUTE, "pending, 43%"),
        ("an empty stand-in", None, "ready at once"),
    ]


def test_without_a_restore_point_a_person_is_asked() -> None:
    hold = the_hold(in_error())
    assert hold.gate is Gate.RESTORE
    assert "no restore point is known" in hold.reason


def test_without_the_list_of_snapshots_nothing_is_said_of_restore_points() -> None:
    scene = in_error()
    scene.gap(GapSubject.SNAPSHOTS)
    assert held(scene) == [f"gap {DATABASE}"]


def test_a_claim_without_backups_is_never_restored_without_a_word() -> None:
    scene = in_error(backed_up(databases(claims=(data_claim(),))))
    scene.snapshot(VOLUME, ago=10 * MINUTE, ours=False)
    assert the_hold(scene).gate in (Gate.RESTORE, Gate.GAP)
