"""A zone that neither launches nor lets data out of it is not waited for: its slots are restored elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desired_state.model import Fleet, LadderStep
from providers.observed import Snapshot
from providers.requests import CreateSnapshot, LaunchInstance
from reconciler.health.capabilities import CapabilityKind
from reconciler.health.conditions import Condition
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Course, Gate, Reason
from reconciler.planning.intents import IntentState
from tests.support.actions import launch
from tests.support.backed_up import DATABASE, VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.databases import DATABASES, hanging
from tests.support.fleets import HOUR, MINUTE, repair_spec
from tests.support.plans import done, held, the_action, the_hold
from tests.support.restored import OLD
from tests.support.troubled import both_brakes, opened, zone_is

HERE = "use1-az1"


def with_a_snapshot(scene: Scene, *, taken: timedelta = 40 * MINUTE) -> Snapshot:
    return scene.snapshot(VOLUME, ago=taken)


AT_ONCE = repair_spec(ladder=(LadderStep.REPLACE,))


def cut_off(
    *, launches: timedelta = 30 * MINUTE, snapshots: bool = False, fleet: Fleet | None = None
) -> Scene:
    """Its zone launches nothing and, unless said otherwise, takes no snapshot; the database's volume is well."""
    scene = backed_up(fleet or databases(repair=AT_ONCE))
    scene.policy = both_brakes()
    opened(scene, HERE, ago=launches)
    if not snapshots:
        opened(scene, HERE, kind=CapabilityKind.SNAPSHOT, ago=MINUTE)
    return scene


def sick(scene: Scene, *signs: Sign) -> Scene:
    """Since 35 minutes; one snapshot is older than that."""
    for sign in signs:
        scene.sick(DATABASE, sign, lasting=35 * MINUTE)
    with_a_snapshot(scene)
    return scene


def gone(scene: Scene) -> Scene:
    with_a_snapshot(scene)
    scene.terminated(DATABASE)
    return scene


def restored(step: Action, scene: Scene) -> bool:
    """Launched with a copy of its only snapshot, in another zone."""
    request = step.request
    assert isinstance(request, LaunchInstance)
    (snapshot,) = scene.snapshots.values()
    return (
        step.course is Course.RESTORE
        and request.zone != HERE
        and [volume.snapshot_id for volume in request.volumes] == [snapshot.id]
    )


def test_a_slot_whose_instance_is_gone_is_restored_elsewhere() -> None:
    scene = gone(cut_off())
    step = the_action(scene)
    assert restored(step, scene)
    assert step.reason is Reason.CLAIM_OUT_OF_REACH
    assert "launches in use1-az1 have failed for 30 min, and snapshots in use1-az1 fail" in (
        step.detail
    )


def test_its_loss_counts_to_the_first_launch_that_came_to_nothing_and_not_to_now() -> None:
    scene = gone(cut_off())
    assert "which loses 40 min of writes" in the_action(scene).detail
    for ago in (25 * MINUTE, 10 * MINUTE):
        tried = launch(DATABASE, reason=Reason.GONE, course=Course.KEEP_THE_DATA)
        scene.began(tried, ago=ago, state=IntentState.DEAD)
    assert "which loses 15 min of writes" in the_action(scene).detail


@pytest.mark.parametrize(
    ("reason", "state"),
    [(Reason.SYSTEM_CHECK, IntentState.DEAD), (Reason.GONE, IntentState.OBSERVED)],
)
def test_a_launch_beside_an_occupant_or_one_that_came_up_says_nothing_of_that(
    reason: Reason, state: IntentState
) -> None:
    scene = gone(cut_off())
    tried = launch(DATABASE, reason=reason, course=Course.KEEP_THE_DATA)
    scene.began(tried, ago=25 * MINUTE, state=state)
    assert "which loses 40 min of writes" in the_action(scene).detail


def test_so_is_one_whose_instance_ec2_calls_sick_and_its_loss_counts_to_when_it_fell_sick() -> None:
    scene = sick(cut_off(), Sign.SYSTEM_CHECK, Sign.PROBE)
    step = the_action(scene)
    assert restored(step, scene)
    assert "which loses 5 min of writes" in step.detail


def test_the_zone_is_waited_for_half_an_hour() -> None:
    assert held(gone(cut_off(launches=29 * MINUTE))) == [f"capability {DATABASE}"]


def test_where_snapshots_work_the_data_itself_is_carried_over() -> None:
    scene = gone(cut_off(snapshots=True))
    assert isinstance(the_action(scene).request, CreateSnapshot)


def test_not_by_stopping_what_may_not_be_stopped_now() -> None:
    scene = sick(cut_off(snapshots=True), Sign.SYSTEM_CHECK, Sign.PROBE)
    assert done(scene) == [f"stop {DATABASE}"]
    zone_is(scene, Condition.CRITICAL, HERE)
    step = the_action(scene)
    assert restored(step, scene)
    assert f"{OLD} can't be stopped for a snapshot" in step.detail


def test_where_nothing_works_elsewhere_either_it_waits() -> None:
    scene = gone(cut_off())
    opened(scene, kind=CapabilityKind.VOLUME)
    assert held(scene) == [f"capability {DATABASE}"]


@pytest.mark.parametrize(
    ("sign", "gate"), [(Sign.PROBE, Gate.THIRD_SIGN), (Sign.SYSTEM_CHECK, Gate.SERVING)]
)
def test_what_serves_or_what_we_alone_see_no_more_of_is_not_restored(
    sign: Sign, gate: Gate
) -> None:
    scene = cut_off(fleet=databases(repair=AT_ONCE, health=DATABASES.health))
    assert the_hold(sick(scene, sign)).gate is gate


def test_a_larger_loss_than_is_declared_is_a_persons_to_take() -> None:
    scene = cut_off()
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=35 * MINUTE)
    with_a_snapshot(scene, taken=5 * HOUR)
    hold = the_hold(scene)
    assert (hold.gate, hold.loss) == (Gate.RESTORE, 5 * HOUR - 35 * MINUTE)


def test_a_volume_whose_detach_hangs_is_left_behind_where_snapshots_fail() -> None:
    scene = hanging(databases())
    scene.policy = both_brakes()
    with_a_snapshot(scene)
    zone_is(scene, Condition.CRITICAL, HERE)
    assert done(scene) == [f"snapshot {DATABASE}"], "its holder is stopped, whatever is braked"
    opened(scene, HERE, kind=CapabilityKind.SNAPSHOT, ago=MINUTE)
    assert done(scene) == [f"launch {DATABASE}"]
