"""All open intents of a cell, settled by one observation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import (
    InstanceState,
)
from providers.requests import (
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling.settle import (
    memory_after,
    settle,
)
from tests.support.acting import launch_of
from tests.support.fleets import MINUTE
from tests.support.resources import NOW
from tests.support.settling import (
    ATTACH,
    DATA,
    POLICY,
    WEB,
    intent_of,
    observed,
    on_db,
    on_web,
    seen_as,
)

LAUNCH = launch_of("web/0", incarnation=2)


@pytest.mark.parametrize("state", sorted(set(IntentState) - {"begun", "accepted", "abandoned"}))
def test_intents_that_have_ended_are_passed_over(state: IntentState) -> None:
    assert settle([intent_of(LAUNCH, state)], observed(), POLICY, NOW) == ()


def test_every_open_intent_gets_one_settlement_in_their_order() -> None:
    intents = [
        intent_of(launch_of("web/1", incarnation=2)),
        intent_of(on_web(StopInstance)),
        intent_of(on_db(ATTACH)),
    ]
    settlements = settle(intents, observed(), POLICY, NOW)
    assert [item.operation_id for item in settlements] == [
        item.action.operation_id for item in intents
    ]


def test_a_dry_run_plans_on_what_the_run_would_have_journaled() -> None:
    gone = intent_of(on_web(TerminateInstance), IntentState.ACCEPTED)
    lost = intent_of(LAUNCH, IntentState.ABANDONED, ago=60 * MINUTE)
    waits = intent_of(on_db(ATTACH))
    before = Memory(open_intents=(gone, waits), recent_intents=(lost,))
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    view = replace(
        view, volumes={**view.volumes, DATA: replace(view.volumes[DATA], attachments=())}
    )
    settlements = settle((gone, waits, lost), view, POLICY, NOW)
    after = memory_after(before, settlements, NOW)
    assert [item.action for item in after.open_intents] == [waits.action]
    assert after.open_intents[0].first_missed_at == NOW
    states = {item.action.operation_id: item.state for item in after.recent_intents}
    assert states == {
        gone.action.operation_id: IntentState.OBSERVED,
        lost.action.operation_id: IntentState.ABANDONED,
    }
