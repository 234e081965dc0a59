"""The breaker of a fleet: its probes fail while EC2 is fine, which looks like a change and not like an outage."""

from __future__ import annotations

import pytest

from reconciler.health.conditions import Scope, ScopeKind
from reconciler.health.judging_conditions import JudgedConditions
from tests.support.censuses import PROBE_FAILS, census, judged, slots
from tests.support.fleets import MINUTE
from tests.support.resources import NOW

A = "use1-az1"


def probes(
    sick: int, of: int, minute: int = 0, before: JudgedConditions | None = None
) -> JudgedConditions:
    """So many probes of a fleet fail while EC2 is fine."""
    counted = census(slots(A, of, how=PROBE_FAILS, sick=sick))
    remembered = before.remembered if before else {}
    return judged(counted, remembered, after=minute * MINUTE)


@pytest.mark.parametrize(
    ("of", "failing", "opens"),
    [
        (1, 1, False),
        (3, 1, False),
        (3, 2, True),
        (12, 2, False),
        (12, 3, True),
        (50, 9, False),
        (50, 10, True),
        (400, 79, False),
        (400, 80, True),
        (5000, 999, False),
        (5000, 1000, True),
    ],
)
def test_a_fleet_by_its_probes_that_fail_while_ec2_is_fine(
    of: int, failing: int, *, opens: bool
) -> None:
    assert ("web" in probes(failing, of).conditions.broken_fleets) is opens


def test_what_ec2_calls_sick_is_no_failing_probe() -> None:
    assert judged(census(slots(A, 10, sick=10))).conditions.broken_fleets == {}


def test_a_breaker_is_open_until_fewer_than_a_tenth_failed_for_ten_minutes() -> None:
    opened = probes(2, 10)
    assert probes(1, 10, 20, opened).conditions.broken_fleets != {}
    low = probes(0, 10, 1, opened)
    assert low.conditions.broken_fleets == {
        "web": "probes of web failed while EC2 was fine, few enough since 12:01Z"
    }
    assert probes(0, 10, 10, low).conditions.broken_fleets != {}
    assert probes(0, 10, 11, low).conditions.broken_fleets == {}


def test_a_breaker_begins_its_leaving_time_anew_when_probes_fail_again() -> None:
    low = probes(0, 10, 1, probes(2, 10))
    again = probes(0, 10, 10, probes(1, 10, 9, low))
    assert probes(0, 10, 19, again).conditions.broken_fleets != {}
    assert probes(0, 10, 20, again).conditions.broken_fleets == {}


def test_a_breaker_says_of_how_many_and_when_it_would_close() -> None:
    opened = probes(3, 12)
    assert opened.conditions.broken_fleets == {
        "web": "probes of 3 of 12 slots of web fail while EC2 is fine"
    }
    closing = probes(1, 12, 2, opened)
    fleet = Scope(ScopeKind.FLEET, "web")
    assert closing.conditions.verdicts[fleet].changes_at == NOW + 12 * MINUTE
