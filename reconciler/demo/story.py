"""The story while it is told: the guard over the simulated account, its files, who tells, and what is claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from desired_state.load import load
from providers.simulated.records import Instance
from reconciler.demo import truth
from reconciler.demo.declaration import scale
from reconciler.demo.narrator import Narrator
from reconciler.demo.truth import Stall
from reconciler.loop.reconcile import PassResult
from reconciler.simulation.guard import Passed, VirtualGuard
from reconciler.simulation.restoring import stated_losses

PATIENCE = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Story:
    """The guard, the files that it is declared by, who tells of it, and what the claims at the end are about."""

    guard: VirtualGuard
    fleets: Path
    narrator: Narrator
    stranger: str
    data: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """`truth.lineages` of each database, once they are up."""
    stalls: dict[str, Stall] = field(default_factory=dict)
    """By slot: the volumes that were made to stall, and what held them."""
    stated: dict[str, timedelta] = field(default_factory=dict)
    """By slot: the loss that the controller stated when it began a restore."""
    stuck: set[str] = field(default_factory=set)
    """The volumes that the controller takes for stuck, as far as told."""

    def declare_web(self, *, old: int, new: int) -> None:
        """Edit the file, and let the controller see it."""
        scale(self.fleets, "web", old=old, new=new)
        self.guard.desired = load([self.fleets])

    def occupant(self, slot: str) -> Instance:
        """The instance that holds a slot."""
        (instance,) = truth.occupants(self.guard.cloud.truth, slot)
        return instance

    def heal(self) -> None:
        """Pass after pass until everything stands as declared. Raises NotConvergedError."""
        self._watch(self.guard.until_converged(within=PATIENCE))
        self.narrator.at(self.guard.cloud.clock.now(), "everything stands as declared")

    def guarded(self, *, lasting: timedelta) -> None:
        """Pass after pass for that long."""
        self._watch(self.guard.passes(lasting=lasting))

    def _watch(self, passes: Iterator[Passed]) -> None:
        began = self.guard.cloud.clock.now()
        for passed in passes:
            if isinstance(passed, PassResult):
                plan = passed.assessment.plan
                self.stuck = self.narrator.volumes(plan, began, told=self.stuck)
                self.stated |= stated_losses(plan.actions)
            self.narrator.passed(passed, began)
            began = self.guard.cloud.clock.now()
