"""Many of a fleet that others stop or terminate at once: nothing is put back for ten minutes (design section 7.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.requests import TerminateInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, web_fleet
from tests.support.plans import done, held, planned
from tests.support.resources import instance_id
from tests.support.troubled import both_brakes, overridden


def ended(
    *ago: timedelta, replicas: int = 12, reason: str = "Client.UserInitiatedShutdown"
) -> Scene:
    """Somebody terminated web/0, web/1 and so on, so long ago."""
    scene = Scene(web_fleet(replicas=replicas))
    scene.policy = both_brakes()
    scene.in_service()
    for ordinal, passed in enumerate(ago):
        scene.terminated(f"web/{ordinal}")
        identifier = instance_id(f"web/{ordinal}")
        scene.change(identifier, state_reason=reason, state_changed_at=scene.now - passed)
    return scene


def test_three_at_once_are_not_put_back_before_ten_minutes_have_passed() -> None:
    scene = ended(3 * MINUTE, 2 * MINUTE, MINUTE)
    assert done(scene) == []
    holds = planned(scene).withheld
    assert [f"{item.gate} {item.slot}" for item in holds] == [
        "by-hand web/0", "by-hand web/1", "by-hand web/2"
    ]  # fmt: skip
    assert {item.earliest_release for item in holds} == {scene.now + 9 * MINUTE}
    assert holds[0].reason == (
        "3 slots of web are stopped or terminated by others since 11:57Z; held for 10 min"
    )


def test_after_ten_minutes_they_are_refilled() -> None:
    assert len(done(ended(12 * MINUTE, 11 * MINUTE, 10 * MINUTE))) > 0


@pytest.mark.parametrize(
    ("ago", "replicas"),
    [
        ((2 * MINUTE, MINUTE), 12),
        ((18 * MINUTE, 2 * MINUTE, MINUTE), 12),
        ((3 * MINUTE, 2 * MINUTE, MINUTE), 61),
    ],
    ids=["only two", "not within a quarter of an hour", "less than a twentieth"],
)
def test_fewer_are_put_back_at_once(ago: tuple[timedelta, ...], replicas: int) -> None:
    scene = ended(*ago, replicas=replicas)
    assert "launch web/0" in done(scene)


def test_what_ec2_ended_is_nobodys_deed() -> None:
    scene = ended(*[MINUTE] * 3, reason="Server.InternalError")
    assert len(done(scene)) > 0


def test_what_we_ended_is_no_deed_of_others() -> None:
    scene = ended(*[MINUTE] * 3)
    for ordinal in range(3):
        request = TerminateInstance(instance_id=instance_id(f"web/{ordinal}"))
        ours = action(f"web/{ordinal}", request, course=Course.REPLACE, reason=Reason.SUPERSEDED)
        scene.began(ours, ago=2 * MINUTE, state=IntentState.OBSERVED)
    assert len(done(scene)) > 0


def test_nothing_more_of_that_fleet_is_taken_down_meanwhile() -> None:
    scene = ended(*[MINUTE] * 3)
    scene.declare(web_fleet("api", replicas=3))
    scene.in_service("api/0", "api/1", "api/2")
    scene.sick("web/5", Sign.SYSTEM_CHECK, lasting=HOUR)
    scene.sick("api/1", Sign.SYSTEM_CHECK, lasting=HOUR)
    assert done(scene) == ["stop api/1"]
    assert {item.gate for item in planned(scene).withheld} == {Gate.BY_HAND}


def test_a_slot_that_was_lost_otherwise_is_put_back() -> None:
    scene = ended(*[MINUTE] * 3)
    scene.terminated("web/7")
    scene.change(instance_id("web/7"), state_reason="Server.InternalError")
    assert done(scene) == ["launch web/7"]


def test_a_person_lifts_it() -> None:
    scene = ended(*[MINUTE] * 3)
    overridden(scene)
    assert "launch web/0" in done(scene)
    assert not [item for item in held(scene) if item.startswith("by-hand")]


def test_without_rules_nothing_is_held() -> None:
    scene = ended(*[MINUTE] * 3)
    scene.policy = replace(both_brakes(), conditions=None)
    assert "launch web/0" in done(scene)
