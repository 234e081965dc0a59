"""Who holds a cell: one process at a time, named to whoever else asks, and fenced once another took over."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from reconciler.planning.intents import IntentState
from reconciler.store.cell import CellStore
from reconciler.store.errors import LeaseHeld, LeaseLost, StoreUnusable
from reconciler.store.leases import Holder, this_process
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from tests.support.actions import launch
from tests.support.cases import CELL
from tests.support.memory_of_passes import lessons
from tests.support.resources import NOW

RUN = this_process("reconciler run", NOW)
APPLY = Holder(host="bastion", pid=4711, command="reconciler apply", started_at=NOW)


def hold_by(path: Path, command: str) -> subprocess.Popen[str]:
    """Another process that holds the cell until it is killed."""
    script = f"""
import sys, time
from tests.support.cases import CELL
from tests.support.resources import NOW
from reconciler.store.leases import this_process
from reconciler.store.store import Store
cell = Store.open({str(path)!r}).cell(CELL)
cell.acquire(this_process({command!r}, NOW))
print("held", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def take_over(path: Path) -> None:
    """Another controller takes the lease row, as one on another machine would after the lease ran out."""
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE leases SET holder = 'another', epoch = epoch + 1")
    raw.close()


def test_a_held_cell_is_refused_to_others_and_its_holder_named(path: Path, store: Store) -> None:
    store.cell(CELL).acquire(RUN)
    with Store.open(path) as other, pytest.raises(LeaseHeld) as refused:
        other.cell(CELL).acquire(APPLY)
    assert f"held by `reconciler run` (process {os.getpid()} on " in str(refused.value)
    assert isinstance(refused.value.since, datetime)


def test_two_processes_never_hold_one_cell_and_a_killed_one_lets_go_at_once(
    path: Path, store: Store
) -> None:
    other = hold_by(path, "reconciler run --quiet")
    with pytest.raises(LeaseHeld, match=rf"`reconciler run --quiet` \(process {other.pid} on "):
        store.cell(CELL).acquire(APPLY)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    store.cell(CELL).acquire(APPLY)


def test_cells_of_one_store_are_held_apart(path: Path, store: Store) -> None:
    store.cell(CELL).acquire(RUN)
    with Store.open(path) as other:
        other.cell(replace(CELL, region="eu-west-1")).acquire(APPLY)


def test_a_released_cell_can_be_held_by_another(path: Path, cell: CellStore) -> None:
    cell.acquire(RUN)
    cell.release()
    cell.release()
    with Store.open(path) as other:
        other.cell(CELL).acquire(APPLY)


def test_holding_again_renews_and_keeps_the_epoch(cell: CellStore) -> None:
    cell.acquire(RUN)
    cell.acquire(RUN)
    cell.begin(launch("web/1"), NOW)
    assert cell.history(None, 1)[0].epoch == 1


def test_every_change_of_holder_raises_the_epoch(path: Path, cell: CellStore) -> None:
    cell.acquire(RUN)
    cell.begin(launch("web/1"), NOW)
    cell.release()
    with Store.open(path) as other:
        second = other.cell(CELL)
        second.acquire(APPLY)
        second.move(launch("web/1").operation_id, IntentState.ACCEPTED, NOW)
        assert [entry.epoch for entry in second.history(None, 2)] == [2, 1]


def test_a_process_that_lost_its_cell_can_no_longer_write(path: Path, cell: CellStore) -> None:
    cell.acquire(RUN)
    cell.begin(launch("web/1"), NOW)
    take_over(path)
    with pytest.raises(LeaseLost, match="was taken over by another"):
        cell.begin(launch("web/2"), NOW)
    with pytest.raises(LeaseLost):
        cell.move(launch("web/1").operation_id, IntentState.ACCEPTED, NOW)
    with pytest.raises(LeaseLost):
        cell.record_pass(PassRecord(lessons=lessons()))
    (intent,) = cell.memory(NOW).open_intents
    assert intent.state is IntentState.BEGUN


def test_losing_a_cell_does_not_free_it_for_the_loser_to_give_away(
    path: Path, cell: CellStore
) -> None:
    cell.acquire(RUN)
    take_over(path)
    cell.release()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT holder FROM leases").fetchone() == ("another",)
    raw.close()


def test_people_can_speak_while_a_cell_is_held(path: Path, cell: CellStore) -> None:
    cell.acquire(RUN)
    with Store.open(path) as beside:
        beside.cell(CELL).release_cold()
    cell.begin(launch("web/1"), NOW)


def test_a_store_opened_to_be_read_holds_nothing(path: Path) -> None:
    Store.open(path).close()
    with (
        Store.open(path, read_only=True) as store,
        pytest.raises(StoreUnusable, match="to be read"),
    ):
        store.cell(CELL).acquire(RUN)


def test_a_lock_file_that_is_a_link_is_refused(path: Path, store: Store, tmp_path: Path) -> None:
    cell = store.cell(CELL)
    lock = path.with_name(f"{path.name}.{CELL.account}-{CELL.region}.lock")
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnusable, match="symbolic link"):
        cell.acquire(RUN)
    assert not (tmp_path / "elsewhere").exists()
