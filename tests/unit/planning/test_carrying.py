"""Data that can't be brought to its slot, though its volume is well, is carried over by a snapshot (design 7.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import Fleet, LadderStep
from providers.observed import InstanceState, Snapshot, SnapshotState
from providers.requests import CreateSnapshot, LaunchInstance, SetTags, StopInstance
from reconciler.health.capabilities import CapabilityKind
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import CapacityMemory
from tests.support.cases import Scene
from tests.support.databases import DATABASE, DATABASES, OLD, VOLUME, hanging
from tests.support.fleets import HOUR, MINUTE, data_claim, repair_spec, snapshots_of
from tests.support.plans import done, held, planned, the_action
from tests.support.planted import violations
from tests.support.resources import instance_id, volume_id
from tests.support.troubled import both_brakes, opened
from tests.support.volume_health import slow, stalled

THIRD = instance_id(DATABASE, 3)
TAKES_OVER = SetTags(resource_id=THIRD, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True)


def gone(
    *,
    refused: int = 4,
    last: timedelta = 17 * MINUTE,
    fleet: Fleet = DATABASES,
    ends: bool = True,
) -> Scene:
    """The database is gone, its volume is free, and its zone had no capacity for any type, that often."""
    scene = Scene(fleet)
    scene.in_service()
    if ends:
        scene.terminated(DATABASE)
    steps = scene.desired().policy.capacity_backoff
    failed_at = scene.now - last
    scene.remembering(
        capacity=tuple(
            CapacityMemory(
                zone=scene.volumes[VOLUME].zone,
                type=type_,
                failures=refused,
                last_failed_at=failed_at,
                until=failed_at + steps[min(refused, len(steps)) - 1],
            )
            for type_ in DATABASES.instance.types
        )
    )
    return scene


def taken(scene: Scene, *, state: SnapshotState = SnapshotState.COMPLETED) -> Snapshot:
    """The planned snapshot was asked for a moment ago, and is shown."""
    step = the_action(scene)
    assert isinstance(step.request, CreateSnapshot)
    scene.began(step, ago=MINUTE, state=IntentState.OBSERVED)
    return scene.snapshot(VOLUME, ago=MINUTE, state=state, tags=dict(step.request.tags))


# A detach that hangs


def test_a_volume_that_cannot_leave_its_stopped_holder_is_snapshotted() -> None:
    step = the_action(hanging())
    assert isinstance(step.request, CreateSnapshot)
    assert step.request.volume_id == VOLUME
    assert (step.course, step.reason) == (Course.KEEP_THE_DATA, Reason.LAST_SNAPSHOT)
    assert "its detach hangs since 11:52Z" in step.detail


def test_the_snapshot_is_waited_for() -> None:
    scene = hanging()
    taken(scene, state=SnapshotState.PENDING)
    assert (done(scene), held(scene)) == ([], [])


def test_a_snapshot_that_failed_is_asked_for_again() -> None:
    scene = hanging()
    taken(scene, state=SnapshotState.ERROR)
    assert done(scene) == [f"snapshot {DATABASE}"]


def test_from_the_completed_one_a_replacement_is_launched_in_any_zone_and_nothing_is_lost() -> None:
    scene = hanging()
    snapshot = taken(scene)
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)
    assert [volume.snapshot_id for volume in step.request.volumes] == [snapshot.id]
    assert step.request.tags[Tag.ROLE] == Role.REPLACEMENT
    assert "lose nothing" in step.detail


def test_a_snapshot_of_the_schedule_from_before_the_fence_is_not_taken_for_it() -> None:
    scene = hanging()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    assert done(scene) == [f"snapshot {DATABASE}"]


def with_its_copy(scene: Scene, *, of: Snapshot | None = None) -> Scene:
    snapshot = of or taken(scene)
    scene.instance(DATABASE, incarnation=3, role=Role.REPLACEMENT, age=10 * MINUTE, zone="use1-az2")
    scene.change(THIRD, security_groups=("sg-staging",))
    scene.volume(DATABASE, "data", on=THIRD, incarnation=3)
    copy = volume_id(DATABASE, incarnation=3)
    scene.change(copy, zone="use1-az2", snapshot_id=snapshot.id)
    return scene


def test_the_replacement_takes_over_as_soon_as_it_is_proven() -> None:
    assert the_action(with_its_copy(hanging())).request == TAKES_OVER


BACKED_UP = replace(DATABASES, replicas=1, claims=(data_claim(backup=snapshots_of(15 * MINUTE)),))


def test_a_copy_that_a_restore_prepared_before_makes_room_for_what_lacks_nothing() -> None:
    scene = hanging(BACKED_UP)
    with_its_copy(scene, of=scene.snapshot(VOLUME, ago=3 * HOUR))
    copy = volume_id(DATABASE, incarnation=3)
    dated = the_action(scene).request
    assert isinstance(dated, SetTags)
    assert dated.resource_id == copy
    scene.change(copy, tags={**scene.volumes[copy].tags, **dated.tags})
    assert the_action(scene).reason is Reason.COPY_OUTDATED
    assert "loses 2 h 59 min of writes" in the_action(scene).detail


def test_a_copy_that_lacks_no_more_than_may_be_lost_takes_over_at_once() -> None:
    scene = hanging(BACKED_UP)
    with_its_copy(scene, of=scene.snapshot(VOLUME, ago=20 * MINUTE))
    assert the_action(scene).request == TAKES_OVER


def test_an_empty_stand_in_makes_room_for_it_too() -> None:
    scene = with_its_copy(hanging(BACKED_UP))
    empty = volume_id(DATABASE, incarnation=3)
    scene.change(empty, snapshot_id=None)
    dated = the_action(scene).request
    assert isinstance(dated, SetTags)
    assert dated.resource_id == empty


def test_a_copy_that_is_not_shown_is_not_taken_for_empty() -> None:
    scene = with_its_copy(hanging())
    del scene.volumes[volume_id(DATABASE, incarnation=3)]
    assert done(scene) == []


def test_what_was_carried_over_takes_over_though_nobody_knows_since_when_the_slot_is_down() -> None:
    scene = with_its_copy(hanging())
    health = {id_: replace(item, trouble_since=None) for id_, item in scene.memory.health.items()}
    scene.remembering(health=health)
    assert the_action(scene).request == TAKES_OVER


def test_a_volume_that_came_off_after_all_is_attached() -> None:
    scene = with_its_copy(hanging())
    scene.detached(VOLUME)
    assert done(scene) == [f"attach {DATABASE}"]


def test_a_volume_without_a_name_is_named_for_its_claim_before_it_is_snapshotted() -> None:
    scene = hanging()
    tags = {key: value for key, value in scene.volumes[VOLUME].tags.items() if key != Tag.CLAIM}
    scene.change(VOLUME, tags=tags)
    assert the_action(scene).request == SetTags(resource_id=VOLUME, tags={Tag.CLAIM.value: "data"})


@pytest.mark.parametrize("status", [slow, stalled])
def test_nothing_is_carried_over_from_what_is_not_well(status: object) -> None:
    scene = hanging()
    assert callable(status)
    scene.volume_status[VOLUME] = status(VOLUME)
    assert f"snapshot {DATABASE}" not in done(scene)


def test_nothing_is_carried_over_from_what_may_still_be_written() -> None:
    scene = hanging()
    scene.change(OLD, state=InstanceState.RUNNING)
    assert f"snapshot {DATABASE}" not in done(scene)


# A zone without capacity


def test_a_zone_without_capacity_is_waited_for_at_first() -> None:
    assert held(gone(last=15 * MINUTE)) == [f"capacity {DATABASE}"]
    assert held(gone(refused=3, last=9 * MINUTE)) == [f"capacity {DATABASE}"]


def test_after_half_an_hour_the_data_is_carried_to_another_zone() -> None:
    scene = gone()
    snapshot = taken(scene)
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)
    assert step.request.zone != scene.volumes[VOLUME].zone
    assert [volume.snapshot_id for volume in step.request.volumes] == [snapshot.id]
    assert step.request.tags[Tag.ROLE] == Role.OCCUPANT


def failing_there(*, ago: timedelta) -> Scene:
    """The database is gone, and launches in its zone have failed for that long."""
    scene = Scene(DATABASES)
    scene.policy = both_brakes()
    scene.in_service()
    scene.terminated(DATABASE)
    opened(scene, scene.volumes[VOLUME].zone, ago=ago)
    return scene


def test_a_zone_where_launches_fail_is_waited_for_at_first() -> None:
    assert held(failing_there(ago=29 * MINUTE)) == [f"capability {DATABASE}"]


def test_after_half_an_hour_of_failing_launches_the_data_is_carried_to_another_zone() -> None:
    scene = failing_there(ago=30 * MINUTE)
    snapshot = taken(scene)
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)
    assert step.request.zone != scene.volumes[VOLUME].zone
    assert [volume.snapshot_id for volume in step.request.volumes] == [snapshot.id]
    assert "launches in use1-az1 have failed for 30 min" in step.detail


def test_nothing_is_carried_over_where_no_other_zone_works_either() -> None:
    scene = failing_there(ago=30 * MINUTE)
    opened(scene, kind=CapabilityKind.VOLUME)
    assert held(scene) == [f"capability {DATABASE}"]


def test_one_type_with_capacity_is_enough_to_keep_the_volume() -> None:
    scene = gone()
    (first, *others) = scene.memory.capacity
    scene.remembering(capacity=(replace(first, until=scene.now), *others))
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)
    assert (step.request.zone, step.request.volumes) == (scene.volumes[VOLUME].zone, ())


def sick(**changes: Any) -> Scene:
    """The database still runs, sick by two signs, and its zone has had no capacity for any type for half an hour."""
    at_once = repair_spec(ladder=(LadderStep.REPLACE,))
    scene = gone(fleet=replace(DATABASES, repair=at_once), ends=False, **changes)
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    return scene


def test_a_sick_instance_whose_zone_has_no_capacity_is_stopped_so_that_its_data_can_be_carried() -> (
    None
):
    step = the_action(sick())
    assert step.request == StopInstance(instance_id=OLD)
    assert (step.course, step.reason) == (Course.REPAIR, Reason.WRITE_FENCE)


def test_it_is_not_stopped_before_half_an_hour_nor_where_no_other_zone_has_capacity() -> None:
    assert held(sick(last=15 * MINUTE)) == [f"capacity {DATABASE}"]
    scene = sick()
    nowhere = [
        replace(item, zone=zone)
        for item in scene.memory.capacity
        for zone in DATABASES.placement.zones
    ]
    scene.remembering(capacity=tuple(nowhere))
    assert held(scene) == [f"capacity {DATABASE}"]


def test_nor_where_its_volume_is_not_well() -> None:
    scene = sick()
    scene.volume_status[VOLUME] = slow(VOLUME)
    assert held(scene) == [f"capacity {DATABASE}"]


def test_once_we_stopped_it_its_volume_is_snapshotted() -> None:
    scene = sick()
    stop = the_action(scene)
    scene.began(stop, ago=5 * MINUTE, state=IntentState.OBSERVED)
    scene.stopped(DATABASE, ago=4 * MINUTE)
    step = the_action(scene)
    assert isinstance(step.request, CreateSnapshot)
    assert (step.course, step.reason) == (Course.KEEP_THE_DATA, Reason.LAST_SNAPSHOT)


# The last look


def test_the_last_look_refuses_a_last_snapshot_of_what_is_written_or_not_well() -> None:
    rule = "a last snapshot is of what nobody writes"
    step = the_action(hanging())
    assert violations(hanging(), step) == []
    writing = hanging()
    writing.change(OLD, state=InstanceState.RUNNING)
    assert violations(writing, step) == [rule]
    doubtful = hanging()
    doubtful.volume_status[VOLUME] = slow(VOLUME)
    assert violations(doubtful, step) == [rule]


def test_the_plan_of_it_is_sound_and_names_no_gate() -> None:
    assert planned(hanging()).withheld == ()
    assert Gate.FENCE not in {item.gate for item in planned(with_its_copy(hanging())).withheld}
