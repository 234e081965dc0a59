"""Intents: written before every effect, moved only along the declared graph, never two at once for a slot."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.planning.actions import Action
from reconciler.planning.intents import MOVES, IntentState
from reconciler.store.cell import CellStore
from reconciler.store.errors import IntentRefused
from reconciler.store.store import Store
from tests.support.actions import attach, launch, retag, terminate
from tests.support.cases import CELL
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import NOW, slot

LATER = NOW + MINUTE


def moved_to(cell: CellStore, action: Action, state: IntentState) -> None:
    """Bring a new intent of that action into that state."""
    cell.begin(action, NOW)
    if state is not IntentState.BEGUN:
        cell.move(action.operation_id, state, NOW)


def test_an_intent_survives_the_process_with_its_whole_request(path: Path) -> None:
    action = attach("shared-postgres/3")
    with Store.open(path) as store:
        begun = store.cell(CELL).begin(action, NOW)
    with Store.open(path) as store:
        assert store.cell(CELL).intent(action.operation_id) == begun
    assert begun.action == action


def test_an_intent_is_on_disk_when_begin_returns(path: Path) -> None:
    # A process that is killed the moment after, with no chance to flush anything.
    script = f"""
import os, signal
from reconciler.store.store import Store
from tests.support.actions import launch
from tests.support.cases import CELL
from tests.support.resources import NOW
Store.open({str(path)!r}).cell(CELL).begin(launch("web/1"), NOW)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    with Store.open(path) as store:
        (intent,) = store.cell(CELL).memory(NOW).open_intents
        assert intent.action == launch("web/1")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(IntentState, IntentState)))
def test_only_declared_moves_are_taken(
    cell: CellStore, before: IntentState, after: IntentState
) -> None:
    action = launch("web/1")
    moved_to(cell, action, before)
    if after in MOVES[before]:
        cell.move(action.operation_id, after, LATER)
        expected = after
    else:
        with pytest.raises(IntentRefused, match=f"is {before}; it cannot become {after}"):
            cell.move(action.operation_id, after, LATER)
        expected = before
    found = cell.intent(action.operation_id)
    assert found is not None
    assert found.state is expected


def test_what_was_never_begun_cannot_move(cell: CellStore) -> None:
    with pytest.raises(IntentRefused, match="was never begun"):
        cell.move("0" * 64, IntentState.ACCEPTED, NOW)


def test_an_operation_id_stands_for_one_request_forever(cell: CellStore) -> None:
    cell.begin(launch("web/1"), NOW)
    other = launch("web/1", request={"type": "m5.large"})
    with pytest.raises(IntentRefused, match="its operation id was used for another request"):
        cell.begin(other, LATER)
    cell.move(other.operation_id, IntentState.REJECTED, LATER)
    with pytest.raises(IntentRefused, match="its operation id was used for another request"):
        cell.begin(other, LATER)


def test_an_operation_id_that_is_not_derived_is_refused(cell: CellStore) -> None:
    with pytest.raises(IntentRefused, match="is not derived"):
        cell.begin(replace(launch("web/1"), attempt=2), NOW)


def test_the_same_intent_begun_again_without_an_answer_is_the_same_intent(cell: CellStore) -> None:
    first = cell.begin(launch("web/1"), NOW)
    assert cell.begin(launch("web/1"), LATER) == first


@pytest.mark.parametrize("state", sorted(set(IntentState) - {IntentState.BEGUN}))
def test_an_intent_that_has_an_answer_is_not_begun_again(
    cell: CellStore, state: IntentState
) -> None:
    moved_to(cell, launch("web/1"), state)
    with pytest.raises(IntentRefused, match=f"is {state} already"):
        cell.begin(launch("web/1"), LATER)


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_a_slot_with_an_open_exclusive_intent_is_busy(cell: CellStore, state: IntentState) -> None:
    moved_to(cell, launch("web/1"), state)
    with pytest.raises(IntentRefused, match=rf"web/1 is busy with launch of web/1.*is {state}"):
        cell.begin(terminate("web/1"), LATER)
    cell.begin(terminate("web/2"), LATER)
    cell.begin(retag("web/1"), LATER)


