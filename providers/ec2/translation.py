"""boto3-shaped dicts as observed items: one path for EC2's replies, moto's, and those of a simulated cloud.

Members that EC2 leaves out when they are empty may be missing. One without which an item would be a guess (id, state,
zone, launch time), or a state that nobody has heard of, raises Unintelligible: the whole reply is then a failed one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from providers.observed import (
    STANDARD_TIER,
    Attachment,
    AttachmentState,
    Check,
    CheckStatus,
    Instance,
    InstanceState,
    ScheduledEvent,
    Snapshot,
    SnapshotState,
    StatusChecks,
    Volume,
    VolumeState,
    Zone,
)
from providers.observed_volumes import IoPerformance, StatusOfVolume, VolumeStatus

Reply = Mapping[str, Any]
ZoneIds = Mapping[str, str]
"""Zone name to zone id, for replies that give the name only."""

Word = TypeVar("Word", StatusOfVolume, IoPerformance)
State = TypeVar("State", InstanceState, VolumeState, AttachmentState, SnapshotState)

_TIME_IN_REASON = re.compile(r"\((\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (?:GMT|UTC)\)")
"""`User initiated (2026-11-22 15:44:00 GMT)` (EC2 API reference, Instance, reason)."""

_CHECK_STATUSES = frozenset(CheckStatus)

_EVENT_OVER = ("[Completed]", "[Canceled]")
"""Events stay listed for up to a week with such a prefix (EC2 user guide, scheduled events)."""


class Unintelligible(Exception):  # noqa: N818 - what the reply is
    """A reply that lacks what an item cannot do without; says which item and member."""


def instance(reply: Reply, *, owner_account: str, zone_ids: ZoneIds) -> Instance:
    """One of `Reservations[].Instances[]`; `owner_account` is its reservation's OwnerId."""
    identifier = _required(reply, "InstanceId", "an instance")
    options = reply.get("MetadataOptions", {})
    profile = reply.get("IamInstanceProfile", {}).get("Arn")
    state = reply.get("State", {}).get("Name")
    return Instance(
        id=identifier,
        owner_account=owner_account,
        state=_state(InstanceState, state, identifier),
        state_reason=reply.get("StateReason", {}).get("Code") or None,
        state_changed_at=_time_in(reply.get("StateTransitionReason", "")),
        type=reply.get("InstanceType", ""),
        image=reply.get("ImageId", ""),
        zone=_zone(reply.get("Placement", {}), zone_ids, identifier),
        subnet=reply.get("SubnetId"),
        private_ip=reply.get("PrivateIpAddress"),
        security_groups=tuple(
            sorted(group["GroupId"] for group in reply.get("SecurityGroups", ()))
        ),
        instance_profile=profile.rpartition("/")[2] if profile else None,
        launched_at=_utc(_required(reply, "LaunchTime", identifier)),
        root_device=reply.get("RootDeviceName"),
        attachments=tuple(_instance_attachments(reply, identifier)),
        imds_v2_required=options.get("HttpTokens") == "required",
        tags_in_metadata=options.get("InstanceMetadataTags") == "enabled",
        client_token=reply.get("ClientToken") or None,
        tags=_tags(reply),
    )


def volume(reply: Reply, *, zone_ids: ZoneIds) -> Volume:
    """One of `Volumes[]`."""
    identifier = _required(reply, "VolumeId", "a volume")
    return Volume(
        id=identifier,
        state=_state(VolumeState, reply.get("State"), identifier),
        size_gib=_required(reply, "Size", identifier),
        type=reply.get("VolumeType", ""),
        iops=reply.get("Iops"),
        throughput_mib_s=reply.get("Throughput"),
        encrypted=bool(reply.get("Encrypted", False)),
        kms_key_id=reply.get("KmsKeyId"),
        zone=_zone(reply, zone_ids, identifier),
        snapshot_id=reply.get("SnapshotId") or None,
        created_at=_utc(_required(reply, "CreateTime", identifier)),
        attachments=tuple(_volume_attachments(reply, identifier)),
        tags=_tags(reply),
    )


def snapshot(reply: Reply) -> Snapshot:
    """One of `Snapshots[]`."""
    identifier = _required(reply, "SnapshotId", "a snapshot")
    return Snapshot(
        id=identifier,
        volume_id=reply.get("VolumeId", ""),
        owner_account=reply.get("OwnerId", ""),
        state=_state(SnapshotState, reply.get("State"), identifier),
        state_message=reply.get("StateMessage") or None,
        started_at=_utc(_required(reply, "StartTime", identifier)),
        progress=reply.get("Progress", ""),
        size_gib=_required(reply, "VolumeSize", identifier),
        encrypted=bool(reply.get("Encrypted", False)),
        kms_key_id=reply.get("KmsKeyId"),
        storage_tier=reply.get("StorageTier") or STANDARD_TIER,
        tags=_tags(reply),
    )


