"""The person beside a replay: what waits is a question until nothing waits any more, and gets its answer in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reconciler.planning.actions import Course, Gate, Withheld
from reconciler.planning.outcome import Plan
from reconciler.simulation.account import layout_of
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from reconciler.simulation.person import Person
from tests.support.fleets import HOUR, MINUTE, desired, web_fleet
from tests.support.resources import NOW, slot

ASKED = Withheld(
    slot=slot("web/0"),
    course=Course.REPAIR,
    gate=Gate.THIRD_SIGN,
    reason="only its probe fails",
    approval_id="web/0-1",
)
BLIND = timedelta(minutes=5)


@pytest.fixture
def guard() -> Iterator[VirtualGuard]:
    declared = desired(web_fleet(replicas=1))
    with virtual_guard(declared, store=None, layout=layout_of(declared), seed=1) as guard:
        yield guard


@pytest.fixture
def person(guard: VirtualGuard) -> Person:
    return Person(guard.cell, began=NOW, tiers={"web/0": 1}, approves_after=HOUR)


def looks(person: Person, after: timedelta, *asked: Withheld) -> None:
    """The plan of then holds that."""
    person.look_at(Plan(made_at=NOW + after, withheld=asked), NOW + after)


def test_a_question_that_nothing_could_be_read_for_in_between_is_the_same_one(
    person: Person, guard: VirtualGuard
) -> None:
    for minute in range(60):
        looks(person, minute * MINUTE, *(() if minute % 10 > 4 else (ASKED,)))
    assert not guard.cell.store.memory(NOW + HOUR).approvals
    looks(person, HOUR, ASKED)
    assert list(guard.cell.store.memory(NOW + HOUR).approvals) == ["web/0-1"]
    (waited,) = person.waited()
    assert (waited.since, waited.until, waited.granted) == (timedelta(), None, True)


def test_a_question_ended_when_it_was_not_asked_any_more(person: Person) -> None:
    looks(person, timedelta(), ASKED)
    looks(person, BLIND)
    (waited,) = person.waited()
    assert waited.until == BLIND
    looks(person, BLIND + 10 * MINUTE)
    looks(person, HOUR, ASKED)
    first, second = person.waited()
    assert (first.until, first.granted) == (BLIND, False)
    assert (second.since, second.until) == (HOUR, None)
