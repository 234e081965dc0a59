"""An empty stand-in: only where nothing else is left, only on a person's word, and nothing of the old is ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import InstanceState, VolumeState
from providers.requests import DeleteVolume, LaunchInstance, SetTags, StopInstance
from reconciler.planning.actions import Course
from reconciler.planning.checks.last_look import PlanViolationError, check_plan
from reconciler.planning.identity import Role, Tag
from reconciler.planning.plan import plan
from tests.support.backed_up import DATABASE, VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.kept import final_snapshot, left_behind
from tests.support.plans import held, planned, the_action, the_hold
from tests.support.resources import volume_id
from tests.support.restored import COPY, NEW, OLD, in_error, prepared, taken_over


def approved_empty(scene: Scene) -> Scene:
    """A person lets empty volumes stand in for what waits."""
    hold = the_hold(scene)
    assert hold.approval_id is not None
    scene.approved(hold.approval_id, hold.gate, empty=True)
    return scene


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


def emptied(scene: Scene) -> Scene:
    """The replacement of that scene has an empty volume and no copy."""
    scene.change(COPY, snapshot_id=None)
    return scene


def test_where_nothing_can_be_restored_an_empty_stand_in_is_the_one_way() -> None:
    hold = the_hold(in_error())
    assert hold.only_stand_in
    assert hold.approval_id is not None


def test_once_approved_a_stand_in_is_launched_with_empty_volumes_beside_the_original() -> None:
    scene = approved_empty(in_error())
    request = launched(scene)
    assert [volume.snapshot_id for volume in request.volumes] == [None]
    assert request.tags[Tag.ROLE] == Role.REPLACEMENT
    assert the_action(scene).course is Course.RESTORE
    assert "an empty stand-in, as a person agreed" in the_action(scene).detail


def test_it_may_stand_in_where_the_loss_is_beyond_what_is_declared() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=3 * HOUR)
    assert the_hold(scene).offers_stand_in
    assert [volume.snapshot_id for volume in launched(approved_empty(scene)).volumes] == [None]


def test_a_copy_within_the_objective_goes_before_a_stand_in_that_was_approved() -> None:
    scene = approved_empty(in_error())
    point = scene.snapshot(VOLUME, ago=20 * MINUTE)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [point.id]


def test_an_approval_of_a_loss_is_none_of_a_stand_in() -> None:
    scene = in_error()
    hold = the_hold(scene)
    scene.approved(hold.approval_id or "", hold.gate, max_loss=DAY)
    assert held(scene) == [f"restore {DATABASE}"]
    point = scene.snapshot(VOLUME, ago=3 * HOUR)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [point.id]


def test_a_stand_in_is_not_the_restore_that_is_within_the_loss_that_was_shown() -> None:
    scene = in_error()
    approved_empty(scene)
    scene.snapshot(VOLUME, ago=3 * HOUR)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [None]


def test_an_approval_that_has_expired_lets_nothing_stand_in() -> None:
    scene = approved_empty(in_error())
    approvals = scene.memory.approvals
    over = {key: replace(item, expires_at=scene.now) for key, item in approvals.items()}
    scene.remembering(approvals=over)
    assert held(scene) == [f"restore {DATABASE}"]


def test_the_last_look_lets_no_empty_volume_take_the_place_of_data_without_that_word() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    case = scene.case()
    made = plan(case)
    (action,) = made.actions
    assert isinstance(action.request, LaunchInstance)
    bare = tuple(replace(volume, snapshot_id=None) for volume in action.request.volumes)
    forged = replace(action, request=replace(action.request, volumes=bare))
    with pytest.raises(PlanViolationError, match="nobody approved an empty stand-in"):
        check_plan(replace(made, actions=(forged,)), case)


def test_the_last_look_counts_data_that_is_only_remembered_or_in_snapshots() -> None:
    scene = Scene(databases())
    case = scene.case()
    made = plan(case)
    check_plan(made, case)
    of_old = backed_up()
    snapshot = of_old.snapshot(VOLUME, ago=DAY)
    seen = replace(case.observation, snapshots={snapshot.id: snapshot})
    with pytest.raises(PlanViolationError, match=f"{snapshot.id} holds data"):
        check_plan(made, replace(case, observation=seen))
    known = replace(case.memory, known={VOLUME: of_old.memory.known[VOLUME]})
    with pytest.raises(PlanViolationError, match=f"{VOLUME} holds data"):
        check_plan(made, replace(case, memory=known))


# Its course, which is that of a restore


def test_a_stand_in_that_is_proven_is_committed() -> None:
    request = the_action(emptied(prepared())).request
    assert request == SetTags(
        resource_id=NEW, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True
    )


def test_an_empty_volume_that_is_not_needed_is_dated_or_it_would_fill_the_claim_one_day() -> None:
    scene = emptied(prepared())
    scene.change(VOLUME, state=VolumeState.IN_USE)
    request = planned(scene).actions[0].request
    assert isinstance(request, SetTags)
    assert request.resource_id == COPY
    assert Tag.QUARANTINE_UNTIL in request.tags


def test_what_a_stand_in_took_the_place_of_is_stopped_and_kept() -> None:
    assert the_action(emptied(taken_over())).request == StopInstance(instance_id=OLD)
    scene = emptied(taken_over(original=InstanceState.STOPPED))
    dated = {
        action.request.resource_id: action.request.tags[Tag.QUARANTINE_UNTIL]
        for action in planned(scene).actions
        if isinstance(action.request, SetTags) and Tag.QUARANTINE_UNTIL in action.request.tags
    }
    assert dated == {OLD: f"{scene.now + 3 * DAY:%Y-%m-%dT%H:%M:%SZ}", VOLUME: "never"}


def test_no_time_ends_a_volume_that_an_empty_one_stood_in_for() -> None:
    scene = emptied(left_behind())
    final_snapshot(scene)

    def ended() -> bool:
        return DeleteVolume in {type(item.request) for item in planned(scene).actions}

    assert ended(), "a date would end it"
    tags = {**scene.volumes[VOLUME].tags, Tag.QUARANTINE_UNTIL.value: "never"}
    scene.change(VOLUME, tags=tags)
    assert not ended()


def test_an_original_without_its_volume_is_fenced_too() -> None:
    scene = emptied(taken_over())
    scene.detached(VOLUME)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


def test_after_the_commit_the_old_volume_fills_no_claim_although_the_stand_in_is_gone() -> None:
    scene = emptied(taken_over(original=InstanceState.STOPPED))
    scene.terminated(DATABASE, incarnation=2)
    request = launched(scene)
    assert request.volumes == ()
    assert request.zone == scene.volumes[volume_id(DATABASE, incarnation=2)].zone


def test_the_first_volumes_of_a_slot_stand_in_for_nothing() -> None:
    scene = Scene(databases())
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [None]
    assert the_action(scene).course is Course.CREATE
