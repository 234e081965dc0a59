"""Users' handlers: what they may do, and what becomes of an action when they fail."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from providers.requests import LaunchInstance, Request, SetTags, TerminateInstance
from reconciler import on
from reconciler.execution.handlers import STANDARD
from reconciler.execution.loading import HandlersError, load_handlers
from reconciler.execution.outcomes import Outcome, Result
from reconciler.planning.intents import IntentState
from tests.support.acting import Acting, action_of, launch_of
from tests.support.fleets import MINUTE, SECOND

Launching = on.ActionContext[LaunchInstance]


def only(outcomes: tuple[Outcome, ...]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def test_every_request_is_carried_out_by_a_handler_of_ours() -> None:
    assert set(STANDARD.actions) == set(get_args(Request))


def test_a_before_handler_sees_the_request_and_runs_between_intent_and_call(acting: Acting) -> None:
    action = launch_of("web/0")
    seen: list[object] = []

    @on.before(LaunchInstance)
    def look(context: Launching) -> None:
        begun = acting.intent(action).state
        seen.append((context.request.type, begun, len(acting.cloud.mutations)))

    acting.handled_by(look)
    acting.carry_out(action)
    assert seen == [("m6i.large", IntentState.BEGUN, 0)]


def test_a_before_handler_runs_for_its_kind_of_request_only(acting: Acting) -> None:
    @on.before(TerminateInstance)
    def refuse(_context: on.ActionContext[TerminateInstance]) -> None:
        raise on.PermanentError("never")

    acting.handled_by(refuse)
    assert only(acting.carry_out(launch_of("web/0"))).result is Result.ACCEPTED


def test_a_temporary_error_holds_the_action_back_for_its_delay(acting: Acting) -> None:
    action = launch_of("web/0")

    @on.before(LaunchInstance)
    def wait(_context: Launching) -> None:
        raise on.TemporaryError("the registry is busy", delay=90)

    acting.handled_by(wait)
    outcome = only(acting.carry_out(action))
    assert (outcome.result, outcome.message) == (Result.SKIPPED, "the registry is busy")
    assert outcome.retry_at == acting.clock.now() + 90 * SECOND
    assert acting.intent(action).retry_at == outcome.retry_at
    assert acting.cloud.mutations == ()


def test_a_permanent_error_rejects_the_action(acting: Acting) -> None:
    @on.before(LaunchInstance)
    def refuse(_context: Launching) -> None:
        raise on.PermanentError("the licence has no seat left")

    acting.handled_by(refuse)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert outcome.result is Result.REJECTED
    assert outcome.retry_at == acting.clock.now() + 30 * MINUTE
    assert acting.cloud.mutations == ()


def test_a_before_handler_with_a_bug_holds_the_action_back_and_is_named(acting: Acting) -> None:
    @on.before(LaunchInstance)
    def buggy(_context: Launching) -> None:
        raise KeyError("oops")

    acting.handled_by(buggy)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert outcome.result is Result.SKIPPED
    assert outcome.message == "handler buggy failed: KeyError: 'oops'"
    assert acting.cloud.mutations == ()


def test_a_handler_that_holds_back_a_second_sending_rejects_nothing(acting: Acting) -> None:
    action = launch_of("web/0")
    held = False

    @on.before(LaunchInstance)
    def hold(_context: Launching) -> None:
        if held:
            raise on.TemporaryError("not now")

    acting.handled_by(hold)
    acting.cloud.fail_next(LaunchInstance, KeyboardInterrupt(), after_effect=True)
    with pytest.raises(KeyboardInterrupt):
        acting.carry_out(action)
    (made,) = acting.cloud.alive()
    acting.cloud.hidden.add(made.id)
    held = True
    assert only(acting.look_again()).result is Result.SKIPPED
    assert acting.intent(action).state is IntentState.BEGUN


def test_an_action_handler_takes_the_place_of_ours(acting: Acting) -> None:
    @on.action(LaunchInstance)
    def by_broker(context: Launching) -> on.Receipt:
        return on.Receipt(resource_id=f"i-broker-{context.action.incarnation}", request_id=None)

    acting.handled_by(by_broker)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert (outcome.result, outcome.resource_id) == (Result.ACCEPTED, "i-broker-1")
    assert acting.cloud.mutations == ()


def test_an_action_handler_may_send_the_request_itself(acting: Acting) -> None:
    @on.action(LaunchInstance)
    def around(context: Launching) -> on.Receipt:
        return context.send()

    acting.handled_by(around)
    assert only(acting.carry_out(launch_of("web/0"))).result is Result.ACCEPTED
    assert len(acting.cloud.mutations) == 1


@pytest.mark.parametrize("sends", [False, True])
def test_an_action_handler_that_gives_up_rejects_only_what_it_did_not_send(
    acting: Acting, *, sends: bool
) -> None:
    action = launch_of("web/0")

    @on.action(LaunchInstance)
    def gives_up(context: Launching) -> on.Receipt:
        if sends:
            context.send()
        raise on.TemporaryError("no", delay=5)

    acting.handled_by(gives_up)
    acting.carry_out(action)
    expected = IntentState.BEGUN if sends else IntentState.REJECTED
    assert acting.intent(action).state is expected


def test_an_action_handler_with_a_bug_leaves_the_outcome_open(acting: Acting) -> None:
    action = launch_of("web/0")

    @on.action(LaunchInstance)
    def buggy(_context: Launching) -> on.Receipt:
        raise ZeroDivisionError

    acting.handled_by(buggy)
    assert only(acting.carry_out(action)).result is Result.AMBIGUOUS
    assert acting.intent(action).state is IntentState.BEGUN


def test_an_after_handler_sees_what_was_made_and_is_owed_nothing_then(acting: Acting) -> None:
    seen: list[str | None] = []

    @on.after(LaunchInstance)
    def register(context: Launching) -> None:
        seen.append(context.resource_id)

    acting.handled_by(register)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert seen == [outcome.resource_id]
    acting.look_again()
    assert len(seen) == 1


def test_an_after_handler_that_fails_is_tried_again_and_undoes_nothing(acting: Acting) -> None:
    calls = 0

    @on.after(LaunchInstance)
    def flaky(_context: Launching) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise on.TemporaryError("the registry is down")

    acting.handled_by(flaky)
    outcome = only(acting.carry_out(launch_of("web/0")))
    assert outcome.result is Result.ACCEPTED
    assert "handler flaky failed" in outcome.message
    for _ in range(5):
        acting.look_again()
    assert calls == 3


def test_an_after_handler_that_gives_up_for_good_is_owed_nothing(acting: Acting) -> None:
    @on.after(LaunchInstance)
    def never(_context: Launching) -> None:
        raise on.PermanentError("no such registry")

    acting.handled_by(never)
    acting.carry_out(launch_of("web/0"))
    assert acting.journal.owed_after() == ()


def test_after_handlers_do_not_run_for_what_was_rejected(acting: Acting) -> None:
    seen: list[object] = []

    @on.after(SetTags)
    def look(context: on.ActionContext[SetTags]) -> None:
        seen.append(context)

    acting.handled_by(look)
    tags = SetTags(resource_id="i-unknown", tags={"a": "b"})
    assert only(acting.carry_out(action_of("web/0", tags))).result is Result.REJECTED
    assert seen == []


HANDLERS = """
from reconciler import on

