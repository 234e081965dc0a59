"""A small cloud in memory that implements providers.port.Cloud whole.

It follows EC2 where a controller can tell the difference: zonal client tokens, states that take time, attachment rules,
zones, capacity, an idempotent terminate, data volumes that outlive their instance. Time is the injected clock's.
Every port call is recorded in `calls`. What people and outages do is below "behind the controller's back".
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from providers.observed import (
    CellIdentity,
    Check,
    CheckStatus,
    Gap,
    Instance,
    InstanceState,
    Observation,
    Presence,
    Snapshot,
    SnapshotList,
    StatusChecks,
    Volume,
    VolumeIoList,
    VolumeState,
    VolumeStatusList,
    Zone,
)
from providers.observed_volumes import VolumeIo, VolumeStatus
from providers.port import Receipt
from providers.requests import DetachVolume, LaunchInstance, Request
from reconciler.clock import Clock
from reconciler.planning.identity import Tag
from tests.support.memory_stalls import Stall, answers
from tests.support.memory_world import MemoryWorld
from tests.support.volume_health import no_metrics, status_of

CELL = CellIdentity(account="111122223333", region="us-east-1", endpoint="memory://cloud")
ZONES = {"use1-az1": "us-east-1a", "use1-az2": "us-east-1b", "use1-az4": "us-east-1c"}

Item = TypeVar("Item", Instance, Volume, Snapshot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the port: `request` for a mutating one, otherwise None."""

    operation: str
    at: datetime
    request: Request | None = None
    user_data: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` requests of a type: they raise, before or after their effect."""

    request_type: type
    raises: BaseException
    after_effect: bool
    times: int


class MemoryCloud:
    """See the module's docstring. `world` is the truth, for assertions through the side door."""

    def __init__(self, clock: Clock, *, cell: CellIdentity = CELL) -> None:
        self.clock = clock
        self.cell = cell
        self.world = MemoryWorld(clock=clock, account=cell.account)
        self.images: dict[str, str] = {}
        """What each SSM parameter resolves to."""
        self.checks: dict[str, StatusChecks] = {}
        """Status checks that differ from all passed."""
        self.gaps: list[Gap] = []
        """What the next observations could not read; the items stay in, as a lost page would leave others."""
        self.snapshot_gap: Gap | None = None
        """Why the next lists of snapshots fail."""
        self.copy_gap: Gap | None = None
        """Why the next lists of copies fail."""
        self.stalls: dict[str, Stall] = {}
        """Volumes that do not answer, or did not; others have no metrics."""
        self.volume_status: dict[str, VolumeStatus] = {}
        """What is said of the status of volumes, whatever is so."""
        self.volume_io: dict[str, VolumeIo] = {}
        """What is said of the metrics of volumes, whatever is so."""
        self.volume_status_gaps: list[Gap] = []
        """What the next lists of volume status could not read."""
        self.volume_io_gap: Gap | None = None
        """Why the next readings of metrics fail."""
        self.hidden: set[str] = set()
        """Ids that exist and that no view shows: eventual consistency."""
        self.unreadable: set[str] = set()
        """Ids whose reading by name fails."""
        self.calls: list[Call] = []
        self._faults: list[Fault] = []
        self._failing_reads: list[BaseException] = []
        self._lock = threading.RLock()

    # The port.

    def identity(self) -> CellIdentity:
        with self._lock:
            self._record("GetCallerIdentity")
            return self.cell

    def observe(self, *, owner: str, image_parameters: Iterable[str], now: datetime) -> Observation:
        with self._lock:
            self._record("Observe")
            instances = self._ours(owner, self.world.instances)
            volumes = self._ours(owner, self.world.volumes)
            return Observation(
                as_of=now,
                cell=self.cell,
                instances=instances,
                volumes={
                    key: item
                    for key, item in volumes.items()
                    if item.state is not VolumeState.DELETED
                },
                checks={
                    key: self.checks.get(key, healthy_checks(key))
                    for key, item in instances.items()
                    if item.state is InstanceState.RUNNING
                },
                zones={
                    key: Zone(id=key, name=name, state="available") for key, name in ZONES.items()
                },
                images={
                    name: self.images[name] for name in image_parameters if name in self.images
                },
                gaps=tuple(self.gaps),
                calls={"DescribeInstances": 1, "DescribeVolumes": 1},
            )

    def observe_snapshots(
        self, *, owner: str, volume_ids: Collection[str], now: datetime
    ) -> SnapshotList:
        with self._lock:
            self._record("ObserveSnapshots")
            return SnapshotList(
                as_of=now,
                snapshots={
                    key: item
                    for key, item in self.world.snapshots.items()
                    if (item.tags.get(Tag.OWNER) == owner or item.volume_id in volume_ids)
                    and key not in self.hidden
                },
                gap=self.snapshot_gap,
                calls={"DescribeSnapshots": 1},
            )

    def observe_copies(self, *, owner: str, region: str, now: datetime) -> SnapshotList:
        with self._lock:
            self._record("ObserveCopies")
            return SnapshotList(
                as_of=now,
                snapshots=self._ours(owner, self.world.backups.elsewhere.get(region, {})),
                gap=self.copy_gap,
                calls={"DescribeSnapshots": 1},
            )

    def observe_volume_status(
        self, *, volume_ids: Collection[str], now: datetime
    ) -> VolumeStatusList:
        with self._lock:
            self._record("ObserveVolumeStatus")
            there = [id_ for id_ in volume_ids if id_ in self.world.volumes]
            unseen = {gap.zone for gap in self.volume_status_gaps}
            return VolumeStatusList(
                as_of=now,
                statuses={
                    id_: self._status_of(self.world.volumes[id_])
                    for id_ in there
                    if unseen.isdisjoint({None, self.world.volumes[id_].zone})
                },
                gaps=tuple(self.volume_status_gaps),
                calls={"DescribeVolumeStatus": 1},
            )

    def observe_volume_io(self, *, volume_ids: Collection[str], now: datetime) -> VolumeIoList:
        with self._lock:
            self._record("ObserveVolumeIo")
            found = {id_: self._io_of(id_) for id_ in volume_ids}
            gap = self.volume_io_gap
            return VolumeIoList(
                as_of=now, readings={} if gap else found, gap=gap, calls={"GetMetricData": 1}
            )

    def read_instances(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Instance | None]]:
        with self._lock:
            self._look("DescribeInstances")
            return {key: self._read(key, self.world.instances) for key in ids}

    def read_volumes(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Volume | None]]:
        with self._lock:
            self._look("DescribeVolumes")
            return {key: self._read(key, self.world.volumes) for key in ids}

    def read_snapshots(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        with self._lock:
            self._look("DescribeSnapshots")
            return {key: self._read(key, self.world.snapshots) for key in ids}

    def read_copies(
        self, ids: Iterable[str], *, region: str
    ) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        with self._lock:
            self._look("DescribeSnapshots")
            return {
                key: self._read(key, self.world.backups.elsewhere.get(region, {})) for key in ids
            }

    def find_launch(self, request: LaunchInstance) -> Instance | None:
        with self._lock:
            self._look("DescribeInstances")
            for instance in self.world.instances.values():
                if instance.client_token == request.client_token and instance.id not in self.hidden:
                    return instance
            return None

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        with self._lock:
            self._record(type(request).__name__, request=request, user_data=user_data)
            fault = self._fault_for(request)
            if fault and not fault.after_effect:
                raise fault.raises
            made = self.world.carry_out(request, user_data)
            if fault:
                raise fault.raises
            return Receipt(resource_id=made, request_id=self.world.mint("req"))

    # What tests read.

    @property
    def mutations(self) -> tuple[Request, ...]:
        """Every mutating request that was sent, in order, whether or not it succeeded."""
        return tuple(call.request for call in self.calls if call.request is not None)

    def alive(self) -> tuple[Instance, ...]:
        """Instances that neither ended nor are on their way there, as they truly are."""
        self.world.let_time_work()
        return tuple(item for item in self.world.instances.values() if item.alive)

    def copied(self, clock: Clock) -> MemoryCloud:
        """A cloud of its own that is as this one is now and goes by that clock; with one that stands still it is what
        a view that lags shows later. Calls and arranged faults stay behind.
        """
        self.world.let_time_work()
        copy = MemoryCloud(clock, cell=self.cell)
        copy.world = self.world.copied(clock)
        copy.images |= self.images
        copy.checks |= self.checks
        copy.gaps += self.gaps
        copy.snapshot_gap = self.snapshot_gap
        copy.copy_gap = self.copy_gap
        copy.stalls |= self.stalls
        copy.hidden |= self.hidden
        copy.unreadable |= self.unreadable
        return copy

    # Behind the controller's back.

    def fail_next(
        self,
        request_type: type,
        raises: BaseException,
        *,
        after_effect: bool = False,
        times: int = 1,
    ) -> None:
        """The next requests of this type raise; `after_effect` loses the reply of one that was carried out."""
        self._faults.append(
            Fault(request_type=request_type, raises=raises, after_effect=after_effect, times=times)
        )

    def fail_reads(self, raises: BaseException, *, times: int = 1) -> None:
        """The next readings by id or token raise; observing goes on."""
        self._failing_reads += [raises] * times

    def answers(self, volume_id: str) -> bool:
        """Whether that volume serves reads and writes."""
        volume, stall = self.world.volumes[volume_id], self.stalls.get(volume_id)
        return answers(volume, stall, self.world.instances.values(), self.clock.now())

    def fail_volume(self, volume_id: str) -> None:
        """It is in state `error` from now on: lost."""
        volume = self.world.volumes[volume_id]
        self.world.volumes[volume_id] = replace(volume, state=VolumeState.ERROR)

    def stall(self, volume_id: str, *, lasts_after_launch: timedelta | None = None) -> None:
        """It stops answering, for ever, or until that long after the next launch into its slot."""
        self.stalls[volume_id] = Stall(
            since=self.clock.now(), lasts_after_launch=lasts_after_launch
        )

    def terminate_by_hand(self, instance_id: str) -> None:
        """Someone terminates it in the console."""
        self.world.let_time_work()
        self.world.terminate(instance_id)

    def stop_by_hand(self, instance_id: str) -> None:
        """Someone stops it in the console."""
        self.world.let_time_work()
        self.world.stop(instance_id)

    def detach_by_hand(self, volume_id: str) -> None:
        """Someone detaches it in the console."""
        self.world.let_time_work()
        (held,) = self.world.volumes[volume_id].attachments
        self.world.detach(
            DetachVolume(volume_id=volume_id, instance_id=held.instance_id, device=held.device)
        )

    def tag_by_hand(self, resource_id: str, tags: Mapping[str, str | None]) -> None:
        """Someone edits tags in the console; None removes one."""
        self.world.tag(resource_id, tags)

    def impair(self, instance_id: str, check: str = "instance") -> None:
        """EC2 reports a check as failing from now on: `system`, `instance` or `attached_ebs`."""
        bad = Check(status=CheckStatus.IMPAIRED, impaired_since=self.clock.now())
        checks = self.checks.get(instance_id, healthy_checks(instance_id))
        match check:
            case "system":
                self.checks[instance_id] = replace(checks, system=bad)
            case "instance":
                self.checks[instance_id] = replace(checks, instance=bad)
            case "attached_ebs":
                self.checks[instance_id] = replace(checks, attached_ebs=bad)
            case _:
                raise ValueError(f"{check!r} is not a status check")

    def heal(self, instance_id: str) -> None:
        """EC2 reports all checks as passed again."""
        self.checks.pop(instance_id, None)

    def _record(
        self, operation: str, *, request: Request | None = None, user_data: str | None = None
    ) -> None:
        self.world.let_time_work()
        self.calls.append(
            Call(operation=operation, at=self.clock.now(), request=request, user_data=user_data)
        )

    def _status_of(self, volume: Volume) -> VolumeStatus:
        stall, said = self.stalls.get(volume.id), self.volume_status.get(volume.id)
        if said is not None or stall is None:
            return said or status_of(volume.id)
        return stall.status(volume, self.world.instances.values(), self.clock.now())

    def _io_of(self, volume_id: str) -> VolumeIo:
        stall, said = self.stalls.get(volume_id), self.volume_io.get(volume_id)
        if said is not None or stall is None:
            return said or no_metrics(volume_id)
        volume = self.world.volumes[volume_id]
        return stall.io(volume, self.world.instances.values(), self.clock.now())

    def _look(self, operation: str) -> None:
        self._record(operation)
        if self._failing_reads:
            raise self._failing_reads.pop(0)

    def _ours(self, owner: str, items: Mapping[str, Item]) -> dict[str, Item]:
        return {
            key: item
            for key, item in items.items()
            if item.tags.get(Tag.OWNER) == owner and key not in self.hidden
        }

    def _read(self, key: str, items: Mapping[str, Item]) -> tuple[Presence, Item | None]:
        if key in self.unreadable:
            return Presence.UNREADABLE, None
        item = items.get(key)
        deleted = isinstance(item, Volume) and item.state is VolumeState.DELETED
        if item is None or deleted or key in self.hidden:
            return Presence.NOT_FOUND, None
        return Presence.FOUND, item

    def _fault_for(self, request: Request) -> Fault | None:
        for fault in self._faults:
            if isinstance(request, fault.request_type) and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def healthy_checks(instance_id: str) -> StatusChecks:
    """All three checks passed, no events."""
    passed = Check(status=CheckStatus.OK)
    return StatusChecks(
        instance_id=instance_id, system=passed, instance=passed, attached_ebs=passed
    )
