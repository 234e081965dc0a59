"""Faults that befall the world itself: sickness, a zone that is lost, and people who meddle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, assert_never

from providers.simulated.attachments import ANOTHER_DEVICE, Attachments, device_is_root
from providers.simulated.chance import happens, one_of
from providers.simulated.changes import Cause
from providers.simulated.cohorts import Cohorts
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import (
    ByHand,
    Fault,
    InstancesSick,
    Meddling,
    VolumesSick,
    ZoneDisrupted,
)
from providers.simulated.flapping import Flaps
from providers.simulated.health import Health
from providers.simulated.lifecycle import Lifecycle
from providers.simulated.outages import Flapping, MonitoringOff, VolumesStuck
from providers.simulated.records import Guest, Instance, Io, Snapshot, Volume
from providers.simulated.refusals import Refused
from providers.simulated.snapshots import Snapshots
from providers.simulated.world import World

BEFALLING = (
    VolumesSick,
    VolumesStuck,
    InstancesSick,
    Flapping,
    MonitoringOff,
    ZoneDisrupted,
    ByHand,
)


class Disasters:
    """Watches for world faults to begin and to end."""

    def __init__(
        self,
        world: World,
        faults: FaultPlan,
        *,
        lifecycle: Lifecycle,
        attachments: Attachments,
        health: Health,
        snapshots: Snapshots,
    ) -> None:
        self._world = world
        self._faults = faults
        self._lifecycle = lifecycle
        self._attachments = attachments
        self._health = health
        self._snapshots = snapshots
        self._cohorts = Cohorts(world, faults, health)
        self._flaps = Flaps(world, faults, health)
        self._healing: list[tuple[Fault, Callable[[], None]]] = []
        for fault in faults.faults:
            self.expect(fault)

    def expect(self, fault: Fault) -> None:
        """A fault that is or will be on: what befalls the world befalls it when it begins."""
        if not isinstance(fault, BEFALLING):
            return
        begins = fault.when.since - self._world.clock.elapsed
        self._world.clock.after(begins, lambda: self._begin(fault))
        if fault.when.until is not None:
            ends = fault.when.until - self._world.clock.elapsed
            self._world.clock.after(ends, lambda: self._end(fault))

    def heal(self) -> None:
        """All that can recover is well again."""
        for fault, _ in list(self._healing):
            self._end(fault)
        for instance in list(self._world.instances.current.values()):
            if instance.guest is Guest.OFFLINE:
                self._world.effect(Cause.FAULT, self._guest_heals(instance.id, Guest.OFFLINE))

    def _begin(self, fault: Fault) -> None:
        if self._faults.is_on(fault):
            self._world.effect(Cause.FAULT, lambda: self._befall(fault))

    def _befall(self, fault: Fault) -> None:
        match fault:
            case VolumesSick():
                self._sicken_volumes(fault)
            case VolumesStuck():
                self._cohorts.begin(fault)
                self._heal_later(fault, lambda: self._cohorts.end(fault))
            case InstancesSick():
                self._sicken_instances(fault, Guest(fault.guest))
            case Flapping():
                self._flaps.begin(fault)
                self._heal_later(fault, lambda: self._flaps.end(fault))
            case MonitoringOff():
                self._look_away()
                self._heal_later(fault, self._look_away)
            case ZoneDisrupted():
                if fault.instances_down:
                    self._sicken_instances(fault, Guest.UNREACHABLE)
            case ByHand():
                self._meddle_regularly(fault)
            case _:
                return

    def _end(self, fault: Fault) -> None:
        mine = [heals for other, heals in self._healing if other is fault]
        self._healing = [item for item in self._healing if item[0] is not fault]
        for heals in mine:
            self._world.effect(Cause.FAULT, heals)

    def _look_away(self) -> None:
        """From all zones of which monitoring is off now."""
        everywhere = frozenset(self._world.layout.zones)
        off = [fault.when.zones or everywhere for fault in self._faults.on(MonitoringOff)]
        self._health.unseen = frozenset().union(*off)

    # Sickness.

    def _sicken_volumes(self, fault: VolumesSick) -> None:
        """Data volumes only: a root volume that hangs is a guest that hangs."""
        for volume in list(self._world.volumes.current.values()):
            if self._attached_as_data(volume) and self._is_hit(fault, volume.zone):
                self._health.set_io(volume.id, Io(fault.io))
                self._heal_later(fault, self._volume_heals(volume.id))

    def _sicken_instances(self, fault: Fault, guest: Guest) -> None:
        for instance in list(self._world.instances.current.values()):
            if instance.state == "running" and self._is_hit(fault, instance.zone):
                self._health.set_guest(instance.id, guest)
                self._heal_later(fault, self._guest_heals(instance.id, guest))

    def _is_hit(self, fault: Fault, zone: str) -> bool:
        elsewhere = fault.when.zones is not None and zone not in fault.when.zones
        hit = not elsewhere and happens(self._world.chance, fault.when.share)
        if hit:
            self._faults.count(fault, "world")
        return hit

    def _attached_as_data(self, volume: Volume) -> bool:
        if volume.attachment is None:
            return False
        holder = self._world.instances.current.get(volume.attachment.instance_id)
        return holder is not None and not device_is_root(holder, volume.attachment)

    def _heal_later(self, fault: Fault, heals: Callable[[], None]) -> None:
        self._healing.append((fault, heals))

    def _volume_heals(self, volume_id: str) -> Callable[[], None]:
        def heals() -> None:
            volume = self._world.volumes.current.get(volume_id)
            if volume is not None and volume.io is not Io.FAILED:
                self._health.set_io(volume_id, Io.NORMAL)

        return heals

    def _guest_heals(self, instance_id: str, guest: Guest) -> Callable[[], None]:
        def heals() -> None:
            instance = self._world.instances.current.get(instance_id)
            if instance is not None and instance.guest is guest:
                self._health.set_guest(instance_id, Guest.WELL)

        return heals

    # People.

    def _meddle_regularly(self, fault: ByHand) -> None:
        if not self._faults.is_on(fault):
            return
        if happens(self._world.chance, fault.when.share):
            self._world.effect(Cause.BY_HAND, lambda: self._meddle_once(fault))
        self._world.clock.after(fault.every, lambda: self._meddle_regularly(fault))

    def _meddle_once(self, fault: ByHand) -> None:
        candidates = self._candidates(fault)
        if candidates:
            self.meddle(fault.what, one_of(self._world.chance, candidates))
            self._faults.count(fault, f"by hand: {fault.what}")

    def meddle(self, what: Meddling, identifier: str) -> None:
        """Somebody does that to that resource; what EC2 would refuse does not happen."""
        try:
            self._world.effect(Cause.BY_HAND, lambda: self._do(what, identifier))
        except Refused:
            return

    def _do(self, what: Meddling, identifier: str) -> None:
        instances, volumes = self._world.instances.current, self._world.volumes.current
        match what:
            case Meddling.TERMINATE:
                self._lifecycle.terminate(instances[identifier])
            case Meddling.STOP:
                self._lifecycle.stop(instances[identifier])
            case Meddling.START:
                self._lifecycle.start(instances[identifier])
            case Meddling.ATTACH:
                self._attach_somewhere(volumes[identifier])
            case Meddling.DETACH:
                self._attachments.detach(volumes[identifier], None, None, force=False)
            case Meddling.DELETE_VOLUME:
                if volumes[identifier].attachment is None:
                    self._attachments.delete(volumes[identifier])
            case Meddling.EDIT_TAGS:
                tags = self._world.tags_of(identifier) or {}
                self._world.retag(identifier, {**tags, "edited-by": "hand", "team": "another"})
            case Meddling.REMOVE_TAGS:
                self._world.retag(identifier, {})
            case Meddling.TAKE_SNAPSHOT:
                self._take_snapshot(identifier, volumes[identifier].tags)
            case Meddling.DELETE_SNAPSHOT | Meddling.IMITATE_SNAPSHOT | Meddling.RELABEL_SNAPSHOT:
                self._do_to_snapshot(what, self._world.snapshots.current[identifier])
            case _:
                assert_never(what)

    def _do_to_snapshot(
        self,
        what: Literal[
            Meddling.DELETE_SNAPSHOT, Meddling.IMITATE_SNAPSHOT, Meddling.RELABEL_SNAPSHOT
        ],
        snapshot: Snapshot,
    ) -> None:
        match what:
            case Meddling.DELETE_SNAPSHOT:
                self._world.remove_snapshot(snapshot.id)
            case Meddling.IMITATE_SNAPSHOT:
                self._imitate_snapshot(snapshot)
            case Meddling.RELABEL_SNAPSHOT:
                self._relabel_snapshot(snapshot)
            case _:
                assert_never(what)

    def _take_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        wanted = [{"ResourceType": "snapshot", "Tags": listed}]
        self._snapshots.create({"VolumeId": volume_id, "TagSpecifications": wanted})

    def _imitate_snapshot(self, snapshot: Snapshot) -> None:
        others = [
            item.id
            for item in self._world.volumes.current.values()
            if item.id != snapshot.volume_id and item.state == "in-use"
        ]
        if others:
            self._take_snapshot(one_of(self._world.chance, others), snapshot.tags)

    def _relabel_snapshot(self, snapshot: Snapshot) -> None:
        others = [
            item.tags
            for item in self._world.snapshots.current.values()
            if item.volume_id != snapshot.volume_id
        ]
        if others:
            self._world.retag(snapshot.id, one_of(self._world.chance, others))

    def _attach_somewhere(self, volume: Volume) -> None:
        """To the newest instance that runs in the volume's zone, under a device that no fleet declares."""
        running = [
            item for item in self._instances(frozenset({volume.zone})) if item.state == "running"
        ]
        if running:
            self._attachments.attach(volume, running[-1], ANOTHER_DEVICE)

    def _candidates(self, fault: ByHand) -> Sequence[str]:
        """The ids that this could be done to, in the order of their making."""
        zones = fault.when.zones
        match fault.what:
            case Meddling.DETACH | Meddling.TAKE_SNAPSHOT:
                return [
                    volume.id
                    for volume in self._world.volumes.current.values()
                    if self._attached_as_data(volume) and (zones is None or volume.zone in zones)
                ]
            case Meddling.ATTACH | Meddling.DELETE_VOLUME:
                return [
                    volume.id
                    for volume in self._world.volumes.current.values()
                    if volume.state == "available" and (zones is None or volume.zone in zones)
                ]
            case Meddling.DELETE_SNAPSHOT | Meddling.IMITATE_SNAPSHOT | Meddling.RELABEL_SNAPSHOT:
                return list(self._world.snapshots.current)
            case Meddling.START:
                return [item.id for item in self._instances(zones) if item.state == "stopped"]
            case _:
                return [item.id for item in self._instances(zones) if item.state == "running"]

    def _instances(self, zones: frozenset[str] | None) -> list[Instance]:
        return [
            item
            for item in self._world.instances.current.values()
            if zones is None or item.zone in zones
        ]
