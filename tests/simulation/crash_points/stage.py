"""The world around the controller: a cloud, its services, and time. It outlives every process, and it keeps count.

stage.cloud         the port as processes use it; what a request truly changes is counted, and judged at once
stage.ending()      what is so, in words that are the same in every run: slots and incarnations instead of ids
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from desired_state.model import Fleet
from providers.observed import CellIdentity, Instance, InstanceState, Observation, Presence, Volume
from providers.observed import VolumeState as State
from providers.port import Receipt
from providers.requests import DetachVolume, LaunchInstance, Request
from reconciler.planning.actions import target_of
from reconciler.planning.identity import Tag, incarnation_of, slot_of
from tests.support.cases import CELL
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.passes import Services

DIFFERENT_IN_EVERY_RUN = frozenset({Tag.OPERATION, Tag.IN_SERVICE_SINCE, Tag.QUARANTINE_UNTIL})
"""Tags that hold the number of an attempt, or an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is so in the end, and what was changed on the way there."""

    state: tuple[str, ...]
    """A line for each instance that lives and for each data volume that exists, sorted."""
    changes: Mapping[str, int]
    """How often requests truly changed something, by `slot kind`."""


@dataclass(slots=True)
class Stage:
    """See the module's docstring. `fleets` tell the services what they need to answer."""

    fleets: tuple[Fleet, ...]
    clock: ManualClock = field(default_factory=ManualClock)
    truth: MemoryCloud = field(init=False)
    cloud: CountingCloud = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self._furnish(MemoryCloud(self.clock, cell=CELL))

    def _furnish(self, truth: MemoryCloud) -> None:
        self.truth = truth
        self.cloud = CountingCloud(truth)
        self.services = Services(truth, {fleet.name: fleet for fleet in self.fleets})

    def copied(self, *fleets: Fleet) -> Stage:
        """A stage of its own on which everything is as it is here now, and as much has been counted."""
        copy = Stage(fleets, clock=ManualClock(instant=self.clock.instant))
        copy._furnish(self.truth.copied(copy.clock))
        copy.cloud.changes += self.cloud.changes
        copy.cloud.faults += self.cloud.faults
        copy.services.down |= self.services.down
        return copy

    def as_it_is(self) -> MemoryCloud:
        """What a view that lags shows from now on, however late it is."""
        return self.truth.copied(ManualClock(instant=self.clock.instant))

    def occupant(self, slot: str) -> Instance:
        """The one living instance of that slot."""
        (instance,) = (item for item in self.truth.alive() if str(slot_of(item.tags)) == slot)
        return instance

    def fails(self, slot: str) -> None:
        """The instance of that slot is unwell from now on: EC2's check of it fails, and its service does not answer."""
        instance = self.occupant(slot)
        self.truth.impair(instance.id)
        self.services.down.add(instance.id)

    def is_terminated(self, slot: str) -> None:
        """Somebody ends the instance of that slot."""
        self.truth.terminate_by_hand(self.occupant(slot).id)

    def ending(self) -> Ending:
        """As it is now."""
        alive = {item.id: item for item in self.truth.alive()}
        lines = [
            *(_line_of(item) for item in alive.values()),
            *(
                _volume_line(item, alive)
                for item in self.truth.world.volumes.values()
                if Tag.CLAIM in item.tags and item.state is not State.DELETED
            ),
        ]
        return Ending(state=tuple(sorted(lines)), changes=dict(sorted(self.cloud.changes.items())))


@dataclass(slots=True)
class CountingCloud:
    """Implements providers.port.Cloud over the truth; counts what requests change of it."""

    truth: MemoryCloud
    changes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """What must never be, as it was right after the request that made it so."""

    def identity(self) -> CellIdentity:
        return self.truth.identity()

    def observe(self, *, owner: str, image_parameters: Iterable[str], now: datetime) -> Observation:
        return self.truth.observe(owner=owner, image_parameters=image_parameters, now=now)

    def read_instances(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Instance | None]]:
        return self.truth.read_instances(ids)

    def read_volumes(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Volume | None]]:
        return self.truth.read_volumes(ids)

    def find_launch(self, request: LaunchInstance) -> Instance | None:
        return self.truth.find_launch(request)

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        world = self.truth.world
        world.let_time_work()
        before = dict(world.instances), dict(world.volumes)
        receipt = self.truth.perform(request, user_data=user_data)
        if before != (world.instances, world.volumes):
            self.changes[f"{self._slot_of(request)} {request.kind}"] += 1
            self.faults += self._wrong(request, before[0])
        return receipt

    def _slot_of(self, request: Request) -> str:
        world = self.truth.world
        target = target_of(request)
        item = world.instances.get(target or "") or world.volumes.get(target or "")
        tags = request.tags if isinstance(request, LaunchInstance) else item.tags if item else {}
        return str(slot_of(tags))

    def _wrong(self, request: Request, before: Mapping[str, Instance]) -> list[str]:
        alive = Counter(str(slot_of(item.tags)) for item in self.truth.alive())
        twins = Counter(
            f"{slot_of(item.tags)} incarnation {incarnation_of(item.tags)}"
            for item in self.truth.alive()
        )
        wrong = [f"{slot}: {count} live instances" for slot, count in alive.items() if count > 2]
        wrong += [f"{name}: twice" for name, count in twins.items() if count > 1]
        if isinstance(request, DetachVolume):
            holder = before[request.instance_id]
            if holder.state not in (InstanceState.STOPPED, InstanceState.TERMINATED):
                wrong.append(f"{request.volume_id} taken from {holder.id}, which is {holder.state}")
        return wrong


def _line_of(instance: Instance) -> str:
    return " ".join(
        (
            _called(instance),
            instance.state,
            instance.type,
            instance.image,
            instance.zone,
            ",".join(instance.security_groups),
            _told(instance.tags),
        )
    )


def _volume_line(volume: Volume, alive: Mapping[str, Instance]) -> str:
    held = [f"{_called(alive[a.instance_id])} {a.device} {a.state}" for a in volume.attachments]
    name = f"volume {volume.tags[Tag.CLAIM]} {slot_of(volume.tags)} {incarnation_of(volume.tags)}"
    return f"{name} {volume.state} {volume.zone} on {held} {_told(volume.tags)}"


def _called(instance: Instance) -> str:
    return f"{slot_of(instance.tags)}#{incarnation_of(instance.tags)}"


def _told(tags: Mapping[str, str]) -> str:
    return str(dict(sorted((k, v) for k, v in tags.items() if k not in DIFFERENT_IN_EVERY_RUN)))
