"""How a launch ends: found by id, tag or token, and never taken for lost too soon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import (
    GapSubject,
    InstanceState,
    Presence,
)
from reconciler.planning.actions import Action
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.settling.settle import (
    Missing,
    Resend,
    Settled,
    Waiting,
    settle,
)
from tests.support.acting import launch_of
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import NOW
from tests.support.settling import (
    POLICY,
    WEB,
    WINDOW,
    blind,
    intent_of,
    later,
    launched,
    observed,
    settled_one,
)

LAUNCH = launch_of("web/0", incarnation=2)


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED, IntentState.ABANDONED])
def test_a_launch_is_observed_once_its_instance_runs(state: IntentState) -> None:
    settlement = settled_one(intent_of(LAUNCH, state), launched(LAUNCH))
    assert settlement == Settled(
        operation_id=LAUNCH.operation_id,
        state=IntentState.OBSERVED,
        resource_id="i-made",
        detail="i-made is running",
    )


def test_a_launch_is_found_by_its_id_when_its_tags_are_gone() -> None:
    view = launched(LAUNCH)
    bare = replace(view.instances["i-made"], tags={}, client_token=None)
    view = replace(view, instances={**view.instances, "i-made": bare})
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    assert isinstance(settled_one(intent, view), Settled)


def test_a_launch_is_found_by_its_client_token() -> None:
    view = observed()
    made = replace(view.instances[WEB], id="i-made", client_token=LAUNCH.operation_id)
    view = replace(view, instances={**view.instances, "i-made": made})
    settlement = settled_one(intent_of(LAUNCH), view)
    assert isinstance(settlement, Settled)
    assert settlement.resource_id == "i-made"


def test_a_pending_launch_without_an_answer_is_accepted_by_being_seen() -> None:
    view = launched(LAUNCH, state=InstanceState.PENDING)
    settlement = settled_one(intent_of(LAUNCH), view)
    assert isinstance(settlement, Settled)
    assert (settlement.state, settlement.resource_id) == (IntentState.ACCEPTED, "i-made")


def test_a_pending_launch_waits_until_its_deadline_and_is_dead_then() -> None:
    view = launched(LAUNCH, state=InstanceState.PENDING)
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    deadline = NOW - MINUTE + POLICY.deadlines.pending
    assert settled_one(intent, view) == Waiting(
        operation_id=LAUNCH.operation_id, why="i-made is pending", until=deadline
    )
    settlement = settled_one(intent, replace(view, as_of=deadline))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


@pytest.mark.parametrize("state", [InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED])
@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_a_launch_that_ended_is_dead_and_says_why(state: InstanceState, known: IntentState) -> None:
    view = launched(LAUNCH, state=state, state_reason="Server.InsufficientInstanceCapacity")
    settlement = settled_one(intent_of(LAUNCH, known), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD
    assert "Server.InsufficientInstanceCapacity" in settlement.detail


@pytest.mark.parametrize("state", [InstanceState.STOPPING, InstanceState.STOPPED])
def test_a_launch_that_someone_stopped_since_did_come_up(state: InstanceState) -> None:
    settlement = settled_one(intent_of(LAUNCH), launched(LAUNCH, state=state))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED


@pytest.mark.parametrize("gap", [None, GapSubject.INSTANCES])
def test_an_unanswered_launch_is_sent_again_even_blindly_since_its_token_looks_it_up(
    gap: GapSubject | None,
) -> None:
    view = blind(observed(), gap) if gap else observed()
    assert isinstance(settled_one(intent_of(LAUNCH), view), Resend)


def sent_lately(action: Action, *, begun: timedelta) -> Intent:
    """Begun that long ago, and sent again in each pass of its ten minutes, without an answer."""
    last_sent = NOW - begun + POLICY.deadlines.ambiguous - 15 * SECOND
    return replace(intent_of(action, ago=begun), updated_at=last_sent)


def test_a_launch_that_was_not_sent_for_a_while_is_sent_once_more_before_it_is_given_up() -> None:
    assert isinstance(settled_one(intent_of(LAUNCH, ago=20 * MINUTE), observed()), Resend)


def test_a_launch_that_was_sent_after_a_pause_is_sent_until_there_is_an_answer() -> None:
    """Whoever sent it may have died before the answer: two short lists must not count as its end."""
    resent = replace(intent_of(LAUNCH, ago=20 * MINUTE), updated_at=NOW - 2 * SECOND)
    assert isinstance(settled_one(resent, observed()), Resend)
    ended = replace(intent_of(LAUNCH, ago=60 * MINUTE), updated_at=NOW - 2 * SECOND)
    assert isinstance(settled_one(ended, observed()), Missing)


def test_a_launch_is_not_sent_again_when_ec2_may_have_forgotten_its_token() -> None:
    assert isinstance(settled_one(intent_of(LAUNCH, ago=60 * MINUTE), observed()), Missing)


def test_after_ten_minutes_an_unanswered_launch_is_looked_for_instead_of_sent() -> None:
    intent = sent_lately(LAUNCH, begun=POLICY.deadlines.ambiguous)
    assert settled_one(intent, observed()) == Missing(
        operation_id=LAUNCH.operation_id, first_missed_at=NOW
    )


def test_it_is_abandoned_when_a_view_that_must_show_it_does_not() -> None:
    """Its last request may have had its effect, and what it made need not be shown before the window is over."""
    sent = sent_lately(LAUNCH, begun=16 * MINUTE)
    looked_for = replace(sent, first_missed_at=NOW - POLICY.consistency_window)
    settlement = settled_one(looked_for, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.ABANDONED
    too_early = replace(looked_for, first_missed_at=NOW - POLICY.consistency_window + SECOND)
    assert isinstance(settled_one(too_early, observed()), Waiting)


def test_a_slot_has_at_most_one_abandoned_launch() -> None:
    first = intent_of(launch_of("web/0", incarnation=2), IntentState.ABANDONED, ago=30 * MINUTE)
    second = sent_lately(launch_of("web/0", incarnation=3), begun=11 * MINUTE)
    other_slot = sent_lately(launch_of("web/1", incarnation=3), begun=11 * MINUTE)
    _, here, there = settle([first, second, other_slot], observed(), POLICY, NOW)
    assert isinstance(here, Waiting)
    assert isinstance(there, Missing)


def test_a_launch_is_not_abandoned_while_its_zone_cannot_be_read() -> None:
    zone = LAUNCH.request.zone
    intent = sent_lately(LAUNCH, begun=11 * MINUTE)
    assert isinstance(settled_one(intent, blind(observed(), GapSubject.INSTANCES, zone)), Waiting)
    elsewhere = blind(observed(), GapSubject.INSTANCES, "use1-az4")
    assert isinstance(settled_one(intent, elsewhere), Missing)


def test_an_accepted_launch_is_lost_only_after_two_looks_a_window_apart() -> None:
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    view = observed(by_id={"i-made": Presence.NOT_FOUND})
    assert settled_one(intent, view) == Missing(
        operation_id=LAUNCH.operation_id, first_missed_at=NOW
    )
    missed = replace(intent, first_missed_at=NOW)
    almost = settled_one(missed, later(view, WINDOW - SECOND))
    assert isinstance(almost, Waiting)
    assert almost.until == NOW + WINDOW
    settlement = settled_one(missed, later(view, WINDOW))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


@pytest.mark.parametrize("presence", [None, Presence.UNREADABLE, Presence.FOUND])
def test_an_id_that_was_not_refuted_is_never_lost(presence: Presence | None) -> None:
    intent = intent_of(
        LAUNCH,
        IntentState.ACCEPTED,
        ago=60 * MINUTE,
        resource_id="i-made",
        first_missed_at=NOW - 30 * MINUTE,
    )
    view = observed(by_id={"i-made": presence} if presence else {})
    assert isinstance(settled_one(intent, view), Waiting)


def test_an_abandoned_launch_proves_lost_in_time() -> None:
    intent = intent_of(LAUNCH, IntentState.ABANDONED, ago=30 * MINUTE)
    assert isinstance(settled_one(intent, observed()), Missing)
    missed = replace(intent, first_missed_at=NOW - WINDOW)
    settlement = settled_one(missed, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


def test_the_window_starts_again_after_our_own_last_write() -> None:
    intent = replace(
        intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made"),
        first_missed_at=NOW - 60 * MINUTE,
        updated_at=NOW - WINDOW + SECOND,
    )
    view = observed(by_id={"i-made": Presence.NOT_FOUND})
    assert isinstance(settled_one(intent, view), Waiting)
