"""Snapshots in the cloud in memory: a point in time at once, completed a while later, no client token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from providers.observed import STANDARD_TIER, Instance, Snapshot, SnapshotState, Volume
from providers.requests import CopySnapshot, CreateSnapshots
from tests.support.memory_refusals import not_found, refused

COMPLETES_IN = timedelta(minutes=2)
MOST_PENDING = 5


@dataclass(slots=True, kw_only=True)
class MemorySnapshots:
    """Snapshots by id, as they truly are."""

    account: str
    by_id: dict[str, Snapshot] = field(default_factory=dict)
    elsewhere: dict[str, dict[str, Snapshot]] = field(default_factory=dict)
    """Copies by region."""
    slow: bool = False
    """Nothing completes any more."""
    failing: bool = False
    """What would complete fails."""

    def take(self, key: str, volume: Volume, tags: dict[str, str], now: datetime) -> None:
        """CreateSnapshot. Raises CloudError."""
        counted = (SnapshotState.PENDING, SnapshotState.ERROR)
        of_volume = [item for item in self.by_id.values() if item.volume_id == volume.id]
        if sum(item.state in counted for item in of_volume) >= MOST_PENDING:
            message = f"{volume.id} has {MOST_PENDING} in progress"
            raise refused("CreateSnapshot", "ConcurrentSnapshotLimitExceeded", message)
        self.by_id[key] = Snapshot(
            id=key,
            volume_id=volume.id,
            owner_account=self.account,
            state=SnapshotState.PENDING,
            state_message=None,
            started_at=now,
            progress="",
            size_gib=volume.size_gib,
            encrypted=volume.encrypted,
            kms_key_id=volume.kms_key_id,
            storage_tier=STANDARD_TIER,
            tags=tags,
        )

    def delete(self, key: str) -> None:
        """DeleteSnapshot. Raises CloudError."""
        if self.by_id.pop(key, None) is None:
            raise not_found("DeleteSnapshot", "InvalidSnapshot.NotFound", key)

    def copy(self, key: str, request: CopySnapshot, now: datetime) -> None:
        """CopySnapshot. Raises CloudError."""
        source = self.by_id.get(request.snapshot_id)
        if source is None:
            raise not_found("CopySnapshot", "InvalidSnapshot.NotFound", request.snapshot_id)
        if source.state is not SnapshotState.COMPLETED:
            raise refused("CopySnapshot", "IncorrectState", f"{source.id} is {source.state}")
        self.elsewhere.setdefault(request.to_region, {})[key] = replace(
            source,
            id=key,
            volume_id="vol-ffffffff",
            state=SnapshotState.PENDING,
            progress="",
            started_at=now,
            tags=dict(request.tags),
        )

    def delete_copy(self, key: str, region: str) -> None:
        """DeleteSnapshot in another region. Raises CloudError."""
        if self.elsewhere.get(region, {}).pop(key, None) is None:
            raise not_found("DeleteSnapshot", "InvalidSnapshot.NotFound", key)

    def need(self, snapshot_ids: Iterable[str | None]) -> None:
        """Volumes are made from completed snapshots alone. Raises CloudError."""
        for key in snapshot_ids:
            if key is None:
                continue
            if key not in self.by_id:
                raise not_found("RunInstances", "InvalidSnapshot.NotFound", key)
            if self.by_id[key].state is not SnapshotState.COMPLETED:
                raise refused("RunInstances", "IncorrectState", f"{key} is not completed")

    def let_time_work(self, now: datetime) -> None:
        """Finish what is due."""
        ended = SnapshotState.ERROR if self.failing else SnapshotState.COMPLETED
        for items in (self.by_id, *self.elsewhere.values()):
            for key, item in items.items():
                due = item.started_at + COMPLETES_IN <= now and not self.slow
                if item.state is SnapshotState.PENDING and due:
                    items[key] = replace(item, state=ended, progress="100%")

    def copied(self) -> MemorySnapshots:
        """Those of a world of its own."""
        elsewhere = {region: dict(items) for region, items in self.elsewhere.items()}
        return replace(self, by_id=dict(self.by_id), elsewhere=elsewhere)


def taken_together(
    request: CreateSnapshots, instance: Instance, volumes: dict[str, Volume]
) -> list[tuple[Volume, dict[str, str]]]:
    """The volumes that CreateSnapshots takes, and their tags: those of the volume, and those of the request."""
    found = [
        volumes[item.volume_id]
        for item in instance.attachments
        if item.device != instance.root_device and item.volume_id not in request.left_out
    ]
    return [(volume, {**volume.tags, **request.tags}) for volume in found]
