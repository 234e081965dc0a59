"""One replay: a healthy fleet, then the outage, then as long as it takes until everything is back.

prepare    the fleets are there, a quiet hour goes by, restore points are there
trouble    the scenario's faults and declared changes; pass after pass under the policy
after      on until all slots are back, or for so long
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from desired_state.model import DesiredState, SafetyPolicy
from providers.simulated.clock import VirtualClock
from providers.simulated.control_plane import SATURATING
from reconciler.planning.checks.last_look import PlanViolationError
from reconciler.simulation.account import layout_of, of_one_cell, zone_ids
from reconciler.simulation.casting import changed, zone_roles
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from reconciler.simulation.placing import STARTED_IN, Placing
from reconciler.simulation.record import Replayed
from reconciler.simulation.scenario import DeclaredChange, Scenario
from reconciler.simulation.watching import Watch

QUIET = timedelta(hours=1)
"""Before the trouble: archives get their first base, and the controller is no stranger to the cell any more."""
AFTERWARDS = timedelta(hours=6)
TOLD_EVERY = timedelta(minutes=30)

Tell = Callable[[timedelta, int], None]
"""Told now and then: how far it is, counted from the beginning of the trouble, and how many slots are down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is replayed. Without `skips` passes that can change nothing are made all the same; slots that are still down
    when the scenario has ended are waited for `afterwards` at most.
    """

    scenario: Scenario
    desired: DesiredState
    policy_name: str
    policy: SafetyPolicy
    seed: int
    saturation: bool
    approves_after: timedelta | None = None
    afterwards: timedelta = AFTERWARDS
    skips: bool = True

    @property
    def name(self) -> str:
        """As a line of progress names it."""
        plane = "" if self.saturation else ", plane never saturates"
        return f"{self.policy_name}, seed {self.seed}{plane}"


def replay(run: Run, tell: Tell) -> Replayed:
    """The whole replay, in this process's memory."""
    with prepared(run, tell) as made:
        return made.replayed()


@contextmanager
def prepared(run: Run, tell: Tell) -> Iterator[Replay]:
    """A replay that has not begun, with a cloud of its own to look into."""
    desired = of_one_cell(replace(run.desired, policy=run.policy))
    slots = sum(fleet.replicas for fleet in desired.fleets)
    lead = timedelta(seconds=slots) + 2 * STARTED_IN + QUIET
    clock = VirtualClock(run.scenario.begins_at - lead)
    with virtual_guard(
        desired,
        store=None,
        layout=layout_of(desired),
        seed=run.seed,
        clock=clock,
        saturation=SATURATING if run.saturation else None,
        lasts_long=True,
        skips=run.skips,
    ) as guard:
        yield Replay(run, guard, lead, tell)


class Replay:
    """One replay, to be played once."""

    def __init__(self, run: Run, guard: VirtualGuard, lead: timedelta, tell: Tell) -> None:
        self.guard = guard
        self._run = run
        self._began = run.scenario.begins_at
        self._tell = tell
        self._cast = run.scenario.cast(roles=self._roles(), begins=lead, seed=run.seed)
        self._changes: list[DeclaredChange] = sorted(
            run.scenario.declared_changes, key=lambda change: change.at
        )
        self._told_at = -QUIET
        self._passes = 0
        self._stopped: str | None = None

    def replayed(self) -> Replayed:
        """From the empty account to the end."""
        guard, scenario = self.guard, self._run.scenario
        Placing(guard.cloud, guard.desired, lambda: guard.look().plan).place()
        for fault in self._cast.faults:
            guard.cloud.add_fault(fault)
        watch = Watch(guard, began=self._began, approves_after=self._run.approves_after)
        self._warm_up(watch)
        self._go_on(watch, until=scenario.lasts)
        self._go_on(watch, until=scenario.lasts + self._run.afterwards, or_all_back=True)
        return self._record(watch)

    def _roles(self) -> dict[str, str]:
        """Role to zone id: faults know no names."""
        desired = self.guard.desired
        region = desired.fleets[0].placement.region
        roles = zone_roles(desired)
        ids = zone_ids(sorted(roles.values()), region)
        return {role: ids[zone] for role, zone in roles.items()}

    def _warm_up(self, watch: Watch) -> None:
        """Somebody has looked at the cell, which the controller has never seen, and let it act."""
        for _ in range(2):
            self._pass(watch)
        self.guard.cell.store.release_cold()
        self._go_on(watch, until=timedelta())

    def _go_on(self, watch: Watch, *, until: timedelta, or_all_back: bool = False) -> None:
        while self._elapsed < until and not (or_all_back and not watch.service.down):
            if self._stopped is not None:
                self.guard.cloud.clock.advance(self._began + until)
                return
            self._declare()
            self._pass(watch)
            self._tell_sometimes(watch)

    def _pass(self, watch: Watch) -> None:
        try:
            watch.passed(self.guard.one_pass())
        except PlanViolationError as fault:
            self._stopped = str(fault)
        self._passes += 1

    def _declare(self) -> None:
        while self._changes and self._changes[0].at <= self._elapsed:
            self.guard.desired = changed(self.guard.desired, self._changes.pop(0))

    def _tell_sometimes(self, watch: Watch) -> None:
        if self._elapsed - self._told_at >= TOLD_EVERY:
            self._told_at = self._elapsed
            self._tell(self._elapsed, len(watch.service.down))

    @property
    def _elapsed(self) -> timedelta:
        return self.guard.cloud.clock.now() - self._began

    def _record(self, watch: Watch) -> Replayed:
        slots: dict[int, int] = {}
        for fleet in self.guard.desired.fleets:
            slots[fleet.tier] = slots.get(fleet.tier, 0) + fleet.replicas
        return Replayed(
            policy=self._run.policy_name,
            seed=self._run.seed,
            saturation=self._run.saturation,
            trouble_lasts=self._run.scenario.lasts,
            lasted=self._elapsed,
            slots=dict(sorted(slots.items())),
            down=watch.down(),
            restores=watch.restored(),
            approvals=watch.person.waited(),
            bands=watch.bands.until(self._elapsed),
            calls=watch.calls(),
            destroyed=watch.lost(),
            launches=watch.launches,
            passes=self._passes,
            passed_over=self.guard.passed_over,
            stopped=self._stopped,
        )
