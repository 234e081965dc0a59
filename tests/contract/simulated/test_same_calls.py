"""The same calls on the simulated cloud and on moto over HTTP say the same; where moto is not EC2, that is pinned.

A strict xfail is a case in which moto differs from EC2 and the simulated cloud does not: a better moto tells us.
TRUSTED.md holds the sources. Nothing is mocked: moto is the server process of the other contract tests.
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from reconciler.demo.embedded import REGION, EmbeddedCloud
from tests.contract.simulated import (
    attachment_cases,
    copy_cases,
    instance_cases,
    launch_cases,
    list_cases,
    snapshot_cases,
    volume_cases,
)
from tests.contract.simulated.accounts import ELSEWHERE, Account, Case, outcome, simulated_twin

SUBJECTS = (
    instance_cases,
    launch_cases,
    list_cases,
    volume_cases,
    attachment_cases,
    snapshot_cases,
    copy_cases,
)
PARAMETERS = [case for subject in SUBJECTS for case in subject.CASES.parameters()]


@pytest.fixture(scope="session")
def ec2_of_moto(moto_server: EmbeddedCloud) -> Any:
    """One client for the session, since a boto3 session loads EC2's model of several megabytes."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in moto_server.environment.items():
            environment.setenv(name, value)
        return boto3.client("ec2", region_name=REGION, endpoint_url=moto_server.endpoint)


@pytest.fixture(scope="session")
def ec2_elsewhere(moto_server: EmbeddedCloud, ec2_of_moto: Any) -> Any:
    """The same of another region."""
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    endpoint = moto_server.endpoint
    return boto3.client("ec2", region_name=ELSEWHERE, endpoint_url=endpoint, **keys)


@pytest.fixture
def in_moto(moto: str, ec2_of_moto: Any, ec2_elsewhere: Any) -> Account:
    """An empty account in moto with its default network and two groups."""
    zones = ec2_of_moto.describe_availability_zones()["AvailabilityZones"]
    subnets = ec2_of_moto.describe_subnets()["Subnets"]
    groups = [
        ec2_of_moto.create_security_group(
            GroupName=name, Description="contract", VpcId=subnets[0]["VpcId"]
        )["GroupId"]
        for name in ("service", "staging")
    ]
    return Account(
        ec2=ec2_of_moto,
        elsewhere=ec2_elsewhere,
        region=REGION,
        zones={zone["ZoneId"]: zone["ZoneName"] for zone in zones},
        subnets={subnet["AvailabilityZoneId"]: subnet["SubnetId"] for subnet in subnets},
        group=groups[0],
        other_group=groups[1],
        settle=lambda: None,
    )


@pytest.mark.parametrize("case", PARAMETERS)
def test_the_simulated_cloud_says_what_moto_says(case: Case, in_moto: Account) -> None:
    simulated = outcome(case, simulated_twin(in_moto))
    assert simulated == outcome(case, in_moto)
