"""Breakers of capabilities: when they open, how they are tried, and how their use grows again."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.health.capabilities import (
    BreakerState,
    CallOutcome,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.judging_capabilities import judge_capabilities
from tests.support.brakes import BREAKERS
from tests.support.calls import (
    FAILED,
    LAUNCH,
    PROVEN,
    WAITING,
    ZONE,
    ZONES,
    at,
    call,
    calls,
    judged,
    launching,
)

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


# When it opens


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("F", CLOSED),  # Once is nothing.
        ("FF", OPEN),  # Two in a row are, where there are no others.
        ("PF", CLOSED),
        ("PFF", CLOSED),  # Two of three: three must fail.
        ("PPPFFF", OPEN),  # Three, and half of all.
        ("PPPPFFF", CLOSED),  # Three, and less than half.
        ("FPFPF", OPEN),
        ("FPPFPPF", CLOSED),
        ("FPPFPF", OPEN),  # Three of six.
    ],
)
def test_a_breaker_opens_by_count_and_share_of_a_sliding_window(
    results: str, state: BreakerState
) -> None:
    told = calls(results)
    assert launching(told, minute=0.5 * len(results) - 0.4).state is state


def test_failures_of_more_than_ten_minutes_ago_open_nothing() -> None:
    assert launching([*calls("FPPFP"), call(11.6, FAILED)], minute=11.7).state is CLOSED
    assert launching([*calls("FPPFP"), call(9.9, FAILED)], minute=10).state is OPEN


def test_each_zone_and_each_kind_has_a_breaker_of_its_own() -> None:
    told = calls("FF")
    told += [call(1, PROVEN, zone="use1-az2"), call(1, PROVEN, kind=CapabilityKind.VOLUME)]
    found = judged(told, minute=1.2)
    assert not found.works(ZONE, LAUNCH)
    assert found.works("use1-az2", LAUNCH)
    assert found.works(ZONE, CapabilityKind.VOLUME)


def test_throttles_and_shortage_of_one_zone_are_no_failures() -> None:
    told = [call(0.1 * n, FAILED, throttled=True) for n in range(5)]
    told += [call(0.1 * n, FAILED, short=True) for n in range(5)]
    assert launching(told, minute=1).state is CLOSED
    assert judged(told, minute=1).throttles == 5
    assert judged(told, minute=3).throttles == 0


def test_what_waits_is_no_result() -> None:
    told = [call(0.1 * n, WAITING) for n in range(5)]
    assert launching([*told, call(1, FAILED)], minute=1).state is CLOSED


def test_without_rules_everything_works() -> None:
    told = tuple(calls("FFFFF"))
    assert judge_capabilities(told, {}, ZONES, None, at(3)) == Capabilities()


def test_it_says_why_and_since_when() -> None:
    found = launching(calls("PFFF"), minute=1.6)
    assert found.since == at(1.5)
    assert found.reason == "3 of 4 calls failed in 10 min"
    assert found.evidence[0] == "launch of web/1: Unavailable at minute 1.5"
    assert len(found.evidence) == 3


def test_what_cannot_be_read_is_a_breaker_like_the_others() -> None:
    blind = Capability(kind=CapabilityKind.DESCRIBE, zone=ZONE, state=OPEN, since=at(0))
    found = judge_capabilities((), {ZONE: blind}, ZONES, BREAKERS, at(1))
    assert found.of(ZONE, CapabilityKind.DESCRIBE) is blind


# How it is tried


def tried_at(told: list[CallOutcome], minute: float) -> float:
    """When the next call may be tried, in minutes."""
    next_at = launching(told, minute).next_probe_at
    assert next_at is not None
    return (next_at - at(0)).total_seconds() / 60


def test_probes_come_after_half_a_minute_one_two_and_then_three() -> None:
    told, minute = calls("FF"), 0.5
    for wait in (0.5, 1, 2, 3, 3, 3):
        next_at = tried_at(told, minute + 0.01)
        assert 0.8 * wait <= next_at - minute <= 1.2 * wait
        assert launching(told, next_at - 0.01).state is OPEN
        assert launching(told, next_at).state is HALF_OPEN
        told.append(call(next_at, FAILED))
        minute = next_at


def test_zones_are_not_tried_in_step_and_nothing_is_random() -> None:
    told = [call(m, FAILED, zone=zone) for zone in ZONES for m in (0, 0.5)]
    found = [judged(told, 0.6).of(zone, LAUNCH).next_probe_at for zone in ZONES]
    assert len(set(found)) == len(ZONES)
    assert found == [judged(told, 0.6).of(zone, LAUNCH).next_probe_at for zone in ZONES]


def test_a_probe_that_waits_to_be_proven_does_not_stop_the_next() -> None:
    told = calls("FF")
    first = tried_at(told, 0.6)
    told.append(call(first, WAITING))
    second = tried_at(told, first + 0.01)
    assert 0.8 <= second - first <= 1.2
    assert launching(told, second).state is HALF_OPEN


def test_a_probe_without_an_answer_is_its_own_next_try() -> None:
    told = [*calls("FF"), call(1, WAITING, unanswered=True)]
    found = judged(told, minute=20)
    assert found.of(ZONE, LAUNCH).next_probe_at is None
    assert not found.may_try(ZONE, LAUNCH, at(20))


def test_two_zones_of_the_region_are_tried_at_once_and_no_more() -> None:
    told = [call(m, FAILED, zone=zone) for zone in ZONES for m in (0, 0.5)]
    assert judged(told, minute=5).probes_left == {LAUNCH: 2}
    told.append(call(5, WAITING, zone=ZONES[0], unanswered=True))
    assert judged(told, minute=5.1).probes_left == {LAUNCH: 1}
    told.append(call(5, WAITING, zone=ZONES[1]))
    assert judged(told, minute=5.1).probes_left == {LAUNCH: 0}
    assert not judged(told, minute=5.1).may_try(ZONES[2], LAUNCH, at(5.1))
    assert judged(told, minute=5.6).probes_left == {LAUNCH: 1}


def test_two_proven_in_a_row_close_it() -> None:
    assert launching(calls("FFP"), minute=2).state is not CLOSED
    assert launching(calls("FFPFP"), minute=3).state is not CLOSED
    assert launching(calls("FFPP"), minute=2).state is CLOSED


def test_what_was_begun_long_before_the_trouble_proves_nothing_of_now() -> None:
    told = [*calls("FF"), call(2, PROVEN, took=15), call(3, PROVEN, took=15)]
    assert launching(told, minute=4).state is not CLOSED


def test_instances_that_come_up_late_prove_that_it_works_again() -> None:
    late = [call(10, FAILED, took=10) for _ in range(5)]
    assert launching(late, minute=30).state is not CLOSED
    came_good = [call(180, PROVEN, took=172) for _ in range(2)]
    probes = [call(160 + 3 * n, FAILED, took=10) for n in range(5)]
    assert launching(late + probes + came_good, minute=181).state is not CLOSED
    proven = [call(180, PROVEN, took=8) for _ in range(2)]
    assert launching(late + probes + proven, minute=181).state is CLOSED


def test_a_zone_that_nobody_had_reason_to_try_for_two_hours_is_used_again_slowly() -> None:
    assert launching(calls("FF"), minute=120).state is not CLOSED
    found = launching(calls("FF"), minute=121)
    assert (found.state, found.level) == (CLOSED, 1)


# How its use grows


def proven_every_minute(until: float) -> list[CallOutcome]:
    """Closed at minute 1.5, after which every minute one more is proven."""
    return [*calls("FFPP"), *(call(m, PROVEN) for m in range(3, int(until) + 1))]


def test_it_starts_with_one_call_a_round_and_doubles_with_each_proven_round() -> None:
    levels = [launching(proven_every_minute(m), minute=m).level for m in range(2, 13, 2)]
    assert levels == [1, 2, 4, 8, 16, 32]


def test_a_round_that_proves_nothing_changes_nothing() -> None:
    told = proven_every_minute(5)
    assert launching(told, minute=6).level == 4
    assert launching(told, minute=30).level == 4


def test_it_grows_to_four_times_the_usual_pace_and_to_half_of_ec2s_bucket() -> None:
    told = proven_every_minute(59)
    busy = [call(m / 70, WAITING) for m in range(2 * 70, 59 * 70)]
    assert launching(told + busy, minute=59).level == 120
    assert launching(told + busy, minute=59, usual_per_minute=5).level == 40


def test_it_is_over_when_it_has_grown_and_no_more_than_usual_is_asked() -> None:
    found = launching(proven_every_minute(40), minute=41, usual_per_minute=5)
    assert (found.state, found.level) == (CLOSED, None)


def test_a_failure_halves_it_and_two_in_a_row_open_it_again() -> None:
    told = proven_every_minute(15)
    assert launching(told, minute=15.2).level == 64
    told.append(call(15.3, FAILED))
    assert launching(told, minute=15.4).level == 32
    told.append(call(15.5, FAILED))
    assert launching(told, minute=15.6).state is OPEN
    assert launching(told, minute=15.6).reason == "2 calls in a row failed"


def test_one_more_failure_never_leaves_it_closed() -> None:
    """Closing forgets no failure: what was open without the first one is open with it."""
    assert launching(calls("FPPFPF"), minute=2.6).state is not CLOSED
    assert launching(calls("FFPPFPF"), minute=3.1).state is not CLOSED


def test_a_round_is_used_up_by_what_was_begun_in_it() -> None:
    told = [*calls("FFPP"), call(2.5, WAITING)]
    found = launching(told, minute=2.6)
    assert (found.level, found.round_used, found.round_ends_at) == (1, 1, at(4))
    assert not judged(told, minute=2.6).may_try(ZONE, LAUNCH, at(2.6))
    assert judged(told, minute=4.1).may_try(ZONE, LAUNCH, at(4.1))


# The whole region


def refused(zone: str, type_: str, minute: float = 1.0, **how: Any) -> CallOutcome:
    return call(minute, FAILED, zone=zone, type=type_, **how)


def everywhere() -> list[CallOutcome]:
    """As in October 2025: throttled and without capacity, in two zones and for two types."""
    return [
        refused("use1-az1", "m6i.large", throttled=True),
        refused("use1-az1", "m6i.large", short=True),
        refused("use1-az2", "m5.large", throttled=True),
        refused("use1-az2", "m5.large", short=True),
    ]


def test_throttled_and_without_capacity_everywhere_is_the_control_plane() -> None:
    found = judged(everywhere(), minute=1.1)
    said = "launches are throttled and without capacity in use1-az1, use1-az2 at once"
    assert found.launch_open_everywhere == said
    assert not any(found.works(zone, LAUNCH) for zone in ZONES)
    assert all(found.works(zone, CapabilityKind.VOLUME) for zone in ZONES)


@pytest.mark.parametrize("lacking", range(4))
def test_neither_alone_nor_in_one_zone_is(lacking: int) -> None:
    told = everywhere()
    del told[lacking]
    assert judged(told, minute=1.1).launch_open_everywhere is None
    assert judged(told, minute=1.1).works("use1-az1", LAUNCH)


def test_one_type_is_enough_where_no_other_was_tried() -> None:
    told = [
        refused(zone, "m6i.large", throttled=kind == 0, short=kind == 1)
        for zone in ZONES[:2]
        for kind in (0, 1)
    ]
    assert judged(told, minute=1.1).launch_open_everywhere is not None
    other = call(0.5, PROVEN, zone="use1-az4", type="m5.large")
    assert judged([*told, other], minute=1.1).launch_open_everywhere is None


def test_refusals_among_many_launches_that_went_well_are_not() -> None:
    went_well = [call(0.1 * n, PROVEN, type="m6i.large") for n in range(5)]
    assert judged([*everywhere(), *went_well], minute=1.1).launch_open_everywhere is None


def test_it_is_over_where_two_launches_prove_the_opposite() -> None:
    proven = [call(5, PROVEN, zone="use1-az2"), call(6, PROVEN, zone="use1-az2")]
    found = judged([*everywhere(), *proven], minute=6.1)
    assert found.launch_open_everywhere is None
    assert found.works("use1-az2", LAUNCH)
    assert not found.works("use1-az1", LAUNCH)


@pytest.mark.parametrize(("faults", "trouble"), [(2, False), (3, True)])
def test_the_api_is_in_trouble_when_half_of_five_calls_fail(
    faults: int,
    trouble: bool,  # noqa: FBT001 - a column of the table
) -> None:
    told = [call(0.1, FAILED, kind=None, fault=True) for _ in range(faults)]
    told += [call(0.1, PROVEN, kind=None) for _ in range(5 - faults)]
    assert (judged(told, minute=1).api_trouble is not None) is trouble
    assert judged(told, minute=10.2).api_trouble is None


def test_four_calls_are_too_few_to_tell() -> None:
    told = [call(0.1, FAILED, fault=True) for _ in range(4)]
    assert judged(told, minute=1).api_trouble is None


def test_throttles_are_trouble_too_and_what_has_no_answer_yet_is_not() -> None:
    told = [call(0.1, FAILED, throttled=True) for _ in range(5)]
    assert judged(told, minute=1).api_trouble == (
        "5 of 5 calls of the last 10 min had no answer or were throttled"
    )
    waiting = [call(0.1, WAITING, unanswered=True) for _ in range(5)]
    assert judged(waiting, minute=1).api_trouble is None


def test_the_api_is_in_trouble_when_no_zone_can_be_read() -> None:
    blind = {
        zone: Capability(kind=CapabilityKind.DESCRIBE, zone=zone, state=OPEN) for zone in ZONES
    }
    found = judge_capabilities((), blind, ZONES, BREAKERS, at(1))
    assert found.api_trouble == "nothing can be read in any zone"
    blind[ZONE] = Capability(kind=CapabilityKind.DESCRIBE, zone=ZONE, state=CLOSED)
    assert judge_capabilities((), blind, ZONES, BREAKERS, at(1)).api_trouble is None


def test_a_zone_that_alone_cannot_be_read_is_no_trouble_of_the_api() -> None:
    """Of zones that are read whole there is no breaker at all."""
    dark = {ZONE: Capability(kind=CapabilityKind.DESCRIBE, zone=ZONE, state=OPEN)}
    assert judge_capabilities((), dark, ZONES, BREAKERS, at(1)).api_trouble is None
