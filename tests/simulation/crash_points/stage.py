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

from desired_state.model import Fleet
from providers.observed import Attachment, Instance, InstanceState, Snapshot, SnapshotState, Volume
from providers.port import Cloud, Prober, Receipt
from providers.requests import DeleteSnapshot, DeleteVolume, DetachVolume, LaunchInstance, Request
from providers.simulated import records
from reconciler.clock import Clock
from reconciler.planning.actions import target_of
from reconciler.planning.identity import Role, Tag, claim_of, incarnation_of, role_of, slot_of
from tests.simulation.crash_points.looks import LooksAt
from tests.support.memory_cloud import MemoryCloud

AnyInstance = Instance | records.Instance
AnyVolume = Volume | records.Volume
AnySnapshot = Snapshot | records.Snapshot
Attached = Attachment | records.Attachment

DIFFERENT_IN_EVERY_RUN = frozenset(
    {Tag.OPERATION, Tag.IN_SERVICE_SINCE, Tag.QUARANTINE_UNTIL, Tag.DUE}
)
"""Tags that hold the number of an attempt, or an instant: that there is one is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is so in the end, and what was changed on the way there."""

    state: tuple[str, ...]
    """A line for each instance that lives, and for each data volume and each snapshot that exists, sorted."""
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

    def volume_fails(self, slot: str) -> None:
        """The data volume of that slot is in state `error` from now on: lost."""
        ...

    def volume_sticks(self, slot: str, *, lasts_after_launch: timedelta | None = None) -> None:
        """The data volume of that slot stops answering: for ever, or until that long after the next launch there."""
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
    def item(self, key: str) -> AnyInstance | AnyVolume | AnySnapshot | None:
        """The instance, volume or snapshot of that id, if there is one."""

    @abstractmethod
    def snapshots(self) -> Sequence[AnySnapshot]:
        """Every snapshot that exists."""

    @abstractmethod
    def declared(self) -> Sequence[Fleet]:
        """What the services that run are for."""

    @abstractmethod
    def changed_by(self, send: Callable[[], Receipt]) -> tuple[Receipt, bool]:
        """Carry a request out; the answer, and whether it changed anything."""

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        """As the port. What it changes is counted once it has answered."""
        slot = self._slot_of(request)
        faults = [*self._taken_from_the_living(request), *self._last_copy(request)]
        receipt, changed = self.changed_by(
            lambda: self._cloud.perform(request, user_data=user_data)
        )
        if changed:
            self.changes[f"{slot} {request.kind}"] += 1
            self.faults += [*faults, *self._crowds(), *self._serve_both()]
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

    def _serve_both(self) -> list[str]:
        """Slots with data in which more than one instance would answer its clients, if only its volume did."""
        fleets = {fleet.name: fleet for fleet in self.declared() if fleet.stateful}
        serving = Counter(
            str(ref)
            for item in self.alive()
            if (ref := slot_of(item.tags)) and ref.fleet in fleets
            if may_serve(item, fleets[ref.fleet])
        )
        return [f"{slot}: {count} instances serve" for slot, count in serving.items() if count > 1]

    def _last_copy(self, request: Request) -> list[str]:
        """A snapshot goes for a newer one of its claim; a volume only where a snapshot holds the same."""
        completed = [item for item in self.snapshots() if item.state == SnapshotState.COMPLETED]
        match request:
            case DeleteSnapshot(snapshot_id=key):
                going = next((item for item in completed if item.id == key), None)
                if going is None or any(_is_newer(item, going) for item in completed):
                    return []
            case DeleteVolume(volume_id=key):
                volume = self.item(key)
                source = (
                    volume.snapshot_id if isinstance(volume, (Volume, records.Volume)) else None
                )
                if any(item.id == source or item.volume_id == key for item in completed):
                    return []
            case _:
                return []
        return [f"{key} deleted, and nothing else holds what it held"]


def _is_newer(snapshot: AnySnapshot, other: AnySnapshot) -> bool:
    """Of the same claim, and taken later."""
    same = slot_of(snapshot.tags) == slot_of(other.tags)
    same = same and claim_of(snapshot.tags) == claim_of(other.tags)
    return same and snapshot.started_at > other.started_at


def may_serve(instance: AnyInstance, fleet: Fleet) -> bool:
    """Whether nothing but its own health keeps an instance of a fleet with data from answering clients."""
    devices = {item.device for item in instance.attachments}
    return (
        instance.state == InstanceState.RUNNING
        and set(instance.security_groups) == set(fleet.instance.security_groups)
        and role_of(instance.tags) is Role.OCCUPANT
        and devices.issuperset(claim.device for claim in fleet.claims)
    )


def line_of(instance: AnyInstance) -> str:
    """All of an instance that is the same in every run."""
    groups = ",".join(instance.security_groups)
    parts = (called(instance), instance.state, instance.type, instance.image, instance.zone, groups)
    return " ".join((*parts, _told(instance.tags)))


def is_data(volume: AnyVolume, held: Sequence[Attached]) -> bool:
    """Whether a volume was made to fill a claim; root volumes go with their instance."""
    return slot_of(volume.tags) is not None and not any(item.delete_on_termination for item in held)


def volume_line(volume: AnyVolume, held: Sequence[str]) -> str:
    """All of a volume that is the same in every run; `held` are its attachments."""
    name = f"volume {claim_of(volume.tags)} {slot_of(volume.tags)} {incarnation_of(volume.tags)}"
    made = "restored" if volume.snapshot_id else "made empty"
    return f"{name} {made} {volume.state} {volume.zone} on {list(held)} {_told(volume.tags)}"


def snapshot_line(snapshot: AnySnapshot) -> str:
    """All of a snapshot that is the same in every run."""
    return f"snapshot {snapshot.state} {_told(snapshot.tags)}"


def called(instance: AnyInstance) -> str:
    """Its slot and incarnation: `web/1#2`."""
    return f"{slot_of(instance.tags)}#{incarnation_of(instance.tags)}"


def _told(tags: Mapping[str, str]) -> str:
    told = {key: "..." if key in DIFFERENT_IN_EVERY_RUN else value for key, value in tags.items()}
    return str(dict(sorted(told.items())))
