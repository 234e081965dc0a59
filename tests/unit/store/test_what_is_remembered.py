"""What passes and people leave in the store, and how a case gets it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.health.verdict import RememberedHealth, Sign, Status
from reconciler.planning.actions import Action, Gate, SlotRef
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import (
    Approval,
    CapacityMemory,
    ColdStart,
    Memory,
    Pause,
)
from reconciler.planning.orders import Order, OrderKind
from reconciler.store.cell import CellStore
from reconciler.store.errors import StoreUnusable
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from tests.support.actions import attach, expiry, launch, retag, snapshot, terminate
from tests.support.cases import CELL
from tests.support.fleets import DAY, HOUR, MINUTE, SECOND
from tests.support.memory_of_passes import known, lessons
from tests.support.resources import NOW, instance_id, slot

HEALTH = RememberedHealth(
    status=Status.SUSPECT,
    status_since=NOW - MINUTE,
    since={Sign.PROBE: NOW - MINUTE, Sign.SYSTEM_CHECK: NOW - 7 * SECOND},
    healthy_at=NOW - HOUR,
    good_since=None,
    probe_failures=3,
)
SHORT = CapacityMemory(
    zone="use1-az1", type="m6i.large", failures=2, last_failed_at=NOW, until=NOW + 3 * MINUTE
)
APPROVAL = Approval(
    id="web-1-0a1b2c",
    gate=Gate.APPROVE,
    granted_at=NOW,
    expires_at=NOW + DAY,
    granted_by="erin",
)
ORDER = Order(
    slot=SlotRef("web", 1),
    kind=OrderKind.RESTORE,
    incarnation=3,
    reason="a table was dropped",
    given_at=NOW,
    expires_at=NOW + DAY,
    given_by="erin",
    snapshot_id="snap-1",
    max_loss=timedelta(minutes=7, microseconds=250),
)
PAUSE = Pause(
    scope="web", reason="upgrade", paused_at=NOW, expires_at=NOW + 4 * HOUR, paused_by="erin"
)


def test_a_new_cell_remembers_nothing(cell: CellStore) -> None:
    assert cell.memory(NOW) == Memory()
    assert cell.last_pass() is None


def test_what_a_pass_learnt_comes_back_exactly(path: Path) -> None:
    resources = {
        item.id: item
        for item in (
            known("web/1"),
            known("web/2", absent_since=NOW - MINUTE, absent_checks=2),
            known("web/3", ended=True, slot=None, claim="data", kind="volume"),
        )
    }
    learnt = lessons(
        known=resources,
        health={instance_id("web/1"): HEALTH},
        held_since={"web/1|mode-approve": NOW - HOUR},
        cold=ColdStart(since=NOW - HOUR, complete_observations=2),
    )
    with Store.open(path) as store:
        store.cell(CELL).record_pass(PassRecord(lessons=learnt, capacity=(SHORT,)))
    with Store.open(path, read_only=True) as store:
        memory = store.cell(CELL).memory(NOW)
    assert memory == Memory(
        passes=1,
        cold=learnt.cold,
        known=learnt.known,
        health=learnt.health,
        capacity=(SHORT,),
        held_since=learnt.held_since,
        recorded_since=NOW,
    )


def test_a_pass_takes_the_place_of_what_the_last_one_knew(cell: CellStore) -> None:
    first = lessons(
        known={item.id: item for item in (known("web/1"), known("web/2"))},
        health={"i-1": HEALTH},
        held_since={"web/1|paused": NOW},
        cold=ColdStart(since=NOW, complete_observations=1),
    )
    cell.record_pass(PassRecord(lessons=first, capacity=(SHORT,)))
    changed = known("web/2", zone="use1-az4")
    second = lessons(known={item.id: item for item in (changed, known("web/3"))})
    cell.record_pass(PassRecord(lessons=second))
    assert cell.memory(NOW) == Memory(passes=2, known=second.known, recorded_since=NOW)


def test_only_complete_looks_are_counted(cell: CellStore) -> None:
    for looks in (2, 0, 1):
        cell.record_pass(PassRecord(lessons=lessons(complete_looks=looks)))
    assert cell.memory(NOW).passes == 3


def test_a_pass_is_kept_whole_or_not_at_all(cell: CellStore) -> None:
    cell.record_pass(PassRecord(lessons=lessons(known={known("web/1").id: known("web/1")})))
    twice = (SHORT, replace(SHORT, failures=9), replace(SHORT, zone=None))  # type: ignore[arg-type]
    with pytest.raises(StoreUnusable, match="nothing was written"):
        cell.record_pass(PassRecord(lessons=lessons(known={}), capacity=twice))
    assert list(cell.memory(NOW).known) == [known("web/1").id]
    assert cell.memory(NOW).passes == 1


def test_status_sees_the_last_pass(cell: CellStore) -> None:
    for minutes in (1, 2):
        learnt = lessons(as_of=NOW + minutes * MINUTE, complete_looks=minutes - 1)
        cell.record_pass(PassRecord(lessons=learnt, counts={"healthy": minutes}))
    last = cell.last_pass()
    assert last is not None
    assert (last.as_of, last.complete, last.counts) == (NOW + 2 * MINUTE, True, {"healthy": 2})


def test_closed_intents_are_recent_for_a_day_oldest_first(cell: CellStore) -> None:
    for hours, ordinal in ((30, 1), (3, 2), (2, 3)):
        action = launch(f"web/{ordinal}")
        cell.begin(action, NOW - hours * HOUR)
        cell.move(action.operation_id, IntentState.OBSERVED, NOW - hours * HOUR)
    assert [item.action for item in cell.memory(NOW).recent_intents] == [
        launch("web/2"),
        launch("web/3"),
    ]


def test_a_snapshot_that_was_taken_is_recent_for_an_hour_and_one_that_was_not_for_a_day(
    cell: CellStore,
) -> None:
    taken, failed, deleted = snapshot(), snapshot(attempt=2), expiry("snap-1")
    for action, state in (
        (taken, IntentState.OBSERVED),
        (failed, IntentState.LOST),
        (deleted, IntentState.OBSERVED),
    ):
        cell.begin(action, NOW)
        cell.move(action.operation_id, state, NOW)
    within, beyond = cell.memory(NOW + HOUR), cell.memory(NOW + HOUR + 10 * MINUTE)
    assert len(within.recent_intents) == 3
    assert within.highest_attempts == {taken.family: 2, deleted.family: 1}
    assert [item.action for item in beyond.recent_intents] == [failed]
    assert beyond.highest_attempts == {taken.family: 2}


@pytest.mark.parametrize(("begun", "lasts"), [(snapshot, HOUR), (launch, DAY)])
def test_what_ended_within_ten_minutes_ceases_to_be_recent_together(
    cell: CellStore, begun: Callable[[str], Action], lasts: timedelta
) -> None:
    """Each time all that is recent is read anew, and on a bad day there are thousands."""
    for minute, ordinal in ((1, 0), (4, 1), (9, 2)):
        action = begun(f"shared-postgres/{ordinal}")
        cell.begin(action, NOW + minute * MINUTE)
        cell.move(action.operation_id, IntentState.OBSERVED, NOW + minute * MINUTE)
    first = cell.memory(NOW + lasts)
    assert len(first.recent_intents) == 3
    assert cell.memory(NOW + lasts + 10 * MINUTE - SECOND) is first
    assert cell.memory(NOW + lasts + 10 * MINUTE).recent_intents == ()


def test_what_ends_while_memory_is_kept_ceases_to_be_recent_in_its_time(cell: CellStore) -> None:
    """Only what was written is read again then, and it has an end of its own."""
    action = launch("web/1")
    cell.memory(NOW)
    cell.begin(action, NOW)
    assert [item.action for item in cell.memory(NOW).open_intents] == [action]
    cell.move(action.operation_id, IntentState.OBSERVED, NOW)
    assert [item.action for item in cell.memory(NOW).recent_intents] == [action]
    assert cell.memory(NOW + DAY + 10 * MINUTE).recent_intents == ()


def test_snapshots_that_went_well_are_forgotten_after_three_days(cell: CellStore) -> None:
    taken, asked_for, launched = snapshot(), snapshot("shared-postgres/1"), launch("web/1")
    for action in (taken, launched):
        cell.begin(action, NOW - 4 * DAY)
        cell.move(action.operation_id, IntentState.OBSERVED, NOW - 4 * DAY)
    cell.begin(asked_for, NOW - 4 * DAY)
    cell.record_pass(PassRecord(lessons=lessons(as_of=NOW)))
    assert cell.intent(taken.operation_id) is None
    assert cell.intent(asked_for.operation_id) is not None
    assert cell.intent(launched.operation_id) is not None
    told = {entry.action.operation_id for entry in cell.history(None, 10)}
    assert told == {asked_for.operation_id, launched.operation_id}


def test_an_abandoned_intent_stays_recent_until_it_is_found_or_lost(cell: CellStore) -> None:
    action = launch("web/1")
    cell.begin(action, NOW - 30 * DAY)
    cell.move(action.operation_id, IntentState.ABANDONED, NOW - 30 * DAY)
    assert [item.action for item in cell.memory(NOW).recent_intents] == [action]
    cell.move(action.operation_id, IntentState.LOST, NOW - 29 * DAY)
    assert cell.memory(NOW).recent_intents == ()


def test_the_highest_incarnation_counts_launches_that_may_have_had_effect(cell: CellStore) -> None:
    for incarnation, state in ((1, "observed"), (2, "lost"), (3, "rejected")):
        action = launch("web/1", incarnation=incarnation)
        cell.begin(action, NOW)
        cell.move(action.operation_id, IntentState(state), NOW)
    cell.begin(terminate("web/1", incarnation=9), NOW)
    cell.begin(launch("web/2", incarnation=4), NOW)
    assert cell.memory(NOW + 365 * DAY).highest_incarnations == {
        slot("web/1"): 2,
        slot("web/2"): 4,
    }


def test_the_highest_attempt_is_kept_for_each_family_however_it_ended(cell: CellStore) -> None:
    for attempt in (1, 2, 3):
        action = launch("web/1", attempt=attempt)
        cell.begin(action, NOW)
        cell.move(action.operation_id, IntentState.REJECTED, NOW)
    cell.begin(retag("web/2"), NOW)
    assert cell.memory(NOW + 365 * DAY).highest_attempts == {
        launch("web/1").family: 3,
        retag("web/2").family: 1,
    }


def test_old_events_of_ended_intents_are_dropped_and_their_numbers_kept(cell: CellStore) -> None:
    ended, still_open = launch("web/1"), launch("web/2")
    cell.begin(ended, NOW - 40 * DAY)
    cell.move(ended.operation_id, IntentState.OBSERVED, NOW - 40 * DAY)
    cell.begin(still_open, NOW - 40 * DAY)
    cell.record_pass(PassRecord(lessons=lessons(as_of=NOW)))
    assert [entry.action for entry in cell.history(None, 10)] == [still_open]
    assert cell.memory(NOW).highest_incarnations[SlotRef("web", 1)] == 1
    assert cell.intent(ended.operation_id) is not None


def test_an_approval_is_remembered_until_it_expires_or_is_revoked(cell: CellStore) -> None:
    cell.grant(APPROVAL)
    assert cell.memory(NOW).approvals == {APPROVAL.id: APPROVAL}
    assert cell.memory(NOW + DAY).approvals == {}
    assert cell.revoke(APPROVAL.id)
    assert not cell.revoke(APPROVAL.id)
    assert cell.memory(NOW).approvals == {}


def test_an_approval_holds_the_loss_that_was_shown_to_the_microsecond(cell: CellStore) -> None:
    shown = replace(APPROVAL, max_loss=timedelta(hours=26, seconds=1, microseconds=999_999))
    empty = replace(APPROVAL, id="web-2-0a1b2c", empty=True)
    for approval in (shown, empty):
        cell.grant(approval)
    assert cell.memory(NOW).approvals == {shown.id: shown, empty.id: empty}


def test_an_order_is_remembered_until_it_expires_or_is_withdrawn(cell: CellStore) -> None:
    fenced = replace(ORDER, kind=OrderKind.FENCED, instance_id="i-1", max_loss=None)
    for given in (ORDER, fenced):
        cell.order(given)
    assert set(cell.memory(NOW).orders) == {ORDER, fenced}
    assert cell.memory(NOW + DAY).orders == ()
    assert cell.withdraw(ORDER.slot, OrderKind.RESTORE, NOW)
    assert not cell.withdraw(ORDER.slot, OrderKind.RESTORE, NOW)
    assert cell.memory(NOW).orders == (fenced,)


def test_what_was_ordered_stays_on_record_whatever_became_of_it(cell: CellStore) -> None:
    again = replace(ORDER, reason="another table was dropped", given_at=NOW + MINUTE)
    other = replace(ORDER, slot=SlotRef("web", 2))
    for given in (ORDER, again, other):
        cell.order(given)
    cell.withdraw(other.slot, OrderKind.RESTORE, NOW + HOUR)
    told = [(item.order, item.ended_at) for item in cell.given_orders(None, 10)]
    assert told == [(other, NOW + HOUR), (again, None), (ORDER, NOW + MINUTE)]
    of_slot = cell.given_orders(ORDER.slot, 1)
    assert [item.order for item in of_slot] == [again]


def test_an_order_that_expired_long_ago_is_forgotten(path: Path) -> None:
    with Store.open(path) as store:
        store.cell(CELL).order(ORDER)
        store.cell(CELL).record_pass(PassRecord(lessons=lessons(as_of=NOW + 30 * DAY)))
        assert len(store.cell(CELL).given_orders(None, 10)) == 1
    with Store.open(path) as store:
        store.cell(CELL).record_pass(PassRecord(lessons=lessons(as_of=NOW + 32 * DAY)))
        assert store.cell(CELL).given_orders(None, 10) == ()


def test_a_second_order_of_a_kind_for_a_slot_takes_the_place_of_the_first(cell: CellStore) -> None:
    cell.order(ORDER)
    again = replace(ORDER, reason="another table was dropped", snapshot_id=None)
    cell.order(again)
    assert cell.memory(NOW).orders == (again,)


def test_a_second_approval_of_the_same_id_takes_the_place_of_the_first(cell: CellStore) -> None:
    cell.grant(APPROVAL)
    longer = replace(APPROVAL, expires_at=NOW + 2 * DAY, granted_by="sam")
    cell.grant(longer)
    assert cell.memory(NOW).approvals == {APPROVAL.id: longer}


def test_a_pause_is_remembered_until_it_expires_or_is_resumed(cell: CellStore) -> None:
    cell.pause(PAUSE)
    cell.pause(replace(PAUSE, scope="*"))
    assert len(cell.memory(NOW).pauses) == 2
    assert cell.memory(NOW + 4 * HOUR).pauses == ()
    assert cell.resume("*")
    assert not cell.resume("*")
    assert cell.memory(NOW).pauses == (PAUSE,)


def test_a_cold_cell_released_by_a_person_stays_released(cell: CellStore) -> None:
    cold = ColdStart(since=NOW, complete_observations=1)
    cell.record_pass(PassRecord(lessons=lessons(cold=cold)))
    cell.release_cold()
    # A pass that began before the word was given knows nothing of it.
    cell.record_pass(PassRecord(lessons=lessons(cold=replace(cold, complete_observations=2))))
    assert cell.memory(NOW).cold == ColdStart(since=NOW, complete_observations=2, released=True)


def test_cells_share_a_file_and_nothing_else(store: Store) -> None:
    here, there = store.cell(CELL), store.cell(replace(CELL, region="eu-west-1"))
    here.begin(launch("web/1"), NOW)
    here.record_pass(PassRecord(lessons=lessons(known={known("web/1").id: known("web/1")})))
    here.grant(APPROVAL)
    here.pause(PAUSE)
    assert there.memory(NOW) == Memory()
    assert there.history(None, 10) == ()
    there.record_pass(PassRecord(lessons=lessons()))
    assert list(here.memory(NOW).known) == [known("web/1").id]


def test_the_same_memory_always_reads_in_the_same_order(cell: CellStore) -> None:
    for ordinal in (3, 1, 2):
        cell.begin(attach(f"shared-postgres/{ordinal}"), NOW)
    resources = {known(f"web/{n}").id: known(f"web/{n}") for n in (5, 4, 6)}
    cell.record_pass(PassRecord(lessons=lessons(known=resources)))
    memory = cell.memory(NOW)
    assert list(memory.known) == sorted(resources)
    ids = [item.action.operation_id for item in memory.open_intents]
    assert ids == sorted(ids)


def test_what_a_newer_version_wrote_is_refused_in_words(path: Path, cell: CellStore) -> None:
    cell.begin(launch("web/1"), NOW)
    with sqlite3.connect(path) as raw:
        raw.execute(
            """UPDATE intents SET action = replace(action, '"kind":"launch"', '"kind":"fly"')"""
        )
    raw.close()
    with pytest.raises(StoreUnusable, match="use the version that wrote it"):
        cell.memory(NOW)


def test_what_passes_learnt_is_not_read_again_because_an_intent_was_written(
    cell: CellStore,
) -> None:
    resource = known("web/0")
    cell.record_pass(PassRecord(lessons=lessons(known={resource.id: resource})))
    before = cell.memory(NOW)
    cell.begin(launch("web/0"), NOW)
    after = cell.memory(NOW)
    assert after.open_intents != before.open_intents
    assert after.known is before.known
    assert after.health is before.health


def test_what_passes_learnt_is_read_again_once_another_process_wrote(tmp_path: Path) -> None:
    resource = known("web/0")
    with Store.open(tmp_path / "store") as ours, Store.open(tmp_path / "store") as theirs:
        ours.cell(CELL).record_pass(PassRecord(lessons=lessons(known={resource.id: resource})))
        cell = ours.cell(CELL)
        assert cell.memory(NOW).known == {resource.id: resource}
        theirs.cell(CELL).record_pass(PassRecord(lessons=lessons()))
        assert cell.memory(NOW).known == {}
