"""Records as items of boto3's replies. Each version of a record has one item, made when it is first shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from providers.simulated.layout import Layout
from providers.simulated.records import (
    Attachment,
    Checks,
    Instance,
    Record,
    Snapshot,
    Volume,
    VolumeStatus,
)
from providers.simulated.timelines import Version

Item = dict[str, Any]
R = TypeVar("R", bound=Record)

STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


class Replies:
    """Makes items. An item is shared by all replies that show it: nobody may change one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def reservation(self, version: Version[Instance]) -> Item:
        """An instance in its reservation; every launch here has a reservation for each instance."""
        if version.reply is None:
            instance = _record(version)
            version.reply = {
                "ReservationId": instance.reservation_id,
                "OwnerId": self._layout.account,
                "Groups": [],
                "Instances": [self.instance(instance)],
            }
        reply: Item = version.reply
        return reply

    def instance(self, instance: Instance) -> Item:
        """One of `Instances[]`."""
        item: Item = {
            "InstanceId": instance.id,
            "ImageId": instance.image,
            "InstanceType": instance.type,
            "State": state_item(instance.state),
            "StateTransitionReason": instance.transition_reason,
            "LaunchTime": instance.launched_at,
            "Placement": {
                "AvailabilityZone": self._layout.zones[instance.zone],
                "AvailabilityZoneId": instance.zone,
                "Tenancy": "default",
            },
            "RootDeviceName": instance.root_device,
            "RootDeviceType": "ebs",
            "BlockDeviceMappings": [_mapping(item) for item in instance.attachments],
            "SecurityGroups": [
                {"GroupId": group, "GroupName": group} for group in instance.security_groups
            ],
            "MetadataOptions": {"State": "applied", **instance.metadata_options},
            "Tags": tag_items(instance.tags),
        }
        if instance.state != "terminated":
            item["SubnetId"] = instance.subnet
            item["PrivateIpAddress"] = instance.private_ip
        if instance.state_reason is not None:
            code, message = instance.state_reason
            item["StateReason"] = {"Code": code, "Message": message}
        if instance.profile is not None:
            item["IamInstanceProfile"] = {"Arn": self.profile_arn(instance.profile)}
        if instance.client_token is not None:
            item["ClientToken"] = instance.client_token
        return item

    def volume(self, version: Version[Volume]) -> Item:
        """One of `Volumes[]`."""
        if version.reply is None:
            version.reply = self.volume_item(_record(version))
        reply: Item = version.reply
        return reply

    def volume_item(self, volume: Volume) -> Item:
        """The same, of a record."""
        item: Item = {
            "VolumeId": volume.id,
            "State": volume.state,
            "Size": volume.size_gib,
            "VolumeType": volume.type,
            "Encrypted": volume.encrypted,
            "AvailabilityZone": self._layout.zones[volume.zone],
            "AvailabilityZoneId": volume.zone,
            "SnapshotId": volume.snapshot_id or "",
            "CreateTime": volume.created_at,
            "MultiAttachEnabled": False,
            "Attachments": [attachment_item(volume.attachment)] if volume.attachment else [],
            "Tags": tag_items(volume.tags),
        }
        optional = {
            "Iops": volume.iops,
            "Throughput": volume.throughput_mib_s,
            "KmsKeyId": volume.kms_key_id,
        }
        item.update({name: value for name, value in optional.items() if value is not None})
        return item

    def snapshot(self, version: Version[Snapshot]) -> Item:
        """One of `Snapshots[]`."""
        if version.reply is None:
            version.reply = self.snapshot_item(_record(version))
        reply: Item = version.reply
        return reply

    def snapshot_item(self, snapshot: Snapshot) -> Item:
        """The same, of a record."""
        item: Item = {
            "SnapshotId": snapshot.id,
            "VolumeId": snapshot.volume_id,
            "State": snapshot.state,
            "StartTime": snapshot.started_at,
            "Progress": "100%" if snapshot.state == "completed" else "",
            "OwnerId": self._layout.account,
            "Description": snapshot.description,
            "VolumeSize": snapshot.size_gib,
            "Encrypted": snapshot.encrypted,
            "StorageTier": "standard",
            "Tags": tag_items(snapshot.tags),
        }
        optional = {
            "KmsKeyId": snapshot.kms_key_id,
            "StateMessage": snapshot.state_message,
            "CompletionTime": snapshot.completed_at,
        }
        item.update({name: value for name, value in optional.items() if value is not None})
        return item

    def checks(self, version: Version[Checks], instance: Instance) -> Item:
        """One of `InstanceStatuses[]`; made anew when the instance's state is another one."""
        made: tuple[str, Item] | None = version.reply
        if made is None or made[0] != instance.state:
            version.reply = made = (instance.state, self._checks_item(_record(version), instance))
        return made[1]

    def volume_status(self, version: Version[VolumeStatus], zone: str) -> Item:
        """One of `VolumeStatuses[]`."""
        if version.reply is None:
            status = _record(version)
            version.reply = {
                "VolumeId": status.volume_id,
                "AvailabilityZone": self._layout.zones[zone],
                "AvailabilityZoneId": zone,
                "VolumeStatus": {
                    "Status": status.status,
                    "Details": [
                        {"Name": "io-enabled", "Status": status.io_enabled},
                        {"Name": "io-performance", "Status": status.io_performance},
                    ],
                },
                "Events": _volume_events(status),
                "Actions": _volume_actions(status),
            }
            if status.initialized_percent is not None:
                version.reply["InitializationStatusDetails"] = {
                    "InitializationType": "default",
                    "Progress": status.initialized_percent,
                }
        reply: Item = version.reply
        return reply

    def profile_arn(self, name: str) -> str:
        """The ARN of an instance profile."""
        return f"arn:aws:iam::{self._layout.account}:instance-profile/{name}"

    def _checks_item(self, checks: Checks, instance: Instance) -> Item:
        return {
            "InstanceId": checks.instance_id,
            "AvailabilityZone": self._layout.zones[instance.zone],
            "AvailabilityZoneId": instance.zone,
            "InstanceState": state_item(instance.state),
            "SystemStatus": _summary(checks.system, checks),
            "InstanceStatus": _summary(checks.instance, checks),
            "AttachedEbsStatus": _summary(checks.attached_ebs, checks),
            "Events": [
                {
                    "InstanceEventId": event.id,
                    "Code": event.code,
                    "Description": event.description,
                    "NotBefore": event.not_before,
                }
                for event in checks.events
            ],
        }


