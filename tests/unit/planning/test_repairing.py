"""An unhealthy occupant goes up the ladder, without the steps that the evidence makes pointless (section 7.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import LadderStep
from providers.observed import GapSubject, InstanceState, ProbeOutcome
from providers.requests import LaunchInstance, RebootInstance, StartInstance, StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.cases import Scene
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    health_spec,
    http_probe,
    postgres_fleet,
    repair_spec,
    tcp_probe,
    web_fleet,
)
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import instance_id, volume_id
from tests.support.volume_health import slow

WEB = web_fleet(health=health_spec(http_probe()))
DATABASES = postgres_fleet(health=health_spec(tcp_probe()))
DATABASE = "shared-postgres/0"


def in_trouble(*signs: Sign, lasting: timedelta = HOUR, **changes: Any) -> Scene:
    """A web instance with those signs, and a probe that fails too."""
    scene = Scene(web_fleet(health=health_spec(http_probe()), **changes))
    scene.in_service()
    for sign in (*signs, Sign.PROBE):
        scene.sick("web/0", sign, lasting=lasting)
    return scene


def took(
    scene: Scene,
    request: RebootInstance | StopInstance | StartInstance,
    *,
    ago: timedelta,
    state: IntentState = IntentState.OBSERVED,
) -> None:
    """We took that step of the ladder."""
    step = action(f"{slot_of(scene)}", request, course=Course.REPAIR, reason=Reason.PROBE)
    scene.began(step, ago=ago, state=state)


def slot_of(scene: Scene) -> str:
    return "web/0" if "web" in scene.fleets else DATABASE


REBOOT = RebootInstance(instance_id=instance_id("web/0"))
STOP = StopInstance(instance_id=instance_id("web/0"))
START = StartInstance(instance_id=instance_id("web/0"))


# The ladder


@pytest.mark.parametrize(
    ("sign", "step", "reason"),
    [
        (Sign.INSTANCE_CHECK, "reboot", Reason.INSTANCE_CHECK),
        (Sign.SYSTEM_CHECK, "stop", Reason.SYSTEM_CHECK),
        (Sign.ATTACHED_EBS_CHECK, "stop", Reason.ATTACHED_EBS_CHECK),
    ],
)
def test_the_first_step_is_the_mildest_that_has_a_point(
    sign: Sign, step: str, reason: Reason
) -> None:
    scene = in_trouble(sign)
    planned_step = the_action(scene)
    assert (planned_step.request.kind, planned_step.reason) == (step, reason)


def test_a_probe_that_fails_alone_in_a_web_fleet_is_rebooted() -> None:
    assert done(in_trouble()) == ["reboot web/0"]


def test_after_the_reboot_comes_the_restart() -> None:
    scene = in_trouble(Sign.INSTANCE_CHECK)
    took(scene, REBOOT, ago=30 * MINUTE)
    assert done(scene) == ["stop web/0"]


def test_what_we_stopped_is_started_at_once() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK)
    scene.stopped("web/0", ago=MINUTE)
    took(scene, STOP, ago=2 * MINUTE)
    assert done(scene) == ["start web/0"]


def test_after_the_restart_a_replacement_is_launched_beside_it() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK)
    took(scene, STOP, ago=50 * MINUTE)
    took(scene, START, ago=45 * MINUTE)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert request.tags[Tag.ROLE] == Role.REPLACEMENT


def test_within_the_grace_after_a_step_nothing_more_is_done() -> None:
    scene = in_trouble(Sign.INSTANCE_CHECK)
    took(scene, REBOOT, ago=5 * MINUTE)
    assert done(scene) == []


def test_a_step_that_helped_for_less_than_an_hour_did_not_help() -> None:
    scene = in_trouble(Sign.INSTANCE_CHECK, lasting=20 * MINUTE)
    took(scene, REBOOT, ago=40 * MINUTE)
    assert done(scene) == ["stop web/0"]


def test_trouble_long_after_a_step_begins_at_the_bottom_again() -> None:
    scene = in_trouble(Sign.INSTANCE_CHECK, lasting=20 * MINUTE)
    took(scene, REBOOT, ago=3 * HOUR)
    assert done(scene) == ["reboot web/0"]


def test_a_step_that_was_rejected_or_lost_was_not_taken() -> None:
    for state in (IntentState.REJECTED, IntentState.LOST):
        scene = in_trouble(Sign.INSTANCE_CHECK)
        took(scene, REBOOT, ago=30 * MINUTE, state=state)
        assert done(scene) == ["reboot web/0"]


def test_a_ladder_that_is_used_up_is_told() -> None:
    repair = repair_spec(ladder=(LadderStep.REBOOT,))
    scene = in_trouble(Sign.INSTANCE_CHECK, repair=repair)
    took(scene, REBOOT, ago=30 * MINUTE)
    assert the_hold(scene).gate is Gate.LADDER


def test_what_never_came_up_is_replaced_without_further_ado() -> None:
    scene = Scene(WEB)
    scene.in_service("web/1", "web/2")
    scene.instance("web/0", state=InstanceState.PENDING, age=6 * MINUTE)
    step = the_action(scene)
    assert (step.request.kind, step.reason) == ("launch", Reason.NEVER_STARTED)


def test_a_web_instance_that_serves_is_only_ever_replaced() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    assert done(scene) == ["launch web/0"]


def test_nothing_is_stopped_where_it_could_not_start_again() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK)
    scene.no_capacity("use1-az1", "m6i.large")
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)


def test_a_stopped_instance_without_capacity_is_replaced() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK)
    scene.stopped("web/0", ago=MINUTE)
    took(scene, STOP, ago=2 * MINUTE)
    scene.no_capacity("use1-az1", "m6i.large")
    assert done(scene) == ["launch web/0"]


def test_a_stop_that_hangs_is_forced_and_then_the_slot_is_replaced() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK)
    scene.stopped("web/0", ago=10 * MINUTE)
    scene.change(instance_id("web/0"), state=InstanceState.STOPPING)
    took(scene, STOP, ago=10 * MINUTE, state=IntentState.DEAD)
    forced = the_action(scene).request
    assert forced == StopInstance(instance_id=instance_id("web/0"), forced=True)
    took(scene, forced, ago=5 * MINUTE, state=IntentState.DEAD)
    assert done(scene) == ["launch web/0"]


def test_somebody_elses_stop_that_hangs_for_hours_is_not_waited_for_in_silence() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.stopped("web/0", ago=7 * HOUR)
    scene.change(instance_id("web/0"), state=InstanceState.STOPPING)
    assert the_action(scene).request == StopInstance(instance_id=instance_id("web/0"), forced=True)


# Stopped by hand


def test_a_stop_by_hand_is_left_alone_and_told() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.stopped("web/0", ago=HOUR)
    hold = the_hold(scene)
    assert hold.gate is Gate.STOPPED_BY_HAND
    assert hold.earliest_release == scene.now + 3 * HOUR


def test_a_stop_by_hand_is_started_after_four_hours() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.stopped("web/0", ago=4 * HOUR)
    assert done(scene) == ["start web/0"]


def test_a_stop_by_hand_after_one_of_ours_is_still_by_hand() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.stopped("web/0", ago=MINUTE)
    took(scene, STOP, ago=5 * HOUR)  # Since then somebody started it, and it was healthy.
    healthy = scene.memory.health[instance_id("web/0")]
    started = replace(healthy, status_since=scene.now - 4 * HOUR)
    scene.remembering(health={**scene.memory.health, instance_id("web/0"): started})
    assert the_hold(scene).gate is Gate.STOPPED_BY_HAND


# With claims


def database_in_trouble(*signs: Sign, lasting: timedelta = HOUR) -> Scene:
    scene = Scene(DATABASES)
    scene.in_service()
    for sign in signs:
        scene.sick(DATABASE, sign, lasting=lasting)
    return scene


def test_a_database_whose_probe_passes_is_never_taken_out_on_ec2s_word() -> None:
    scene = database_in_trouble(Sign.SYSTEM_CHECK, lasting=DAY)
    hold = the_hold(scene)
    assert hold.gate is Gate.SERVING
    scene.approved(hold.approval_id or "", hold.gate)
    assert done(scene) == [f"launch {DATABASE}"]


def test_one_vantage_point_alone_never_takes_out_data() -> None:
    scene = database_in_trouble(Sign.PROBE, lasting=DAY)
    hold = the_hold(scene)
    assert hold.gate is Gate.THIRD_SIGN
    scene.approved(hold.approval_id or "", hold.gate)
    assert done(scene) == [f"reboot {DATABASE}"]


def test_a_volume_on_another_device_is_told_before_the_probe_that_it_explains() -> None:
    """Also beside a replacement, for which nobody would move it."""
    scene = database_in_trouble(Sign.PROBE, lasting=DAY)
    holder = instance_id(DATABASE)
    scene.detached(volume_id(DATABASE))
    scene.attached(volume_id(DATABASE), holder, device="/dev/sdz")
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    hold = the_hold(scene)
    assert hold.gate is Gate.CONFLICT
    assert "claim data declares /dev/sdf; detach it" in hold.reason


def test_a_probe_and_a_check_together_are_enough() -> None:
    scene = database_in_trouble(Sign.PROBE, Sign.SYSTEM_CHECK)
    assert done(scene) == [f"stop {DATABASE}"]


def test_a_database_that_serves_again_stays_although_its_replacement_is_ready() -> None:
    scene = database_in_trouble(Sign.SYSTEM_CHECK)
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    assert the_hold(scene).gate is Gate.SERVING


def test_a_database_that_cannot_reach_a_suspect_volume_waits_until_that_is_judged() -> None:
    scene = database_in_trouble(Sign.PROBE, Sign.ATTACHED_EBS_CHECK)
    assert done(scene) == [f"stop {DATABASE}"]
    scene.stalled(volume_id(DATABASE), lasting=2 * MINUTE)
    assert (done(scene), held(scene)) == ([], [])
    assert planned(scene).next_check_at == scene.now + MINUTE
    scene.volume_status[volume_id(DATABASE)] = slow(volume_id(DATABASE))
    scene.remembering(volumes={})
    assert done(scene) == [f"stop {DATABASE}"], "slow is no reason to wait"


def test_a_replacement_does_not_take_over_for_a_volume_that_may_be_stuck() -> None:
    scene = database_in_trouble(Sign.PROBE, Sign.ATTACHED_EBS_CHECK)
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    assert done(scene) == [f"tag {DATABASE}"]
    scene.stalled(volume_id(DATABASE), lasting=2 * MINUTE)
    assert (done(scene), held(scene)) == ([], [])


def test_a_database_is_replaced_in_the_zone_of_its_volume_and_in_staging() -> None:
    scene = database_in_trouble(Sign.PROBE, Sign.SYSTEM_CHECK)
    took(scene, StopInstance(instance_id=instance_id(DATABASE)), ago=50 * MINUTE)
    took(scene, StartInstance(instance_id=instance_id(DATABASE)), ago=45 * MINUTE)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert (request.zone, request.security_groups) == ("use1-az1", ("sg-staging",))
    assert request.volumes == ()


# What is not seen


def test_no_data_is_no_reason_to_act() -> None:
    scene = Scene(WEB)
    scene.in_service()
    del scene.checks[instance_id("web/0")]
    assert done(scene) == held(scene) == []
    assert bucket(scene, "web/0") == "unknown"


def test_a_replacement_that_is_not_shown_holds_a_second_one() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK, repair=repair_spec(ladder=(LadderStep.REPLACE,)))
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=5 * MINUTE)
    scene.probe("web/0", ProbeOutcome.FAILED)
    scene.vanished(instance_id("web/0", 2), absent_for=MINUTE)
    assert the_hold(scene).gate is Gate.UNPROVEN_ABSENCE


def test_a_gap_in_another_zone_may_hide_a_replacement() -> None:
    scene = in_trouble(Sign.SYSTEM_CHECK, repair=repair_spec(ladder=(LadderStep.REPLACE,)))
    scene.gap(GapSubject.INSTANCES, zone="use1-az4")
    assert held(scene) == ["gap web/0"]
    assert planned(scene).actions == ()
