"""When a zone, the region or a fleet is in trouble, and when no longer: design section 7.4, read aloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from reconciler.health.capabilities import (
    BreakerState,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.conditions import (
    Condition,
    ConditionVerdict,
    Scope,
    ScopeKind,
)
from reconciler.health.judging_conditions import JudgedConditions, judge_conditions
from reconciler.health.trouble import trouble_of_region
from tests.support.brakes import CONDITIONS
from tests.support.censuses import (
    EVERYTHING_WORKS,
    UNREAD,
    census,
    judged,
    slots,
    volumes,
)
from tests.support.fleets import HOUR, MINUTE, REGION
from tests.support.resources import NOW

NORMAL, DEGRADED = Condition.NORMAL, Condition.DEGRADED
CRITICAL, RECOVERING = Condition.CRITICAL, Condition.RECOVERING
A, B, C = "use1-az1", "use1-az2", "use1-az4"


def zone_of(found: JudgedConditions, name: str = A) -> Condition:
    return found.conditions.of(ScopeKind.ZONE, name)


def region_of(found: JudgedConditions) -> Condition:
    return found.conditions.of(ScopeKind.REGION, REGION)


def verdict_of(found: JudgedConditions, name: str = A) -> ConditionVerdict:
    return found.conditions.verdicts[Scope(ScopeKind.ZONE, name)]


# Thresholds


@pytest.mark.parametrize(
    ("of", "sick", "expected"),
    [
        # A zone with one slot or two is never in trouble as a zone: three make a count.
        (1, 1, NORMAL),
        (2, 2, NORMAL),
        # Of three, all three are the zone.
        (3, 2, NORMAL),
        (3, 3, CRITICAL),
        (4, 3, DEGRADED),
        (4, 4, CRITICAL),
        # Of twelve: two are two sick slots; from three on it is the zone; 42 % need a count of five.
        (12, 2, NORMAL),
        (12, 3, DEGRADED),
        (12, 4, DEGRADED),
        (12, 5, CRITICAL),
        # Thresholds are inclusive, and nothing is rounded.
        (30, 3, DEGRADED),
        (31, 3, NORMAL),
        (50, 4, NORMAL),
        (50, 5, DEGRADED),
        (50, 14, DEGRADED),
        (50, 15, CRITICAL),
        (400, 39, NORMAL),
        (400, 40, DEGRADED),
        (400, 119, DEGRADED),
        (400, 120, CRITICAL),
        (5000, 499, NORMAL),
        (5000, 500, DEGRADED),
        (5000, 1499, DEGRADED),
        (5000, 1500, CRITICAL),
    ],
)
def test_a_zone_by_the_slots_that_do_not_serve(of: int, sick: int, expected: Condition) -> None:
    assert zone_of(judged(census(slots(A, of, sick=sick)))) is expected


@pytest.mark.parametrize(
    ("of", "stuck", "expected"),
    [
        (1, 1, NORMAL),
        (2, 2, DEGRADED),
        (3, 1, NORMAL),
        (3, 3, CRITICAL),
        (12, 1, NORMAL),
        (12, 2, DEGRADED),
        (12, 5, CRITICAL),
        (50, 4, DEGRADED),
        (50, 5, CRITICAL),
        (100, 2, DEGRADED),
        (101, 2, NORMAL),
        (400, 7, NORMAL),
        (400, 8, DEGRADED),
        (400, 40, CRITICAL),
        (5000, 99, NORMAL),
        (5000, 100, DEGRADED),
        (5000, 500, CRITICAL),
    ],
)
def test_a_zone_by_its_stuck_volumes(of: int, stuck: int, expected: Condition) -> None:
    counted = census(slots(A, of), of_volumes=volumes(A, of, stuck=stuck))
    assert zone_of(judged(counted)) is expected


@pytest.mark.parametrize(
    ("each", "sick_beside_the_worst", "expected"),
    [
        # So many slots in each of three zones, the first of which is lost; so many sick in the second one.
        (1, 1, NORMAL),
        (4, 2, NORMAL),
        (4, 3, DEGRADED),
        (12, 2, NORMAL),
        (12, 3, DEGRADED),
        (12, 7, DEGRADED),
        (12, 8, CRITICAL),
        (50, 9, NORMAL),
        (50, 10, DEGRADED),
        (50, 30, CRITICAL),
        (400, 79, NORMAL),
        (400, 80, DEGRADED),
        (400, 240, CRITICAL),
        (1667, 333, NORMAL),
        (1667, 334, DEGRADED),
        (1667, 1001, CRITICAL),
    ],
)
def test_the_region_by_what_is_sick_outside_its_worst_zone(
    each: int, sick_beside_the_worst: int, expected: Condition
) -> None:
    found = judged(
        census(
            slots(A, each, sick=each), slots(B, each, sick=sick_beside_the_worst), slots(C, each)
        )
    )
    assert region_of(found) is expected


def test_instances_volumes_and_each_fleet_are_judged_apart_and_the_worst_counts() -> None:
    """Three databases among three hundred routers are one per cent of the zone, and all of their fleet."""
    found = judged(census(slots(A, 300), slots(A, 3, sick=3, fleet="postgres")))
    assert zone_of(found) is CRITICAL
    assert verdict_of(found).reason == "3 of 3 slots of postgres do not serve"
    assert [(item.what, item.sick, item.of) for item in verdict_of(found).counts] == [
        ("postgres", 3, 3),
        ("instances", 3, 303),
    ]


# Where it is not


def test_a_zone_that_is_lost_brakes_no_other_zone() -> None:
    found = judged(census(slots(A, 20, sick=20), slots(B, 20), slots(C, 20)))
    assert [zone_of(found, name) for name in (A, B, C)] == [CRITICAL, NORMAL, NORMAL]
    assert region_of(found) is NORMAL


def test_two_sick_slots_of_twelve_are_no_trouble_of_the_region() -> None:
    found = judged(census(slots(A, 4, sick=1), slots(B, 4, sick=1), slots(C, 4)))
    assert found == JudgedConditions()


def test_the_worst_zone_is_left_out_of_what_keeps_the_region_too() -> None:
    """All of one zone can't be seen; what is left of the region without it would be degraded, and not critical."""
    zones = census(slots(A, 100, sick=15), slots(B, 100, sick=100, how=UNREAD), slots(C, 10)).zones
    trouble = trouble_of_region(zones, EVERYTHING_WORKS, CONDITIONS)
    assert (trouble.calls_for, trouble.keeps) == (NORMAL, DEGRADED)


