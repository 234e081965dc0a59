"""What people order by hand goes through the same gates, once, and for the occupant that there was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import LadderStep, Mode
from providers.observed import InstanceState, ProbeOutcome
from providers.requests import (
    LaunchInstance,
    SetSecurityGroups,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.orders import OrderKind
from tests.support.actions import action
from tests.support.backed_up import DATABASE, LOG, VOLUME, backed_up, databases, with_a_log
from tests.support.cases import Scene
from tests.support.databases import committed
from tests.support.fleets import (
    HOUR,
    MINUTE,
    health_spec,
    http_probe,
    postgres_fleet,
    repair_spec,
    snapshots_of,
    tcp_probe,
    web_fleet,
)
from tests.support.plans import bucket, done, planned, the_action, the_hold
from tests.support.resources import instance_id, volume_id
from tests.support.restored import COPY, NEW, OLD, taken_over

WEB = web_fleet(health=health_spec(http_probe()))


def in_service(*fleets: object, **_: object) -> Scene:
    scene = Scene(*fleets)  # type: ignore[arg-type]
    scene.in_service()
    return scene


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


# Replace


def test_a_healthy_instance_is_replaced_launch_first() -> None:
    scene = in_service(WEB)
    scene.ordered("web/1", OrderKind.REPLACE)
    step = the_action(scene)
    assert launched(scene).tags[Tag.ROLE] == Role.REPLACEMENT
    assert (step.course, step.reason) == (Course.REPLACE, Reason.BY_HAND)
    assert step.detail == "erin ordered it: its disk is slow"


def test_a_healthy_database_is_replaced_in_the_zone_of_its_volume_which_it_keeps() -> None:
    scene = in_service(postgres_fleet())
    scene.ordered("shared-postgres/1", OrderKind.REPLACE)
    assert the_action(scene).course is Course.KEEP_THE_DATA
    assert launched(scene).zone == scene.volumes[volume_id("shared-postgres/1")].zone
    assert launched(scene).volumes == ()


def test_what_was_ordered_is_committed_once_it_is_proven() -> None:
    scene = in_service(WEB)
    scene.ordered("web/1", OrderKind.REPLACE)
    scene.instance("web/1", incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    request = the_action(scene).request
    assert isinstance(request, SetTags)
    assert request.commit
    assert request.resource_id == instance_id("web/1", 2)


def test_an_order_is_carried_out_once() -> None:
    scene = in_service(WEB)
    scene.ordered("web/1", OrderKind.REPLACE)
    scene.instance("web/1", incarnation=2, role=Role.OCCUPANT, age=20 * MINUTE)
    assert the_action(scene).request == TerminateInstance(instance_id=instance_id("web/1"))
    scene.terminated("web/1")
    assert done(scene) == []
    assert bucket(scene, "web/1") is Bucket.HEALTHY


def test_an_order_that_has_expired_is_none_and_what_it_began_is_undone() -> None:
    scene = in_service(WEB)
    scene.ordered("web/1", OrderKind.REPLACE, remaining=timedelta())
    assert done(scene) == []
    scene.instance("web/1", incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    step = the_action(scene)
    assert step.request == TerminateInstance(instance_id=instance_id("web/1", 2))
    assert step.reason is Reason.ORIGINAL_RECOVERED


def test_of_an_unhealthy_one_no_other_step_of_the_ladder_is_tried_first() -> None:
    ladder = repair_spec(ladder=(LadderStep.REBOOT, LadderStep.REPLACE))
    scene = in_service(web_fleet(repair=ladder))
    scene.sick("web/1", Sign.INSTANCE_CHECK, lasting=10 * MINUTE)
    assert done(scene) == ["reboot web/1"]
    scene.ordered("web/1", OrderKind.REPLACE)
    assert done(scene) == ["launch web/1"]


def test_the_mode_does_not_ask_about_what_was_ordered_and_every_other_gate_holds() -> None:
    scene = in_service(web_fleet(mode=Mode.APPROVE))
    scene.ordered("web/1", OrderKind.REPLACE)
    assert done(scene) == ["launch web/1"]
    scene.paused("web/1")
    assert the_hold(scene).gate is Gate.PAUSED
    observed = in_service(web_fleet(mode=Mode.OBSERVE))
    observed.ordered("web/1", OrderKind.REPLACE)
    assert the_hold(observed).gate is Gate.OBSERVE


def test_a_serving_database_is_taken_out_by_an_order_within_the_budget_alone() -> None:
    scene = in_service(postgres_fleet(health=health_spec(tcp_probe())))
    scene.ordered("shared-postgres/1", OrderKind.REPLACE)
    scene.instance(
        "shared-postgres/1",
        incarnation=2,
        role=Role.REPLACEMENT,
        age=20 * MINUTE,
        zone=scene.volumes[volume_id("shared-postgres/1")].zone,
    )
    scene.probe("shared-postgres/1", ProbeOutcome.FAILED, incarnation=2)
    assert done(scene) == ["tag shared-postgres/1"]
    for sign in (Sign.PROBE, Sign.SYSTEM_CHECK):
        scene.sick("shared-postgres/0", sign, lasting=2 * MINUTE)
    assert Gate.MAX_UNAVAILABLE in {item.gate for item in planned(scene).withheld}


def test_an_order_in_force_is_told_with_who_and_why() -> None:
    scene = in_service(WEB)
    order = scene.ordered("web/1", OrderKind.REPLACE)
    until = f"{order.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    note = f"web/1: replace ordered by erin, until {until}: its disk is slow"
    assert note in planned(scene).notes
    assert all("web/0" not in item for item in planned(scene).notes)


# Restore


def to_be_restored(*, lost: timedelta | None = 20 * MINUTE, **fields: Any) -> Scene:
    """A healthy database that serves, whose contents a person no longer wants."""
    scene = backed_up(databases(health=health_spec(tcp_probe())))
    scene.ordered(
        DATABASE, OrderKind.RESTORE, reason="a table was dropped", max_loss=lost, **fields
    )
    return scene


def test_a_healthy_database_is_restored_from_the_best_restore_point_before_the_order() -> None:
    scene = to_be_restored()
    point = scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.snapshot(VOLUME, ago=timedelta(seconds=30))
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [point.id]
    step = the_action(scene)
    assert (step.course, step.reason) == (Course.RESTORE, Reason.BY_HAND)
    assert "a table was dropped" in step.detail
    assert "loses 19 min of writes" in step.detail


def test_it_is_restored_from_what_the_person_chose() -> None:
    scene = to_be_restored(lost=5 * HOUR, snapshot_id="")
    older = scene.snapshot(VOLUME, ago=4 * HOUR)
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.remembering(orders=())
    scene.ordered(DATABASE, OrderKind.RESTORE, max_loss=5 * HOUR, snapshot_id=older.id)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [older.id]


def test_all_claims_are_restored_from_the_set_of_what_was_chosen() -> None:
    scene = with_a_log(snapshots_of(HOUR))
    chosen, with_it = (scene.snapshot(item, ago=3 * HOUR) for item in (VOLUME, LOG))
    for item in (VOLUME, LOG):
        scene.snapshot(item, ago=20 * MINUTE)
    scene.ordered(DATABASE, OrderKind.RESTORE, max_loss=5 * HOUR, snapshot_id=chosen.id)
    restored = {volume.snapshot_id for volume in launched(scene).volumes}
    assert restored == {chosen.id, with_it.id}


@pytest.mark.parametrize("lost", [18 * MINUTE, None])
def test_a_larger_loss_than_the_person_was_shown_is_asked_about(lost: timedelta | None) -> None:
    """Although the objective would allow it: nothing but the order speaks for a restore."""
    scene = to_be_restored(lost=lost)
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    hold = the_hold(scene)
    assert (hold.gate, hold.loss) == (Gate.RESTORE, 19 * MINUTE)


def test_what_was_chosen_and_is_gone_leaves_nothing_to_restore_from() -> None:
    scene = to_be_restored(snapshot_id="snap-0fffffffffffffff0")
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert hold.alternatives == ()
    assert hold.approval_id is None


def test_once_proven_it_takes_over_without_waiting_for_the_original_to_recover() -> None:
    scene = to_be_restored()
    point = scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE, zone="use1-az2")
    scene.change(NEW, security_groups=("sg-staging",))
    scene.volume(DATABASE, "data", on=NEW, incarnation=2)
    scene.change(COPY, zone="use1-az2", snapshot_id=point.id)
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=2)
    request = the_action(scene).request
    assert isinstance(request, SetTags)
    assert request.commit


def test_an_order_speaks_for_a_restore_that_waits_because_its_probe_passes() -> None:
    scene = to_be_restored()
    scene.remembering(orders=())
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.stalled(VOLUME)
    assert the_hold(scene).gate is Gate.SERVING
    scene.ordered(DATABASE, OrderKind.RESTORE)
    assert the_action(scene).reason is Reason.CLAIM_STUCK


def test_after_its_commit_a_restore_is_not_begun_again() -> None:
    scene = taken_over()
    scene.ordered(DATABASE, OrderKind.RESTORE, max_loss=5 * HOUR)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


# Fence


def owed(scene: Scene, *, ago: timedelta = MINUTE) -> Scene:
    """A stop with force hung that long ago."""
    forced = StopInstance(instance_id=OLD, forced=True)
    scene.began(
        action(DATABASE, forced, course=Course.RESTORE, reason=Reason.SERVE_FENCE),
        ago=ago,
        state=IntentState.DEAD,
    )
    return scene


def test_an_owed_fence_is_tried_again_at_once_when_a_person_orders_it_and_once() -> None:
    scene = owed(taken_over(original=InstanceState.STOPPING))
    assert the_hold(scene).gate is Gate.FENCE
    scene.ordered(DATABASE, OrderKind.FENCE, incarnation=2, ago=timedelta(seconds=20))
    assert the_action(scene).request == StopInstance(instance_id=OLD, forced=True)
    again = owed(scene, ago=timedelta(seconds=5))
    assert the_hold(again).gate is Gate.FENCE


def test_an_owed_serve_fence_says_whom_a_person_may_vouch_for() -> None:
    scene = owed(taken_over(original=InstanceState.STOPPING))
    assert the_hold(scene).confirmable_id == OLD


def test_where_a_person_vouches_for_it_the_restored_slot_goes_on_and_it_is_told() -> None:
    scene = owed(taken_over(original=InstanceState.STOPPING))
    scene.ordered(
        DATABASE, OrderKind.FENCED, incarnation=2, instance_id=OLD, reason="its host is off"
    )
    kinds = {type(item.request) for item in planned(scene).actions}
    assert SetSecurityGroups in kinds
    assert StopInstance not in kinds
    assert any(
        f"erin confirmed that {OLD} serves and writes no more" in n for n in planned(scene).notes
    )


def test_that_word_is_for_one_instance_and_until_it_expires() -> None:
    for fenced_id, remaining in (("i-0fffffffffffffff0", HOUR), (OLD, timedelta())):
        scene = owed(taken_over(original=InstanceState.STOPPING))
        scene.ordered(
            DATABASE,
            OrderKind.FENCED,
            incarnation=2,
            instance_id=fenced_id,
            remaining=remaining,
        )
        assert the_hold(scene).gate is Gate.FENCE


def test_no_volume_moves_because_somebody_vouches_for_an_instance() -> None:
    scene = owed(committed(original=InstanceState.STOPPING))
    scene.ordered(DATABASE, OrderKind.FENCED, incarnation=2, instance_id=OLD)
    hold = the_hold(scene)
    assert hold.gate is Gate.FENCE
    assert hold.confirmable_id is None
