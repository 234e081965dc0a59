"""A stage on the simulated EC2: the real adapter, and EC2's own rules and lifecycles. Its views lag by themselves."""

from __future__ import annotations

import random  # noqa: TID251 - the only source of chance, and seeded
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from desired_state.model import Fleet
from providers.ec2.cloud import Ec2Cloud
from providers.observed import VolumeState
from providers.port import Prober, Receipt
from providers.simulated.changes import Cause
from providers.simulated.clock import VirtualClock
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.durations import Durations
from providers.simulated.faults import Meddling, ReadsGoBack, When
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Instance, Volume
from providers.simulated.world import Truth
from reconciler.demo.virtual import clients_of, serves
from reconciler.planning.identity import Tag, slot_of
from tests.simulation.crash_points.stage import (
    CountingCloud,
    Ending,
    called,
    line_of,
    volume_line,
)
from tests.support.fleets import ACCOUNT, IMAGE, MINUTE, REGION

SWIFT = Durations(
    pending_s=(10.0, 20.0),
    boot_s=(5.0, 15.0),
    first_checks_s=(10.0, 20.0),
    check_lag_s=(10.0, 20.0),
    stopping_s=(10.0, 20.0),
    hung_stop_s=(10.0, 20.0),
    shutting_down_s=(10.0, 20.0),
)
"""EC2 on a good day, so that a story is told in few passes."""


class SteppedClock:
    """The cloud's clock, moved by durations as a stage's is."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        self._clock.advance(self._clock.now() + by)


class SimulatedStage:
    """See the module's docstring. `fleets` tell the services what they need to answer."""

    def __init__(self, fleets: tuple[Fleet, ...], *, seed: int) -> None:
        self.fleets = fleets
        layout = Layout(account=ACCOUNT, region=REGION, images=frozenset({IMAGE}))
        self._simulated = SimulatedCloud(
            chance=random.Random(seed),
            layout=layout,
            durations=SWIFT,
            serves=lambda instance, _truth: serves(instance, self.fleets),
        )
        self.clock = SteppedClock(self._simulated.clock)
        self.cloud = CountingSimulatedCloud(self._simulated)
        self.services: Prober = self._simulated.prober

    def as_it_is(self) -> None:
        return None

    def views_go_back(self, *, lasting: timedelta) -> bool:
        since = self._simulated.clock.elapsed
        when = When(since=since, until=since + lasting)
        self._simulated.add_fault(ReadsGoBack(when=when, lag=5 * MINUTE))
        return True

    def fails(self, slot: str) -> None:
        self._simulated.make_sick(self._occupant(slot).id, Guest.UNREACHABLE)

    def is_terminated(self, slot: str) -> None:
        self._simulated.by_hand(Meddling.TERMINATE, self._occupant(slot).id)

    def ending(self) -> Ending:
        truth = self._simulated.truth
        lines = [
            *(line_of(item) for item in self.cloud.alive()),
            *(
                volume_line(item, _held(item, truth))
                for item in truth.volumes.values()
                if Tag.CLAIM in item.tags and item.state != VolumeState.DELETED
            ),
        ]
        return Ending(state=tuple(sorted(lines)), changes=dict(sorted(self.cloud.changes.items())))

    def _occupant(self, slot: str) -> Instance:
        (instance,) = (item for item in self.cloud.alive() if str(slot_of(item.tags)) == slot)
        return instance


def _held(volume: Volume, truth: Truth) -> list[str]:
    held = volume.attachment
    return (
        [f"{called(truth.instances[held.instance_id])} {held.device} {held.state}"] if held else []
    )


class CountingSimulatedCloud(CountingCloud):
    """Reads the cloud's own log of changes: those that a call made, and not those that time made meanwhile."""

    def __init__(self, simulated: SimulatedCloud) -> None:
        super().__init__(Ec2Cloud(clients_of(simulated), account=ACCOUNT, region=REGION))
        self._simulated = simulated

    def alive(self) -> Sequence[Instance]:
        return [item for item in self._simulated.truth.instances.values() if item.alive]

    def item(self, key: str) -> Instance | Volume | None:
        return self._simulated.truth.instances.get(key) or self._simulated.truth.volumes.get(key)

    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        before = len(self._simulated.truth.changes)
        receipt = send()
        changes = self._simulated.truth.changes[before:]
        return receipt, any(item.cause is Cause.CALL for item in changes)
