"""The world around the controller: a cloud, its services, and time. It outlives every process, and it keeps count.

stage.cloud         the port as processes use it; what a request truly changes is counted, and judged at once
stage.ending()      what is so, in words that are the same in every run: slots and incarnations instead of ids
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from providers.observed import Instance, InstanceState, Volume
from providers.port import Cloud, Prober, Receipt
from providers.requests import DetachVolume, LaunchInstance, Request
from providers.simulated import records
from reconciler.clock import Clock
from reconciler.planning.actions import target_of
from reconciler.planning.identity import Tag, incarnation_of, slot_of
from tests.simulation.crash_points.looks import LooksAt
from tests.support.memory_cloud import MemoryCloud

AnyInstance = Instance | records.Instance
AnyVolume = Volume | records.Volume

DIFFERENT_IN_EVERY_RUN = frozenset({Tag.OPERATION, Tag.IN_SERVICE_SINCE, Tag.QUARANTINE_UNTIL})
"""Tags that hold the number of an attempt, or an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is so in the end, and what was changed on the way there."""

    state: tuple[str, ...]
    """A line for each instance that lives and for each data volume that exists, sorted."""
    changes: Mapping[str, int]
    """How often requests truly changed something, by `slot kind`."""


class Stage(Protocol):
    """What lives and scenarios ask of a stage."""

    @property
    def clock(self) -> StageClock: ...
    @property
    def cloud(self) -> CountingCloud: ...
    @property
    def services(self) -> Prober: ...
    def as_it_is(self) -> MemoryCloud | None:
        """What a view that lags shows from now on, however late it is; None where views lag by themselves."""
        ...

    def views_go_back(self, *, lasting: timedelta) -> bool:
        """For that long each look shows each thing as it was at some moment; False where this can't be shown."""
        ...

    def fails(self, slot: str) -> None:
        """The instance of that slot is unwell from now on: EC2's check of it fails, and its service does not answer."""
        ...

    def is_terminated(self, slot: str) -> None:
        """Somebody ends the instance of that slot."""
        ...

    def ending(self) -> Ending:
        """As it is now."""
        ...


class StageClock(Clock, Protocol):
    """A clock that is moved by hand."""

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        ...


class CountingCloud(LooksAt, ABC):
    """Implements providers.port.Cloud over another one; counts what requests change of the truth."""

    def __init__(self, cloud: Cloud) -> None:
        self.view = self._cloud = cloud
        self.changes: Counter[str] = Counter()
        self.faults: list[str] = []
        """What must never be, as it was right after the request that made it so."""

    @abstractmethod
    def alive(self) -> Sequence[AnyInstance]:
        """Every instance that lives."""

    @abstractmethod
    def item(self, key: str) -> AnyInstance | AnyVolume | None:
        """The instance or volume of that id, if there is one."""

    @abstractmethod
    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        """Carry a request out; the answer, and whether it changed anything."""

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        """As the port. What it changes is counted once it has answered."""
        faults = self._taken_from_the_living(request)
        receipt, changed = self.changed_by(
            lambda: self._cloud.perform(request, user_data=user_data)
        )
        if changed:
            self.changes[f"{self._slot_of(request)} {request.kind}"] += 1
            self.faults += [*faults, *self._crowds()]
        return receipt

    def _slot_of(self, request: Request) -> str:
        item = self.item(target_of(request) or "")
        tags = request.tags if isinstance(request, LaunchInstance) else item.tags if item else {}
        return str(slot_of(tags))

    def _crowds(self) -> list[str]:
        living = Counter(str(slot_of(item.tags)) for item in self.alive())
        named = Counter(called(item) for item in self.alive())
        return [
            *(f"{slot}: {count} live instances" for slot, count in living.items() if count > 2),
            *(f"{name} lives twice" for name, count in named.items() if count > 1),
        ]

    def _taken_from_the_living(self, request: Request) -> list[str]:
        if not isinstance(request, DetachVolume):
            return []
        holder = self.item(request.instance_id)
        if holder is None or holder.state in (InstanceState.STOPPED, InstanceState.TERMINATED):
            return []
        return [f"{request.volume_id} taken from {holder.id}, which is {holder.state}"]


def line_of(instance: AnyInstance) -> str:
    """All of an instance that is the same in every run."""
    groups = ",".join(instance.security_groups)
    parts = (called(instance), instance.state, instance.type, instance.image, instance.zone, groups)
    return " ".join((*parts, _told(instance.tags)))


def volume_line(volume: AnyVolume, held: Sequence[str]) -> str:
    """All of a volume that is the same in every run; `held` are its attachments."""
    name = f"volume {volume.tags[Tag.CLAIM]} {slot_of(volume.tags)} {incarnation_of(volume.tags)}"
    return f"{name} {volume.state} {volume.zone} on {list(held)} {_told(volume.tags)}"


def called(instance: AnyInstance) -> str:
    """Its slot and incarnation: `web/1#2`."""
    return f"{slot_of(instance.tags)}#{incarnation_of(instance.tags)}"


def _told(tags: Mapping[str, str]) -> str:
    return str(dict(sorted((k, v) for k, v in tags.items() if k not in DIFFERENT_IN_EVERY_RUN)))
