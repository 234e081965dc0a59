"""The life of a controller on a stage: one process after another on the same file, pass after pass.

life = Life(stage=stage, path=path, declared=desired(...))
life.lives(Footsteps())                        one process, until everything is converged and stays so
life.lives(Footsteps(kill_at=17))              raises Killed at the 18th point
life.restarted(Restart.STALE_VIEW, empty)      the next process, to the end
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import assert_never, cast

import structlog

from desired_state.model import DesiredState
from providers.port import Cloud
from providers.requests import DeleteSnapshot, DeleteVolume
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import RetryBudget
from reconciler.loop.assess import Senses
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, reconcile
from reconciler.planning.actions import is_disruptive
from reconciler.planning.memory import ColdStart
from reconciler.planning.outcome import Plan
from reconciler.store.cell import CellStore
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.simulation.crash_points.stage import Stage
from tests.simulation.crash_points.steps import Footsteps, Killed, Moment
from tests.simulation.crash_points.watched import Loss, WatchedCloud, WatchedStore
from tests.support.acting import LongestJitter
from tests.support.fleets import HOUR, MINUTE, SECOND
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import OWNER

INTERVAL = 30 * SECOND
SOONEST = 1 * SECOND
RESTARTS_AFTER = 5 * SECOND
A_PASS = 5 * SECOND
"""More than any takes, and less than there is between two of them."""
LONGEST_LAG = 5 * MINUTE
"""No view is older: EC2 asks its callers to allow for about five minutes."""
A_PERSON_WAITS = 5 * MINUTE
"""Between the two looks before `reconciler resume --cold`."""
CONVERGES_WITHIN = 2 * HOUR
"""Whatever died on the way."""
CALM_LOOKS = 2
"""Converged, nothing sent and nothing open, and so at the next look: what was taken may take its time to complete."""
A_CALM_WAIT = LONGEST_LAG + INTERVAL
"""Past every consistency window, and past the rhythm of every list."""
DELETIONS = (DeleteSnapshot, DeleteVolume)
MUCH_LATER = 2 * HOUR
"""When a calm cell is looked at again: past every deadline."""

_QUIET = structlog.wrap_logger(structlog.PrintLogger(), processors=[lambda *_: _drop()])


def _drop() -> str:
    raise structlog.DropEvent


class Restart(StrEnum):
    """What the next process finds."""

    AS_LEFT = "everything as it was left"
    STALE_VIEW = "a first view one change behind"
    OLDEST_VIEW = "a first view as old as views get"
    VIEWS_GO_BACK = "first views in which each thing is as it was at some moment of five minutes"
    STORE_LOST = "the store lost"
    KILLED_AGAIN = "everything as it was left, and is killed right after its first effect"


class Unsettled(Exception):  # noqa: N818 - it is what is wrong with the cell
    """The plan has something to do, to wait for or to withhold, although it should not; says what."""


@dataclass(slots=True, kw_only=True)
class Life:
    """See the module's docstring. `path` is the store's file."""

    stage: Stage
    path: Path
    declared: DesiredState
    until: datetime
    """The story is not over before."""
    seen: list[tuple[datetime, MemoryCloud]] = field(default_factory=list)
    """What each pass saw, and when."""
    waits_for_a_person: bool = False
    """The store was lost although things of ours are there: nothing disruptive until a person has looked."""

    def lives(
        self,
        footsteps: Footsteps,
        *,
        view: Cloud | None = None,
        loss: Loss | None = None,
        at_first_sight: bool = True,
    ) -> WatchedCloud:
        """One process, until all is converged and stays so without a request; answers what it used as the cloud.

        Its first pass sees `view` where one is given; `at_first_sight` False does not believe it that all is converged.
        Raises Killed and Unsettled.
        """
        clock = self.stage.clock
        with Store.open(self.path) as store:
            process = _Process(self, store, footsteps, view=view, loss=loss)
            deadline = clock.now() + CONVERGES_WITHIN
            process.lives_until_calm(deadline, at_first_sight=at_first_sight)
            if clock.now() < self.until:
                clock.advance(self.until - clock.now())
                process.lives_until_calm(clock.now() + CONVERGES_WITHIN, at_first_sight=True)
            sent = process.cloud.sent
            clock.advance(MUCH_LATER)
            plan = process.one_pass()
            if not plan.converged or process.cloud.sent > sent:
                raise Unsettled(f"{MUCH_LATER} after it had converged: {_told(plan)}")
            return process.cloud

    def copied(self, path: Path, stage: Stage) -> Life:
        """Another life from here on, on the same stage or a copy of it, with a file of its own."""
        path.write_bytes(self.path.read_bytes())
        return replace(self, stage=stage, path=path, seen=list(self.seen))

    def restarted(self, restart: Restart, empty_store: Path) -> bool:
        """The next process, to the end; False when there is nothing that this restart could show otherwise.

        Raises Unsettled.
        """
        self.stage.clock.advance(RESTARTS_AFTER)
        match restart:
            case Restart.AS_LEFT:
                self.lives(Footsteps())
            case Restart.STALE_VIEW | Restart.OLDEST_VIEW:
                view = self._view(restart)
                if view is None:
                    return False
                self.lives(Footsteps(), view=view, at_first_sight=False)
            case Restart.VIEWS_GO_BACK:
                if not self.stage.views_go_back(lasting=A_PASS):
                    return False
                self.lives(Footsteps(), at_first_sight=False)
            case Restart.STORE_LOST:
                self.path.write_bytes(empty_store.read_bytes())
                self.waits_for_a_person = bool(self.stage.cloud.alive())
                self.lives(Footsteps())
                if self.waits_for_a_person:
                    raise Unsettled("the store was lost, and no person was waited for")
            case Restart.KILLED_AGAIN:
                try:
                    self.lives(Footsteps(kill_when=Moment.AFTER_EFFECT))
                except Killed:
                    self.stage.clock.advance(RESTARTS_AFTER)
                    self.lives(Footsteps())
                else:
                    return False
            case _:
                assert_never(restart)
        return True

    def _view(self, restart: Restart) -> Cloud | None:
        """What is older than the truth; None when nothing that could be shown is."""
        now = self.stage.clock.now()
        truth = self.stage.as_it_is()
        behind = [
            view
            for at, view in self.seen
            if truth and now - at <= LONGEST_LAG and not view.world.shows_the_same_as(truth.world)
        ]
        if restart is Restart.STALE_VIEW:
            return behind[-1] if behind else None
        return behind[0] if len(behind) > 1 else None


class _Process:
    """One process of the controller. All of it is gone when it is; the stage and the file stay."""

    def __init__(
        self,
        life: Life,
        store: Store,
        footsteps: Footsteps,
        *,
        view: Cloud | None,
        loss: Loss | None,
    ) -> None:
        self._life = life
        self._footsteps = footsteps
        identity = life.stage.cloud.identity()
        self._memory = store.cell(identity)
        self._memory.acquire(this_process("reconciler run", life.stage.clock.now()))
        self.cloud = WatchedCloud(
            cloud=life.stage.cloud,
            view=view or life.stage.cloud,
            footsteps=footsteps,
            loss=loss,
        )
        self._cell = Cell(
            identity=identity,
            senses=Senses(
                cloud=self.cloud,
                prober=life.stage.services,
                rhythm=ProbeRhythm(),
                checks=(),
                owner=OWNER,
            ),
            store=cast("CellStore", WatchedStore(store=self._memory, footsteps=footsteps)),
        )
        self._means = Means(
            clock=life.stage.clock,
            randomness=LongestJitter(),
            handlers=STANDARD,
            budget=RetryBudget(),
            log=_QUIET,
            workers=1,
        )
        self.is_calm = False
        """Whether the last pass found all converged, sent nothing, left no call open, and waits for no person."""

    def lives_until_calm(self, deadline: datetime, *, at_first_sight: bool) -> None:
        """Pass after pass, until all is converged and calm twice in a row. Raises Killed and Unsettled."""
        clock, calm = self._life.stage.clock, 0
        while calm < CALM_LOOKS:
            plan = self.one_pass()
            if calm and not plan.converged:
                raise Unsettled(f"{A_CALM_WAIT} after it had converged: {_told(plan)}")
            if clock.now() >= deadline:
                raise Unsettled(_told(plan))
            calm = calm + 1 if self.is_calm and at_first_sight else 0
            at_first_sight = True
            clock.advance(A_CALM_WAIT if plan.converged else _wait(plan, clock.now()))

    def one_pass(self) -> Plan:
        """A pass, and what a person does who looks after it. Raises Killed."""
        stage = self._life.stage
        if (view := stage.as_it_is()) is not None:
            self._life.seen.append((stage.clock.now(), view))
        self._footsteps.changed()
        assessment = reconcile(self._cell, self._life.declared, self._means).assessment
        self.cloud.view = stage.cloud
        sent = self.cloud.sent_in_this_pass
        at_work = sent or assessment.case.memory.open_intents or self._life.waits_for_a_person
        self.is_calm = assessment.plan.converged and not at_work
        rash = [item for item in sent if is_disruptive(item) or isinstance(item, DELETIONS)]
        if rash and self._life.waits_for_a_person:
            raise Unsettled(f"{rash} before a person had looked")
        self.cloud.pass_number += 1
        cold = assessment.lessons.cold
        if cold is not None and not cold.released:
            self._resume_when_seen_twice(cold)
        return assessment.plan

    def _resume_when_seen_twice(self, cold: ColdStart) -> None:
        """`reconciler resume --cold`, by a person who has looked twice."""
        waited = self._life.stage.clock.now() - cold.since
        if cold.complete_observations >= 2 and waited >= A_PERSON_WAITS:
            self._memory.release_cold()
            self._life.waits_for_a_person = False


def _wait(plan: Plan, now: datetime) -> timedelta:
    """Until the next regular pass, or until something is due, as the runner waits."""
    if plan.next_check_at is None:
        return INTERVAL
    return min(INTERVAL, max(SOONEST, plan.next_check_at - now))


def _told(plan: Plan) -> str:
    slots = [f"{item.slot} {item.bucket}: {item.summary}" for item in plan.slots]
    held = [f"{item.slot} {item.gate}: {item.reason}" for item in plan.withheld]
    due = [f"{item.slot} {item.request.kind}: {item.detail}" for item in plan.actions]
    return "; ".join([*slots, *held, *due])