def test_a_first_bring_up_of_400_slots_is_no_outage() -> None:
    starting = [replace(facts, in_service=False) for facts in slots(A, 400, sick=400)]
    assert judged(census(starting)) == JudgedConditions()


def test_slots_that_are_restored_into_another_zone_do_not_make_that_zone_sick() -> None:
    restored = [replace(facts, in_service=False) for facts in slots(B, 15, sick=15, fleet="db")]
    assert zone_of(judged(census(slots(B, 20), restored)), B) is NORMAL


def test_what_can_not_be_read_calls_for_nothing() -> None:
    """A failed look is no outage; that much may be our own trouble, and `describe` tells of it."""
    found = judged(census(slots(A, 3, sick=3, how=UNREAD), slots(B, 9)))
    assert zone_of(found) is NORMAL


def test_without_rules_everything_is_normal() -> None:
    counted = census(slots(A, 50, sick=50))
    assert judge_conditions(counted, {}, None, EVERYTHING_WORKS, NOW) == JudgedConditions()


# The region by its control plane


def breakers(*items: tuple[str, CapabilityKind, BreakerState]) -> Capabilities:
    return Capabilities(
        of_zones={
            (zone, kind): Capability(zone=zone, kind=kind, state=state)
            for zone, kind, state in items
        }
    )


