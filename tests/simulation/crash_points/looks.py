"""The reading half of a cloud, handed on to another one as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from providers.observed import (
    CellIdentity,
    Instance,
    Observation,
    Presence,
    Snapshot,
    SnapshotList,
    Volume,
    VolumeIoList,
    VolumeStatusList,
)
from providers.port import Cloud
from providers.requests import LaunchInstance


class LooksAt:
    """Implements providers.port.Cloud but for `perform`: every look is a look at `view`."""

    view: Cloud

    def identity(self) -> CellIdentity:
        return self.view.identity()

    def observe(self, *, owner: str, image_parameters: Iterable[str], now: datetime) -> Observation:
        return self.view.observe(owner=owner, image_parameters=image_parameters, now=now)

    def observe_snapshots(
        self, *, owner: str, volume_ids: Collection[str], now: datetime
    ) -> SnapshotList:
        return self.view.observe_snapshots(owner=owner, volume_ids=volume_ids, now=now)

    def observe_volume_status(
        self, *, volume_ids: Collection[str], now: datetime
    ) -> VolumeStatusList:
        return self.view.observe_volume_status(volume_ids=volume_ids, now=now)

    def observe_volume_io(self, *, volume_ids: Collection[str], now: datetime) -> VolumeIoList:
        return self.view.observe_volume_io(volume_ids=volume_ids, now=now)

    def read_instances(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Instance | None]]:
        return self.view.read_instances(ids)

    def read_volumes(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Volume | None]]:
        return self.view.read_volumes(ids)

    def read_snapshots(self, ids: Iterable[str]) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        return self.view.read_snapshots(ids)

    def observe_copies(self, *, owner: str, region: str, now: datetime) -> SnapshotList:
        return self.view.observe_copies(owner=owner, region=region, now=now)

    def read_copies(
        self, ids: Iterable[str], *, region: str
    ) -> Mapping[str, tuple[Presence, Snapshot | None]]:
        return self.view.read_copies(ids, region=region)

    def find_launch(self, request: LaunchInstance) -> Instance | None:
        return self.view.find_launch(request)
