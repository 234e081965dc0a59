"""A stage on the cloud in memory. It can be copied, so that one death is followed by every way to start again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from desired_state.model import Fleet
from providers.observed import Attachment, Instance, Snapshot, Volume, VolumeState
from providers.port import Receipt
from reconciler.planning.identity import slot_of
from tests.simulation.crash_points.stage import (
    CountingCloud,
    Ending,
    called,
    is_data,
    line_of,
    snapshot_line,
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
        self.cloud = CountingMemoryCloud(truth, self.fleets)
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

    def volume_fails(self, slot: str) -> None:
        self.truth.fail_volume(self._volume(slot).id)

    def volume_sticks(self, slot: str, *, lasts_after_launch: timedelta | None = None) -> None:
        self.truth.stall(self._volume(slot).id, lasts_after_launch=lasts_after_launch)

    def ending(self) -> Ending:
        world = self.truth.world
        lines = [
            *(line_of(item) for item in self.truth.alive()),
            *(
                volume_line(item, [_held(held, world.instances) for held in item.attachments])
                for item in world.volumes.values()
                if is_data(item, item.attachments) and item.state is not VolumeState.DELETED
            ),
            *(snapshot_line(item) for item in world.snapshots.values()),
        ]
        return Ending(state=tuple(sorted(lines)), changes=dict(sorted(self.cloud.changes.items())))

    def _occupant(self, slot: str) -> Instance:
        (instance,) = (item for item in self.truth.alive() if str(slot_of(item.tags)) == slot)
        return instance

    def _volume(self, slot: str) -> Volume:
        volumes = self.truth.world.volumes
        (volume,) = (
            volumes[item.volume_id]
            for item in self._occupant(slot).attachments
            if not item.delete_on_termination
        )
        return volume


def _held(attachment: Attachment, instances: Mapping[str, Instance]) -> str:
    return f"{called(instances[attachment.instance_id])} {attachment.device} {attachment.state}"


class CountingMemoryCloud(CountingCloud):
    """Compares the whole truth before and after."""

    def __init__(self, truth: MemoryCloud, fleets: Sequence[Fleet]) -> None:
        super().__init__(truth)
        self._truth = truth
        self._fleets = fleets

    def alive(self) -> Sequence[Instance]:
        return self._truth.alive()

    def item(self, key: str) -> Instance | Volume | Snapshot | None:
        world = self._truth.world
        return world.instances.get(key) or world.volumes.get(key) or world.snapshots.get(key)

    def snapshots(self) -> Sequence[Snapshot]:
        return tuple(self._truth.world.snapshots.values())

    def declared(self) -> Sequence[Fleet]:
        return self._fleets

    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        world = self._truth.world
        world.let_time_work()
        before = dict(world.instances), dict(world.volumes), dict(world.snapshots)
        receipt = send()
        return receipt, before != (world.instances, world.volumes, world.snapshots)
