"""Volumes: made with an instance or alone, changed, deleted (TRUSTED.md, parts C and D)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from providers.simulated.attachments import Attachments, empty
from providers.simulated.capacity import Capacity
from providers.simulated.health import Health
from providers.simulated.records import Attachment, Data, Io, Snapshot, Volume
from providers.simulated.refusals import (
    Refused,
    incorrect_state,
    invalid,
    missing,
    no_instance,
    no_snapshot,
    no_volume,
)
from providers.simulated.replies import Item, Replies, attachment_item
from providers.simulated.tagging import tags_for
from providers.simulated.tokens import ClientTokens
from providers.simulated.world import World

Parameters = Mapping[str, Any]

TYPES = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")
DEFAULT_IOPS = {"gp3": 3000, "gp2": 100}
DEFAULT_THROUGHPUT = {"gp3": 125}
MODIFIED_ONCE_IN = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A volume that a request asks for. `device` is None for one that stands alone."""

    device: str | None
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    encrypted: bool
    kms_key_id: str | None
    snapshot: Snapshot | None
    snapshot_id: str | None
    """Of a root volume it is the image's, which is not among the account's own."""
    delete_on_termination: bool


class Volumes:
    """Makes, changes and deletes volumes."""

    def __init__(
        self,
        world: World,
        *,
        attachments: Attachments,
        capacity: Capacity,
        health: Health,
        replies: Replies,
    ) -> None:
        self._world = world
        self._attachments = attachments
        self._capacity = capacity
        self._health = health
        self._replies = replies
        self._tokens = ClientTokens(world.durations.token_kept)

    # With an instance.

    def disks_of_launch(self, parameters: Parameters) -> list[Disk]:
        """The volumes of a launch, the root first. Raises Refused."""
        layout = self._world.layout
        disks: dict[str, Disk] = {}
        for mapping in parameters.get("BlockDeviceMappings", ()):
            device = mapping.get("DeviceName", "")
            if device in disks:
                raise Refused(
                    "InvalidBlockDeviceMapping", f"Device {device} is used more than once."
                )
            if (ebs := mapping.get("Ebs")) is not None:
                is_root = device == layout.root_device
                disks[device] = self._disk(
                    device, ebs, usual_size_gib=layout.root_size_gib if is_root else None
                )
        root = disks.pop(layout.root_device, None) or self._disk(
            layout.root_device, {}, usual_size_gib=layout.root_size_gib
        )
        from_image = replace(root, snapshot_id=root.snapshot_id or _snapshot_of_image(parameters))
        return [from_image, *disks.values()]

    def make_at_launch(
        self, disk: Disk, instance_id: str, zone: str, parameters: Parameters
    ) -> Volume:
        """One volume of a launch, attaching to its instance."""
        identifier = self._world.mint("vol")
        attachment = Attachment(
            volume_id=identifier,
            instance_id=instance_id,
            device=disk.device or "",
            state="attaching",
            since=self._world.now,
            delete_on_termination=disk.delete_on_termination,
        )
        tags = tags_for("volume", parameters.get("TagSpecifications", ()))
        return self._make(disk, identifier, zone, tags, attachment=attachment)

    # Alone.

    def create(self, parameters: Parameters) -> Item:
        """CreateVolume. Raises Refused."""
        zone = self._zone(parameters)
        token = parameters.get("ClientToken")
        earlier = self._tokens.earlier(token, zone, parameters, self._world.now)
        if earlier is not None:
            volume = self._world.volumes.current.get(earlier.resource_ids[0])
            if volume is None:
                raise no_volume(earlier.resource_ids[0])
            return self._replies.volume_item(volume)
        disk = self._disk(None, _as_ebs(parameters), usual_size_gib=None)
        self._capacity.claim_quota("CreateVolume", zone, instances=0, volumes=1)
        tags = tags_for("volume", parameters.get("TagSpecifications", ()))
        identifier = self._world.mint("vol")
        volume = self._make(disk, identifier, zone, tags, attachment=None, token=token)
        self._tokens.use(token, zone, parameters, (volume.id,), self._world.now)
        self._world.later(
            self._world.draw(self._world.durations.creating_s), lambda: self._created(volume.id)
        )
        return self._replies.volume_item(volume)

    def attach(self, parameters: Parameters) -> Item:
        """AttachVolume. Raises Refused."""
        instance = self._world.instances.current.get(parameters["InstanceId"])
        volume = self._volume(parameters)
        if instance is None:
            raise no_instance(parameters["InstanceId"])
        attachment = self._attachments.attach(volume, instance, parameters["Device"])
        return attachment_item(attachment)

    def detach(self, parameters: Parameters) -> Item:
        """DetachVolume. Raises Refused."""
        attachment = self._attachments.detach(
            self._volume(parameters),
            parameters.get("InstanceId"),
            parameters.get("Device"),
            force=bool(parameters.get("Force")),
        )
        return attachment_item(attachment)

    def modify(self, parameters: Parameters) -> Item:
        """ModifyVolume. Raises Refused."""
        volume, now = self._volume(parameters), self._world.now
        size = parameters.get("Size", volume.size_gib)
        if volume.state not in ("available", "in-use"):
            raise incorrect_state(f"The volume '{volume.id}' is '{volume.state}'.")
        if size < volume.size_gib:
            raise invalid("New size cannot be smaller than existing size")
        if volume.modified_at is not None and now - volume.modified_at < MODIFIED_ONCE_IN:
            raise Refused(
                "VolumeModificationRateExceeded",
                "You've reached the maximum modification rate per volume limit. Wait at least 6 hours.",
            )
        changed = replace(
            volume,
            size_gib=size,
            type=parameters.get("VolumeType", volume.type),
            iops=parameters.get("Iops", volume.iops),
            throughput_mib_s=parameters.get("Throughput", volume.throughput_mib_s),
            modified_at=now,
        )
        self._world.put_volume(changed, "modified")
        return {
            "VolumeModification": {
                "VolumeId": volume.id,
                "ModificationState": "modifying",
                "OriginalSize": volume.size_gib,
                "TargetSize": changed.size_gib,
                "OriginalVolumeType": volume.type,
                "TargetVolumeType": changed.type,
                "Progress": 0,
                "StartTime": now,
            }
        }

    def delete(self, parameters: Parameters) -> Item:
        """DeleteVolume. Raises Refused."""
        volume = self._volume(parameters)
        if volume.attachment is not None:
            raise Refused(
                "VolumeInUse",
                f"Volume {volume.id} is currently attached to {volume.attachment.instance_id}",
            )
        if volume.state not in ("available", "error"):
            raise incorrect_state(f"The volume '{volume.id}' is '{volume.state}'.")
        self._attachments.delete(volume)
        return {}

    def enable_io(self, parameters: Parameters) -> Item:
        """EnableVolumeIO."""
        volume = self._volume(parameters)
        if volume.io is Io.DISABLED:
            self._health.set_io(volume.id, Io.NORMAL)
        return {}

    # Rules and small steps.

    def _make(
        self,
        disk: Disk,
        identifier: str,
        zone: str,
        tags: Mapping[str, str],
        *,
        attachment: Attachment | None,
        token: str | None = None,
    ) -> Volume:
        data = empty(identifier) if disk.snapshot is None else _restored(disk.snapshot)
        volume = Volume(
            id=identifier,
            state="creating",
            size_gib=disk.size_gib,
            type=disk.type,
            iops=disk.iops or DEFAULT_IOPS.get(disk.type),
            throughput_mib_s=disk.throughput_mib_s or DEFAULT_THROUGHPUT.get(disk.type),
            encrypted=disk.encrypted,
            kms_key_id=disk.kms_key_id,
            zone=zone,
            snapshot_id=disk.snapshot_id,
            created_at=self._world.now,
            attachment=attachment,
            client_token=token,
            tags=tags,
            data=data,
        )
        self._world.put_volume(volume, "creating")
        self._health.watch_volume(identifier)
        return volume

    def _created(self, identifier: str) -> None:
        volume = self._world.volumes.current.get(identifier)
        if volume is not None and volume.state == "creating":
            self._world.put_volume(replace(volume, state="available"), "available")

    def _disk(
        self, device: str | None, ebs: Mapping[str, Any], *, usual_size_gib: int | None
    ) -> Disk:
        snapshot = self._snapshot(ebs.get("SnapshotId"))
        size = ebs.get("VolumeSize") or (snapshot.size_gib if snapshot else usual_size_gib)
        kind = ebs.get("VolumeType", "gp2")
        if size is None:
            raise missing("size/snapshot")
        if snapshot is not None and size < snapshot.size_gib:
            raise Refused(
                "InvalidBlockDeviceMapping" if device else "InvalidParameterValue",
                f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}', expect size >= "
                f"{snapshot.size_gib}GB",
            )
        if kind not in TYPES:
            raise invalid(f"Invalid volume type: {kind}")
        return Disk(
            device=device,
            size_gib=size,
            type=kind,
            iops=ebs.get("Iops"),
            throughput_mib_s=ebs.get("Throughput"),
            encrypted=bool(ebs.get("Encrypted")) or bool(snapshot and snapshot.encrypted),
            kms_key_id=ebs.get("KmsKeyId") or (snapshot.kms_key_id if snapshot else None),
            snapshot=snapshot,
            snapshot_id=snapshot.id if snapshot else None,
            delete_on_termination=bool(ebs.get("DeleteOnTermination", device is not None)),
        )

    def _snapshot(self, identifier: str | None) -> Snapshot | None:
        if identifier is None:
            return None
        snapshot = self._world.snapshots.current.get(identifier)
        if snapshot is None:
            raise no_snapshot(identifier)
        if snapshot.state != "completed":
            raise incorrect_state(f"Snapshot is in invalid state - {snapshot.state}")
        return snapshot

    def _zone(self, parameters: Parameters) -> str:
        layout = self._world.layout
        identifier, name = parameters.get("AvailabilityZoneId"), parameters.get("AvailabilityZone")
        if identifier is None and name is None:
            raise missing("AvailabilityZone")
        zone = identifier if name is None else layout.zone_id(name)
        if zone not in layout.zones or zone is None:
            raise Refused(
                "InvalidZone.NotFound", f"The zone '{name or identifier}' does not exist."
            )
        return zone

    def _volume(self, parameters: Parameters) -> Volume:
        volume = self._world.volumes.current.get(parameters["VolumeId"])
        if volume is None:
            raise no_volume(parameters["VolumeId"])
        return volume


def _as_ebs(parameters: Parameters) -> dict[str, Any]:
    """CreateVolume's parameters in the words of a block-device mapping."""
    names = ("SnapshotId", "VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId")
    ebs = {name: parameters[name] for name in names if name in parameters}
    return ebs | ({"VolumeSize": parameters["Size"]} if "Size" in parameters else {})


def _snapshot_of_image(parameters: Parameters) -> str:
    """Every image that boots from EBS has one."""
    return f"snap-{parameters['ImageId'].removeprefix('ami-')}"


def _restored(snapshot: Snapshot) -> Data:
    """What is on a volume that is made from a snapshot: its data, of its lineage."""
    return snapshot.data
