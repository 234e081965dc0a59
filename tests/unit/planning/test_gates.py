"""The gates between what slots need and what is done now: each holds with its reason, and says when it may open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import LadderStep, Mode, Share, UpdateStrategy
from providers.observed import GapSubject
from providers.requests import (
    LaunchInstance,
    RebootInstance,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action, launch
from tests.support.cases import Scene
from tests.support.databases import DATABASE, DATABASES, NEW, VOLUME, committed
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    health_spec,
    http_probe,
    postgres_fleet,
    repair_spec,
    safety_policy,
    web_fleet,
)
from tests.support.plans import done, held, planned, the_action, the_hold
from tests.support.resources import instance_id

ONLY_REPLACE = repair_spec(ladder=(LadderStep.REPLACE,))


def with_gone(*ordinals: int, **changes: Any) -> Scene:
    scene = Scene(web_fleet(**changes))
    scene.in_service()
    for ordinal in ordinals:
        scene.terminated(f"web/{ordinal}")
    return scene


def with_failing(*ordinals: int, sign: Sign = Sign.SYSTEM_CHECK, **changes: Any) -> Scene:
    scene = Scene(web_fleet(**changes))
    scene.in_service()
    for ordinal in ordinals:
        scene.sick(f"web/{ordinal}", sign, lasting=HOUR)
    return scene


# Mode


def test_mode_observe_reports_everything_and_does_nothing() -> None:
    scene = with_gone(1, mode=Mode.OBSERVE)
    tags = {**scene.instances[instance_id("web/0")].tags, "team": "other"}
    scene.change(instance_id("web/0"), tags=tags)
    assert done(scene) == []
    assert set(held(scene)) == {"mode-observe web/0", "mode-observe web/1"}
    assert all(item.action is not None for item in planned(scene).withheld)


def test_mode_approve_waits_for_a_persons_word_and_goes_on_with_it() -> None:
    scene = with_gone(1, mode=Mode.APPROVE)
    hold = the_hold(scene)
    assert hold.gate is Gate.APPROVE
    assert hold.approval_id is not None
    assert hold.approval_id.startswith("web-1-")
    scene.approved(hold.approval_id, hold.gate)
    assert done(scene) == ["launch web/1"]


def test_an_approval_ends_when_it_expires() -> None:
    scene = with_gone(1, mode=Mode.APPROVE)
    hold = the_hold(scene)
    scene.approved(hold.approval_id or "", hold.gate)
    approvals = {
        key: replace(item, expires_at=scene.now) for key, item in scene.memory.approvals.items()
    }
    scene.remembering(approvals=approvals)
    assert the_hold(scene).gate is Gate.APPROVE


def test_an_approval_is_for_one_incarnation_of_one_slot() -> None:
    scene = with_gone(1, mode=Mode.APPROVE)
    first = the_hold(scene).approval_id
    scene.terminated("web/2")
    assert len({item.approval_id for item in planned(scene).withheld}) == 2
    again = with_gone(1, mode=Mode.APPROVE)
    again.instance("web/1", incarnation=2)
    again.terminated("web/1", incarnation=2)
    assert the_hold(again).approval_id != first


def test_what_a_person_let_begin_is_carried_to_its_end_in_mode_approve() -> None:
    scene = committed()
    scene.declare(replace(DATABASES, mode=Mode.APPROVE))
    assert done(scene) == [f"stop {DATABASE}"]


def test_in_mode_approve_names_of_claims_need_no_word_and_drift_does() -> None:
    scene = Scene(postgres_fleet(mode=Mode.APPROVE))
    scene.in_service()
    volume = scene.volumes[VOLUME]
    scene.change(VOLUME, tags={k: v for k, v in volume.tags.items() if k != Tag.CLAIM})
    tags = {**scene.instances[instance_id(DATABASE)].tags, "team": "other"}
    scene.change(instance_id(DATABASE), tags=tags)
    assert isinstance(the_action(scene).request, SetTags)
    assert the_action(scene).reason is Reason.CLAIM_NAMED
    assert the_hold(scene).gate is Gate.APPROVE


# Paused


def test_a_fleet_that_is_declared_paused_is_left_alone() -> None:
    hold = the_hold(with_gone(1, paused=True))
    assert hold.gate is Gate.PAUSED
    assert hold.reason == "web.yaml:1 declares it paused"


@pytest.mark.parametrize("scope", ["*", "web", "web/1"])
def test_a_pause_of_cell_fleet_or_slot_holds_until_it_expires(scope: str) -> None:
    scene = with_gone(1)
    scene.paused(scope, remaining=HOUR)
    hold = the_hold(scene)
    assert (hold.gate, hold.earliest_release) == (Gate.PAUSED, scene.now + HOUR)
    scene.remembering(pauses=())
    scene.paused(scope, remaining=timedelta(0))
    assert done(scene) == ["launch web/1"]


def test_a_pause_of_another_slot_holds_nothing() -> None:
    scene = with_gone(1)
    scene.paused("web/2")
    assert done(scene) == ["launch web/1"]


# Cold


def test_a_cold_cell_creates_nothing_until_it_was_seen_twice_five_minutes_apart() -> None:
    for since, complete, expected in (
        (10 * MINUTE, 1, []),
        (4 * MINUTE, 9, []),
        (5 * MINUTE, 2, ["launch web/1"]),
    ):
        scene = with_gone(1)
        scene.cold(since=since, complete=complete)
        assert done(scene) == expected


def test_a_cold_cell_does_nothing_disruptive_and_commits_nothing_until_it_is_released() -> None:
    scene = committed()
    scene.cold(since=DAY, complete=100)
    assert held(scene) == [f"cold {DATABASE}"]
    cold = scene.memory.cold
    assert cold is not None
    scene.remembering(cold=replace(cold, released=True))
    assert done(scene) == [f"stop {DATABASE}"]


# Gaps


def test_what_stands_in_a_zone_that_was_not_read_is_not_touched() -> None:
    scene = Scene(web_fleet())
    scene.in_service()
    scene.instance("web/0", incarnation=2, zone="use1-az4")
    scene.gap(GapSubject.INSTANCES, zone="use1-az1")
    assert held(scene) == ["gap web/0"]


# Retry later


def test_what_was_refused_a_moment_ago_waits_for_its_time() -> None:
    scene = with_gone(1)
    refused = the_action(scene)
    scene.began(
        refused,
        state=IntentState.REJECTED,
        retry_at=scene.now + MINUTE,
        error_code="InstanceLimitExceeded",
        error_message="no more",
    )
    hold = the_hold(scene)
    assert (hold.gate, hold.earliest_release) == (Gate.RETRY, scene.now + MINUTE)
    assert hold.reason == "refused: InstanceLimitExceeded: no more"


def test_a_zone_or_type_without_capacity_does_not_make_the_others_wait() -> None:
    scene = with_gone(1)
    refused = the_action(scene)
    request = refused.request
    assert isinstance(request, LaunchInstance)
    scene.began(refused, state=IntentState.REJECTED, retry_at=scene.now + 5 * MINUTE)
    scene.no_capacity(request.zone, request.type)
    again = the_action(scene).request
    assert isinstance(again, LaunchInstance)
    assert (again.zone, again.type) != (request.zone, request.type)


# Limits


def test_a_slot_is_replaced_at_most_twice_an_hour() -> None:
    scene = with_gone(1)
    for ago in (50 * MINUTE, 20 * MINUTE):
        done_before = launch("web/1", course=Course.REPLACE)
        scene.began(done_before, ago=ago, state=IntentState.OBSERVED)
    hold = the_hold(scene)
    assert hold.gate is Gate.REPLACEMENT_LIMIT
    assert hold.earliest_release == scene.now + 10 * MINUTE
    assert "replaced 2 times in 1 h" in hold.reason


def test_a_launch_without_an_answer_for_long_counts_from_when_its_outcome_was_seen() -> None:
    scene = with_gone(1)
    for began, ended in ((70 * MINUTE, 50 * MINUTE), (65 * MINUTE, 20 * MINUTE)):
        late = scene.began(
            launch("web/1", course=Course.REPLACE), ago=began, state=IntentState.DEAD
        )
        others = (item for item in scene.memory.recent_intents if item is not late)
        seen = replace(late, updated_at=scene.now - ended)
        scene.remembering(recent_intents=(*others, seen))
    hold = the_hold(scene)
    assert hold.gate is Gate.REPLACEMENT_LIMIT
    assert hold.earliest_release == scene.now + 10 * MINUTE


def test_launches_that_were_rejected_do_not_count_as_replacements() -> None:
    scene = with_gone(1)
    for ago in (50 * MINUTE, 20 * MINUTE):
        rejected = launch("web/1", course=Course.REPLACE)
        scene.began(rejected, ago=ago, state=IntentState.REJECTED)
    assert done(scene) == ["launch web/1"]


def test_repairs_at_once_are_bounded_and_the_longest_down_goes_first() -> None:
    scene = with_failing(0, 1, 2, 3, replicas=5, repair=ONLY_REPLACE)
    for ordinal, minutes in ((0, 10), (1, 40), (2, 30), (3, 20)):
        scene.sick(f"web/{ordinal}", Sign.SYSTEM_CHECK, lasting=minutes * MINUTE)
    assert done(scene) == ["launch web/1", "launch web/2"]
    assert held(scene) == ["repairs-at-once web/3", "repairs-at-once web/0"]
    assert [item.place for item in planned(scene).withheld] == [1, 2]


def test_a_slot_whose_step_has_yet_to_show_its_effect_counts_as_under_repair() -> None:
    scene = with_failing(0, 1, 2, sign=Sign.INSTANCE_CHECK)
    for ordinal in (0, 1):
        reboot = the_reboot(scene, ordinal)
        scene.began(reboot, ago=2 * MINUTE, state=IntentState.OBSERVED)
    assert held(scene) == ["repairs-at-once web/2"]


def the_reboot(scene: Scene, ordinal: int) -> Any:
    request = RebootInstance(instance_id=instance_id(f"web/{ordinal}"))
    return action(f"web/{ordinal}", request, course=Course.REPAIR, reason=Reason.INSTANCE_CHECK)


def test_a_share_of_a_large_fleet_is_repaired_at_once() -> None:
    scene = with_gone(*range(10), replicas=30)
    assert len(done(scene)) == 6


# The budget of what serves


def updating_databases(*, budget: Share) -> Scene:
    """Two database slots whose replacements are ready, their originals healthy."""
    fleet = postgres_fleet(
        update=UpdateStrategy.ROLLING, repair=repair_spec(max_unavailable=budget)
    )
    scene = Scene(fleet)
    scene.in_service()
    image = "ami-0000000000000000f"
    scene.declare(replace(fleet, instance=replace(fleet.instance, image=image)))
    for ordinal in (0, 1):
        text = f"shared-postgres/{ordinal}"
        zone = scene.instances[instance_id(text)].zone
        new = scene.instance(text, incarnation=2, role=Role.REPLACEMENT, age=HOUR, zone=zone)
        scene.change(new.id, image=image)
    return scene


def commits(scene: Scene) -> int:
    return sum(1 for item in planned(scene).actions if isinstance(item.request, SetTags))


@pytest.mark.parametrize(
    ("budget", "allowed"), [(Share(count=1), 1), (Share(count=2), 2), (Share(percent=10), 0)]
)
def test_max_unavailable_bounds_the_commits_that_take_a_serving_database_out(
    budget: Share, allowed: int
) -> None:
    assert commits(updating_databases(budget=budget)) == allowed


def test_a_database_that_is_down_already_takes_no_room_of_its_own() -> None:
    scene = updating_databases(budget=Share(count=1))
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    assert commits(scene) == 1
    (step,) = planned(scene).actions
    assert step.request == SetTags(
        resource_id=NEW, tags={"fleet-reconciler:role": "occupant"}, commit=True
    )


# Mass termination


def took_down(scene: Scene, count: int, *, ago: timedelta = 20 * MINUTE) -> None:
    for number in range(count):
        request = StopInstance(instance_id=f"i-0down{number}")
        stop = action(f"web/{number}", request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
        scene.began(stop, ago=ago, state=IntentState.OBSERVED)


def test_only_so_many_are_taken_down_in_an_hour_whatever_the_reason() -> None:
    scene = with_failing(2, health=health_spec(http_probe()))
    scene.sick("web/2", Sign.PROBE, lasting=HOUR)
    took_down(scene, 2)
    hold = the_hold(scene)
    assert hold.gate is Gate.MASS_TERMINATION
    assert hold.earliest_release == scene.now + 40 * MINUTE
    scene.approved(hold.approval_id or "", hold.gate)
    assert done(scene) == ["stop web/2"]


def test_the_limit_holds_within_one_plan_too() -> None:
    scene = with_failing(*range(4), replicas=6)
    scene.policy = safety_policy(repairs_at_once_count=6)
    assert done(scene) == ["stop web/0", "stop web/1"]
    assert held(scene) == ["mass-termination web/2", "mass-termination web/3"]


def test_the_limit_slides() -> None:
    scene = with_failing(2)
    took_down(scene, 2, ago=HOUR)
    assert done(scene) == ["stop web/2"]


def test_what_a_commit_entails_does_not_count_against_the_limit() -> None:
    scene = with_failing(2)
    for number in range(5):
        request = TerminateInstance(instance_id=f"i-0old{number}")
        ended = action("web/0", request, course=Course.REPLACE, reason=Reason.SUPERSEDED)
        scene.began(ended, ago=10 * MINUTE, state=IntentState.OBSERVED)
    assert done(scene) == ["stop web/2"]


def test_an_instance_that_we_stopped_may_always_start_again() -> None:
    scene = with_failing(0)
    scene.stopped("web/0", ago=MINUTE)
    request = StopInstance(instance_id=instance_id("web/0"))
    stop = action("web/0", request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
    scene.began(stop, ago=2 * MINUTE, state=IntentState.OBSERVED)
    took_down(scene, 5)
    assert done(scene) == ["start web/0"]


# Order


def test_courses_under_way_come_first_and_then_the_tiers() -> None:
    scene = Scene(web_fleet(), replace(DATABASES, name="shared-postgres", tier=0))
    scene.in_service()
    scene.terminated("web/0")
    scene.terminated("shared-postgres/2")
    scene.instance(DATABASE, incarnation=2, age=HOUR, zone="use1-az1")
    assert done(scene) == [f"stop {DATABASE}", "launch shared-postgres/2", "launch web/0"]
