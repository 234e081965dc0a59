"""Declared changes that go wrong: they stop by themselves, and what serves goes on."""

from __future__ import annotations

import pytest

from tests.scenarios.playing import HOUR, MINUTE, Story, all_well, fleets, played

FLEETS = {"dedicated_postgres": 8, "git": 2, "shared_postgres": 2, "routers": 4, "web": 24}
DECLARED_AT = 10 * MINUTE


# A new image whose service never answers


@pytest.fixture(scope="module")
def bad_deploy() -> Story:
    return played("bad-deploy", fleets(**FLEETS), lasts=3 * HOUR)


def test_a_bad_deploy_costs_one_launch_and_nobody_s_service(bad_deploy: Story) -> None:
    (launch,) = bad_deploy.made("RunInstances")
    assert launch.at >= DECLARED_AT
    assert bad_deploy.hit == frozenset()
    assert bad_deploy.taken_out() == frozenset()
    assert all_well(bad_deploy)


def test_a_bad_deploy_stops_after_its_first_slot_and_says_so(bad_deploy: Story) -> None:
    assert {item.slot.fleet for item in bad_deploy.withheld if item.slot} == {"web"}
    assert {item.gate for item in bad_deploy.withheld} == {"baking"}
    assert len(bad_deploy.withheld) == FLEETS["web"]


def test_a_bad_deploy_is_no_trouble_of_a_place(bad_deploy: Story) -> None:
    assert bad_deploy.record.bands == ()


# An image that nobody has


@pytest.fixture(scope="module")
def mistyped() -> Story:
    return played("mistyped-image", fleets(**FLEETS), lasts=2 * HOUR)


def test_an_image_that_nobody_has_is_tried_twice_and_then_held(mistyped: Story) -> None:
    assert mistyped.made("RunInstances") == []
    assert sum(item.failed for item in mistyped.record.calls if item.minute >= 0) == 2
    held = [item for item in mistyped.withheld if item.gate == "spec"]
    assert len(held) == FLEETS["web"]
    assert {item.slot.fleet for item in held if item.slot} == {"web"}


def test_a_reboot_still_mends_what_fails_in_a_fleet_whose_image_is_held(mistyped: Story) -> None:
    web = {slot for slot in mistyped.hit if slot.startswith("web")}
    assert web == {slot for call in mistyped.made("RebootInstances") for slot in call.slots}
    assert mistyped.back_by(web) <= 45 * MINUTE


def test_a_mistyped_image_is_no_trouble_of_a_place_and_takes_nothing_out(mistyped: Story) -> None:
    assert mistyped.record.bands == ()
    assert mistyped.taken_out() == frozenset()
    assert not mistyped.record.destroyed
    assert mistyped.record.stopped is None
