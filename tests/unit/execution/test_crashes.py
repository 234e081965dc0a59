"""The process dies at every point of every call, and once more while it recovers: there is never a second instance.

After each crash a new process opens the same store, looks, settles and resumes; a stand-in for the planner launches the
next incarnation once nothing is open and nothing is alive. Safety is checked after every pass, convergence at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from providers.errors import CloudError, RetryClass
from providers.observed import InstanceState
from providers.requests import LaunchInstance, StopInstance, TerminateInstance
from reconciler import on
from reconciler.execution.outcomes import Result
from reconciler.planning.intents import IntentState
from reconciler.store.cell import CellStore
from tests.support.acting import Acting, action_of, launch_of
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import slot


class Crash(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class DyingJournal:
    """The cell's store, as a process uses it that dies at one call of it: `method`, before or after it is on disk."""

    journal: CellStore
    method: str
    after: bool

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.journal, name)
        if name != self.method:
            return call

        def die(*args: Any, **fields: Any) -> None:
            if self.after:
                call(*args, **fields)
            raise Crash

        return die


def die_in_journal(method: str, *, after: bool) -> Callable[[Acting], None]:
    def arrange(acting: Acting) -> None:
        acting.journal = DyingJournal(acting.journal, method, after)  # type: ignore[assignment]  # a stand-in with its face

    return arrange


def die_in_call(*, after_effect: bool) -> Callable[[Acting], None]:
    def arrange(acting: Acting) -> None:
        acting.cloud.fail_next(LaunchInstance, Crash(), after_effect=after_effect)

    return arrange


def lose(*, after_effect: bool, times: int) -> Callable[[Acting], None]:
    """No crash: the request or its reply is lost, and the process lives on."""

    def arrange(acting: Acting) -> None:
        gone = CloudError(
            operation="RunInstances", code="Timeout", message="", retry=RetryClass.TRANSIENT
        )
        acting.cloud.fail_next(LaunchInstance, gone, after_effect=after_effect, times=times)

    return arrange


POINTS: dict[str, Callable[[Acting], None]] = {
    "before the intent": die_in_journal("begin", after=False),
    "after the intent, before the call": die_in_journal("begin", after=True),
    "in the call, before its effect": die_in_call(after_effect=False),
    "in the call, after its effect": die_in_call(after_effect=True),
    "after the reply, before it is journaled": die_in_journal("move", after=False),
    "after the reply is journaled": die_in_journal("move", after=True),
    "requests lost": lose(after_effect=False, times=3),
    "replies lost": lose(after_effect=True, times=3),
    "many replies lost": lose(after_effect=True, times=12),
    "requests lost for very long": lose(after_effect=False, times=80),
}
POINTS_OF_RECOVERY: dict[str, Callable[[Acting], None]] = {
    "no second fault": lambda _acting: None,
    **POINTS,
    "before the second sending is written": die_in_journal("resent", after=False),
    "after the second sending is written": die_in_journal("resent", after=True),
}


def try_pass(acting: Acting) -> None:
    """One pass of a process that may die in it; after a death, another process takes over."""
    try:
        acting.look_again()
        memory = acting.journal.memory(acting.clock.now())
        if not memory.open_intents and not acting.cloud.alive():
            incarnation = 1 + memory.highest_incarnations.get(slot("web/0"), 0)
            family = launch_of("web/0", incarnation=incarnation).family
            attempt = 1 + memory.highest_attempts.get(family, 0)
            acting.carry_out(launch_of("web/0", incarnation=incarnation, attempt=attempt))
    except Crash:
        acting.crash()


@pytest.mark.parametrize("second", POINTS_OF_RECOVERY.values(), ids=POINTS_OF_RECOVERY)
@pytest.mark.parametrize("first", POINTS.values(), ids=POINTS)
def test_there_is_never_a_second_instance_and_in_the_end_there_is_one(
    acting: Acting, first: Callable[[Acting], None], second: Callable[[Acting], None]
) -> None:
    first(acting)
    try_pass(acting)
    second(acting)
    passes_to_converge = 0
    while not converged(acting):
        passes_to_converge += 1
        assert passes_to_converge < 120, "it never converges"
        try_pass(acting)
        assert len(acting.cloud.alive()) <= 1
    sent = len(acting.cloud.mutations)
    for _ in range(3):
        try_pass(acting)
    assert len(acting.cloud.alive()) == 1
    assert len(acting.cloud.mutations) == sent


def converged(acting: Acting) -> bool:
    """One instance runs, the journal knows it, and nothing is open."""
    memory = acting.journal.memory(acting.clock.now())
    running = [item.id for item in acting.cloud.alive() if item.state is InstanceState.RUNNING]
    observed = [
        item.resource_id for item in memory.recent_intents if item.state is IntentState.OBSERVED
    ]
    return not memory.open_intents and len(running) == 1 and running == observed[-1:]


