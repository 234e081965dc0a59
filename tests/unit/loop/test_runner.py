"""The guard: what one cell's trouble does to the guard of itself and of the others."""

from __future__ import annotations

import random  # noqa: TID251 - seeded here, so that a failure repeats
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from desired_state.load import load_policy
from desired_state.model import DesiredState, Fleet
from providers.errors import EndpointUnreachable
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import RetryBudget
from reconciler.loop import events
from reconciler.loop.assess import Senses, assess
from reconciler.loop.cells import Cell
from reconciler.loop.declared import Declared
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.loop.runner import (
    Runner,
    backoff_s,
    next_pass_in_s,
    soonest_next_s,
    usual_interval_s,
)
from reconciler.planning.checks.last_look import PlanViolationError, Violation
from reconciler.store.errors import LeaseLost
from reconciler.store.store import Store
from tests.support.cases import CELL
from tests.support.fleets import desired, web_fleet
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.passes import Passes, Services
from tests.support.resources import OWNER

ELSEWHERE = "eu-west-1"
VIOLATION = PlanViolationError(
    (Violation(rule="one bucket", where="web/0", detail="in 2 buckets"),)
)


@dataclass(slots=True)
class Guard:
    """A runner over cells in memory. Before each pass `before` is called; it may raise, or stop the runner."""

    store: Store
    declared: DesiredState
    before: Callable[[Guard, str], None]
    clock: ManualClock = field(default_factory=ManualClock)
    passes: list[str] = field(default_factory=list)
    """The region of each pass that was begun."""
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.runner = Runner(
            declared=Declared.read(lambda: self.declared, lambda: str(id(self.declared))),
            open_cell=self.open_cell,
            one_pass=self.one_pass,
            clock=self.clock,
            log=structlog.get_logger(),
            interval_s=0.01,
        )

    def open_cell(self, account: str, region: str) -> Cell:
        identity = replace(CELL, account=account, region=region)
        cloud = MemoryCloud(self.clock, cell=identity)
        fleets = {fleet.name: fleet for fleet in self.declared.fleets}
        senses = Senses(
            cloud=cloud,
            prober=Services(cloud, fleets),
            rhythm=ProbeRhythm(),
            checks=(),
            owner=OWNER,
        )
        return Cell(identity=identity, senses=senses, store=self.store.cell(identity))

    def one_pass(self, cell: Cell, desired_state: DesiredState, refused: str | None) -> PassResult:
        self.passes.append(cell.identity.region)
        self.before(self, cell.identity.region)
        means = Means(
            clock=self.clock,
            randomness=random.Random(7),
            handlers=STANDARD,
            budget=RetryBudget(),
            log=structlog.get_logger(),
        )
        return reconcile(cell, desired_state, means, refused=refused)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


def in_region(fleet: Fleet, region: str) -> Fleet:
    return replace(fleet, placement=replace(fleet.placement, region=region))


def stop_after(count: int) -> Callable[[Guard, str], None]:
    def before(guard: Guard, _region: str) -> None:
        if len(guard.passes) >= count:
            guard.runner.stop()

    return before


def failing_first(fault: Exception, then: int = 3) -> Callable[[Guard, str], None]:
    """The first pass raises; the runner is stopped after `then` passes."""

    def before(guard: Guard, _region: str) -> None:
        if len(guard.passes) == 1:
            raise fault
        stop_after(then)(guard, _region)

    return before


@contextmanager
def logs() -> Iterator[list[str]]:
    told: list[str] = []
    with capture_logs() as entries:
        yield told
    told += [entry["event"] for entry in entries]


def test_passes_go_on_until_it_is_told_to_stop(store: Store) -> None:
    guard = Guard(store, desired(web_fleet()), stop_after(3))
    assert guard.runner.run()
    assert len(guard.passes) == 3


def test_an_unreachable_endpoint_is_logged_and_tried_again(store: Store) -> None:
    guard = Guard(store, desired(web_fleet()), failing_first(EndpointUnreachable("no route")))
    with logs() as told:
        assert guard.runner.run()
    assert told.count(events.PASS_FAILED) == 1
    assert len(guard.passes) == 3


def test_each_failure_in_a_row_doubles_the_wait(store: Store) -> None:
    def before(guard: Guard, region: str) -> None:
        if len(guard.passes) > 3:
            stop_after(1)(guard, region)
            return
        raise EndpointUnreachable("no route")

    with capture_logs() as entries:
        Guard(store, desired(web_fleet()), before).runner.run()
    waits = [entry["retry_in_s"] for entry in entries if entry["event"] == events.PASS_FAILED]
    assert waits == pytest.approx([0.01, 0.02, 0.04])