def state_item(state: str) -> Item:
    """An instance state as EC2 gives it."""
    return {"Code": STATE_CODES[state], "Name": state}


def tag_items(tags: Mapping[str, str]) -> list[Item]:
    """Tags in the order of their keys."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def attachment_item(attachment: Attachment) -> Item:
    """One of a volume's `Attachments[]`, and the answer to AttachVolume and DetachVolume."""
    return {
        "VolumeId": attachment.volume_id,
        "InstanceId": attachment.instance_id,
        "Device": attachment.device,
        "State": attachment.state,
        "AttachTime": attachment.since,
        "DeleteOnTermination": attachment.delete_on_termination,
    }


def _mapping(attachment: Attachment) -> Item:
    return {
        "DeviceName": attachment.device,
        "Ebs": {
            "VolumeId": attachment.volume_id,
            # An instance shows no `busy`: it is a word of the volume's side alone.
            "Status": "detaching" if attachment.state == "busy" else attachment.state,
            "AttachTime": attachment.since,
            "DeleteOnTermination": attachment.delete_on_termination,
        },
    }


_DETAIL = {"ok": "passed", "impaired": "failed"}


def _summary(status: str, checks: Checks) -> Item:
    detail: Item = {"Name": "reachability", "Status": _DETAIL.get(status, status)}
    if status == "impaired" and checks.failing_since is not None:
        detail["ImpairedSince"] = checks.failing_since
    return {"Status": status, "Details": [detail]}


def _volume_events(status: VolumeStatus) -> list[Item]:
    if status.io_performance == "stalled":
        kind = "io-performance:stalled"
    elif status.io_performance == "degraded":
        kind = "io-performance:degraded"
    elif status.io_enabled == "failed":
        kind = "potential-data-inconsistency"
    else:
        return []
    return [{"EventId": f"evol-{status.volume_id[4:]}", "EventType": kind, "Description": kind}]


def _volume_actions(status: VolumeStatus) -> list[Item]:
    if status.io_enabled != "failed":
        return []
    return [
        {
            "Code": "enable-volume-io",
            "EventType": "potential-data-inconsistency",
            "Description": "Enable volume I/O",
            "EventId": f"evol-{status.volume_id[4:]}",
        }
    ]


def _record(version: Version[R]) -> R:
    if version.record is None:
        raise ValueError("an absent resource has no reply item")
    return version.record
