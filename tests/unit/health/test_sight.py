"""Many slots that fail by nothing but our own eyes: blindness, what sets it off and what ends it."""

from __future__ import annotations

import pytest

from reconciler.health.census import Census
from reconciler.health.conditions import Scope, ScopeKind
from reconciler.health.judging_conditions import JudgedConditions
from tests.support.censuses import PROBE_FAILS, SICK, UNREAD, census, judged, slots
from tests.support.fleets import HOUR, REGION

A, B = "use1-az1", "use1-az2"
SIGHT = Scope(ScopeKind.SIGHT, REGION)


def failing(here: int, there: int, *, answering: int = 20) -> Census:
    """So many slots in two zones whose probes fail, and so many beside them that answer."""
    return census(
        slots(A, here, sick=here, how=PROBE_FAILS),
        slots(B, there, sick=there, how=PROBE_FAILS),
        slots(A, answering, fleet="db"),
    )


def is_blind(found: JudgedConditions) -> bool:
    return found.conditions.blind is not None


@pytest.mark.parametrize(
    ("counted", "blind"),
    [
        (failing(4, 1), True),
        (failing(3, 1), False),
        (failing(5, 0), False),
        # All of three or more.
        (failing(3, 0, answering=0), True),
        (failing(2, 0, answering=0), False),
        (failing(3, 0, answering=1), False),
        # No data, and what a gap hides, is no better than a failing probe.
        (census(slots(A, 3, sick=3, how=UNREAD), slots(B, 2, sick=2, how=UNREAD)), True),
        # EC2's positive word is not blindness.
        (census(slots(A, 9, sick=9, how=SICK), slots(B, 9, sick=9, how=SICK)), False),
    ],
)
def test_five_slots_in_two_zones_or_all_of_three_or_more(counted: Census, *, blind: bool) -> None:
    assert is_blind(judged(counted)) is blind


def test_a_sentinel_that_answers_shows_that_we_can_see() -> None:
    counted = census(
        slots(A, 4, sick=4, how=PROBE_FAILS),
        slots(B, 4, sick=4, how=PROBE_FAILS),
        sentinel_answers=True,
    )
    assert not is_blind(judged(counted))
    assert is_blind(judged(failing(4, 4)))


def test_it_says_how_many_fail_and_since_when() -> None:
    assert judged(failing(4, 4)).conditions.blind == (
        "8 slots in 2 zones fail by our own eyes alone since 12:00Z, and neither a sentinel nor any of those that"
        " failed first answers"
    )


def test_it_lasts_for_as_long_as_none_of_those_that_set_it_off_answers() -> None:
    first = judged(failing(4, 4))
    more_and_more = judged(failing(9, 9, answering=2), first.remembered, after=HOUR)
    assert is_blind(more_and_more)
    assert more_and_more.remembered[SIGHT] is first.remembered[SIGHT]


def test_one_of_them_that_answers_ends_it_and_the_others_do_not_set_it_off_again() -> None:
    first = judged(failing(4, 4))
    counted = census(
        slots(A, 4, sick=3, how=PROBE_FAILS),
        slots(B, 4, sick=4, how=PROBE_FAILS),
        slots(A, 20, fleet="db"),
    )
    seen = judged(counted, first.remembered, after=HOUR)
    assert not is_blind(seen)
    assert len(seen.remembered[SIGHT].set_off_by) == 7
    assert not is_blind(judged(counted, seen.remembered, after=2 * HOUR))


def test_others_that_fail_later_set_it_off_anew() -> None:
    first = judged(failing(4, 4))
    part = [slots(A, 4, sick=3, how=PROBE_FAILS), slots(B, 4, sick=4, how=PROBE_FAILS)]
    seen = judged(census(*part, slots(A, 20, fleet="db")), first.remembered)
    others = [
        slots(A, 4, sick=4, how=PROBE_FAILS, fleet="db"),
        slots(B, 4, sick=4, how=PROBE_FAILS, fleet="db"),
    ]
    again = judged(census(*part, *others, slots(A, 20, fleet="git")), seen.remembered, after=HOUR)
    assert is_blind(again)
    assert all(slot.startswith("db/") for slot in again.remembered[SIGHT].set_off_by)


def test_a_sentinel_that_answers_ends_it() -> None:
    first = judged(failing(4, 4))
    counted = census(
        slots(A, 4, sick=4, how=PROBE_FAILS),
        slots(B, 4, sick=4, how=PROBE_FAILS),
        sentinel_answers=True,
    )
    assert not is_blind(judged(counted, first.remembered, after=HOUR))


def test_it_ends_when_ec2_says_of_all_of_them_what_is_wrong() -> None:
    first = judged(failing(4, 4))
    counted = census(slots(A, 4, sick=4), slots(B, 4, sick=4), slots(A, 20, fleet="db"))
    assert not is_blind(judged(counted, first.remembered, after=HOUR))


def test_it_is_forgotten_when_all_answer() -> None:
    first = judged(failing(4, 4))
    well = census(slots(A, 4), slots(B, 4), slots(A, 20, fleet="db"))
    assert SIGHT not in judged(well, first.remembered, after=HOUR).remembered
