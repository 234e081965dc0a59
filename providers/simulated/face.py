"""boto3's face: clients whose methods take and give what boto3's do.

The method names are boto3's; each is one line from the operation to what answers it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.simulated.describing import Describing
from providers.simulated.gate import Gate, Reply
from providers.simulated.instance_calls import InstanceCalls
from providers.simulated.launching import Launching
from providers.simulated.snapshots import Snapshots
from providers.simulated.tagging import create_tags, delete_tags
from providers.simulated.volumes import Volumes
from providers.simulated.world import World


class SimulatedEc2:
    """Has the face of boto3's EC2 client. Raises botocore's ClientError and its errors of the network."""

    def __init__(
        self,
        world: World,
        gate: Gate,
        *,
        describing: Describing,
        launching: Launching,
        instances: InstanceCalls,
        volumes: Volumes,
        snapshots: Snapshots,
    ) -> None:
        self._world = world
        self._gate = gate
        self._describing = describing
        self._launching = launching
        self._instances = instances
        self._volumes = volumes
        self._snapshots = snapshots

    # Reading.

    def describe_availability_zones(self, **parameters: Any) -> Reply:
        effect = self._describing.availability_zones
        return self._gate.call("DescribeAvailabilityZones", parameters, effect)

    def describe_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("DescribeInstances", parameters, self._describing.instances)

    def describe_instance_status(self, **parameters: Any) -> Reply:
        effect = self._describing.instance_status
        return self._gate.call("DescribeInstanceStatus", parameters, effect)

    def describe_volumes(self, **parameters: Any) -> Reply:
        return self._gate.call("DescribeVolumes", parameters, self._describing.volumes)

    def describe_volume_status(self, **parameters: Any) -> Reply:
        return self._gate.call("DescribeVolumeStatus", parameters, self._describing.volume_status)

    def describe_snapshots(self, **parameters: Any) -> Reply:
        return self._gate.call("DescribeSnapshots", parameters, self._describing.snapshots)

    # Instances.

    def run_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("RunInstances", parameters, self._launching.run_instances)

    def terminate_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("TerminateInstances", parameters, self._instances.terminate)

    def stop_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("StopInstances", parameters, self._instances.stop)

    def start_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("StartInstances", parameters, self._instances.start)

    def reboot_instances(self, **parameters: Any) -> Reply:
        return self._gate.call("RebootInstances", parameters, self._instances.reboot)

    def modify_instance_attribute(self, **parameters: Any) -> Reply:
        effect = self._instances.modify_attribute
        return self._gate.call("ModifyInstanceAttribute", parameters, effect)

    def modify_instance_metadata_options(self, **parameters: Any) -> Reply:
        effect = self._instances.modify_metadata_options
        return self._gate.call("ModifyInstanceMetadataOptions", parameters, effect)

    # Volumes, snapshots, tags.

    def create_volume(self, **parameters: Any) -> Reply:
        return self._gate.call("CreateVolume", parameters, self._volumes.create)

    def attach_volume(self, **parameters: Any) -> Reply:
        return self._gate.call("AttachVolume", parameters, self._volumes.attach)

    def detach_volume(self, **parameters: Any) -> Reply:
        return self._gate.call("DetachVolume", parameters, self._volumes.detach)

    def modify_volume(self, **parameters: Any) -> Reply:
        return self._gate.call("ModifyVolume", parameters, self._volumes.modify)

    def delete_volume(self, **parameters: Any) -> Reply:
        return self._gate.call("DeleteVolume", parameters, self._volumes.delete)

    def enable_volume_io(self, **parameters: Any) -> Reply:
        return self._gate.call("EnableVolumeIO", parameters, self._volumes.enable_io)

    def create_snapshot(self, **parameters: Any) -> Reply:
        return self._gate.call("CreateSnapshot", parameters, self._snapshots.create)

    def create_snapshots(self, **parameters: Any) -> Reply:
        return self._gate.call("CreateSnapshots", parameters, self._snapshots.create_of_instance)

    def delete_snapshot(self, **parameters: Any) -> Reply:
        return self._gate.call("DeleteSnapshot", parameters, self._snapshots.delete)

    def create_tags(self, **parameters: Any) -> Reply:
        return self._gate.call("CreateTags", parameters, lambda p: create_tags(self._world, p))

    def delete_tags(self, **parameters: Any) -> Reply:
        return self._gate.call("DeleteTags", parameters, lambda p: delete_tags(self._world, p))


class SimulatedSts:
    """Has the face of boto3's STS client."""

    def __init__(self, gate: Gate, account: Callable[[], str]) -> None:
        self._gate = gate
        self._account = account

    def get_caller_identity(self, **parameters: Any) -> Reply:
        return self._gate.call("GetCallerIdentity", parameters, lambda _: self._identity())

    def _identity(self) -> Reply:
        account = self._account()
        return {
            "Account": account,
            "UserId": "AIDASIMULATED",
            "Arn": f"arn:aws:iam::{account}:user/simulated",
        }


class SimulatedSsm:
    """Has the face of boto3's Systems Manager client."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def get_parameters(self, **parameters: Any) -> Reply:
        return self._gate.call("GetParameters", parameters, lambda p: self._found(p["Names"]))

    def _found(self, names: list[str]) -> Reply:
        known = self._world.layout.parameters
        return {
            "Parameters": [
                {"Name": name, "Type": "String", "Value": known[name], "Version": 1}
                for name in names
                if name in known
            ],
            "InvalidParameters": [name for name in names if name not in known],
        }
