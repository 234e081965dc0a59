"""Every AWS operation that this adapter can make. The one table: calls are refused that are not in it, the IAM policy
is generated from it, and a test compares it with the calls found in the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reach(StrEnum):
    """What IAM can bound the operation by (service authorization reference for EC2)."""

    READING = "reading"
    """No resource level: allowed everywhere in the region."""
    READING_BUCKETS = "reading-buckets"
    """Bounded by the buckets of the archives."""
    LAUNCHING = "launching"
    """Makes resources: bounded by the owner tag in the request."""
    TAGGING = "tagging"
    """Bounded by the creating call, or by the owner tag on the resource."""
    CHANGING = "changing"
    """Changes a resource: bounded by the owner tag on it."""
    SNAPSHOTTING = "snapshotting"
    """Makes snapshots of a resource: bounded by the owner tag on it and in the request."""
    COPYING = "copying"
    """Makes a snapshot in another region: bounded by the owner tag on the source and in the request."""
    EXPIRING = "expiring"
    """Deletes a snapshot: bounded by the owner tag on it."""
    RECLAIMING = "reclaiming"
    """Deletes a volume: bounded by the owner tag on it, and by its having a date until which it was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: its name on the wire, its method of a boto3 client, its IAM action."""

    name: str
    method: str
    action: str
    reach: Reach

    @property
    def mutating(self) -> bool:
        """True when the cloud may be different afterwards."""
        return self.reach not in (Reach.READING, Reach.READING_BUCKETS)


def _operation(
    service: str, name: str, method: str, reach: Reach, *, allowed_by: str | None = None
) -> Operation:
    """`allowed_by` is the permission, where that has another name than the operation."""
    action = f"{service}:{allowed_by or name}"
    return Operation(name=name, method=method, action=action, reach=reach)


_TABLE = (
    _operation("sts", "GetCallerIdentity", "get_caller_identity", Reach.READING),
    _operation("ssm", "GetParameters", "get_parameters", Reach.READING),
    _operation("ec2", "DescribeAvailabilityZones", "describe_availability_zones", Reach.READING),
    _operation("ec2", "DescribeInstances", "describe_instances", Reach.READING),
    _operation("ec2", "DescribeInstanceStatus", "describe_instance_status", Reach.READING),
    _operation("ec2", "DescribeVolumes", "describe_volumes", Reach.READING),
    _operation("ec2", "DescribeVolumeStatus", "describe_volume_status", Reach.READING),
    _operation("cloudwatch", "GetMetricData", "get_metric_data", Reach.READING),
    _operation("ec2", "DescribeSnapshots", "describe_snapshots", Reach.READING),
    _operation(
        "s3", "ListObjectsV2", "list_objects_v2", Reach.READING_BUCKETS, allowed_by="ListBucket"
    ),
    _operation("s3", "GetObject", "get_object", Reach.READING_BUCKETS),
    _operation("ec2", "RunInstances", "run_instances", Reach.LAUNCHING),
    _operation("ec2", "CreateTags", "create_tags", Reach.TAGGING),
    _operation("ec2", "TerminateInstances", "terminate_instances", Reach.CHANGING),
    _operation("ec2", "StopInstances", "stop_instances", Reach.CHANGING),
    _operation("ec2", "StartInstances", "start_instances", Reach.CHANGING),
    _operation("ec2", "RebootInstances", "reboot_instances", Reach.CHANGING),
    _operation("ec2", "AttachVolume", "attach_volume", Reach.CHANGING),
    _operation("ec2", "DetachVolume", "detach_volume", Reach.CHANGING),
    _operation("ec2", "ModifyInstanceAttribute", "modify_instance_attribute", Reach.CHANGING),
    _operation(
        "ec2", "ModifyInstanceMetadataOptions", "modify_instance_metadata_options", Reach.CHANGING
    ),
    _operation("ec2", "ModifyVolume", "modify_volume", Reach.CHANGING),
    _operation("ec2", "CreateSnapshot", "create_snapshot", Reach.SNAPSHOTTING),
    _operation("ec2", "CreateSnapshots", "create_snapshots", Reach.SNAPSHOTTING),
    _operation("ec2", "CopySnapshot", "copy_snapshot", Reach.COPYING),
    _operation("ec2", "DeleteSnapshot", "delete_snapshot", Reach.EXPIRING),
    _operation("ec2", "DeleteVolume", "delete_volume", Reach.RECLAIMING),
)

OPERATIONS: Mapping[str, Operation] = {operation.method: operation for operation in _TABLE}
"""By boto3 method name."""