@pytest.mark.parametrize("state", sorted(MOVES[IntentState.BEGUN] - {IntentState.ACCEPTED}))
def test_a_slot_is_free_once_its_intent_has_ended(cell: CellStore, state: IntentState) -> None:
    moved_to(cell, launch("web/1"), state)
    assert cell.begin(terminate("web/1"), LATER).state is IntentState.BEGUN


def test_an_orphan_keeps_itself_busy(cell: CellStore) -> None:
    orphan = replace(terminate("web/1"), slot=None)
    cell.begin(orphan, NOW)
    other_family = replace(
        orphan, family="other", operation_id=launch("web/9").operation_id, attempt=1
    )
    with pytest.raises(IntentRefused, match="not derived"):
        cell.begin(other_family, NOW)
    with pytest.raises(IntentRefused, match="is busy with terminate"):
        cell.begin(replace(terminate("web/1", attempt=2), slot=None), NOW)


def test_two_threads_never_both_begin_for_one_slot(cell: CellStore) -> None:
    refused: list[IntentRefused] = []

    def begin(attempt: int) -> None:
        try:
            cell.begin(launch("web/1", attempt=attempt), NOW)
        except IntentRefused as fault:
            refused.append(fault)

    threads = [threading.Thread(target=begin, args=(attempt,)) for attempt in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(cell.memory(NOW).open_intents) == 1


def test_a_resource_id_once_known_is_kept(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    cell.move(action.operation_id, IntentState.ACCEPTED, NOW, resource_id="i-1")
    ended = cell.move(action.operation_id, IntentState.DEAD, LATER, error_message="terminated")
    assert (ended.resource_id, ended.error_message) == ("i-1", "terminated")


def test_a_rejection_is_remembered_with_its_reason_and_when_to_try_again(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    rejected = cell.move(
        action.operation_id,
        IntentState.REJECTED,
        LATER,
        error_code="InsufficientInstanceCapacity",
        error_message="no m6i.large in use1-az1",
        retry_at=LATER + MINUTE,
    )
    assert cell.memory(LATER).recent_intents == (rejected,)
    assert (rejected.error_code, rejected.retry_at) == (
        "InsufficientInstanceCapacity",
        LATER + MINUTE,
    )


def test_the_first_miss_is_remembered_without_ending_anything(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    cell.missed(action.operation_id, LATER)
    (intent,) = cell.memory(LATER).open_intents
    assert (intent.first_missed_at, intent.updated_at) == (LATER, NOW)


def test_sending_again_is_written_down_and_only_where_no_answer_is_known(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    assert cell.resent(action.operation_id, LATER).updated_at == LATER
    cell.move(action.operation_id, IntentState.ACCEPTED, LATER)
    with pytest.raises(IntentRefused, match="is accepted; it is not sent again"):
        cell.resent(action.operation_id, LATER)


def test_handlers_that_are_owed_stay_owed_until_they_have_run(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    cell.move(action.operation_id, IntentState.ACCEPTED, NOW, after_owed=True)
    cell.move(action.operation_id, IntentState.OBSERVED, LATER)
    assert [item.action for item in cell.owed_after()] == [action]
    cell.after_done(action.operation_id)
    assert cell.owed_after() == ()


def test_history_tells_every_move_newest_first(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW)
    cell.begin(launch("web/2"), NOW)
    cell.resent(action.operation_id, NOW + timedelta(seconds=20))
    cell.move(action.operation_id, IntentState.ACCEPTED, LATER, resource_id="i-1")
    cell.move(action.operation_id, IntentState.OBSERVED, LATER + HOUR, detail="i-1 is running")
    told = cell.history(slot("web/1"), 10)
    assert [entry.event for entry in told] == ["observed", "accepted", "resent", "begun"]
    assert told[0].message == "i-1 is running"
    assert all(entry.action == action for entry in told)
    assert len(cell.history(None, 10)) == 5
    assert [entry.event for entry in cell.history(slot("web/1"), 1)] == ["observed"]
