"""Where launches go: spread over zones that work, with the first declared type that has capacity."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from desired_state.model import Placement
from providers.observed import Zone
from providers.requests import LaunchInstance
from reconciler.planning.actions import Gate
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import launch, launch_request
from tests.support.cases import Scene
from tests.support.fleets import (
    ACCOUNT,
    MINUTE,
    REGION,
    instance_spec,
    postgres_fleet,
    user_data,
    web_fleet,
)
from tests.support.plans import planned, the_hold
from tests.support.resources import NOW


def launches(scene: Scene) -> list[LaunchInstance]:
    return [
        item.request for item in planned(scene).actions if isinstance(item.request, LaunchInstance)
    ]


def zones(scene: Scene) -> list[str]:
    return sorted(item.zone for item in launches(scene))


def test_a_bring_up_spreads_over_the_declared_zones() -> None:
    scene = Scene(web_fleet(replicas=7))
    assert sorted(Counter(zones(scene)).values()) == [2, 2, 3]


def test_a_replacement_goes_where_there_is_most_room() -> None:
    scene = Scene(web_fleet(replicas=4))
    for ordinal, zone in enumerate(["use1-az1", "use1-az1", "use1-az2"]):
        scene.instance(f"web/{ordinal}", zone=zone)
    assert zones(scene) == ["use1-az4"]


def test_a_launch_under_way_takes_room() -> None:
    scene = Scene(web_fleet(replicas=3))
    scene.instance("web/0", zone="use1-az1")
    under_way = launch("web/1", request={"zone": "use1-az2"})
    scene.began(under_way, state=IntentState.ACCEPTED, resource_id="i-0notshown")
    assert zones(scene) == ["use1-az4"]


def test_each_zone_has_its_own_subnet() -> None:
    for request in launches(Scene(web_fleet())):
        assert request.subnet == f"subnet-{request.zone.partition('-')[2]}"


def test_zones_may_be_declared_by_name() -> None:
    names = ("us-east-1a", "us-east-1b")
    fleet = web_fleet(
        replicas=2,
        placement=Placement(account=ACCOUNT, region=REGION, zones=names),
        instance=instance_spec(subnets={"us-east-1a": "subnet-1", "us-east-1b": "subnet-2"}),
    )
    assert [(item.zone, item.subnet) for item in launches(Scene(fleet))] == [
        ("use1-az1", "subnet-1"),
        ("use1-az2", "subnet-2"),
    ]


def test_a_zone_in_trouble_is_passed_over() -> None:
    scene = Scene(web_fleet())
    scene.zones["use1-az2"] = replace(scene.zones["use1-az2"], state="impaired")
    assert set(zones(scene)) == {"use1-az1", "use1-az4"}


def test_without_any_working_zone_the_launch_waits() -> None:
    scene = Scene(web_fleet(replicas=1))
    for key in scene.zones:
        scene.zones[key] = Zone(id=key, name=key, state="impaired")
    hold = the_hold(scene)
    assert hold.gate is Gate.ZONE
    assert "use1-az1 is impaired" in hold.reason


def test_the_zone_of_the_data_is_the_only_one_for_its_slot() -> None:
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.terminated("shared-postgres/1")
    scene.zones["use1-az2"] = replace(scene.zones["use1-az2"], state="impaired")
    hold = the_hold(scene)
    assert (hold.gate, hold.reason) == (Gate.ZONE, "use1-az2 is impaired")


def test_a_zone_that_the_account_does_not_have_is_noted() -> None:
    scene = Scene(web_fleet(replicas=1))
    del scene.zones["use1-az4"]
    assert "web: this account has no zone use1-az4" in planned(scene).notes


# Capacity


def test_the_next_type_is_used_where_the_first_has_no_capacity() -> None:
    scene = Scene(web_fleet())
    scene.no_capacity("use1-az2", "m6i.large")
    assert {item.zone: item.type for item in launches(scene)} == {
        "use1-az1": "m6i.large",
        "use1-az2": "m5.large",
        "use1-az4": "m6i.large",
    }


def test_a_zone_without_any_declared_type_is_passed_over() -> None:
    scene = Scene(web_fleet())
    for kind in ("m6i.large", "m5.large"):
        scene.no_capacity("use1-az2", kind)
    assert set(zones(scene)) == {"use1-az1", "use1-az4"}


def short_everywhere(**changes: Any) -> Scene:
    scene = Scene(web_fleet(replicas=1, **changes))
    for number, zone in enumerate(("use1-az1", "use1-az2", "use1-az4")):
        for kind in ("m6i.large", "m5.large"):
            scene.no_capacity(zone, kind, lasting=(3 + number) * MINUTE)
    return scene


def test_with_all_types_short_everywhere_the_launch_waits_for_the_first_to_return() -> None:
    hold = the_hold(short_everywhere())
    assert hold.gate is Gate.CAPACITY
    assert hold.earliest_release == NOW + 2 * MINUTE
    assert "m6i.large, m5.large" in hold.reason


def test_the_shortage_of_a_type_that_is_not_declared_says_nothing() -> None:
    scene = short_everywhere()
    scene.no_capacity("use1-az1", "t3.micro", ago=MINUTE, lasting=MINUTE * 1.5)
    assert the_hold(scene).earliest_release == NOW + 2 * MINUTE


def test_a_shortage_is_forgotten_when_its_time_is_over() -> None:
    scene = Scene(web_fleet(replicas=1))
    scene.no_capacity("use1-az1", "m6i.large", ago=3 * MINUTE, lasting=3 * MINUTE)
    (request,) = launches(scene)
    assert (request.zone, request.type) == ("use1-az1", "m6i.large")


# The request


def test_a_launch_carries_the_whole_identity_of_its_slot() -> None:
    fleet = web_fleet(replicas=1, instance=instance_spec(user_data=user_data(), tags={"team": "x"}))
    (action,) = planned(Scene(fleet)).actions
    request = action.request
    assert isinstance(request, LaunchInstance)
    assert request.client_token == action.operation_id
    assert request.tags == {
        "fleet-reconciler:fleet": "web",
        "fleet-reconciler:incarnation": "1",
        "fleet-reconciler:operation": action.operation_id,
        "fleet-reconciler:owner": "prod-east",
        "fleet-reconciler:role": "occupant",
        "fleet-reconciler:slot": "0",
        "fleet-reconciler:user-data": "a8076d3d28d21e02",
        "team": "x",
    }


@pytest.mark.parametrize("key", [Tag.OWNER, Tag.SLOT, Tag.ROLE])
def test_a_users_tag_never_overrides_ours(key: Tag) -> None:
    fleet = web_fleet(replicas=1, instance=instance_spec(tags={key.value: "theirs"}))
    (request,) = launches(Scene(fleet))
    assert request.tags[key] != "theirs"


def test_another_zone_is_another_attempt_under_the_same_incarnation() -> None:
    scene = Scene(web_fleet(replicas=1))
    first = planned(scene).actions[0]
    scene.began(first, state=IntentState.REJECTED, retry_at=NOW)
    scene.remembering(highest_attempts={first.family: first.attempt})
    request = launch_request("web/0")
    scene.no_capacity(request.zone, request.type)
    (second,) = planned(scene).actions
    assert (second.incarnation, second.attempt) == (1, 2)
    assert second.operation_id != first.operation_id
