"""The real adapter over a real wire: client, fault proxy, moto.

shared_wire   the fault proxy and the clients, one a session
cell          an empty cloud behind the proxy, with a network to launch into
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from providers.ec2.cloud import Ec2Cloud
from providers.ec2.session import AwsSession, CellClients
from providers.observed import Observation
from providers.requests import LaunchInstance, LaunchVolume
from reconciler.demo.embedded import REGION, EmbeddedCloud
from reconciler.demo.embedded_server import ACCOUNT
from tests.support.fault_proxy import FaultProxy, running_fault_proxy

OWNER = "test-installation"
OWNED = {"fleet-reconciler:owner": OWNER}
IMAGE = "ami-12345678"
ZONE = "use1-az1"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Cell:
    """`cloud` goes through the proxy; `aws` is a plain client that goes straight to moto, behind everyone's back."""

    cloud: Ec2Cloud
    clients: CellClients
    aws: Any
    proxy: FaultProxy
    subnets: Mapping[str, str]
    security_group: str

    def launch(self, **changed: Any) -> LaunchInstance:
        """A launch into ZONE with one data volume; `changed` fields are replaced."""
        fields: dict[str, Any] = {
            "client_token": "a" * 64,
            "image": IMAGE,
            "type": "m5.large",
            "zone": ZONE,
            "subnet": self.subnets[ZONE],
            "security_groups": (self.security_group,),
            "instance_profile": None,
            "user_data_sha256": None,
            "tags": OWNED | {"fleet-reconciler:slot": "3"},
            "volume_tags": OWNED | {"fleet-reconciler:claim": "data"},
            "volumes": (data_volume(),),
        }
        return LaunchInstance(**fields | changed)

    def launched(self, **changed: Any) -> str:
        """The id of an instance launched by the adapter."""
        instance_id = self.cloud.perform(self.launch(**changed)).resource_id
        assert instance_id is not None
        return instance_id

    def data_volume_of(self, instance_id: str) -> str:
        """The id of the data volume that came with it."""
        mappings = self.instance(instance_id)["BlockDeviceMappings"]
        volumes = [item["Ebs"]["VolumeId"] for item in mappings if item["DeviceName"] == "/dev/sdf"]
        return str(volumes[0])

    def instance(self, instance_id: str) -> dict[str, Any]:
        """As plain boto3 shows it."""
        reply = self.aws.describe_instances(InstanceIds=[instance_id])
        found: dict[str, Any] = reply["Reservations"][0]["Instances"][0]
        return found

    def cloud_of_account(self, account: str) -> Ec2Cloud:
        """The adapter for a desired state that names this account, with the credentials that there are."""
        return Ec2Cloud(self.clients, account=account, region=REGION)

    def cloud_with_credentials(self, key: Callable[[], str]) -> Ec2Cloud:
        """The adapter with credentials that change over time."""
        clients = replace(self.clients, credential_key=key)
        return Ec2Cloud(clients, account=ACCOUNT, region=REGION)

    def cloud_at(self, ec2_endpoint: str) -> Ec2Cloud:
        """The adapter with EC2 elsewhere; STS answers as ever."""
        ec2 = boto3.client(
            "ec2",
            region_name=REGION,
            endpoint_url=ec2_endpoint,
            config=self.clients.ec2.meta.config,
        )
        return Ec2Cloud(replace(self.clients, ec2=ec2), account=ACCOUNT, region=REGION)

    def observe(self, *image_parameters: str) -> Observation:
        """What the adapter sees of OWNER."""
        return self.cloud.observe(owner=OWNER, image_parameters=image_parameters, now=NOW)


def data_volume(**changed: Any) -> LaunchVolume:
    """8 GiB of gp3 on /dev/sdf; `changed` fields are replaced."""
    fields: dict[str, Any] = {
        "device": "/dev/sdf",
        "size_gib": 8,
        "type": "gp3",
        "iops": None,
        "throughput_mib_s": None,
        "encrypted": True,
        "kms_key_id": None,
    }
    return LaunchVolume(**fields | changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWire:
    """What is made once a session, since a boto3 session loads EC2's model of several megabytes."""

    proxy: FaultProxy
    clients: CellClients
    aws: Any


@pytest.fixture(scope="session")
def shared_wire(moto_server: EmbeddedCloud) -> Iterator[SharedWire]:
    """Proxy and clients; `cell` heals the one and wraps the others anew for each test."""
    with running_fault_proxy(moto_server.endpoint) as proxy, pytest.MonkeyPatch.context() as set_:
        for name, value in (moto_server.environment | {"AWS_ENDPOINT_URL": proxy.endpoint}).items():
            set_.setenv(name, value)
        aws = boto3.client("ec2", region_name=REGION, endpoint_url=moto_server.endpoint)
        yield SharedWire(proxy=proxy, clients=AwsSession().clients(REGION), aws=aws)


@pytest.fixture
def cell(moto: str, shared_wire: SharedWire, monkeypatch: pytest.MonkeyPatch) -> Ec2Cell:
    """An empty cloud with the default network and a security group; faults healed, calls forgotten."""
    wire = shared_wire
    # For as long as the test runs, since clients may be made late: none may ever look for the real AWS.
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.proxy.endpoint)
    wire.proxy.heal()
    subnets = wire.aws.describe_subnets()["Subnets"]
    group = wire.aws.create_security_group(
        GroupName="postgres", Description="tests", VpcId=subnets[0]["VpcId"]
    )
    cloud = Ec2Cloud(wire.clients, account=ACCOUNT, region=REGION)
    cloud.identity()
    wire.proxy.forget_calls()
    return Ec2Cell(
        cloud=cloud,
        clients=wire.clients,
        aws=wire.aws,
        proxy=wire.proxy,
        subnets={subnet["AvailabilityZoneId"]: subnet["SubnetId"] for subnet in subnets},
        security_group=group["GroupId"],
    )