def status_checks(reply: Reply) -> StatusChecks:
    """One of `InstanceStatuses[]`. The attached-EBS check exists on Nitro instances only."""
    return StatusChecks(
        instance_id=_required(reply, "InstanceId", "an instance status"),
        system=_check(reply.get("SystemStatus"), missing=CheckStatus.INSUFFICIENT_DATA),
        instance=_check(reply.get("InstanceStatus"), missing=CheckStatus.INSUFFICIENT_DATA),
        attached_ebs=_check(reply.get("AttachedEbsStatus"), missing=CheckStatus.NOT_APPLICABLE),
        events=tuple(
            ScheduledEvent(
                code=event.get("Code", ""),
                description=event.get("Description", ""),
                not_before=_utc(event["NotBefore"]) if "NotBefore" in event else None,
            )
            for event in reply.get("Events", ())
            if not event.get("Description", "").startswith(_EVENT_OVER)
        ),
    )


def volume_status(reply: Reply) -> VolumeStatus:
    """One of `VolumeStatuses[]`. A word that nobody has heard of is no evidence of anything."""
    identifier = _required(reply, "VolumeId", "a volume status")
    summary = reply.get("VolumeStatus", {})
    details = {item.get("Name"): item.get("Status") for item in summary.get("Details", ())}
    offered = [item.get("Code") for item in reply.get("Actions", ())]
    return VolumeStatus(
        volume_id=identifier,
        status=_word(
            StatusOfVolume, summary.get("Status"), otherwise=StatusOfVolume.INSUFFICIENT_DATA
        ),
        io_disabled=details.get("io-enabled") == "failed" or "enable-volume-io" in offered,
        io_performance=_io_performance(details.get("io-performance"), reply),
        initialized_percent=reply.get("InitializationStatusDetails", {}).get("Progress"),
    )


def _io_performance(detail: str | None, reply: Reply) -> IoPerformance:
    """From the detail; where that names no grade, from the event that does."""
    performance = _word(IoPerformance, detail, otherwise=IoPerformance.INSUFFICIENT_DATA)
    if detail != performance:
        for event in reply.get("Events", ()):
            kind, _, grade = event.get("EventType", "").partition(":")
            if kind == "io-performance":
                performance = _word(IoPerformance, grade, otherwise=performance)
    return performance


def zone(reply: Reply) -> Zone:
    """One of `AvailabilityZones[]`."""
    return Zone(
        id=_required(reply, "ZoneId", "a zone"),
        name=_required(reply, "ZoneName", "a zone"),
        state=reply.get("State", ""),
    )


def _instance_attachments(reply: Reply, instance_id: str) -> Iterable[Attachment]:
    for mapping in reply.get("BlockDeviceMappings", ()):
        if (ebs := mapping.get("Ebs")) is None:
            continue  # An instance-store disk.
        yield Attachment(
            volume_id=_required(ebs, "VolumeId", instance_id),
            instance_id=instance_id,
            device=mapping.get("DeviceName", ""),
            state=_state(AttachmentState, ebs.get("Status"), instance_id),
            delete_on_termination=bool(ebs.get("DeleteOnTermination", False)),
        )


def _volume_attachments(reply: Reply, volume_id: str) -> Iterable[Attachment]:
    """Moto leaves DeleteOnTermination out here; the instance's own attachments always have it."""
    for attachment in reply.get("Attachments", ()):
        if "InstanceId" not in attachment:
            continue  # Attached to a managed service's resource, not to an instance.
        yield Attachment(
            volume_id=volume_id,
            instance_id=attachment["InstanceId"],
            device=attachment.get("Device", ""),
            state=_state(AttachmentState, attachment.get("State"), volume_id),
            delete_on_termination=bool(attachment.get("DeleteOnTermination", False)),
        )


def _check(summary: Reply | None, *, missing: CheckStatus) -> Check:
    if summary is None or "Status" not in summary:
        return Check(status=missing)
    status = summary["Status"]
    since = [
        detail["ImpairedSince"]
        for detail in summary.get("Details", ())
        if "ImpairedSince" in detail
    ]
    return Check(
        # A word that nobody has heard of is no evidence of anything.
        status=CheckStatus(status) if status in _CHECK_STATUSES else CheckStatus.INSUFFICIENT_DATA,
        impaired_since=_utc(min(since)) if since else None,
    )


def _tags(reply: Reply) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in reply.get("Tags", ())}


def _zone(reply: Reply, zone_ids: ZoneIds, identifier: str) -> str:
    if stated := reply.get("AvailabilityZoneId"):
        return str(stated)
    name = _required(reply, "AvailabilityZone", identifier)
    if name not in zone_ids:
        raise Unintelligible(f"{identifier} is in zone {name}, whose id is not known")
    return zone_ids[name]


def _state(states: type[State], word: str | None, identifier: str) -> State:
    try:
        return states(word or "")
    except ValueError:
        raise Unintelligible(f"{identifier} has the unknown state {word!r}") from None


def _word(words: type[Word], word: str | None, *, otherwise: Word) -> Word:
    return words(word) if word in {item.value for item in words} else otherwise


def _required(reply: Reply, member: str, identifier: str) -> Any:
    if reply.get(member) in (None, ""):
        raise Unintelligible(f"{identifier} came without {member}")
    return reply[member]


def _time_in(reason: str) -> datetime | None:
    found = _TIME_IN_REASON.search(reason)
    return datetime.fromisoformat(f"{found.group(1)}+00:00") if found else None


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)
