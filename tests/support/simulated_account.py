"""A simulated account for tests of the simulated cloud itself: calls by boto3's names, and time to wait.

account = SimulatedAccount()
instance_id = account.launched()
account.code(account.ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"])
"""

from __future__ import annotations

import random  # noqa: TID251 - the source is seeded
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.faults import Fault
from providers.simulated.records import Instance, Volume

SUBNET, ZONE, ZONE_NAME = "subnet-az1", "use1-az1", "us-east-1a"
OTHER_SUBNET, OTHER_ZONE, OTHER_ZONE_NAME = "subnet-az2", "use1-az2", "us-east-1b"
DATA = "/dev/sdf"


class SimulatedAccount:
    """Three empty zones. `options` are those of SimulatedCloud."""

    def __init__(self, *faults: Fault, seed: int = 1, **options: Any) -> None:
        self.cloud = SimulatedCloud(chance=random.Random(seed), faults=faults, **options)
        self.ec2 = self.cloud.ec2
        self.clock = self.cloud.clock
        self.truth = self.cloud.truth
        self.clock.advance(self.clock.now())  # What is on from the beginning has begun.

    # Time.

    def wait(self, **duration: float) -> None:
        """Let that much virtual time pass."""
        self.clock.advance(self.clock.now() + timedelta(**duration))

    # What is there.

    def launch_parameters(self, **changed: Any) -> dict[str, Any]:
        """A launch into the first zone with one data volume that is kept."""
        parameters: dict[str, Any] = {
            "MinCount": 1,
            "MaxCount": 1,
            "ImageId": "ami-12345678",
            "InstanceType": "m5.large",
            "SubnetId": SUBNET,
            "BlockDeviceMappings": [
                {"DeviceName": DATA, "Ebs": {"VolumeSize": 8, "DeleteOnTermination": False}}
            ],
        }
        merged = parameters | changed
        return {name: value for name, value in merged.items() if value is not None}

    def asked(self, **changed: Any) -> str:
        """The id of an instance whose launch was just accepted."""
        reply = self.ec2.run_instances(**self.launch_parameters(**changed))
        return str(reply["Instances"][0]["InstanceId"])

    def launched(self, **changed: Any) -> str:
        """The id of an instance that runs."""
        instance_id = self.asked(**changed)
        self.wait(minutes=5)
        return instance_id

    def volume(self, **changed: Any) -> str:
        """The id of a volume that is available."""
        parameters = {"AvailabilityZone": ZONE_NAME, "Size": 8} | changed
        volume_id = str(self.ec2.create_volume(**parameters)["VolumeId"])
        self.wait(minutes=1)
        return volume_id

    def instance(self, instance_id: str) -> Instance:
        """As it truly is."""
        return self.truth.instances[instance_id]

    def data_volume(self, instance_id: str) -> Volume:
        """The volume on its data device, as it truly is."""
        [found] = [a for a in self.instance(instance_id).attachments if a.device == DATA]
        return self.truth.volumes[found.volume_id]

    # What is said.

    def shown_state(self, instance_id: str) -> str:
        """The state that DescribeInstances shows."""
        reply = self.ec2.describe_instances(InstanceIds=[instance_id])
        return str(reply["Reservations"][0]["Instances"][0]["State"]["Name"])

    def listed(self, **parameters: Any) -> list[str]:
        """The ids that DescribeInstances lists, from all pages."""
        found: list[str] = []
        while True:
            reply = self.ec2.describe_instances(**parameters)
            found += [i["InstanceId"] for r in reply["Reservations"] for i in r["Instances"]]
            if "NextToken" not in reply:
                return found
            parameters["NextToken"] = reply["NextToken"]

    def code(self, call: Callable[..., Any], **parameters: Any) -> str:
        """`ok`, the code of EC2's error, or the name of botocore's."""
        try:
            call(**parameters)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        except BotoCoreError as error:
            return type(error).__name__
        return "ok"