@on.before(on.TerminateInstance)
def drain(context: on.ActionContext[on.TerminateInstance]) -> None:
    raise on.TemporaryError("draining", delay=30)

@on.action(on.LaunchInstance)
def launch(context):
    return context.send()

@on.after(on.LaunchInstance)
def register(context):
    pass

@on.check
def fresh(context):
    return ()
"""


def test_handlers_are_loaded_from_a_file_and_stand_beside_ours(tmp_path: Path) -> None:
    path = tmp_path / "handlers.py"
    path.write_text(HANDLERS)
    handlers = load_handlers(path)
    assert [item.name for item in handlers.before] == ["drain"]
    assert [item.name for item in handlers.after] == ["register"]
    assert [item.name for item in handlers.checks] == ["fresh"]
    assert handlers.actions[LaunchInstance].name == "launch"
    assert handlers.actions[TerminateInstance] is STANDARD.actions[TerminateInstance]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def broken(:\n", r"handlers\.py:1: invalid syntax"),
        ("x = 1\ny = x / 0\n", r"handlers\.py:2: ZeroDivisionError: division by zero"),
        ("import no_such_module\n", r"handlers\.py:1: ModuleNotFoundError"),
        ("x = 1\n", "defines no handler: decorate a function"),
        (
            HANDLERS + "\n@on.action(on.LaunchInstance)\ndef again(context):\n    pass\n",
            "launch and again both carry out LaunchInstance: keep one",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "handlers.py"
    path.write_text(text)
    with pytest.raises(HandlersError, match=complaint):
        load_handlers(path)


def test_a_missing_file_or_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HandlersError, match="is not a file: name a Python file"):
        load_handlers(tmp_path / "missing.py")
    (tmp_path / "handlers.txt").write_text(HANDLERS)
    with pytest.raises(HandlersError, match=r"its name must end in \.py"):
        load_handlers(tmp_path / "handlers.txt")
