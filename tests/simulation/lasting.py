"""What is wrong in the world while the controller looks on: sickness, zones in trouble, attachments that hang."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.faults import (
    InstancesSick,
    RegionSaturated,
    VolumesSick,
    ZoneDisrupted,
    ZonePartitioned,
)
from providers.simulated.records import Guest, Io
from tests.simulation.oracles.tags import OWNER, slot_of

HANGS_AFTER = timedelta(seconds=30)
"""No attach and no detach takes as long by itself."""
COMPLETE_AFTER = timedelta(minutes=3)
"""No snapshot of volumes as small takes as long by itself."""
ON_THEIR_WAY = ("attaching", "detaching", "busy")


class Lasting:
    """Looks at ground truth, once a pass."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud
        self._on_its_way: dict[tuple[str, str], datetime] = {}
        """By volume and state of its attachment: when it was first seen so."""

    def faults(self) -> set[str]:
        """The keys of the faults that an observation meets now, but for those of attachments."""
        plan, found = self._cloud.plan, set()
        cut_off = (*plan.on(ZoneDisrupted), *plan.on(ZonePartitioned))
        if cut_off or plan.on(RegionSaturated):
            found.add("F21")
        sick = (*plan.on(InstancesSick), *plan.on(VolumesSick))
        if sick and self._any_is_sick():
            found.add("F20")
        if self._any_snapshot_is_amiss():
            found.add("F19")
        return found

    def zones_in_trouble(self) -> Iterator[str]:
        """Zones that can't be reached, or used, at all."""
        plan = self._cloud.plan
        for fault in (*plan.on(ZoneDisrupted), *plan.on(ZonePartitioned)):
            yield from fault.when.zones or self._cloud.layout.zones

    def hanging(self) -> list[str]:
        """The volumes of ours whose attach or detach hangs."""
        now = self._cloud.clock.now()
        seen = {
            (volume.id, volume.attachment.state): now
            for volume in self._cloud.truth.volumes.values()
            if OWNER in volume.tags
            and volume.attachment is not None
            and volume.attachment.state in ON_THEIR_WAY
        }
        self._on_its_way = {key: self._on_its_way.get(key, now) for key in seen}
        return [key[0] for key, since in self._on_its_way.items() if now - since > HANGS_AFTER]

    def _any_snapshot_is_amiss(self) -> bool:
        """Slow, failed, or with the tags of another volume's."""
        truth, now = self._cloud.truth, self._cloud.clock.now()
        for item in truth.snapshots.values():
            if OWNER not in item.tags:
                continue
            slow = item.state == "pending" and now - item.started_at > COMPLETE_AFTER
            volume = truth.volumes.get(item.volume_id)
            elsewhere = volume is None or slot_of(volume.tags) != slot_of(item.tags)
            if slow or item.state == "error" or elsewhere:
                return True
        return False

    def _any_is_sick(self) -> bool:
        truth = self._cloud.truth
        sick = any(
            OWNER in item.tags and item.alive and item.guest is not Guest.WELL
            for item in truth.instances.values()
        )
        return sick or any(
            OWNER in item.tags and item.io is not Io.NORMAL for item in truth.volumes.values()
        )
