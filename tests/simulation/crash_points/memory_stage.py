"""A stage on the cloud in memory. It can be copied, so that one death is followed by every way to start again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from desired_state.model import Fleet
from providers.observed import Instance, Volume, VolumeState
from providers.port import Receipt
from reconciler.planning.identity import Tag, slot_of
from tests.simulation.crash_points.stage import (
    CountingCloud,
    Ending,
    called,
    line_of,
    volume_line,
)
from tests.support.cases import CELL
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.passes import Services


@dataclass(slots=True)
class MemoryStage:
    """See the module's docstring. `fleets` tell the services what they need to answer."""

    fleets: tuple[Fleet, ...]
    clock: ManualClock = field(default_factory=ManualClock)
    truth: MemoryCloud = field(init=False)
    cloud: CountingMemoryCloud = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self._furnish(MemoryCloud(self.clock, cell=CELL))

    def _furnish(self, truth: MemoryCloud) -> None:
        self.truth = truth
        self.cloud = CountingMemoryCloud(truth)
        self.services = Services(truth, {fleet.name: fleet for fleet in self.fleets})

    def copied(self, *fleets: Fleet) -> MemoryStage:
        """A stage of its own on which everything is as it is here now, and as much has been counted."""
        copy = MemoryStage(fleets, clock=ManualClock(instant=self.clock.instant))
        copy._furnish(self.truth.copied(copy.clock))
        copy.cloud.changes += self.cloud.changes
        copy.cloud.faults += self.cloud.faults
        copy.services.down |= self.services.down
        return copy

    def as_it_is(self) -> MemoryCloud:
        return self.truth.copied(ManualClock(instant=self.clock.instant))

    def views_go_back(self, *, lasting: timedelta) -> bool:
        return False

    def fails(self, slot: str) -> None:
        instance = self._occupant(slot)
        self.truth.impair(instance.id)
        self.services.down.add(instance.id)

    def is_terminated(self, slot: str) -> None:
        self.truth.terminate_by_hand(self._occupant(slot).id)

    def ending(self) -> Ending:
        alive = {item.id: item for item in self.truth.alive()}
        lines = [
            *(line_of(item) for item in alive.values()),
            *(
                volume_line(item, _held(item, alive))
                for item in self.truth.world.volumes.values()
                if Tag.CLAIM in item.tags and item.state is not VolumeState.DELETED
            ),
        ]
        return Ending(state=tuple(sorted(lines)), changes=dict(sorted(self.cloud.changes.items())))

    def _occupant(self, slot: str) -> Instance:
        (instance,) = (item for item in self.truth.alive() if str(slot_of(item.tags)) == slot)
        return instance


def _held(volume: Volume, alive: Mapping[str, Instance]) -> list[str]:
    return [f"{called(alive[a.instance_id])} {a.device} {a.state}" for a in volume.attachments]


class CountingMemoryCloud(CountingCloud):
    """Compares the whole truth before and after."""

    def __init__(self, truth: MemoryCloud) -> None:
        super().__init__(truth)
        self._truth = truth

    def alive(self) -> Sequence[Instance]:
        return self._truth.alive()

    def item(self, key: str) -> Instance | Volume | None:
        return self._truth.world.instances.get(key) or self._truth.world.volumes.get(key)

    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        world = self._truth.world
        world.let_time_work()
        before = dict(world.instances), dict(world.volumes)
        receipt = send()
        return receipt, before != (world.instances, world.volumes)
