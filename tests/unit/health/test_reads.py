"""Whether a zone can be read: the `describe` breaker, from what the lists lacked in the last passes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.observed import Gap, GapSubject
from reconciler.health.capabilities import BreakerState
from reconciler.health.reads import JudgedReads, judge_reads
from tests.support.brakes import BREAKERS
from tests.support.resources import NOW

A, B = "use1-az1", "use1-az2"
PASS = timedelta(seconds=15)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def gap(zone: str | None = A, subject: GapSubject = GapSubject.INSTANCES) -> Gap:
    return Gap(subject=subject, zone=zone, code="Unavailable", detail="page 3 of 7")


def looks(told: str, *gaps: Gap) -> list[JudgedReads]:
    """One look after the other, 15 seconds apart: `x` lacked something, `.` was whole."""
    found, seen = JudgedReads(), []
    for number, mark in enumerate(told):
        lacked = (gaps or (gap(),)) if mark == "x" else ()
        found = judge_reads(lacked, (A, B), found.remembered, BREAKERS, NOW + number * PASS)
        seen.append(found)
    return seen


def state(found: JudgedReads, zone: str = A) -> BreakerState:
    breaker = found.breakers.get(zone)
    return breaker.state if breaker else CLOSED


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("x", CLOSED),
        ("xx", OPEN),
        ("x.x", CLOSED),
        ("x.x.x", OPEN),
        ("x..x...", CLOSED),
        ("x..x..x", CLOSED),
        ("x..x..xx", OPEN),
        ("xx.", HALF_OPEN),
        ("xx.x", OPEN),
        ("xx..", CLOSED),
        ("xx..x", CLOSED),
        ("xx..xx", OPEN),
    ],
)
def test_two_failures_in_a_row_or_half_of_three_open_it_and_two_whole_looks_close_it(
    told: str, expected: BreakerState
) -> None:
    assert state(looks(told)[-1]) is expected


def test_a_gap_of_one_zone_says_nothing_of_the_others() -> None:
    last = looks("xx")[-1]
    assert (state(last, A), state(last, B)) == (OPEN, CLOSED)


def test_a_gap_everywhere_is_one_of_every_zone() -> None:
    last = looks("xx", gap(zone=None))[-1]
    assert (state(last, A), state(last, B)) == (OPEN, OPEN)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (GapSubject.VOLUMES, OPEN),
        (GapSubject.STATUS_CHECKS, OPEN),
        (GapSubject.SNAPSHOTS, CLOSED),
        (GapSubject.VOLUME_METRICS, CLOSED),
        (GapSubject.PROBES, CLOSED),
    ],
)
def test_only_what_every_pass_reads_counts(subject: GapSubject, expected: BreakerState) -> None:
    assert state(looks("xx", gap(subject=subject))[-1]) is expected


def test_it_says_what_was_lacked_newest_first() -> None:
    breaker = looks("xx")[-1].breakers[A]
    assert breaker.since == NOW + PASS
    assert breaker.reason == "2 of the last 2 looks were not whole"
    assert breaker.evidence == (
        "instances: Unavailable at 12:00:15Z",
        "instances: Unavailable at 12:00:00Z",
    )


def test_a_single_failure_is_forgotten_after_ten_minutes() -> None:
    seen = looks("x" + "." * 45)
    assert seen[39].remembered.keys() == {A}
    assert seen[40].remembered == {}


def test_an_open_breaker_is_not_forgotten_while_nobody_looks() -> None:
    opened = looks("xx")[-1]
    later = judge_reads((), (A, B), opened.remembered, BREAKERS, NOW + 100 * PASS)
    assert state(later) is HALF_OPEN


def test_a_zone_that_is_no_longer_told_of_can_still_close() -> None:
    seen = looks("xx")[-1]
    for number in (2, 3):
        seen = judge_reads((), (B,), seen.remembered, BREAKERS, NOW + number * PASS)
    assert seen == JudgedReads()


def test_without_trouble_or_rules_nothing_is_remembered() -> None:
    assert looks("...")[-1] == JudgedReads()
    assert judge_reads((gap(),), (A,), {}, None, NOW) == JudgedReads()