LAUNCH, DESCRIBE, VOLUME = CapabilityKind.LAUNCH, CapabilityKind.DESCRIBE, CapabilityKind.VOLUME
OPEN, HALF_OPEN = BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (breakers((A, LAUNCH, OPEN)), NORMAL),
        (breakers((A, LAUNCH, OPEN), (B, LAUNCH, OPEN)), CRITICAL),
        (breakers((A, DESCRIBE, OPEN), (B, DESCRIBE, OPEN)), CRITICAL),
        (breakers((A, LAUNCH, OPEN), (B, DESCRIBE, OPEN)), CRITICAL),
        (breakers((A, LAUNCH, OPEN), (A, DESCRIBE, OPEN)), NORMAL),
        (breakers((A, VOLUME, OPEN), (B, VOLUME, OPEN)), NORMAL),
        (breakers((A, LAUNCH, OPEN), (B, LAUNCH, HALF_OPEN)), NORMAL),
        (Capabilities(launch_open_everywhere="throttles and no capacity"), CRITICAL),
    ],
)
def test_the_region_by_what_its_control_plane_can_do(
    capabilities: Capabilities, expected: Condition
) -> None:
    assert region_of(judged(census(slots(A, 9)), capabilities=capabilities)) is expected


def test_a_breaker_that_is_tried_again_keeps_the_region_critical() -> None:
    counted, region = census(slots(A, 9)), Scope(ScopeKind.REGION, REGION)
    first = judged(counted, capabilities=breakers((A, LAUNCH, OPEN), (B, LAUNCH, OPEN)))
    tried = breakers((A, LAUNCH, HALF_OPEN), (B, LAUNCH, HALF_OPEN))
    later = judged(counted, first.remembered, tried, after=HOUR)
    assert later.conditions.verdicts[region].condition is CRITICAL
    assert later.remembered[region].below_since is None


# Hysteresis


def story(of: int, *told: tuple[int, int]) -> list[Condition]:
    """The condition of a zone with so many slots at each of these minutes, with so many sick."""
    found, seen = JudgedConditions(), []
    for minute, sick in told:
        found = judged(census(slots(A, of, sick=sick)), found.remembered, after=minute * MINUTE)
        seen.append(zone_of(found))
    return seen


def test_a_degraded_zone_is_left_below_lower_numbers_and_after_ten_minutes() -> None:
    assert story(40, (0, 4), (1, 3), (20, 2)) == [DEGRADED, DEGRADED, DEGRADED]
    assert story(40, (0, 4), (1, 1), (10, 1), (11, 1)) == [DEGRADED, DEGRADED, DEGRADED, RECOVERING]


def test_a_break_begins_the_leaving_time_anew() -> None:
    told = story(40, (0, 4), (1, 0), (9, 2), (10, 0), (19, 0), (20, 0))
    assert told == [DEGRADED] * 5 + [RECOVERING]


def test_a_critical_zone_becomes_degraded_then_recovers_and_is_never_milder_at_once() -> None:
    told = story(50, (0, 25), (1, 7), (15, 7), (16, 7), (17, 0), (26, 0), (27, 0), (31, 0), (32, 0))
    assert told == [CRITICAL] * 3 + [DEGRADED] * 3 + [RECOVERING] * 2 + [NORMAL]


def test_a_zone_grows_worse_at_once() -> None:
    assert story(50, (0, 5), (1, 15)) == [DEGRADED, CRITICAL]


def test_one_slot_that_stays_down_does_not_keep_a_small_zone_critical() -> None:
    """One of four is 25 per cent, and still only one."""
    assert story(4, (0, 4), (1, 1), (16, 1), (26, 1)) == [CRITICAL, CRITICAL, DEGRADED, NORMAL]


def test_what_can_not_be_read_is_no_recovery() -> None:
    first = judged(census(slots(A, 20, sick=10)))
    blind = census(slots(A, 20, sick=20, how=UNREAD))
    later = judged(blind, first.remembered, after=HOUR)
    assert zone_of(later) is CRITICAL
    assert verdict_of(later).reason == "20 of 20 can't be seen"


