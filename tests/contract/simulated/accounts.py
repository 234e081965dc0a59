"""Two accounts that look alike, one simulated and one in moto, and the cases that are run on both.

A case is a function of an account that answers something comparable: ids become `made-1`, `made-2` in the order in
which they are first seen, errors their code. `settle` lets lifecycles end, which in moto they did at once.
"""

from __future__ import annotations

import random  # noqa: TID251 - the source is seeded
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.layout import Layout
from reconciler.demo.embedded import REGION
from reconciler.demo.embedded_server import ACCOUNT

IMAGE = "ami-12345678"
ELSEWHERE = "eu-west-1"
NO_INSTANCE = "i-0123456789abcdef0"
NO_VOLUME = "vol-0123456789abcdef0"
NO_SNAPSHOT = "snap-0123456789abcdef0"
UNREADABLE = "a reply that nobody can read"
"""moto's page of HTML where it has a fault of its own or lacks something."""
OWNED = {"owner": "contract"}

_MADE = re.compile(r"\b(?:i|vol|snap|r)-[0-9a-f]{8,17}\b")


@dataclass(slots=True, kw_only=True)
class Account:
    """An empty account with three zones. `ec2` is boto3's client or has its face, `elsewhere` another region's."""

    ec2: Any
    elsewhere: Any
    region: str
    zones: Mapping[str, str]
    subnets: Mapping[str, str]
    group: str
    other_group: str
    settle: Callable[[], None]
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The id of the first zone."""
        return min(self.subnets)

    @property
    def other_zone(self) -> str:
        """The id of another one."""
        return sorted(self.subnets)[1]

    def launch(self, **changed: Any) -> str:
        """The id of a new instance, running."""
        reply = self.ec2.run_instances(**self.launch_parameters(**changed))
        self.settle()
        return str(reply["Instances"][0]["InstanceId"])

    def launch_parameters(self, **changed: Any) -> dict[str, Any]:
        """A launch of one small instance into the first zone; `changed` replaces, None removes."""
        parameters: dict[str, Any] = {
            "MinCount": 1,
            "MaxCount": 1,
            "ImageId": IMAGE,
            "InstanceType": "m5.large",
            "SubnetId": self.subnets[self.zone],
            "SecurityGroupIds": [self.group],
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tag_items(OWNED)}],
        }
        merged = parameters | changed
        return {name: value for name, value in merged.items() if value is not None}

    def volume(self, **changed: Any) -> str:
        """The id of a new volume in the first zone, available."""
        parameters = {"AvailabilityZone": self.zones[self.zone], "Size": 8, "VolumeType": "gp3"}
        merged = parameters | changed
        reply = self.ec2.create_volume(**{k: v for k, v in merged.items() if v is not None})
        self.settle()
        return str(reply["VolumeId"])

    def snapshot(self, volume_id: str, **changed: Any) -> str:
        """The id of a new snapshot, completed."""
        reply = self.ec2.create_snapshot(VolumeId=volume_id, **changed)
        self.settle()
        return str(reply["SnapshotId"])

    def attached(self) -> tuple[str, str]:
        """An instance and a volume on it as /dev/sdf."""
        instance_id, volume_id = self.launch(), self.volume()
        self.ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
        self.settle()
        return instance_id, volume_id

    def in_state(self, state: str) -> str:
        """An instance in that state."""
        instance_id = self.launch()
        if state == "stopped":
            self.ec2.stop_instances(InstanceIds=[instance_id])
        if state == "terminated":
            self.ec2.terminate_instances(InstanceIds=[instance_id])
        self.settle()
        return instance_id

    def instance(self, instance_id: str) -> dict[str, Any]:
        """As DescribeInstances shows it."""
        reply = self.ec2.describe_instances(InstanceIds=[instance_id])
        found: dict[str, Any] = reply["Reservations"][0]["Instances"][0]
        return found

    def described_volume(self, volume_id: str) -> dict[str, Any]:
        """As DescribeVolumes shows it."""
        found: dict[str, Any] = self.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
        return found

    def named(self, value: Any) -> Any:
        """The value with ids by the order in which they were first seen."""
        if isinstance(value, str):
            return _MADE.sub(lambda found: self._name(found.group()), value)
        if isinstance(value, Mapping):
            return {key: self.named(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.named(item) for item in value]
        return value

    def _name(self, identifier: str) -> str:
        kind = identifier.partition("-")[0]
        return self._names.setdefault(identifier, f"{kind}:made-{len(self._names) + 1}")


Case = Callable[[Account], Any]


def error_code(call: Callable[[], Any]) -> str:
    """`ok`, or the code of the error that it raises."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ParamValidationError:
        return "ParamValidation"
    except ResponseParserError:
        return UNREADABLE
    return "ok"


def outcome(case: Case, account: Account) -> Any:
    """What the case answers, or the error that ends it."""
    try:
        return account.named(case(account))
    except ClientError as error:
        return f"error {error.response['Error']['Code']}"
    except ParamValidationError:
        return "error ParamValidation"
    except ResponseParserError:
        return UNREADABLE


def tag_items(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in EC2's form."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Tags of a reply item."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}


def simulated_twin(of: Account) -> Account:
    """A simulated account with the zones, subnets and groups of that one."""
    layout = Layout(
        account=ACCOUNT,
        region=REGION,
        zones=of.zones,
        subnets={subnet: zone for zone, subnet in of.subnets.items()},
        security_groups=frozenset({of.group, of.other_group}),
    )
    cloud = SimulatedCloud(chance=random.Random(1), layout=layout)

    def settle() -> None:
        cloud.clock.advance(cloud.clock.now() + timedelta(minutes=20))

    return Account(
        ec2=cloud.ec2,
        elsewhere=cloud.ec2_in(ELSEWHERE),
        region=REGION,
        zones=of.zones,
        subnets=of.subnets,
        group=of.group,
        other_group=of.other_group,
        settle=settle,
    )


class Cases:
    """Cases by name, with what moto does otherwise."""

    def __init__(self) -> None:
        self._cases: dict[str, tuple[Case, str | None]] = {}

    def add(self, name: str, case: Case, *, moto: str | None = None) -> None:
        """One case. `moto` says what moto does instead of what EC2 does, if it does."""
        assert name not in self._cases, f"two cases are named {name}"
        self._cases[name] = (case, moto)

    def case(self, *, moto: str | None = None) -> Callable[[Case], Case]:
        """A function as a case; its name says what is so."""

        def added(function: Case) -> Case:
            self.add(function.__name__.replace("_", " "), function, moto=moto)
            return function

        return added

    def each(
        self,
        name: str,
        case: Callable[..., Any],
        *values: Any,
        moto: Mapping[Any, str] | None = None,
    ) -> None:
        """The same case for each value, which is its second argument."""
        for value in values:
            reason = (moto or {}).get(value)
            self.add(f"{name} [{value}]", partial(_with, case, value), moto=reason)

    def parameters(self) -> list[Any]:
        """For pytest: strict xfails where moto is known to differ."""
        return [
            pytest.param(
                case,
                id=name,
                marks=(
                    [pytest.mark.xfail(reason=f"moto {moto}", strict=True, raises=AssertionError)]
                    if moto
                    else []
                ),
            )
            for name, (case, moto) in self._cases.items()
        ]


def _with(case: Callable[..., Any], value: Any, account: Account) -> Any:
    return case(account, value)
