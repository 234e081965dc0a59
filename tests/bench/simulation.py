"""How much virtual time the whole controller gets through on the simulated cloud: `make bench-sim`."""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from providers.simulated.faults import Meddling
from providers.simulated.layout import Layout
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.bench.tables import Report, Target
from tests.support.fleets import (
    ACCOUNT,
    HOUR,
    IMAGE,
    MINUTE,
    REGION,
    data_claim,
    desired,
    postgres_fleet,
    snapshots_of,
    web_fleet,
)

WEB, DATABASES = 40, 20
WARM_UP = timedelta(minutes=30)
LASTING = timedelta(hours=6)
LIMIT_S_AN_HOUR = 0.6
"""100 simulated hours a minute and core (design section 12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What was simulated, and the processor time that it took."""

    cpu_s: float
    passes: int
    virtual: timedelta
    mutating_calls: int

    @property
    def cpu_s_an_hour(self) -> float:
        """Seconds of processor time for an hour of virtual time."""
        return self.cpu_s / (self.virtual / HOUR)


def run() -> Report:
    """A fleet that nothing happens to, and one with backups in which an instance ends every half hour."""
    lives = {
        "nothing happens": _lived(backups=False, ends_every=None),
        "snapshots every 15 min": _lived(backups=True, ends_every=None),
        "and an instance ends every 30 min": _lived(backups=True, ends_every=30 * MINUTE),
    }
    return Report(
        title=f"the controller on the simulated cloud, {WEB + DATABASES} slots, a pass every 15 s",
        columns=("", "virtual h/min", "passes/s", "ms/pass", "passes", "mutating calls"),
        rows=tuple(
            (
                name,
                f"{60 / life.cpu_s_an_hour:.0f}",
                f"{life.passes / life.cpu_s:.0f}",
                f"{1e3 * life.cpu_s / life.passes:.2f}",
                f"{life.passes}",
                f"{life.mutating_calls}",
            )
            for name, life in lives.items()
        ),
        targets=(
            Target(
                what="a virtual hour when nothing happens, which is 100 h/min",
                measured=lives["nothing happens"].cpu_s_an_hour,
                limit=LIMIT_S_AN_HOUR,
                unit="s",
            ),
        ),
    )


def _lived(*, backups: bool, ends_every: timedelta | None) -> Lived:
    claim = data_claim(backup=snapshots_of(15 * MINUTE) if backups else None)
    fleets = web_fleet(replicas=WEB), postgres_fleet(replicas=DATABASES, claims=(claim,))
    layout = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
    with (
        tempfile.TemporaryDirectory() as folder,
        virtual_guard(
            desired(*fleets), store=Path(folder) / "store", layout=layout, seed=1
        ) as guard,
    ):
        for _ in guard.until_converged(within=2 * HOUR):
            pass
        for _ in guard.passes(lasting=WARM_UP):
            pass
        return _measured(guard, ends_every)


def _measured(guard: VirtualGuard, ends_every: timedelta | None) -> Lived:
    chance, clock = random.Random(1), guard.cloud.clock
    calls, began, next_end = guard.cloud.gate.mutating_calls, clock.now(), clock.now()
    passes = 0
    began_cpu_s = time.process_time()
    while clock.now() < began + LASTING:
        if ends_every is not None and clock.now() >= next_end:
            next_end += ends_every
            alive = [item.id for item in guard.cloud.truth.instances.values() if item.alive]
            guard.cloud.by_hand(Meddling.TERMINATE, chance.choice(alive))
        guard.one_pass()
        passes += 1
    return Lived(
        cpu_s=time.process_time() - began_cpu_s,
        passes=passes,
        virtual=clock.now() - began,
        mutating_calls=guard.cloud.gate.mutating_calls - calls,
    )
