"""The parameters that each operation takes here. One that is not in this table is refused rather than ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ParamValidationError

LIST = ("Filters", "MaxResults", "NextToken")


@dataclass(frozen=True, slots=True)
class Takes:
    """Names of required parameters, and of those that may be left out."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


TAKES: Mapping[str, Takes] = {
    "GetCallerIdentity": Takes(),
    "GetParameters": Takes(("Names",), ("WithDecryption",)),
    "GetMetricData": Takes(("MetricDataQueries", "StartTime", "EndTime"), ("NextToken",)),
    "DescribeAvailabilityZones": Takes((), ("ZoneIds", "ZoneNames", "AllAvailabilityZones")),
    "DescribeInstances": Takes((), ("InstanceIds", *LIST)),
    "DescribeInstanceStatus": Takes((), ("InstanceIds", "IncludeAllInstances", *LIST)),
    "DescribeVolumes": Takes((), ("VolumeIds", *LIST)),
    "DescribeVolumeStatus": Takes((), ("VolumeIds", *LIST)),
    "DescribeSnapshots": Takes((), ("SnapshotIds", "OwnerIds", *LIST)),
    "RunInstances": Takes(
        ("MinCount", "MaxCount"),
        (
            "BlockDeviceMappings",
            "ClientToken",
            "DisableApiTermination",
            "IamInstanceProfile",
            "ImageId",
            "InstanceType",
            "MetadataOptions",
            "Placement",
            "SecurityGroupIds",
            "SubnetId",
            "TagSpecifications",
            "UserData",
        ),
    ),
    "TerminateInstances": Takes(("InstanceIds",)),
    "StopInstances": Takes(("InstanceIds",), ("Force", "SkipOsShutdown")),
    "StartInstances": Takes(("InstanceIds",)),
    "RebootInstances": Takes(("InstanceIds",)),
    "AttachVolume": Takes(("VolumeId", "InstanceId", "Device")),
    "DetachVolume": Takes(("VolumeId",), ("InstanceId", "Device", "Force")),
    "CreateTags": Takes(("Resources", "Tags")),
    "DeleteTags": Takes(("Resources",), ("Tags",)),
    "ModifyInstanceAttribute": Takes(
        ("InstanceId",), ("BlockDeviceMappings", "DisableApiTermination", "Groups")
    ),
    "ModifyInstanceMetadataOptions": Takes(
        ("InstanceId",),
        ("HttpEndpoint", "HttpPutResponseHopLimit", "HttpTokens", "InstanceMetadataTags"),
    ),
    "ModifyVolume": Takes(("VolumeId",), ("Iops", "Size", "Throughput", "VolumeType")),
    "CreateVolume": Takes(
        (),
        (
            "AvailabilityZone",
            "AvailabilityZoneId",
            "ClientToken",
            "Encrypted",
            "Iops",
            "KmsKeyId",
            "Size",
            "SnapshotId",
            "TagSpecifications",
            "Throughput",
            "VolumeInitializationRate",
            "VolumeType",
        ),
    ),
    "DeleteVolume": Takes(("VolumeId",)),
    "EnableVolumeIO": Takes(("VolumeId",)),
    "CreateSnapshot": Takes(("VolumeId",), ("Description", "TagSpecifications")),
    "CreateSnapshots": Takes(
        ("InstanceSpecification",), ("CopyTagsFromSource", "Description", "TagSpecifications")
    ),
    "DeleteSnapshot": Takes(("SnapshotId",)),
    "CopySnapshot": Takes(
        ("SourceRegion", "SourceSnapshotId"),
        ("Description", "Encrypted", "KmsKeyId", "TagSpecifications"),
    ),
}


def check_parameters(operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises botocore's ParamValidationError, as boto3 does before it sends anything."""
    takes = TAKES[operation]
    unknown = sorted(parameters.keys() - {*takes.required, *takes.optional})
    absent = [name for name in takes.required if name not in parameters]
    problems = [f'Missing required parameter in input: "{name}"' for name in absent]
    problems += [f'Unknown parameter in input: "{name}"' for name in unknown]
    if problems:
        raise ParamValidationError(report="\n".join(problems))
