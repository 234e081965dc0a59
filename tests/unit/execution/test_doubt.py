"""An API that leaves calls without an answer is asked no more than there is to spare, until it answers one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from desired_state.load import load_policy
from providers.errors import CloudError, RetryClass
from providers.requests import LaunchInstance
from reconciler.execution.executor import Executor
from reconciler.execution.handlers import STANDARD
from reconciler.execution.outcomes import Outcome, Result
from reconciler.execution.retrying import RetryBudget
from reconciler.planning.actions import Action
from reconciler.planning.outcome import Plan
from reconciler.planning.settling.settle import settle
from tests.support.acting import Acting, LongestJitter, launch_of
from tests.support.fleets import MINUTE, SECOND

SLOTS = tuple(f"web/{ordinal}" for ordinal in range(8))
UNAVAILABLE = CloudError(
    operation="RunInstances", code="Unavailable", message="", retry=RetryClass.TRANSIENT
)


@pytest.fixture
def budget(acting: Acting) -> RetryBudget:
    """The cell's, which outlives its passes."""
    acting.desired = replace(acting.desired, policy=load_policy("default"))
    return RetryBudget()


def executor(acting: Acting, budget: RetryBudget) -> Executor:
    return Executor(
        cloud=acting.cloud,
        prober=acting.prober,
        journal=acting.journal,
        clock=acting.clock,
        randomness=LongestJitter(),
        handlers=STANDARD,
        user_data={},
        budget=budget,
        workers=1,
    )


def carry_out(
    acting: Acting, budget: RetryBudget, actions: Sequence[Action]
) -> tuple[Outcome, ...]:
    plan = Plan(made_at=acting.clock.now(), actions=tuple(actions))
    return executor(acting, budget).carry_out(plan, acting.case())


def send_again(acting: Acting, budget: RetryBudget) -> tuple[Outcome, ...]:
    case = acting.case()
    memory = case.memory
    pending = (*memory.open_intents, *memory.recent_intents)
    settlements = settle(pending, case.observation, case.desired.policy, case.now)
    return executor(acting, budget).resume(settlements, case)


def launches(acting: Acting) -> int:
    return len(acting.cloud.mutations)


def test_what_comes_after_a_call_without_an_answer_waits(
    acting: Acting, budget: RetryBudget
) -> None:
    acting.cloud.fail_next(LaunchInstance, UNAVAILABLE, times=1000)
    outcomes = carry_out(acting, budget, [launch_of(slot) for slot in SLOTS])
    assert launches(acting) == 1 + budget.always
    assert [item.result for item in outcomes[-6:]] == [Result.SKIPPED] * 6
    assert "EC2 leaves calls without an answer" in outcomes[-1].message


def test_an_answer_ends_the_doubt(acting: Acting, budget: RetryBudget) -> None:
    acting.cloud.fail_next(LaunchInstance, UNAVAILABLE, times=4)
    carry_out(acting, budget, [launch_of(slot) for slot in SLOTS[:2]])
    acting.clock.advance(MINUTE)
    outcomes = carry_out(acting, budget, [launch_of(slot) for slot in SLOTS[2:]])
    assert {item.result for item in outcomes} == {Result.ACCEPTED}


def test_what_was_sent_again_in_vain_is_sent_no_more_often_than_there_is_to_spare(
    acting: Acting, budget: RetryBudget
) -> None:
    """Twenty passes over eight launches without an answer: not a hundred and sixty calls."""
    acting.cloud.fail_next(LaunchInstance, UNAVAILABLE, times=1000)
    for slot in SLOTS:
        budget.doubt = False
        carry_out(acting, budget, [launch_of(slot)])
    before = launches(acting)
    for _ in range(20):
        acting.clock.advance(15 * SECOND)
        send_again(acting, budget)
    assert launches(acting) - before <= 5 * budget.always + budget.always


def test_each_of_them_gets_its_turn(acting: Acting, budget: RetryBudget) -> None:
    acting.cloud.fail_next(LaunchInstance, UNAVAILABLE, times=1000)
    for slot in SLOTS:
        budget.doubt = False
        carry_out(acting, budget, [launch_of(slot)])
    for _ in range(32):
        acting.clock.advance(15 * SECOND)
        send_again(acting, budget)
    intents = acting.journal.memory(acting.clock.now()).open_intents
    assert len(intents) == len(SLOTS)
    assert all(intent.updated_at > intent.begun_at for intent in intents)


def test_a_policy_without_a_pace_goes_on_as_it_is(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, UNAVAILABLE, times=1000)
    outcomes = carry_out(acting, RetryBudget(), [launch_of(slot) for slot in SLOTS])
    assert {item.result for item in outcomes} == {Result.AMBIGUOUS}
