"""Of which snapshots of several claims one call made a set: by its operation and its moment, and never by halves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.observed import Snapshot, SnapshotState
from providers.requests import LaunchInstance
from reconciler.planning.identity import Tag
from reconciler.planning.orders import OrderKind
from reconciler.planning.plan import world_of
from reconciler.planning.slots.restore_points import taken_together
from tests.support.backed_up import DATABASE, LOG, VOLUME, with_a_log
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, SECOND, snapshots_of
from tests.support.plans import the_action
from tests.support.resources import volume_id
from tests.support.restored import in_error

FIRST = "the first call"
HOURLY = snapshots_of(HOUR)


def taken(
    scene: Scene,
    volume: str,
    *,
    ago: timedelta,
    operation: str = FIRST,
    state: SnapshotState = SnapshotState.COMPLETED,
) -> Snapshot:
    made = scene.snapshot(volume, ago=ago, state=state)
    tags = {**made.tags, Tag.OPERATION.value: operation}
    scene.snapshots[made.id] = replace(made, tags=tags)
    return scene.snapshots[made.id]


def sets(scene: Scene) -> list[set[str]]:
    (slot,) = world_of(scene.case()).slots
    return [{item.id for item in found} for found in taken_together(slot.claims)]


def test_what_carries_one_operation_and_began_at_one_moment_is_a_set() -> None:
    scene = with_a_log(HOURLY)
    older = {taken(scene, item, ago=2 * HOUR, operation="another").id for item in (VOLUME, LOG)}
    newer = {taken(scene, item, ago=HOUR).id for item in (VOLUME, LOG)}
    assert sets(scene) == [newer, older]


def test_it_may_be_dated_some_seconds_apart() -> None:
    scene = with_a_log(HOURLY)
    data = taken(scene, VOLUME, ago=HOUR)
    log = taken(scene, LOG, ago=HOUR - 9 * SECOND)
    assert sets(scene) == [{data.id, log.id}]


def test_of_a_request_that_arrived_twice_each_time_is_a_set_of_its_own() -> None:
    scene = with_a_log(HOURLY)
    for item in (VOLUME, LOG):
        taken(scene, item, ago=HOUR)
    again = {taken(scene, item, ago=HOUR - 3 * MINUTE).id for item in (VOLUME, LOG)}
    assert len(sets(scene)) == 2
    assert sets(scene)[0] == again


def test_what_is_left_of_two_times_makes_no_set() -> None:
    scene = with_a_log(HOURLY)
    taken(scene, VOLUME, ago=HOUR)
    taken(scene, LOG, ago=HOUR - 3 * MINUTE)
    assert sets(scene) == []


def test_halves_of_two_operations_make_no_set_however_close_they_are() -> None:
    scene = with_a_log(HOURLY)
    taken(scene, VOLUME, ago=HOUR)
    taken(scene, LOG, ago=HOUR, operation="another")
    assert sets(scene) == []


def test_a_time_that_lacks_one_takes_none_from_the_time_seconds_before() -> None:
    scene = with_a_log(HOURLY, "index")
    index = volume_id(DATABASE, "index")
    for item in (VOLUME, LOG):
        taken(scene, item, ago=HOUR)
    for item in (VOLUME, index):
        taken(scene, item, ago=HOUR - 5 * SECOND)
    assert sets(scene) == []


def test_what_somebody_tagged_like_one_of_ours_makes_no_set() -> None:
    scene = with_a_log(HOURLY)
    set_ = {taken(scene, item, ago=HOUR).id for item in (VOLUME, LOG)}
    taken(scene, LOG, ago=HOUR + 6 * MINUTE)
    taken(scene, VOLUME, ago=HOUR - 6 * MINUTE)
    assert sets(scene) == [set_]


def test_data_is_never_restored_with_a_log_of_another_time() -> None:
    scene = in_error(with_a_log(HOURLY))
    first = {taken(scene, item, ago=HOUR).id for item in (VOLUME, LOG)}
    taken(scene, VOLUME, ago=HOUR - 3 * MINUTE)
    taken(scene, LOG, ago=HOUR - 3 * MINUTE, state=SnapshotState.ERROR)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert {volume.snapshot_id for volume in request.volumes} == first


def test_a_snapshot_that_a_person_chooses_is_restored_with_those_of_its_own_time() -> None:
    scene = in_error(with_a_log(HOURLY))
    chosen = [taken(scene, item, ago=HOUR) for item in (VOLUME, LOG)]
    for item in (VOLUME, LOG):
        taken(scene, item, ago=HOUR - 3 * MINUTE)
    scene.ordered(DATABASE, OrderKind.RESTORE, max_loss=2 * HOUR, snapshot_id=chosen[0].id)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert {volume.snapshot_id for volume in request.volumes} == {item.id for item in chosen}
