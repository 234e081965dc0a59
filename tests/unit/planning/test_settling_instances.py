"""What the state of a named instance proves of calls on it, and what ends those that show no effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import (
    GapSubject,
    InstanceState,
    Presence,
)
from providers.requests import (
    RebootInstance,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import (
    Missing,
    Resend,
    Settled,
    Waiting,
)
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import NOW
from tests.support.settling import (
    POLICY,
    WEB,
    WINDOW,
    blind,
    intent_of,
    later,
    observed,
    on_web,
    seen_as,
    settled_one,
    without,
)

STATES = tuple(InstanceState)
PROVES = {
    TerminateInstance: {InstanceState.TERMINATED: IntentState.OBSERVED},
    StopInstance: {
        InstanceState.STOPPED: IntentState.OBSERVED,
        InstanceState.TERMINATED: IntentState.OBSERVED,
    },
    StartInstance: {
        InstanceState.RUNNING: IntentState.OBSERVED,
        InstanceState.SHUTTING_DOWN: IntentState.DEAD,
        InstanceState.TERMINATED: IntentState.DEAD,
    },
}


@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("request_type", PROVES, ids=lambda item: item.__name__)
def test_what_each_state_proves(
    request_type: Any, state: InstanceState, known: IntentState
) -> None:
    settlement = settled_one(intent_of(on_web(request_type), known), seen_as(WEB, state=state))
    expected = PROVES[request_type].get(state)
    if expected:
        assert isinstance(settlement, Settled)
        assert settlement.state is expected
    else:
        assert isinstance(settlement, Waiting | Resend)


@pytest.mark.parametrize(
    ("request_type", "fields", "under_way", "deadline"),
    [
        (TerminateInstance, {}, InstanceState.SHUTTING_DOWN, POLICY.deadlines.terminate),
        (StopInstance, {}, InstanceState.STOPPING, POLICY.deadlines.stop),
        (StopInstance, {"forced": True}, InstanceState.STOPPING, POLICY.deadlines.stop_forced),
        (StartInstance, {}, InstanceState.PENDING, POLICY.deadlines.pending),
    ],
)
def test_what_is_under_way_past_its_deadline_lets_the_slot_escalate(
    request_type: Any, fields: dict[str, Any], under_way: InstanceState, deadline: timedelta
) -> None:
    intent = intent_of(on_web(request_type, **fields), IntentState.ACCEPTED, ago=timedelta(0))
    view = seen_as(WEB, state=under_way)
    assert settled_one(intent, later(view, deadline - SECOND)) == Waiting(
        operation_id=intent.action.operation_id,
        why=f"{WEB} is {under_way}",
        until=NOW + deadline,
    )
    settlement = settled_one(intent, later(view, deadline))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_a_view_that_is_older_than_the_call_proves_nothing() -> None:
    view = seen_as(WEB, state=InstanceState.STOPPED)
    stop = on_web(StopInstance)
    assert isinstance(settled_one(intent_of(stop, ago=-SECOND), view), Waiting)
    assert isinstance(settled_one(intent_of(stop, ago=timedelta(0)), view), Settled)


@pytest.mark.parametrize("request_type", PROVES, ids=lambda item: item.__name__)
def test_a_gap_proves_nothing_whatever_else_is_seen(request_type: Any) -> None:
    state = next(iter(PROVES[request_type]))
    view = blind(seen_as(WEB, state=state), GapSubject.INSTANCES)
    intent = intent_of(on_web(request_type), ago=60 * MINUTE, first_missed_at=NOW - 30 * MINUTE)
    assert isinstance(settled_one(intent, view), Waiting)


def test_a_gap_elsewhere_holds_nothing_up() -> None:
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    zone = view.instances[WEB].zone
    other = next(key for key in view.zones if key != zone)
    intent = intent_of(on_web(TerminateInstance))
    assert isinstance(settled_one(intent, blind(view, GapSubject.INSTANCES, other)), Settled)
    assert isinstance(settled_one(intent, blind(view, GapSubject.INSTANCES, zone)), Waiting)


def test_a_reboot_leaves_no_trace_and_counts_as_done() -> None:
    for known in (IntentState.BEGUN, IntentState.ACCEPTED):
        view = blind(observed(), GapSubject.INSTANCES)
        settlement = settled_one(intent_of(on_web(RebootInstance), known), view)
        assert isinstance(settlement, Settled)
        assert settlement.state is IntentState.OBSERVED


# Calls without an answer and without an effect.


@pytest.mark.parametrize("request_type", [TerminateInstance, StopInstance])
def test_a_disruptive_call_is_sent_again_only_while_its_plan_would_still_hold(
    request_type: Any,
) -> None:
    action = on_web(request_type)
    fresh = intent_of(action, ago=POLICY.plan_expires_after - SECOND)
    assert isinstance(settled_one(fresh, observed()), Resend)
    stale = intent_of(action, ago=POLICY.plan_expires_after)
    assert isinstance(settled_one(stale, observed()), Missing)


def test_a_disruptive_call_without_effect_is_lost_and_decided_afresh() -> None:
    stale = intent_of(on_web(TerminateInstance), ago=10 * MINUTE, first_missed_at=NOW - WINDOW)
    settlement = settled_one(stale, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


def test_a_start_is_sent_again_for_as_long_as_it_may_be_ambiguous() -> None:
    view = seen_as(WEB, state=InstanceState.STOPPED)
    ambiguous = POLICY.deadlines.ambiguous
    start = on_web(StartInstance)
    assert isinstance(settled_one(intent_of(start, ago=ambiguous - SECOND), view), Resend)
    assert isinstance(settled_one(intent_of(start, ago=ambiguous), view), Missing)


@pytest.mark.parametrize(
    ("request_type", "expected"),
    [
        (TerminateInstance, IntentState.OBSERVED),
        (StopInstance, IntentState.OBSERVED),
        (StartInstance, IntentState.LOST),
    ],
)
def test_an_instance_that_is_positively_gone_ends_its_intents(
    request_type: Any, expected: IntentState
) -> None:
    view = without(observed(by_id={WEB: Presence.NOT_FOUND}), WEB)
    intent = intent_of(on_web(request_type), IntentState.ACCEPTED)
    assert isinstance(settled_one(intent, view), Missing)
    settlement = settled_one(replace(intent, first_missed_at=NOW - WINDOW), view)
    assert isinstance(settlement, Waiting), "our own write is younger than the window"
    old = replace(intent, first_missed_at=NOW - WINDOW, updated_at=NOW - WINDOW)
    settlement = settled_one(old, view)
    assert isinstance(settlement, Settled)
    assert settlement.state is expected


def test_an_instance_in_no_list_that_was_not_asked_for_is_waited_for() -> None:
    intent = intent_of(on_web(TerminateInstance), ago=60 * MINUTE)
    assert isinstance(settled_one(intent, without(observed(), WEB)), Waiting)
