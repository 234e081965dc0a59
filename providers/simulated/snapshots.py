"""Snapshots: a point in time that is fixed at once, and complete much later (TRUSTED.md, part D)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from providers.simulated.attachments import device_is_root, written_until
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import SnapshotFails, SnapshotSlow
from providers.simulated.records import Io, Snapshot, Volume
from providers.simulated.refusals import (
    Refused,
    incorrect_state,
    no_instance,
    no_snapshot,
    no_volume,
)
from providers.simulated.replies import Item, Replies
from providers.simulated.tagging import tags_for
from providers.simulated.world import World

Parameters = Mapping[str, Any]

MOST_PENDING = 5
LEAST_BETWEEN = timedelta(seconds=15)


class Snapshots:
    """Makes and deletes snapshots. There is no client token: a repeated request makes another one."""

    def __init__(self, world: World, faults: FaultPlan, replies: Replies) -> None:
        self._world = world
        self._faults = faults
        self._replies = replies
        self._last_of: dict[str, datetime] = {}

    def create(self, parameters: Parameters) -> Item:
        """CreateSnapshot. Raises Refused."""
        volume = self._world.volumes.current.get(parameters["VolumeId"])
        if volume is None:
            raise no_volume(parameters["VolumeId"])
        self._check(volume)
        tags = tags_for("snapshot", parameters.get("TagSpecifications", ()))
        return self._replies.snapshot_item(self._make(volume, tags, parameters))

    def create_of_instance(self, parameters: Parameters) -> Item:
        """CreateSnapshots: all volumes of an instance at one instant. Raises Refused."""
        asked = parameters["InstanceSpecification"]
        instance = self._world.instances.current.get(asked.get("InstanceId", ""))
        if instance is None:
            raise no_instance(asked.get("InstanceId", ""))
        left_out = set(asked.get("ExcludeDataVolumeIds", ()))
        volumes = [
            self._world.volumes.current[item.volume_id]
            for item in instance.attachments
            if item.volume_id not in left_out
            and not (asked.get("ExcludeBootVolume") and device_is_root(instance, item))
        ]
        for volume in volumes:
            self._check(volume)
        tags = tags_for("snapshot", parameters.get("TagSpecifications", ()))
        copies = parameters.get("CopyTagsFromSource") == "volume"
        made = [
            self._make(volume, {**(volume.tags if copies else {}), **tags}, parameters)
            for volume in volumes
        ]
        return {"Snapshots": [self._replies.snapshot_item(item) for item in made]}

    def delete(self, parameters: Parameters) -> Item:
        """DeleteSnapshot. Raises Refused."""
        identifier = parameters["SnapshotId"]
        if identifier not in self._world.snapshots.current:
            raise no_snapshot(identifier)
        self._world.remove_snapshot(identifier)
        return {}

    def _check(self, volume: Volume) -> None:
        if volume.state not in ("available", "in-use"):
            raise incorrect_state(f"The volume '{volume.id}' is '{volume.state}'.")
        pending = [
            item
            for item in self._world.snapshots.current.values()
            if item.volume_id == volume.id and item.state in ("pending", "error")
        ]
        if len(pending) >= MOST_PENDING:
            raise Refused(
                "ConcurrentSnapshotLimitExceeded",
                "Maximum allowed in-progress snapshots for a single volume exceeded.",
            )
        last = self._last_of.get(volume.id)
        if last is not None and self._world.now - last < LEAST_BETWEEN:
            raise Refused(
                "SnapshotCreationPerVolumeRateExceeded",
                "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or "
                "variable sleep interval between requests.",
            )

    def _make(self, volume: Volume, tags: Mapping[str, str], parameters: Parameters) -> Snapshot:
        world = self._world
        self._last_of[volume.id] = world.now
        snapshot = Snapshot(
            id=world.mint("snap"),
            volume_id=volume.id,
            state="pending",
            size_gib=volume.size_gib,
            encrypted=volume.encrypted,
            kms_key_id=volume.kms_key_id,
            started_at=world.now,
            completed_at=None,
            description=parameters.get("Description", ""),
            tags=dict(tags),
            data=replace(volume.data, written_until=written_until(world, volume)),
        )
        world.put_snapshot(snapshot, "pending")
        self._schedule_end(snapshot, volume)
        return snapshot

    def _schedule_end(self, snapshot: Snapshot, volume: Volume) -> None:
        durations = self._world.durations
        takes = self._world.draw(durations.snapshot_least_s)
        takes += self._world.draw(durations.snapshot_per_gib_s) * snapshot.size_gib
        if slow := self._faults.strikes(SnapshotSlow, "lifecycle: snapshot", zones={volume.zone}):
            takes += slow.longer
        unreadable = volume.io in (Io.STALLED, Io.FAILED)
        fails = self._faults.strikes(SnapshotFails, "lifecycle: snapshot", zones={volume.zone})
        state = "error" if fails or unreadable else "completed"
        self._world.later(takes, lambda: self._end(snapshot.id, state))

    def _end(self, identifier: str, state: str) -> None:
        snapshot = self._world.snapshots.current.get(identifier)
        if snapshot is None or snapshot.state != "pending":
            return
        completed = state == "completed"
        ended = replace(
            snapshot,
            state=state,
            completed_at=self._world.now if completed else None,
            state_message=None if completed else "An internal error occurred",
        )
        self._world.put_snapshot(ended, state)
