"""One process of the controller on the simulated cloud: the real adapter, journal, judging, planning and executor."""

from __future__ import annotations

import logging
import random  # noqa: TID251 - handed in by the run, which makes it from the seed
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog

from desired_state.model import DesiredState
from providers.archives.objects import ObjectStore
from providers.archives.reading import StoredArchives
from providers.ec2.cloud import Ec2Cloud
from providers.simulated.cloud import SimulatedCloud
from reconciler.execution.handlers import STANDARD
from reconciler.execution.retrying import Metered, RetryBudget
from reconciler.loop.assess import Senses
from reconciler.loop.cells import Cell
from reconciler.loop.gathering import ProbeRhythm
from reconciler.loop.reconcile import Means, PassResult, reconcile
from reconciler.simulation.guard import clients_of
from reconciler.store.cell import CellStore
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.simulation.crash_points.steps import Footsteps
from tests.simulation.crash_points.watched import WatchedStore
from tests.simulation.interruptions import Interruptions

OWNER = "prod-east"

_QUIET = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
).bind()


class Process:
    """From its start to its death. What it leaves behind is the store's file and the cloud."""

    def __init__(
        self,
        *,
        cloud: SimulatedCloud,
        path: Path,
        interruptions: Interruptions,
        chance: random.Random,
        archives: ObjectStore,
    ) -> None:
        """Raises Killed, and what opening a cell raises: StoreError, CloudError, EndpointUnreachable."""
        self._store = Store.open(path)
        self._budget = RetryBudget()
        try:
            self._cell = self._opened(cloud, interruptions, archives)
        except BaseException:
            self.end()
            raise
        self._means = Means(
            clock=cloud.clock,
            randomness=chance,
            handlers=STANDARD,
            budget=self._budget,
            log=_QUIET,
            workers=1,
        )

    def one_pass(self, desired: DesiredState, *, at_most: int | None = None) -> PassResult:
        """One pass, of whose plan only the first actions are carried out where `at_most` is given.

        Raises what `reconcile` raises, and Killed.
        """
        if at_most is None:
            return reconcile(self._cell, desired, self._means)
        left = iter(range(at_most))
        return reconcile(
            self._cell, desired, self._means, only=lambda _: next(left, None) is not None
        )

    def memory(self, now: datetime) -> Any:
        """What the store knows."""
        return self.words.memory(now)

    def end(self) -> None:
        """The process is no more: the operating system closes its files."""
        self._store.close()

    def _opened(
        self, cloud: SimulatedCloud, interruptions: Interruptions, archives: ObjectStore
    ) -> Cell:
        layout = cloud.layout
        spare = Metered(clock=cloud.clock, budget=self._budget)
        adapter = Ec2Cloud(
            clients_of(cloud), account=layout.account, region=layout.region, spare=spare
        )
        identity = adapter.identity()
        self.words = self._store.cell(identity)
        """The store as people use it, and as it is read."""
        interruptions.reach("P8", "before the lease")
        self.words.acquire(this_process("reconciler run", cloud.clock.now()))
        interruptions.reach("P8", "after the lease")
        watched = WatchedStore(store=self.words, footsteps=cast("Footsteps", interruptions))
        return Cell(
            identity=identity,
            senses=Senses(
                cloud=adapter,
                prober=cloud.prober,
                archives=StoredArchives(store=archives),
                rhythm=ProbeRhythm(),
                checks=(),
                owner=OWNER,
                spare=spare,
            ),
            store=cast("CellStore", watched),
        )
