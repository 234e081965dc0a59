"""What the demo breaks behind the controller's back, with plain boto3, as a person or another tool would."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

FLEET, SLOT = "fleet-reconciler:fleet", "fleet-reconciler:slot"


def live_instances(ec2: EC2Client) -> dict[str, list[InstanceTypeDef]]:
    """Every instance that is not ended, under `fleet/slot` as its tags say; a slot may hold several."""
    found: dict[str, list[InstanceTypeDef]] = {}
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                    tags = tags_of(instance)
                    found.setdefault(f"{tags.get(FLEET)}/{tags.get(SLOT)}", []).append(instance)
    return found


def tags_of(instance: InstanceTypeDef) -> dict[str, str]:
    """The tags of an instance as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}


def data_volumes(instance: InstanceTypeDef) -> dict[str, str]:
    """The volumes on an instance but its root, by device."""
    return {
        mapping["DeviceName"]: mapping["Ebs"]["VolumeId"]
        for mapping in instance.get("BlockDeviceMappings", [])
        if mapping["DeviceName"] != instance.get("RootDeviceName")
    }


def terminate(ec2: EC2Client, slot: str) -> str:
    """End the instance of a slot; returns what was done, for the reader."""
    instance_id = _only(ec2, slot)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance_id])
    return f"terminate {instance_id}, the instance of {slot}"


def detach_volume(ec2: EC2Client, slot: str) -> str:
    """Take the data volume off a slot's instance."""
    instance = _only(ec2, slot)
    device, volume_id = next(iter(data_volumes(instance).items()))
    ec2.detach_volume(VolumeId=volume_id, InstanceId=instance["InstanceId"], Device=device)
    return f"detach {volume_id} from {instance['InstanceId']}, the instance of {slot}"


def change_tag(ec2: EC2Client, slot: str, key: str, value: str) -> str:
    """Overwrite a declared tag."""
    instance_id = _only(ec2, slot)["InstanceId"]
    ec2.create_tags(Resources=[instance_id], Tags=[{"Key": key, "Value": value}])
    return f"set tag {key}={value} on {instance_id}, the instance of {slot}"


def _only(ec2: EC2Client, slot: str) -> InstanceTypeDef:
    instances = live_instances(ec2)[slot]
    if len(instances) != 1:
        raise ValueError(f"{slot} has {len(instances)} live instances")
    return instances[0]