def test_what_was_converged_sends_nothing_after_a_restart(acting: Acting) -> None:
    for _ in range(4):
        try_pass(acting)
    sent = len(acting.cloud.mutations)
    acting.crash()
    for _ in range(60):
        try_pass(acting)
    assert len(acting.cloud.mutations) == sent == 1


def test_an_instance_hidden_by_eventual_consistency_is_not_launched_again(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, Crash(), after_effect=True)
    try_pass(acting)
    (made,) = acting.cloud.alive()
    acting.cloud.hidden.add(made.id)
    for _ in range(12):
        try_pass(acting)
    acting.cloud.hidden.clear()
    for _ in range(12):
        try_pass(acting)
    assert [item.id for item in acting.cloud.alive()] == [made.id]


def test_a_launch_whose_script_is_gone_is_found_again_by_its_token(acting: Acting) -> None:
    action = launch_of("web/0", user_data_sha256="a" * 64)
    acting.user_data["a" * 64] = "#!/bin/sh"
    acting.cloud.fail_next(LaunchInstance, Crash(), after_effect=True)
    with pytest.raises(Crash):
        acting.carry_out(action)
    acting.user_data.clear()
    (made,) = acting.cloud.alive()
    acting.cloud.hidden.add(made.id)
    acting.crash()
    (waiting,) = acting.look_again()
    assert (waiting.result, acting.intent(action).state) == (Result.AMBIGUOUS, IntentState.BEGUN)
    acting.cloud.hidden.clear()
    acting.look_again()
    assert acting.intent(action).resource_id == made.id
    assert len(acting.cloud.mutations) == 1


def test_a_stop_that_was_begun_long_ago_is_not_sent_now(acting: Acting) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", StopInstance(instance_id=instance.id))
    acting.cloud.fail_next(StopInstance, Crash())
    with pytest.raises(Crash):
        acting.carry_out(action)
    acting.crash()
    acting.look_again(after=10 * MINUTE)
    for _ in range(30):
        acting.look_again()
    assert acting.now(instance.id).state == "running"
    assert len(acting.cloud.mutations) == 1
    assert acting.intent(action).state is IntentState.LOST


def test_a_terminate_without_a_reply_is_resolved_by_what_is_seen(acting: Acting) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", TerminateInstance(instance_id=instance.id))
    acting.cloud.fail_next(TerminateInstance, Crash(), after_effect=True)
    with pytest.raises(Crash):
        acting.carry_out(action)
    acting.crash()
    for _ in range(4):
        acting.look_again()
    assert acting.intent(action).state is IntentState.OBSERVED
    assert len(acting.cloud.mutations) == 1


def test_a_call_that_never_reached_the_cloud_is_sent_again_while_it_is_fresh(
    acting: Acting,
) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", TerminateInstance(instance_id=instance.id))
    acting.cloud.fail_next(TerminateInstance, Crash())
    with pytest.raises(Crash):
        acting.carry_out(action)
    acting.crash()
    (outcome,) = acting.look_again()
    assert outcome.result is Result.ACCEPTED
    assert acting.now(instance.id).state == "shutting-down"


def test_what_a_second_sending_rests_on_is_read_again(acting: Acting) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", TerminateInstance(instance_id=instance.id))
    acting.cloud.fail_next(TerminateInstance, Crash())
    with pytest.raises(Crash):
        acting.carry_out(action)
    acting.cloud.tag_by_hand(instance.id, {"fleet-reconciler:slot": "3"})
    acting.crash()
    (outcome,) = acting.look_again()
    assert outcome.result is Result.PRECHECK_FAILED
    assert acting.now(instance.id).state == "running"
    assert acting.intent(action).state is IntentState.BEGUN


@pytest.mark.parametrize("die_in", ["the handler", "move"])
def test_after_handlers_run_at_least_once_whatever_happens(acting: Acting, die_in: str) -> None:
    seen: list[str | None] = []

    @on.after(LaunchInstance)
    def register(context: on.ActionContext[LaunchInstance]) -> None:
        if die_in == "the handler" and not seen:
            seen.append("died")
            raise Crash
        seen.append(context.resource_id)

    acting.handled_by(register)
    if die_in == "move":
        die_in_journal("move", after=False)(acting)
    try_pass(acting)
    acting.clock.advance(60 * SECOND)
    try_pass(acting)
    try_pass(acting)
    (instance,) = acting.cloud.alive()
    assert seen[-1] == instance.id
    assert acting.journal.owed_after() == ()
