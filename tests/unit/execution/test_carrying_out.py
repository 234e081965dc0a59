"""Each action by itself: intent before effect, the answer in the journal, failures as outcomes."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)
from providers.requests import LaunchInstance, RebootInstance, SetTags, TerminateInstance
from reconciler import on
from reconciler.execution.outcomes import Offering, Outcome, Result
from reconciler.planning.intents import IntentState
from reconciler.planning.outcome import Plan
from reconciler.store.errors import LeaseLost, StoreError
from tests.support.acting import Acting, action_of, launch_of
from tests.support.actions import launch_request
from tests.support.fleets import MINUTE, SECOND, user_data, web_fleet


def fault(
    retry: RetryClass, *, code: str = "Broken", operation: str = "RunInstances"
) -> CloudError:
    return CloudError(operation=operation, code=code, message="no", retry=retry)


def only(outcomes: tuple[Outcome, ...]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def test_a_launch_is_accepted_and_journaled_with_its_id(acting: Acting) -> None:
    action = launch_of("web/0")
    outcome = only(acting.carry_out(action))
    assert (outcome.result, outcome.resource_id) == (Result.ACCEPTED, acting.cloud.alive()[0].id)
    intent = acting.intent(action)
    assert (intent.state, intent.resource_id) == (IntentState.ACCEPTED, outcome.resource_id)


def test_the_boot_script_goes_into_the_call_and_only_its_hash_into_the_journal(
    acting: Acting,
) -> None:
    script = user_data("#!/bin/sh\necho secret-of-boot\n")
    acting.user_data[script.sha256] = script.text
    acting.carry_out(launch_of("web/0", user_data_sha256=script.sha256))
    assert acting.cloud.calls[-1].user_data == script.text
    assert b"secret-of-boot" not in acting.path.read_bytes()


def test_a_launch_whose_boot_script_is_not_at_hand_is_not_begun(acting: Acting) -> None:
    action = launch_of("web/0", user_data_sha256="0" * 64)
    assert only(acting.carry_out(action)).result is Result.SKIPPED
    assert acting.journal.intent(action.operation_id) is None
    assert acting.cloud.mutations == ()


@pytest.mark.parametrize(
    "retry",
    [
        RetryClass.CAPACITY,
        RetryClass.QUOTA,
        RetryClass.CONSISTENCY,
        RetryClass.STATE,
        RetryClass.INVALID,
    ],
)
def test_an_error_that_says_not_carried_out_is_a_rejection_and_sent_once(
    acting: Acting, retry: RetryClass
) -> None:
    action = launch_of("web/0")
    acting.cloud.fail_next(LaunchInstance, fault(retry))
    outcome = only(acting.carry_out(action))
    assert (outcome.result, outcome.retry, outcome.error_code) == (Result.REJECTED, retry, "Broken")
    intent = acting.intent(action)
    assert (intent.state, intent.error_code) == (IntentState.REJECTED, "Broken")
    assert len(acting.cloud.mutations) == 1


def test_a_missing_permission_is_told_in_the_clouds_words(acting: Acting) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", TerminateInstance(instance_id=instance.id))
    denied = CloudError(
        operation="TerminateInstances",
        code="UnauthorizedOperation",
        message="the credentials need the permission ec2:TerminateInstances",
        retry=RetryClass.DENIED,
    )
    acting.cloud.fail_next(TerminateInstance, denied)
    outcome = only(acting.carry_out(action))
    assert outcome.result is Result.REJECTED
    assert "need the permission ec2:TerminateInstances" in outcome.message
    assert acting.intent(action).error_message == outcome.message


def test_a_lack_of_capacity_is_told_with_zone_and_type(acting: Acting) -> None:
    action = launch_of("web/0")
    acting.cloud.world.no_capacity.add(("use1-az1", "m6i.large"))
    outcome = only(acting.carry_out(action))
    assert outcome.short_of == Offering(zone="use1-az1", type="m6i.large")


@pytest.mark.parametrize("in_a_row", range(6))
def test_a_rejection_holds_longer_each_time(acting: Acting, in_a_row: int) -> None:
    for attempt in range(1, in_a_row + 2):
        acting.cloud.fail_next(LaunchInstance, fault(RetryClass.QUOTA))
        outcome = only(acting.carry_out(launch_of("web/0", attempt=attempt)))
        acting.clock.advance(10 * SECOND)
    expected = (5, 15, 60, 300, 300, 300)[in_a_row]
    assert outcome.retry_at == acting.clock.now() - 10 * SECOND + expected * SECOND
    assert acting.intent(outcome.action).retry_at == outcome.retry_at


def test_another_slot_or_another_call_starts_with_the_shortest_delay(acting: Acting) -> None:
    for attempt in (1, 2, 3):
        acting.cloud.fail_next(LaunchInstance, fault(RetryClass.QUOTA))
        acting.carry_out(launch_of("web/0", attempt=attempt))
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.QUOTA))
    outcome = only(acting.carry_out(launch_of("web/1")))
    assert outcome.retry_at == acting.clock.now() + 5 * SECOND


def test_a_throttled_call_is_tried_again_after_growing_waits(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.THROTTLE), times=2)
    assert only(acting.carry_out(launch_of("web/0"))).result is Result.ACCEPTED
    assert acting.clock.slept == [1.0, 2.0]
    assert len(acting.cloud.alive()) == 1


def test_a_call_that_stays_throttled_is_rejected_after_three_attempts(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.THROTTLE), times=9)
    assert only(acting.carry_out(launch_of("web/0"))).result is Result.REJECTED
    assert len(acting.cloud.mutations) == 3


def test_a_launch_without_an_answer_is_sent_again_verbatim_with_its_token(acting: Acting) -> None:
    lost = fault(RetryClass.TRANSIENT, code="RequestTimeout")
    acting.cloud.fail_next(LaunchInstance, lost, after_effect=True)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert outcome.result is Result.ACCEPTED
    first, second = acting.cloud.mutations
    assert first == second
    assert [item.id for item in acting.cloud.alive()] == [outcome.resource_id]


def test_a_launch_that_never_gets_an_answer_stays_begun(acting: Acting) -> None:
    action = launch_of("web/0")
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.TRANSIENT), after_effect=True, times=9)
    assert only(acting.carry_out(action)).result is Result.AMBIGUOUS
    assert acting.intent(action).state is IntentState.BEGUN
    assert len(acting.cloud.mutations) == 3


@pytest.mark.parametrize("later", sorted(set(RetryClass) - {RetryClass.TRANSIENT}))
def test_what_may_have_been_carried_out_is_never_rejected_by_a_later_error(
    acting: Acting, later: RetryClass
) -> None:
    action = launch_of("web/0")
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.TRANSIENT), after_effect=True)
    acting.cloud.fail_next(LaunchInstance, fault(later), times=2)
    acting.carry_out(action)
    assert acting.intent(action).state is not IntentState.REJECTED


def test_a_call_without_a_token_is_never_repeated_blindly(acting: Acting) -> None:
    instance = acting.running("web/0")
    action = action_of("web/0", RebootInstance(instance_id=instance.id))
    acting.cloud.fail_next(RebootInstance, fault(RetryClass.TRANSIENT), after_effect=True)
    assert only(acting.carry_out(action)).result is Result.AMBIGUOUS
    assert len(acting.cloud.mutations) == 1
    assert acting.intent(action).state is IntentState.BEGUN


def test_a_token_used_for_another_request_adopts_what_that_one_made(acting: Acting) -> None:
    action = launch_of("web/0")
    earlier = launch_request("web/0", client_token=action.operation_id, type="m5.large")
    made = acting.cloud.world.carry_out(earlier, None)
    outcome = only(acting.carry_out(action))
    assert (outcome.result, outcome.resource_id) == (Result.ACCEPTED, made)
    assert "IdempotentParameterMismatch" in outcome.message
    assert len(acting.cloud.alive()) == 1


def test_a_token_used_by_someone_else_is_not_adopted(acting: Acting) -> None:
    action = launch_of("web/0")
    foreign = launch_request("web/0", client_token=action.operation_id, tags={}, type="m5.large")
    acting.cloud.world.carry_out(foreign, None)
    assert only(acting.carry_out(action)).result is Result.AMBIGUOUS
    assert acting.intent(action).state is IntentState.BEGUN


def test_a_token_whose_instance_was_terminated_is_dead(acting: Acting) -> None:
    action = launch_of("web/0")
    made = acting.cloud.world.carry_out(action.request, None)
    assert made is not None
    acting.cloud.terminate_by_hand(made)
    assert only(acting.carry_out(action)).result is Result.DEAD
    assert acting.intent(action).state is IntentState.DEAD


@pytest.mark.parametrize("retry", [RetryClass.DENIED, RetryClass.TRANSIENT])
def test_without_credentials_or_connection_the_pass_ends_and_nothing_is_in_doubt(
    acting: Acting, retry: RetryClass
) -> None:
    first, second = launch_of("web/0"), launch_of("web/1")
    acting.cloud.fail_next(LaunchInstance, fault(retry, code=NOT_SENT), times=3)
    outcomes = acting.carry_out(first, second)
    assert [item.result for item in outcomes] == [Result.REJECTED, Result.SKIPPED]
    assert "NotSent" in outcomes[1].message
    assert acting.intent(first).state is IntentState.REJECTED
    assert acting.journal.intent(second.operation_id) is None


def test_what_may_have_been_sent_before_the_connection_went_stays_open(acting: Acting) -> None:
    action = launch_of("web/0")
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.TRANSIENT), after_effect=True)
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.TRANSIENT, code=NOT_SENT), times=2)
    assert only(acting.carry_out(action)).result is Result.AMBIGUOUS
    assert acting.intent(action).state is IntentState.BEGUN


@pytest.mark.parametrize("gone", [CredentialsError("expired"), EndpointUnreachable("no route")])
def test_a_second_look_that_cannot_be_taken_ends_the_pass(acting: Acting, gone: Exception) -> None:
    instance = acting.running("web/0")
    acting.cloud.fail_reads(gone)
    outcomes = acting.carry_out(
        action_of("web/0", TerminateInstance(instance_id=instance.id)), launch_of("web/1")
    )
    assert [item.result for item in outcomes] == [Result.SKIPPED, Result.SKIPPED]
    assert acting.cloud.mutations == ()


def test_one_slots_trouble_does_not_stop_another(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.INVALID))
    outcomes = acting.carry_out(launch_of("web/0"), launch_of("web/1"))
    assert [item.result for item in outcomes] == [Result.REJECTED, Result.ACCEPTED]


def test_a_slot_that_is_busy_is_passed_over(acting: Acting) -> None:
    acting.carry_out(launch_of("web/0"))
    outcome = only(acting.carry_out(launch_of("web/0", incarnation=2)))
    assert outcome.result is Result.SKIPPED
    assert "web/0 is busy with launch" in outcome.message
    assert len(acting.cloud.alive()) == 1


def test_a_plan_that_has_expired_is_discarded(acting: Acting) -> None:
    case = acting.case()
    action = launch_of("web/0")
    acting.clock.advance(acting.desired.policy.plan_expires_after + SECOND)
    outcome = only(acting.executor.carry_out(Plan(made_at=case.now, actions=(action,)), case))
    assert outcome.result is Result.SKIPPED
    assert "the plan has expired" in outcome.message
    assert acting.cloud.mutations == ()


def test_a_pass_acts_for_half_a_minute_and_leaves_the_rest_to_the_next(acting: Acting) -> None:
    @on.before(LaunchInstance)
    def slow(_context: on.ActionContext[LaunchInstance]) -> None:
        acting.clock.advance(timedelta(seconds=16))

    acting.handled_by(slow)
    outcomes = acting.carry_out(*(launch_of(f"web/{ordinal}") for ordinal in range(4)))
    results = [item.result for item in outcomes]
    assert results == [Result.ACCEPTED, Result.ACCEPTED, Result.SKIPPED, Result.SKIPPED]
    assert "time of this pass is used up" in outcomes[-1].message


@pytest.mark.parametrize("workers", [1, 8])
def test_outcomes_come_in_plan_order_whoever_was_faster(tmp_path: Path, workers: int) -> None:
    acting = Acting(tmp_path, web_fleet(replicas=40), workers=workers)
    actions = tuple(launch_of(f"web/{ordinal}") for ordinal in range(40))
    outcomes = acting.carry_out(*actions)
    assert [item.action for item in outcomes] == list(actions)
    assert len(acting.cloud.alive()) == 40
    acting.close()


def test_the_actions_of_one_slot_are_done_one_after_the_other_in_plan_order(tmp_path: Path) -> None:
    acting = Acting(tmp_path, web_fleet(replicas=8), workers=8)
    ids = {ordinal: acting.running(f"web/{ordinal}").id for ordinal in range(8)}
    actions = tuple(
        action_of(
            f"web/{ordinal}",
            SetTags(resource_id=ids[ordinal], tags={"step": str(step)}),
            name=f"step {step}",
        )
        for step in range(5)
        for ordinal in range(8)
    )
    acting.carry_out(*actions)
    assert [acting.now(key).tags["step"] for key in ids.values()] == ["4"] * 8
    acting.close()


@pytest.mark.parametrize("workers", [1, 8])
def test_without_a_journal_nothing_more_is_done(tmp_path: Path, workers: int) -> None:
    acting = Acting(tmp_path, web_fleet(replicas=40), workers=workers)
    case = acting.case()
    actions = tuple(launch_of(f"web/{ordinal}") for ordinal in range(40))
    acting.handled_by(on.before(LaunchInstance)(LeaseTaken(acting, after_launches=3)))
    executor = acting.executor
    with pytest.raises(LeaseLost) as raised:
        executor.carry_out(Plan(made_at=case.now, actions=actions), case)
    assert isinstance(raised.value, StoreError)
    assert len(acting.cloud.mutations) <= 3 + workers
    begun = acting.journal.memory(acting.clock.now()).open_intents
    assert len(begun) >= len(acting.cloud.mutations)
    acting.close()


class LeaseTaken:
    """A before-handler after whose third call another process holds the cell."""

    def __init__(self, acting: Acting, *, after_launches: int) -> None:
        self.acting = acting
        self.left = after_launches
        self.lock = threading.Lock()

    def __call__(self, _context: object) -> None:
        # Another process writes past this one's store.
        with self.lock:
            self.left -= 1
            if self.left == 0:
                raw = sqlite3.connect(self.acting.path, timeout=5)
                with raw:
                    raw.execute("UPDATE leases SET holder = 'another', epoch = epoch + 1")
                raw.close()


def test_a_minute_of_trouble_is_not_answered_with_a_storm_of_retries(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, fault(RetryClass.THROTTLE), times=1000)
    executor = acting.executor
    case = acting.case()
    actions = tuple(
        launch_of(f"web/{ordinal}", attempt=attempt)
        for attempt in (1, 2, 3, 4, 5)
        for ordinal in range(4)
    )
    for action in actions:
        executor.carry_out(Plan(made_at=acting.clock.now(), actions=(action,)), case)
    assert acting.clock.now() - case.now < MINUTE
    retries = len(acting.cloud.mutations) - len(actions)
    assert retries == 3
