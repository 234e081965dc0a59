"""The pace pass after pass: a first bring-up takes minutes, and what was lost at once comes back at the pace."""

from __future__ import annotations

from datetime import timedelta

from providers.requests import LaunchInstance
from tests.support.brakes import PACE
from tests.support.fleets import MINUTE, safety_policy, web_fleet
from tests.support.passes import Passes

POLICY = safety_policy(pace=PACE, repairs_at_once_count=100)


def launches(passes: Passes) -> int:
    return len(passes.sent(LaunchInstance))


def test_a_first_bring_up_of_400_slots_takes_minutes() -> None:
    passes = Passes(web_fleet(replicas=400), policy=POLICY)
    begun = passes.clock.now()
    while launches(passes) < 400:
        passes.one()
        assert passes.clock.now() - begun < 10 * MINUTE
    assert passes.clock.now() - begun > 4 * MINUTE


def test_twelve_slots_that_went_at_once_come_back_two_a_minute_and_then_all_is_quiet() -> None:
    passes = Passes(web_fleet(replicas=12), policy=POLICY)
    passes.until_converged()
    passes.lasting(5 * MINUTE)
    for number in range(12):
        passes.cloud.terminate_by_hand(passes.occupant(f"web/{number}").id)
    begun = passes.clock.now()
    passes.lasting(timedelta(minutes=3))
    assert 12 + 6 <= launches(passes) <= 12 + 8
    passes.until_converged()
    assert launches(passes) == 24
    assert passes.clock.now() - begun < 20 * MINUTE
    assert passes.stays_quiet()
