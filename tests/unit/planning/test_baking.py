"""A rolling update goes on in steps, each watched for a quarter of an hour, and stops at a failure (design 7.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import Share, UpdateStrategy
from providers.requests import LaunchInstance, RebootInstance, SetTags, TerminateInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action, launch_request
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, instance_spec, repair_spec, web_fleet
from tests.support.plans import done, planned
from tests.support.resources import instance_id
from tests.support.troubled import both_brakes, overridden

NEW = "ami-0000000000000000f"
NEW_IMAGE = instance_spec(image=NEW)
MANY_AT_ONCE = repair_spec(max_unavailable=Share(count=12))


def updating(*since: timedelta, replicas: int = 12) -> Scene:
    """Of a fleet web/0, web/1 and so on have the new image, in service for that long; the others are to get it."""
    fleet = web_fleet(replicas=replicas, update=UpdateStrategy.ROLLING, repair=MANY_AT_ONCE)
    scene = Scene(fleet)
    scene.policy = both_brakes()
    scene.in_service()
    scene.declare(replace(fleet, instance=NEW_IMAGE))
    for ordinal, age in enumerate(since):
        identifier = instance_id(f"web/{ordinal}")
        tags = scene.instances[identifier].tags
        dated = {**tags, Tag.IN_SERVICE_SINCE.value: (scene.now - age).isoformat()}
        scene.change(identifier, image=NEW, tags=dated)
    return scene


LONG = 15 * MINUTE
SHORT = 14 * MINUTE


@pytest.mark.parametrize(
    ("since", "begun"),
    [
        ((), 1),
        ((SHORT,), 0),
        ((LONG,), 2),
        ((LONG, SHORT), 1),
        ((LONG, SHORT, SHORT), 0),
        ((LONG, LONG, SHORT), 0),
        ((LONG, LONG, LONG), 4),
        ((LONG,) * 7, 5),
    ],
)
def test_one_slot_then_two_then_four_each_after_a_quarter_of_an_hour(
    since: tuple[timedelta, ...], begun: int
) -> None:
    assert len(done(updating(*since))) == begun


def test_what_waits_says_how_far_it_has_come_and_when_it_goes_on() -> None:
    scene = updating(SHORT)
    hold = planned(scene).withheld[0]
    assert hold.gate is Gate.BAKING
    assert hold.reason == "1 of 12 have what is declared, 0 for 15 min"
    assert hold.earliest_release == scene.now + MINUTE


def test_what_is_being_updated_counts() -> None:
    scene = updating()
    scene.instance("web/3", incarnation=2, role=Role.REPLACEMENT, age=MINUTE)
    scene.change(instance_id("web/3", 2), image=NEW)
    assert not [item for item in done(scene) if item.startswith("launch")]


def test_without_rules_nothing_bakes() -> None:
    scene = updating()
    scene.policy = replace(both_brakes(), conditions=None)
    assert len(done(scene)) == 12


def test_a_person_may_go_on_at_once() -> None:
    scene = updating()
    overridden(scene)
    assert len(done(scene)) == 12


# Failures


def launched(scene: Scene, text: str, *, ago: timedelta, **fields: Any) -> str:
    """An update of that slot launched its second incarnation."""
    identifier = instance_id(text, 2)
    request = launch_request(text, image=NEW)
    update = action(text, request, course=Course.UPDATE, reason=Reason.UPDATE, incarnation=2)
    scene.began(
        update, **{"ago": ago, "state": IntentState.OBSERVED, "resource_id": identifier, **fields}
    )
    return identifier


def ended(scene: Scene, text: str, *, ago: timedelta) -> None:
    """We ended what the update had launched."""
    request = TerminateInstance(instance_id=instance_id(text, 2))
    undone = action(
        text, request, course=Course.RECLAIM, reason=Reason.REPLACEMENT_FAILED, incarnation=2
    )
    scene.began(undone, ago=ago, state=IntentState.OBSERVED, resource_id=request.instance_id)


def committed(scene: Scene, text: str, *, ago: timedelta) -> str:
    """What the update launched took over that long ago."""
    identifier = launched(scene, text, ago=ago + 5 * MINUTE)
    tags = {Tag.ROLE.value: Role.OCCUPANT.value}
    request = SetTags(resource_id=identifier, tags=tags, commit=True)
    took_over = action(
        text, request, course=Course.UPDATE, reason=Reason.REPLACEMENT_PROVEN, incarnation=2
    )
    scene.began(took_over, ago=ago, state=IntentState.OBSERVED, resource_id=identifier)
    scene.instances.pop(instance_id(text))
    scene.instance(text, incarnation=2, age=ago + 5 * MINUTE)
    scene.change(identifier, image=NEW)
    return identifier


def why_stopped(scene: Scene) -> str:
    """What the update says why it stopped; every slot that waits says the same."""
    assert not [item for item in planned(scene).actions if item.course is Course.UPDATE]
    (why,) = {item.reason for item in planned(scene).withheld if item.gate is Gate.BAKING}
    return why


def test_it_stops_where_the_first_replacement_was_given_up() -> None:
    scene = updating()
    new = launched(scene, "web/0", ago=HOUR)
    ended(scene, "web/0", ago=30 * MINUTE)
    assert why_stopped(scene) == (
        f"the update stopped: web/0: {new} was given up before it took over"
    )
    assert planned(scene).withheld[0].earliest_release == scene.now - 30 * MINUTE + DAY


def test_it_stops_where_one_died_at_its_launch() -> None:
    scene = updating()
    launched(scene, "web/0", ago=HOUR, state=IntentState.DEAD, error_message="Client.InternalError")
    assert why_stopped(scene) == "the update stopped: web/0: Client.InternalError"


def test_it_stops_where_one_fell_sick_soon_after_it_took_over() -> None:
    scene = updating(LONG, LONG, LONG)
    new = committed(scene, "web/0", ago=20 * MINUTE)
    reboot = RebootInstance(instance_id=new)
    repair = action("web/0", reboot, course=Course.REPAIR, reason=Reason.PROBE, incarnation=2)
    scene.began(repair, ago=5 * MINUTE, state=IntentState.OBSERVED)
    assert "fell sick after it took over" in why_stopped(scene)


def test_another_declaration_is_tried() -> None:
    scene = updating()
    launched(scene, "web/0", ago=HOUR)
    ended(scene, "web/0", ago=30 * MINUTE)
    fleet = scene.fleets["web"]
    scene.declare(replace(fleet, instance=instance_spec(image="ami-00000000000000002")))
    (request,) = [item.request for item in planned(scene).actions]
    assert isinstance(request, LaunchInstance)
    assert request.image == "ami-00000000000000002"


def test_a_slot_that_does_well_for_long_is_no_failure_when_it_is_repaired_later() -> None:
    scene = updating(LONG, LONG, LONG)
    new = committed(scene, "web/0", ago=3 * HOUR)
    reboot = RebootInstance(instance_id=new)
    repair = action("web/0", reboot, course=Course.REPAIR, reason=Reason.PROBE, incarnation=2)
    scene.began(repair, ago=5 * MINUTE, state=IntentState.OBSERVED)
    assert len([item for item in done(scene) if item.startswith("launch")]) > 0


def test_a_sick_slot_of_the_fleet_makes_the_update_wait_as_ever() -> None:
    scene = updating(LONG)
    scene.sick("web/5", Sign.SYSTEM_CHECK, lasting=MINUTE)
    assert {item.gate for item in planned(scene).withheld} == {Gate.MAX_UNAVAILABLE}