def test_a_zone_without_any_slot_left_calms_down_like_every_other() -> None:
    first = judged(census(slots(A, 5, sick=5), slots(B, 5)))
    later = judged(census(slots(B, 5)), first.remembered, after=MINUTE)
    assert zone_of(later) is CRITICAL
    assert verdict_of(later).changes_at == NOW + 16 * MINUTE


# Cool-down


def calm(found: JudgedConditions, minutes: Iterable[int]) -> list[Condition]:
    seen = []
    for minute in minutes:
        found = judged(census(slots(A, 40)), found.remembered, after=minute * MINUTE)
        seen.append(zone_of(found))
    return seen


def sick_at(minute: int, found: JudgedConditions | None = None) -> JudgedConditions:
    before = found.remembered if found else {}
    return judged(census(slots(A, 40, sick=4)), before, after=minute * MINUTE)


def calmed(found: JudgedConditions, *minutes: int) -> JudgedConditions:
    for minute in minutes:
        found = judged(census(slots(A, 40)), found.remembered, after=minute * MINUTE)
    return found


def test_disruptive_work_cools_down_for_a_quarter_of_an_hour_after_the_last_bad_sign() -> None:
    assert calm(sick_at(0), (0, 10, 14, 15)) == [DEGRADED, RECOVERING, RECOVERING, NORMAL]


def test_a_bad_sign_while_it_cools_down_begins_the_cool_down_anew() -> None:
    """Two sick of forty would not make it degraded, and would not let it go either."""
    recovering = calmed(sick_at(0), 0, 10)
    again = judged(census(slots(A, 40, sick=2)), recovering.remembered, after=14 * MINUTE)
    assert zone_of(again) is RECOVERING
    assert calm(again, (15, 29, 30)) == [RECOVERING, RECOVERING, NORMAL]


def test_every_relapse_within_six_hours_doubles_the_cool_down_up_to_an_hour() -> None:
    found, minute = sick_at(0), 0
    lasted = []
    for _ in range(4):
        found = calmed(found, minute, minute + 10)
        cools_down_at = verdict_of(found).changes_at
        assert cools_down_at is not None
        lasted.append((cools_down_at - NOW) // MINUTE - minute)
        minute += 61
        found = sick_at(minute, calmed(found, minute - 1))
    assert lasted == [15, 30, 60, 60]


def test_a_relapse_while_it_cools_down_is_one_too() -> None:
    relapsed = sick_at(12, calmed(sick_at(0), 0, 10))
    assert zone_of(relapsed) is DEGRADED
    assert verdict_of(calmed(relapsed, 12, 22)).changes_at == NOW + (12 + 30) * MINUTE


def test_trouble_after_more_than_six_hours_is_no_relapse_and_was_forgotten() -> None:
    quiet = calmed(sick_at(0), 0, 10, 15, 361)
    assert quiet.remembered == {}
    assert verdict_of(calmed(sick_at(362, quiet), 362, 372)).changes_at == NOW + 377 * MINUTE


def test_a_zone_that_calmed_down_while_nobody_looked_cools_down_from_the_first_look() -> None:
    """A controller that was away for a night knows of the trouble, and not since when it is over."""
    first = calmed(sick_at(0), 600, 610)
    assert calm(first, (614, 615)) == [RECOVERING, NORMAL]


def test_trouble_that_goes_on_leaves_what_is_remembered_of_it_as_it_is() -> None:
    """A pass that learns nothing writes nothing."""
    first, again = sick_at(0), sick_at(1, sick_at(0))
    assert again.remembered == first.remembered


def test_a_zone_that_was_normal_again_is_remembered_with_since_when() -> None:
    normal = calmed(sick_at(0), 0, 10, 15, 100)
    assert normal.remembered[Scope(ScopeKind.ZONE, A)].normal_since == NOW + 15 * MINUTE
    assert verdict_of(normal).since == NOW + 15 * MINUTE


def test_a_place_that_always_was_normal_is_not_remembered() -> None:
    assert judged(census(slots(A, 40, sick=2))).remembered == {}
