"""How places are, what can not be read, and what lifts the brakes; quiet passes write none of it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from reconciler.health.conditions import Condition, RememberedCondition, Scope, ScopeKind
from reconciler.health.reads import Look, RememberedReads
from reconciler.planning.memory import Override
from reconciler.store.cell import CellStore
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from tests.support.cases import CELL
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.memory_of_passes import lessons
from tests.support.resources import NOW

ZONE = Scope(ScopeKind.ZONE, "use1-az1")
REGION = Scope(ScopeKind.REGION, "us-east-1")
SICK = RememberedCondition(
    condition=Condition.CRITICAL,
    since=NOW - HOUR,
    calm_since=NOW - MINUTE,
    below_since=NOW,
    relapses=2,
    trouble_began_at=NOW - 2 * HOUR,
    set_off_by=("web/1", "web/2"),
)
NO_LONGER = RememberedCondition(
    condition=Condition.NORMAL, since=NOW, calm_since=NOW - HOUR, normal_since=NOW
)
UNREAD = RememberedReads(
    looks=(Look(at=NOW - MINUTE, lacked="Unavailable"), Look(at=NOW, lacked=None)),
    open_since=NOW - MINUTE,
)
OVERRIDE = Override(
    reason="the region is gone", given_at=NOW, expires_at=NOW + HOUR, given_by="erin"
)


def test_how_places_are_and_which_can_not_be_read_comes_back_exactly(path: Path) -> None:
    learnt = lessons(conditions={ZONE: SICK, REGION: NO_LONGER}, reads={"use1-az1": UNREAD})
    with Store.open(path) as store:
        store.cell(CELL).record_pass(PassRecord(lessons=learnt))
    with Store.open(path, read_only=True) as store:
        memory = store.cell(CELL).memory(NOW)
    assert memory.conditions == learnt.conditions
    assert memory.reads == learnt.reads


def test_a_place_that_is_forgotten_is_forgotten_in_the_store_too(
    cell: CellStore, path: Path
) -> None:
    for conditions in ({ZONE: SICK, REGION: SICK}, {REGION: SICK}):
        cell.record_pass(PassRecord(lessons=lessons(conditions=conditions)))
    assert cell.memory(NOW).conditions == {REGION: SICK}
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT scope FROM conditions").fetchall() == [("region us-east-1",)]
    raw.close()


def test_a_pass_over_steady_places_writes_none_of_them(cell: CellStore, path: Path) -> None:
    learnt = lessons(conditions={ZONE: NO_LONGER}, reads={"use1-az1": UNREAD})
    cell.record_pass(PassRecord(lessons=learnt))
    with sqlite3.connect(path) as raw:
        raw.execute(
            "CREATE TRIGGER steady BEFORE DELETE ON conditions"
            " BEGIN SELECT RAISE(ABORT, 'written'); END"
        )
    raw.close()
    cell.record_pass(PassRecord(lessons=learnt))
    assert cell.memory(NOW).conditions == learnt.conditions


def test_the_record_begins_with_the_first_pass_and_stays_so(cell: CellStore) -> None:
    assert cell.memory(NOW).recorded_since is None
    for minutes in (0, 1, 2):
        learnt = lessons(as_of=NOW + minutes * MINUTE, complete_looks=0)
        cell.record_pass(PassRecord(lessons=learnt))
    assert cell.memory(NOW + DAY).recorded_since == NOW


def test_an_override_is_in_force_until_it_expires(cell: CellStore) -> None:
    cell.override(OVERRIDE)
    assert cell.memory(NOW).override == OVERRIDE
    assert cell.memory(NOW + HOUR).override is None


def test_the_newest_override_in_force_counts(cell: CellStore) -> None:
    later = replace(OVERRIDE, reason="still gone", given_at=NOW + MINUTE, given_by="sam")
    for given in (OVERRIDE, later):
        cell.override(given)
    assert cell.memory(NOW + MINUTE).override == later


def test_an_override_that_is_taken_back_stays_on_record(cell: CellStore) -> None:
    cell.override(OVERRIDE)
    assert cell.end_override(NOW + MINUTE)
    assert not cell.end_override(NOW + MINUTE)
    assert cell.memory(NOW + MINUTE).override is None
    (told,) = cell.given_overrides(10)
    assert (told.override, told.ended_at) == (OVERRIDE, NOW + MINUTE)


def test_an_override_that_expired_long_ago_is_forgotten(path: Path) -> None:
    with Store.open(path) as store:
        store.cell(CELL).override(OVERRIDE)
        store.cell(CELL).record_pass(PassRecord(lessons=lessons(as_of=NOW + 32 * DAY)))
        assert store.cell(CELL).given_overrides(10) == ()
