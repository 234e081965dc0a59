"""A stage on the simulated EC2: the real adapter, and EC2's own rules and lifecycles. Its views lag by themselves."""

from __future__ import annotations

import random  # noqa: TID251 - the only source of chance, and seeded
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from desired_state.model import Fleet
from providers.ec2.cloud import Ec2Cloud
from providers.observed import VolumeState
from providers.port import Prober, Receipt
from providers.simulated.changes import Cause, Change
from providers.simulated.clock import VirtualClock
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.durations import Durations
from providers.simulated.faults import Meddling, ReadsGoBack, When
from providers.simulated.layout import Layout
from providers.simulated.records import Attachment, Guest, Instance, Io, Snapshot, Volume
from providers.simulated.world import Truth
from reconciler.planning.identity import slot_of
from reconciler.simulation.guard import clients_of, serves
from tests.simulation.crash_points.stage import (
    CountingCloud,
    Ending,
    called,
    is_data,
    line_of,
    snapshot_line,
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
    volume_status_lag_s=(10.0, 20.0),
    snapshot_per_gib_s=(0.1, 0.2),
    fill_mib_s=50_000.0,
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
        self.cloud = CountingSimulatedCloud(self._simulated, lambda: self.fleets)
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

    def volume_fails(self, slot: str) -> None:
        self._simulated.make_sick(self._volume(slot).id, Io.FAILED)

    def volume_sticks(self, slot: str, *, lasts_after_launch: timedelta | None = None) -> None:
        volume_id = self._volume(slot).id
        self._simulated.make_sick(volume_id, Io.STALLED)
        if lasts_after_launch is not None:
            heals = partial(self._simulated.make_sick, volume_id, Io.NORMAL)
            self._after_next_launch(slot, lasts_after_launch, heals)

    def ending(self) -> Ending:
        truth = self._simulated.truth
        lines = [
            *(line_of(item) for item in self.cloud.alive()),
            *(
                volume_line(item, [_held(held, truth) for held in _attachments(item)])
                for item in truth.volumes.values()
                if is_data(item, _attachments(item)) and item.state != VolumeState.DELETED
            ),
            *(snapshot_line(item) for item in truth.snapshots.values()),
        ]
        return Ending(state=tuple(sorted(lines)), changes=dict(sorted(self.cloud.changes.items())))

    def _after_next_launch(self, slot: str, delay: timedelta, happens: Callable[[], None]) -> None:
        world, waiting = self._simulated.world, [happens]

        def listen(news: Sequence[Change]) -> None:
            if waiting and any(_is_launch(change, slot) for change in news):
                self._simulated.clock.after(delay, waiting.pop())

        world.on_change.append(listen)

    def _occupant(self, slot: str) -> Instance:
        (instance,) = (item for item in self.cloud.alive() if str(slot_of(item.tags)) == slot)
        return instance

    def _volume(self, slot: str) -> Volume:
        (volume_id,) = (
            item.volume_id
            for item in self._occupant(slot).attachments
            if not item.delete_on_termination
        )
        return self._simulated.truth.volumes[volume_id]


def _is_launch(change: Change, slot: str) -> bool:
    made = isinstance(change.after, Instance) and change.before is None
    return made and str(slot_of(change.tags)) == slot


def _attachments(volume: Volume) -> tuple[Attachment, ...]:
    return (volume.attachment,) if volume.attachment else ()


def _held(attachment: Attachment, truth: Truth) -> str:
    instance = truth.instances[attachment.instance_id]
    return f"{called(instance)} {attachment.device} {attachment.state}"


class CountingSimulatedCloud(CountingCloud):
    """Reads the cloud's own log of changes: those that a call made, and not those that time made meanwhile."""

    def __init__(self, simulated: SimulatedCloud, declared: Callable[[], Sequence[Fleet]]) -> None:
        super().__init__(Ec2Cloud(clients_of(simulated), account=ACCOUNT, region=REGION))
        self._simulated = simulated
        self._declared = declared

    def alive(self) -> Sequence[Instance]:
        return [item for item in self._simulated.truth.instances.values() if item.alive]

    def item(self, key: str) -> Instance | Volume | Snapshot | None:
        truth = self._simulated.truth
        return truth.instances.get(key) or truth.volumes.get(key) or truth.snapshots.get(key)

    def snapshots(self) -> Sequence[Snapshot]:
        return tuple(self._simulated.truth.snapshots.values())

    def declared(self) -> Sequence[Fleet]:
        return self._declared()

    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        before = len(self._simulated.truth.changes)
        receipt = send()
        changes = self._simulated.truth.changes[before:]
        return receipt, any(item.cause is Cause.CALL for item in changes)
