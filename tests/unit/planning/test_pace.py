"""The pace: how many launches, restores and disruptive steps go at once, and when the next one may."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from desired_state.model import LadderStep
from desired_state.safety import PaceRules, Rate
from providers.requests import LaunchInstance, StopInstance
from reconciler.health.capabilities import BreakerState, Capabilities, Capability, CapabilityKind
from reconciler.health.conditions import Condition, Conditions, ConditionVerdict, Scope, ScopeKind
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.case import Case
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import Override
from reconciler.planning.outcome import Plan
from reconciler.planning.plan import plan
from tests.support.actions import action, launch, retag, snapshot
from tests.support.brakes import BREAKERS, CONDITIONS, PACE
from tests.support.cases import Scene
from tests.support.databases import DATABASE, committed
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    REGION,
    SECOND,
    repair_spec,
    safety_policy,
    web_fleet,
)
from tests.support.plans import told
from tests.support.resources import NOW, instance_id

ONLY_RESTART = repair_spec(ladder=(LadderStep.RESTART,))
AT_ONCE = {"repairs_at_once_count": 100, "terminations_per_hour_count": 100}


def paced(pace: PaceRules | None = PACE, **changes: Any) -> Any:
    return safety_policy(pace=pace, **AT_ONCE, **changes)


def gone(*ordinals: int, pace: PaceRules | None = PACE, replicas: int = 12) -> Scene:
    """A web fleet of three zones, in which those slots have to be filled again."""
    scene = Scene(web_fleet(replicas=replicas), policy=paced(pace))
    scene.in_service()
    for ordinal in ordinals:
        scene.terminated(f"web/{ordinal}")
    return scene


def failing(*ordinals: int, replicas: int = 12, **policy: Any) -> Scene:
    """The same, where those slots have to be stopped and started."""
    scene = Scene(web_fleet(replicas=replicas, repair=ONLY_RESTART), policy=paced(**policy))
    scene.in_service()
    for ordinal in ordinals:
        scene.sick(f"web/{ordinal}", Sign.SYSTEM_CHECK, lasting=HOUR)
    return scene


def looked(case: Case) -> Plan:
    made = plan(case)
    check_plan(made, case)
    return made


def done(case: Case) -> list[str]:
    return told(looked(case).actions)


def waits(case: Case) -> list[tuple[str, datetime | None]]:
    return [
        (item.reason, item.earliest_release)
        for item in looked(case).withheld
        if item.gate is Gate.PACE
    ]


def relaunched(scene: Scene, text: str, ago: timedelta, *, zone: str = "use1-az1") -> None:
    """A replacement was launched that long ago, and did well."""
    begun = launch(text, course=Course.REPLACE, request={"zone": zone})
    scene.began(begun, ago=ago, state=IntentState.OBSERVED)


# Launches


def test_launches_go_at_their_pace_and_the_others_say_when_their_turn_may_come() -> None:
    scene = gone(0, 1, 2, 5)
    plan_ = looked(scene.case())
    assert told(plan_.actions) == ["launch web/0", "launch web/1"]
    assert [str(item.slot) for item in plan_.withheld] == ["web/2", "web/5"]
    assert {item.gate for item in plan_.withheld} == {Gate.PACE}
    assert [item.place for item in plan_.withheld] == [1, 2]
    assert plan_.withheld[0].reason == "2 launches a minute, the next in 30 s"
    assert plan_.withheld[0].earliest_release == scene.now + 30 * SECOND


def test_a_token_is_not_hurried_to_the_next_pass_takes_what_there_is_by_then() -> None:
    assert looked(gone(0, 1, 2, 5).case()).next_check_at is None


def test_a_launch_of_a_moment_ago_has_used_up_its_token_whatever_became_of_it() -> None:
    for state in (IntentState.BEGUN, IntentState.OBSERVED, IntentState.REJECTED):
        scene = gone(0, 1, 2, 3)
        relaunched(scene, "web/9", 10 * SECOND, zone="use1-az4")
        scene.began(launch("web/10", course=Course.REPLACE), ago=10 * SECOND, state=state)
        assert done(scene.case()) == []
        assert waits(scene.case())[0][1] == scene.now + 20 * SECOND


def test_what_was_launched_longer_ago_counts_no_more() -> None:
    scene = gone(0, 1)
    for ordinal in (8, 9, 10, 11):
        relaunched(scene, f"web/{ordinal}", 2 * MINUTE)
    assert done(scene.case()) == ["launch web/0", "launch web/1"]


def test_a_large_region_launches_a_hundredth_of_its_slots_a_minute() -> None:
    scene = gone(*range(30), replicas=400)
    assert len(done(scene.case())) == 4


def test_one_zone_takes_only_its_share_of_the_launches() -> None:
    scene = gone(*range(30), replicas=400)
    for ordinal in range(2):
        relaunched(scene, f"web/{300 + ordinal}", 5 * SECOND, zone="use1-az1")
    used = [item.request for item in looked(scene.case()).actions]
    zones = [item.zone for item in used if isinstance(item, LaunchInstance)]
    assert "use1-az1" not in zones
    assert zones


def test_a_launch_in_a_zone_that_had_its_share_says_so() -> None:
    scene = Scene(
        web_fleet(replicas=2, placement=replace(web_fleet().placement, zones=("use1-az1",))),
        policy=paced(),
    )
    scene.in_service()
    scene.terminated("web/0")
    scene.terminated("web/1")
    assert done(scene.case()) == ["launch web/0"]
    assert waits(scene.case()) == [
        ("1.2 launches a minute in use1-az1, the next in 40 s", scene.now + 40 * SECOND)
    ]


def test_without_a_pace_nothing_waits_for_its_turn() -> None:
    assert len(done(gone(*range(9), pace=None).case())) == 9


# Empty buckets


def test_what_was_begun_to_be_recorded_just_now_has_empty_buckets() -> None:
    scene = gone(0, 1)
    for since, launches in ((None, 0), (0, 0), (49, 0), (50, 1), (60, 2)):
        recorded = None if since is None else scene.now - since * SECOND
        scene.remembering(recorded_since=recorded)
        assert len(done(scene.case())) == launches


def test_the_first_repair_of_a_young_store_waits_for_the_first_token() -> None:
    scene = gone(0)
    scene.remembering(recorded_since=scene.now - 10 * SECOND)
    assert waits(scene.case()) == [
        ("1.2 launches a minute in use1-az1, the next in 40 s", scene.now + 40 * SECOND)
    ]


def test_a_step_on_what_is_shown_nowhere_any_more_counts_in_every_zone() -> None:
    scene = failing(0, replicas=400)
    scene.policy = paced(pace=replace(PACE, disruptive=Rate(percent=0.5, least=0.5, most=6)))
    begun = StopInstance(instance_id="i-0nowhere")
    step = action("web/399", begun, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
    assert done(scene.case()) == ["stop web/0"]
    scene.began(step, ago=SECOND, state=IntentState.OBSERVED)
    assert [reason for reason, _ in waits(scene.case())] == [
        "1.2 disruptive steps a minute in use1-az1, the next in 39 s"
    ]


# The first creation


def test_a_first_bring_up_is_no_repair_and_takes_a_share_of_what_ec2_grants() -> None:
    scene = Scene(web_fleet(replicas=400), policy=paced())
    assert len(done(scene.case())) == 60
    assert waits(scene.case())[0][0] == "60 starts of instances a minute, the next in 1 s"


def test_a_bring_up_leaves_the_pace_of_repairs_alone() -> None:
    scene = gone(0, 1)
    for ordinal in range(20):
        scene.began(launch(f"web/{100 + ordinal}"), ago=5 * SECOND, state=IntentState.OBSERVED)
    assert done(scene.case()) == ["launch web/0", "launch web/1"]


# Disruptive steps


def test_a_small_region_takes_one_disruptive_step_in_two_minutes() -> None:
    scene = failing(0, 1)
    assert done(scene.case()) == ["stop web/0"]
    assert waits(scene.case()) == [
        ("1 disruptive step in 2 min, the next in 2 min", scene.now + 2 * MINUTE)
    ]


def stopped(scene: Scene, ordinal: int, ago: timedelta) -> None:
    request = StopInstance(instance_id=instance_id(f"web/{ordinal}"))
    step = action(f"web/{ordinal}", request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)
    scene.began(step, ago=ago, state=IntentState.OBSERVED)


def test_the_next_disruptive_step_waits_for_its_token() -> None:
    for ago, steps in ((119 * SECOND, 0), (2 * MINUTE, 1)):
        scene = failing(0)
        stopped(scene, 1, ago)
        assert len(done(scene.case())) == steps


def condition(kind: ScopeKind, name: str, how: Condition) -> Conditions:
    scope = Scope(kind, name)
    verdict = ConditionVerdict(scope=scope, condition=how, since=NOW, reason="told")
    return Conditions(verdicts={scope: verdict})


@pytest.mark.parametrize("place", [(ScopeKind.ZONE, "use1-az1"), (ScopeKind.REGION, REGION)])
@pytest.mark.parametrize("how", [Condition.DEGRADED, Condition.RECOVERING])
def test_a_degraded_place_takes_a_tenth_of_the_disruptive_steps(
    place: tuple[ScopeKind, str], how: Condition
) -> None:
    for ago, steps in ((19 * MINUTE, 0), (20 * MINUTE, 1)):
        scene = failing(0, conditions=CONDITIONS)
        stopped(scene, 3, ago)
        case = replace(scene.case(), conditions=condition(*place, how))
        assert len(paced_alone(case)) == steps


def paced_alone(case: Case) -> list[str]:
    """Slots that no other gate than the pace would hold, and that the pace does not hold."""
    braked = {item.slot for item in plan(case).withheld if item.gate is not Gate.PACE}
    assert not braked
    return told(plan(case).actions)


def test_a_critical_place_takes_none_unless_a_person_lifted_that() -> None:
    scene = failing(0, conditions=CONDITIONS)
    critical = condition(ScopeKind.ZONE, "use1-az1", Condition.CRITICAL)
    case = replace(scene.case(), conditions=critical)
    assert told(plan(case).actions) == []
    word = Override(
        reason="it is the probe",
        given_at=scene.now,
        expires_at=scene.now + HOUR,
        given_by="erin",
    )
    lifted = replace(case, memory=replace(case.memory, override=word))
    assert told(plan(lifted).actions) == ["stop web/0"]


def test_a_zone_in_trouble_does_not_slow_down_the_launches_there() -> None:
    scene = gone(0, 1)
    scene.policy = paced(conditions=CONDITIONS)
    everywhere = [
        condition(ScopeKind.ZONE, zone, Condition.CRITICAL).verdicts for zone in scene.zones
    ]
    critical = Conditions(verdicts={key: item for one in everywhere for key, item in one.items()})
    case = replace(scene.case(), conditions=critical)
    assert told(plan(case).actions) == ["launch web/0", "launch web/1"]


# The API in trouble


def test_everything_is_slowed_down_while_the_whole_api_is_in_trouble() -> None:
    scene = gone(0, 1, 2)
    relaunched(scene, "web/9", 2 * MINUTE)
    trouble = Capabilities(api_trouble="most calls fail")
    case = replace(scene.case(), capabilities=trouble)
    assert done(case) == []
    reason, until = waits(case)[0]
    assert reason == (
        "1 launch in 8 min in use1-az1, the next in 6 min; slowed down: most calls fail"
    )
    assert until == scene.now + 6 * MINUTE + 20 * SECOND


@pytest.mark.parametrize(("throttles", "launches"), [(0, 8), (1, 4), (2, 2), (3, 1), (20, 1)])
def test_each_throttle_halves_the_pace_down_to_a_tenth(throttles: int, launches: int) -> None:
    scene = gone(*range(20), replicas=800)
    case = replace(scene.case(), capabilities=Capabilities(throttles=throttles))
    assert len(done(case)) == launches


# What comes back


def recovering(level: float, used: int = 0, **changes: Any) -> Capabilities:
    launches = Capability(
        kind=CapabilityKind.LAUNCH,
        zone="use1-az1",
        state=BreakerState.CLOSED,
        level=level,
        round_used=used,
        **changes,
    )
    return Capabilities(of_zones={("use1-az1", CapabilityKind.LAUNCH): launches})


def in_one_zone(*ordinals: int, replicas: int = 400) -> Scene:
    fleet = web_fleet(
        replicas=replicas, placement=replace(web_fleet().placement, zones=("use1-az1",))
    )
    scene = Scene(fleet, policy=paced(capabilities=BREAKERS))
    scene.in_service()
    for ordinal in ordinals:
        scene.terminated(f"web/{ordinal}")
    return scene


def test_launches_that_come_back_grow_round_by_round() -> None:
    scene = in_one_zone(*range(8))
    ends_at = scene.now + MINUTE
    case = replace(scene.case(), capabilities=recovering(2, used=1, round_ends_at=ends_at))
    assert done(case) == ["launch web/0"]
    assert all(until == ends_at for _, until in waits(case))
    assert "comes back" in waits(case)[0][0]


def test_rounds_that_proved_it_make_launches_faster_than_usual() -> None:
    scene = in_one_zone(*range(12))
    assert len(done(scene.case())) == 2
    assert len(done(replace(scene.case(), capabilities=recovering(16)))) == 8


# What is exempt


def requests_used_up(scene: Scene) -> None:
    """As many changing requests as there may be in a minute were begun just now."""
    for ordinal in range(75):
        scene.began(retag(f"web/{ordinal}"), ago=timedelta(), state=IntentState.OBSERVED)


def test_what_a_commit_entails_waits_for_nothing() -> None:
    scene = committed()
    scene.policy = paced()
    requests_used_up(scene)
    assert done(scene.case()) == [f"stop {DATABASE}"]


def test_what_can_wait_waits_where_the_requests_of_a_minute_are_used_up() -> None:
    scene = gone(0)
    requests_used_up(scene)
    assert done(scene.case()) == []


def test_changing_requests_have_a_share_of_what_ec2_grants() -> None:
    scene = Scene(web_fleet(replicas=100), policy=paced())
    scene.in_service()
    for ordinal in range(100):
        instance = scene.instances[instance_id(f"web/{ordinal}")]
        scene.change(instance.id, tags={**instance.tags, "team": "other"})
    assert len(done(scene.case())) == 75
    assert waits(scene.case())[0][0] == "75 changing requests a minute, the next in 1 s"


def test_backups_take_nothing_from_what_repairs_need() -> None:
    scene = gone(0, 1)
    for ordinal in range(80):
        taken = snapshot(f"web/{ordinal}")
        scene.began(taken, ago=SECOND, state=IntentState.OBSERVED)
    assert done(scene.case()) == ["launch web/0", "launch web/1"]


def test_the_end_of_what_is_not_needed_goes_at_the_pace_of_launches() -> None:
    scene = Scene(web_fleet(replicas=12), policy=paced(shrink_free_slots=9, shrink_free_percent=99))
    scene.in_service()
    scene.declare(web_fleet(replicas=3))
    assert len([item for item in done(scene.case()) if item.startswith("terminate")]) == 2


def test_a_rate_that_leaves_one_in_hours_still_lets_that_one_go() -> None:
    seldom = replace(PACE, disruptive=Rate(percent=0, least=0.005, most=1), zone_percent=100)
    scene = failing(0, pace=seldom)
    assert done(scene.case()) == ["stop web/0"]
    stopped(scene, 3, 2 * HOUR)
    assert done(scene.case()) == []
    scene.remembering(recent_intents=())
    stopped(scene, 3, DAY - MINUTE)
    assert done(scene.case()) == ["stop web/0"]
