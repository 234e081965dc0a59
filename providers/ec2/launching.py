"""A launch as the parameters of RunInstances; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from providers.requests import LaunchInstance, LaunchVolume

if TYPE_CHECKING:  # The stubs are a development dependency.
    from mypy_boto3_ec2.type_defs import TagTypeDef

METADATA_OPTIONS: Mapping[str, Any] = {
    "HttpEndpoint": "enabled",
    "HttpTokens": "required",
    "HttpPutResponseHopLimit": 1,
    "InstanceMetadataTags": "enabled",
}
"""IMDSv2 only, out of reach for anything a hop away, and the role tag readable by the boot script."""


def run_instances_parameters(request: LaunchInstance, user_data: str | None) -> dict[str, Any]:
    """All that RunInstances is told. EC2 puts the volume tags on the root volume too.

    `user_data` is plain text; boto3 encodes it.
    """
    parameters: dict[str, Any] = {
        "ClientToken": request.client_token,
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": request.image,
        "InstanceType": request.type,
        "SubnetId": request.subnet,
        "SecurityGroupIds": list(request.security_groups),
        "MetadataOptions": METADATA_OPTIONS,
        "TagSpecifications": _tag_specifications(request),
    }
    if request.instance_profile:
        parameters["IamInstanceProfile"] = {"Name": request.instance_profile}
    if user_data is not None:
        parameters["UserData"] = user_data
    if request.volumes:
        parameters["BlockDeviceMappings"] = [
            {"DeviceName": volume.device, "Ebs": _ebs(volume)} for volume in request.volumes
        ]
    return parameters


def tag_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """EC2's form of tags, in a stable order: a request that is sent again must be the same."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def _tag_specifications(request: LaunchInstance) -> list[dict[str, Any]]:
    tagged = (("instance", request.tags), ("volume", request.volume_tags))
    return [{"ResourceType": kind, "Tags": tag_list(tags)} for kind, tags in tagged if tags]


def _ebs(volume: LaunchVolume) -> dict[str, Any]:
    settings = {
        "VolumeSize": volume.size_gib,
        "VolumeType": volume.type,
        "Iops": volume.iops,
        "Throughput": volume.throughput_mib_s,
        # EC2 refuses the word "false" beside an encrypted snapshot.
        "Encrypted": volume.encrypted or None,
        "KmsKeyId": volume.kms_key_id,
        "SnapshotId": volume.snapshot_id,
        "DeleteOnTermination": False,
    }
    return {name: value for name, value in settings.items() if value is not None}
