"""What holds of breakers, whatever becomes of our calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.health.capabilities import BreakerState, CallOutcome, CallResult, Capability
from reconciler.health.judging_capabilities import (
    capabilities_at,
    fold_outcomes,
    judge_capabilities,
)
from tests.support.brakes import BREAKERS, MINUTE
from tests.support.calls import FAILED, LAUNCH, PROVEN, WAITING, ZONES, at, call, launching

thorough = settings(max_examples=300, deadline=None)

told = st.tuples(
    st.floats(min_value=0.02, max_value=6),
    st.sampled_from([PROVEN, PROVEN, FAILED]),
    st.floats(min_value=0, max_value=12),
)
"""How long after the last result the next is known, what it is, and how long the call took."""


def outcomes(drawn: list[tuple[float, CallResult, float]]) -> list[CallOutcome]:
    minute, found = 0.0, []
    for gap, result, took in drawn:
        minute += gap
        found.append(call(minute, result, took=took))
    return found


def allowance(capability: Capability) -> float:
    """How many calls a round may hold; one that is tried now and then has none of a round."""
    if capability.state is not BreakerState.CLOSED:
        return 0
    return float("inf") if capability.level is None else capability.level


@thorough
@given(
    st.lists(told, max_size=40),
    st.lists(st.sampled_from(["as it is", "failed", "not known", "failed besides"]), max_size=40),
    st.floats(min_value=0, max_value=30),
)
def test_worse_outcomes_never_let_more_through(
    drawn: list[tuple[float, CallResult, float]], changes: list[str], later: float
) -> None:
    better = outcomes(drawn)
    worse: list[CallOutcome] = []
    for outcome, change in zip(better, [*changes, *["as it is"] * len(better)], strict=False):
        if change == "failed":
            worse.append(replace(outcome, result=FAILED))
        elif change == "not known" and outcome.result is PROVEN:
            worse.append(replace(outcome, result=WAITING, known_at=outcome.began_at))
        else:
            worse.append(outcome)
        if change == "failed besides":
            besides = f"{outcome.operation_id} besides"
            worse.append(replace(outcome, result=FAILED, operation_id=besides))
    end = sum(gap for gap, _, _ in drawn) + later
    assert allowance(launching(worse, end)) <= allowance(launching(better, end))


@thorough
@given(st.lists(told, max_size=60), st.floats(min_value=0, max_value=200))
def test_a_fold_that_is_used_again_says_the_same(
    drawn: list[tuple[float, CallResult, float]], later: float
) -> None:
    found = tuple(outcomes(drawn))
    end = at(sum(gap for gap, _, _ in drawn) + later)
    fold = fold_outcomes(found, ZONES, BREAKERS, None)
    capabilities_at(fold, {}, end + timedelta(hours=3))
    again = fold_outcomes(found, ZONES, BREAKERS, None, fold)
    assert again is fold
    assert capabilities_at(again, {}, end) == judge_capabilities(found, {}, ZONES, BREAKERS, end)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_zone_is_tried_twice_at_once_and_no_more_than_two_of_the_region(
    data: st.DataObject,
) -> None:
    known = [call(m, FAILED, zone=zone) for zone in ZONES for m in (-1, 0)]
    tries: list[tuple[float, str]] = []
    minute = 0.0
    for _ in range(40):
        minute += data.draw(st.floats(min_value=0.05, max_value=1))
        for zone in data.draw(st.permutations(ZONES)):
            now = judge_capabilities(tuple(known), {}, ZONES, BREAKERS, at(minute))
            if now.works(zone, LAUNCH) or not now.may_try(zone, LAUNCH, at(minute)):
                continue
            tries.append((minute, zone))
            result = data.draw(st.sampled_from([FAILED, WAITING, WAITING]))
            unanswered = data.draw(st.booleans()) and result is WAITING
            known.append(call(minute, result, zone=zone, unanswered=unanswered))
    began = [(at(m), zone) for m, zone in tries]
    for begun, zone in began:
        of_zone = [m for m, other in began if other == zone and begun <= m < begun + 0.4 * MINUTE]
        of_region = [m for m, _ in began if begun <= m < begun + 0.5 * MINUTE]
        assert len(of_zone) == 1
        assert len(of_region) <= 2
