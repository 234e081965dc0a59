"""Running on guard: every cell in a thread of its own, pass after pass, until told to stop. The only threads here.

Runner.run          start a thread per cell, watch the files, wait for the end
  _guard            one cell: pass, log, wait until something is due; back off from what was not expected
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from desired_state.model import DesiredState
from providers.errors import CloudError, CredentialsError, EndpointUnreachable
from reconciler.clock import Clock
from reconciler.loop import events
from reconciler.loop.assess import Assessment
from reconciler.loop.cells import Cell, places_of
from reconciler.loop.declared import Declared
from reconciler.loop.reconcile import PassResult
from reconciler.planning.checks.last_look import PlanViolationError
from reconciler.planning.outcome import Plan
from reconciler.store.errors import LeaseLost, StoreError

if TYPE_CHECKING:  # A dry run does without structlog, which takes 5 MB and 60 ms.
    from structlog.typing import FilteringBoundLogger

LONGEST_BACKOFF_S = 60.0

FILES_LOOKED_AT_EVERY_S = 2.0
SOONEST_NEXT_PASS_S = 1.0
EC2_READS_PER_S = 20.0
"""What flows into the bucket of an account's reads in a region (EC2 developer guide, API throttling)."""

EXPECTED = (CredentialsError, EndpointUnreachable, CloudError, StoreError)
"""Faults of the surroundings: said once a pass, tried again after a back-off."""


def usual_interval_s(slots: int) -> float:
    """15 s to 1,000 slots, 30 s to 5,000, 60 s beyond (design section 7.4)."""
    if slots <= 1_000:
        return 15.0
    return 30.0 if slots <= 5_000 else 60.0


def backoff_s(failures: int, regular_s: float) -> float:
    """The interval, doubling with each failure in a row up to a minute (design rule 7), and never shorter than it."""
    doublings = min(failures - 1, 10)
    return max(regular_s, min(LONGEST_BACKOFF_S, regular_s * 2.0**doublings))


def next_pass_in_s(plan: Plan, now: datetime, regular_s: float, soonest_s: float = 0.0) -> float:
    """Until the next regular pass, or until something is due, whichever comes first, and never sooner than allowed."""
    if plan.next_check_at is None:
        return regular_s
    due_s = (plan.next_check_at - now).total_seconds()
    return min(regular_s, max(SOONEST_NEXT_PASS_S, soonest_s, due_s))


def soonest_next_s(assessment: Assessment) -> float:
    """So long a look as this one must be followed by nothing, for looks to keep within our share of EC2's reads."""
    pace = assessment.case.desired.policy.pace
    if pace is None:
        return 0.0
    calls = sum(assessment.case.observation.calls.values())
    return calls / (EC2_READS_PER_S * pace.read_percent / 100)


@dataclass(slots=True)
class Runner:
    """Reconciles the cells of a desired state until `stop`. `open_cell` reaches a cell and takes its lease.

    `one_pass` is handed the desired state in force, and why the files as they are now are not.
    """

    declared: Declared
    open_cell: Callable[[str, str], Cell]
    one_pass: Callable[[Cell, DesiredState, str | None], PassResult]
    clock: Clock
    log: FilteringBoundLogger
    interval_s: float | None = None
    stopped_cells: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _stirred: threading.Event = field(default_factory=threading.Event)
    """Set when the main thread has something to look at before its time."""
    _woken: dict[tuple[str, str], threading.Event] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _reload_asked: threading.Event = field(default_factory=threading.Event)

    def run(self) -> bool:
        """Guard all cells until stopped. False when a cell had to be stopped for safety."""
        while not self._stopping.is_set():
            self._guard_new_places()
            self._stirred.wait(FILES_LOOKED_AT_EVERY_S)
            self._stirred.clear()
            self._refresh(forced=self._reload_asked.is_set())
            if self._threads and not any(thread.is_alive() for thread in self._threads):
                break
        for thread in self._threads:
            thread.join()
        return not self.stopped_cells

    def stop(self) -> None:
        """Drain: the passes under way end, no new one begins. Safe in a signal handler."""
        self._stopping.set()
        self._stirred.set()
        for woken in self._woken.values():
            woken.set()

    def reload(self) -> None:
        """Read the files again, changed or not. Safe in a signal handler."""
        self._reload_asked.set()
        self._stirred.set()

    def _guard_new_places(self) -> None:
        for place in places_of(self.declared.in_force):
            if place not in self._woken:
                self._woken[place] = threading.Event()
                thread = threading.Thread(
                    target=self._guard, args=place, name=f"cell {'/'.join(place)}"
                )
                self._threads.append(thread)
                thread.start()

    def _refresh(self, *, forced: bool) -> None:
        self._reload_asked.clear()
        refused_before = self.declared.refused
        if self.declared.refresh(forced=forced):
            self.log.info(events.DESIRED_RELOADED)
            for woken in self._woken.values():
                woken.set()
        elif self.declared.refused and self.declared.refused != refused_before:
            self.log.error(events.DESIRED_REFUSED, reason=self.declared.refused)

    def _guard(self, account: str, region: str) -> None:
        """One cell until the end, or until it has to be stopped for safety."""
        woken = self._woken[account, region]
        log = self.log.bind(account=account, region=region)
        cell: Cell | None = None
        failures = 0
        while not self._stopping.is_set():
            woken.clear()
            try:
                cell = cell or self.open_cell(account, region)
                result = self.one_pass(cell, self.declared.in_force, self.declared.refused)
            except (PlanViolationError, LeaseLost) as fault:
                refused = isinstance(fault, PlanViolationError)
                event = events.PLAN_REFUSED if refused else events.LEASE_LOST
                log.critical(event, reason=str(fault))
                self.stopped_cells.append(f"{account}/{region}")
                break
            except Exception as fault:
                # One cell's surprise must not end the guard of the others.
                failures += 1
                wait_s = backoff_s(failures, self._regular_s())
                surprising = not isinstance(fault, EXPECTED)
                log.exception(
                    events.PASS_FAILED, reason=str(fault), retry_in_s=wait_s, exc_info=surprising
                )
            else:
                failures = 0
                assessment = result.assessment
                wait_s = next_pass_in_s(
                    assessment.plan,
                    self.clock.now(),
                    self._regular_s(),
                    soonest_next_s(assessment),
                )
            woken.wait(wait_s)
        if cell is not None:
            cell.store.release()
        self._stirred.set()

    def _regular_s(self) -> float:
        slots = sum(fleet.replicas for fleet in self.declared.in_force.fleets)
        return self.interval_s or usual_interval_s(slots)