def test_a_surprise_is_logged_with_its_traceback_and_does_not_end_the_guard(store: Store) -> None:
    guard = Guard(store, desired(web_fleet()), failing_first(ZeroDivisionError("a fault of ours")))
    with capture_logs() as entries:
        assert guard.runner.run()
    (failed,) = [entry for entry in entries if entry["event"] == events.PASS_FAILED]
    assert failed["exc_info"]
    assert len(guard.passes) == 3


def test_a_plan_that_breaks_a_safety_rule_stops_its_cell_for_good(store: Store) -> None:
    guard = Guard(store, desired(web_fleet()), failing_first(VIOLATION))
    with logs() as told:
        assert not guard.runner.run()
    assert told.count(events.PLAN_REFUSED) == 1
    assert len(guard.passes) == 1


def test_a_lost_lease_stops_its_cell_for_good(store: Store) -> None:
    guard = Guard(store, desired(web_fleet()), failing_first(LeaseLost("taken over")))
    with logs() as told:
        assert not guard.runner.run()
    assert told.count(events.LEASE_LOST) == 1


def test_a_stopped_cell_leaves_the_guard_of_the_others_as_it_is(store: Store) -> None:
    both = desired(web_fleet(), in_region(web_fleet("far"), ELSEWHERE))

    def before(guard: Guard, region: str) -> None:
        if region == ELSEWHERE:
            raise VIOLATION
        if guard.passes.count(CELL.region) >= 5 and ELSEWHERE in guard.passes:
            guard.runner.stop()

    guard = Guard(store, both, before)
    assert not guard.runner.run()
    assert guard.runner.stopped_cells == [f"{CELL.account}/{ELSEWHERE}"]
    assert guard.passes.count(ELSEWHERE) == 1
    assert guard.passes.count(CELL.region) >= 5


def test_a_cell_that_is_declared_while_it_runs_is_guarded_too(store: Store) -> None:
    def before(guard: Guard, region: str) -> None:
        if region == ELSEWHERE:
            guard.runner.stop()
        elif len(guard.passes) == 2:
            guard.declared = desired(web_fleet(), in_region(web_fleet("far"), ELSEWHERE))
            guard.runner.reload()

    guard = Guard(store, desired(web_fleet()), before)
    with logs() as told:
        assert guard.runner.run()
    assert events.DESIRED_RELOADED in told
    assert ELSEWHERE in guard.passes


def test_files_that_are_refused_are_on_record_for_the_status(store: Store) -> None:
    def before(guard: Guard, _region: str) -> None:
        if len(guard.passes) == 1:
            guard.declared = desired(web_fleet(replicas=1))
            guard.runner.reload()
        last = store.cell(CELL).last_pass()
        if last is not None and last.refused is not None:
            guard.runner.stop()

    guard = Guard(store, desired(web_fleet(replicas=6)), before)
    with logs() as told:
        assert guard.runner.run()
    assert events.DESIRED_REFUSED in told
    last = store.cell(CELL).last_pass()
    assert last is not None
    assert last.refused is not None
    assert "1 slots instead of 6" in last.refused


@pytest.mark.parametrize(
    ("slots", "seconds"), [(1, 15), (1_000, 15), (1_001, 30), (5_000, 30), (5_001, 60)]
)
def test_large_cells_are_looked_at_less_often(slots: int, seconds: float) -> None:
    assert usual_interval_s(slots) == seconds


@pytest.mark.parametrize("regular_s", [5.0, 15.0, 60.0, 300.0])
def test_a_pass_that_failed_is_never_tried_again_sooner_than_one_that_did_not(
    regular_s: float,
) -> None:
    waits = [backoff_s(failures, regular_s) for failures in range(1, 20)]
    assert min(waits) == regular_s
    assert max(waits) == max(regular_s, 60.0)


def test_a_look_of_many_calls_is_not_followed_by_another_before_our_share_of_reads_allows() -> None:
    passes = Passes(web_fleet(), policy=load_policy("default"))
    passes.one()
    look = assess(
        Senses(
            cloud=passes.cloud,
            prober=passes.services,
            rhythm=ProbeRhythm(),
            checks=(),
            owner=OWNER,
        ),
        passes.desired(),
        passes.memory,
        passes.clock.now(),
    )
    seen = replace(look.case.observation, calls={"DescribeVolumes": 40})
    look = replace(look, case=replace(look.case, observation=seen))
    assert soonest_next_s(look) == pytest.approx(40 / 5)
    now = passes.clock.now()
    soon = replace(look.plan, next_check_at=now + timedelta(seconds=2))
    assert next_pass_in_s(soon, now, 15.0, soonest_next_s(look)) == pytest.approx(8)
    assert next_pass_in_s(soon, now, 15.0) == pytest.approx(2)
