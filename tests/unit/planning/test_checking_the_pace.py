"""The last look at the pace: plans that go faster than the buckets allow are planted and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.requests import RebootInstance
from reconciler.health.capabilities import Capabilities
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Course, Reason
from reconciler.planning.checks.last_look import PlanViolationError, check_plan
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.support.actions import action, launch
from tests.support.brakes import PACE
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, SECOND, ZONES, safety_policy, web_fleet
from tests.support.resources import instance_id

SHORTLY = 5 * SECOND


def scene_of(replicas: int = 12) -> Scene:
    scene = Scene(web_fleet(replicas=replicas), policy=safety_policy(pace=PACE))
    scene.in_service()
    return scene


def violations(
    scene: Scene, *planted: Action, capabilities: Capabilities | None = None
) -> list[str]:
    case = replace(scene.case(), capabilities=capabilities or Capabilities())
    try:
        check_plan(replace(plan(case), actions=planted), case)
    except PlanViolationError as fault:
        return sorted({f"{v.rule} {v.where}" for v in fault.violations if v.rule == "pace"})
    return []


def replacement(ordinal: int, *, zone: int = 0, course: Course = Course.REPLACE) -> Action:
    return launch(f"web/{ordinal}", course=course, incarnation=2, request={"zone": ZONES[zone]})


def reboot(ordinal: int) -> Action:
    request = RebootInstance(instance_id=instance_id(f"web/{ordinal}"))
    return action(f"web/{ordinal}", request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK)


def begun(scene: Scene, *actions: Action, ago: timedelta = SHORTLY) -> Scene:
    for item in actions:
        scene.began(item, ago=ago, state=IntentState.DEAD)
    return scene


def test_no_more_launches_than_the_region_may_begin() -> None:
    two = (replacement(0), replacement(1, zone=1))
    assert violations(scene_of(), *two) == []
    assert violations(scene_of(), *two, replacement(2, zone=2)) == ["pace us-east-1"]


def test_launches_of_the_journal_count_whatever_became_of_them() -> None:
    before = (replacement(8, zone=1), replacement(9, zone=2))
    assert violations(begun(scene_of(), *before), replacement(0)) == ["pace us-east-1"]
    assert violations(begun(scene_of(), *before, ago=25 * SECOND), replacement(0)) == [
        "pace us-east-1"
    ]
    assert violations(begun(scene_of(), *before, ago=30 * SECOND), replacement(0)) == []


def test_no_more_launches_than_one_zone_may_begin() -> None:
    assert violations(scene_of(), replacement(0), replacement(1)) == ["pace use1-az1"]


def test_restores_have_a_pace_of_their_own() -> None:
    scene = scene_of(replicas=4000)  # 40 launches a minute, but no more than 30 restores.
    launches = [replacement(n, zone=n % 3) for n in range(31)]
    restores = [replacement(n, zone=n % 3, course=Course.RESTORE) for n in range(31)]
    assert violations(scene, *launches) == []
    assert violations(scene, *restores) == ["pace us-east-1"]


def test_a_first_creation_is_no_repair() -> None:
    assert violations(scene_of(), *(replacement(n, course=Course.CREATE) for n in range(9))) == []


def test_no_more_steps_of_repair_than_the_region_may_take() -> None:
    scene = scene_of()
    for ordinal in (0, 1):
        scene.sick(f"web/{ordinal}", Sign.INSTANCE_CHECK, lasting=HOUR)
    assert violations(scene, reboot(0)) == []
    assert violations(scene, reboot(0), reboot(1)) == ["pace us-east-1"]
    assert "pace us-east-1" in violations(begun(scene, reboot(5), ago=MINUTE), reboot(0))


def test_trouble_of_the_api_leaves_a_tenth() -> None:
    scene = begun(scene_of(), replacement(8, zone=1), ago=2 * MINUTE)
    trouble = Capabilities(api_trouble="most calls fail")
    assert violations(scene, replacement(0)) == []
    assert violations(scene, replacement(0), capabilities=trouble) == ["pace us-east-1"]


@pytest.mark.parametrize("recorded", [None, SHORTLY])
def test_what_is_not_recorded_for_long_has_empty_buckets(recorded: timedelta | None) -> None:
    scene = scene_of()
    scene.remembering(recorded_since=scene.now - recorded if recorded is not None else None)
    assert "pace us-east-1" in violations(scene, replacement(0))


def test_without_a_pace_there_is_nothing_to_exceed() -> None:
    scene = scene_of()
    scene.policy = safety_policy(pace=None)
    assert violations(scene, *(replacement(n) for n in range(9))) == []
