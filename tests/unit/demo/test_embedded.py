"""The embedded cloud: it starts with what a launch needs, its instances answer, and it never outlives its starter."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import boto3
import pytest
from mypy_boto3_ec2 import EC2Client

from reconciler.clock import SystemClock
from reconciler.demo.embedded import EmbeddedCloud, EmbeddedCloudError, embedded_cloud

START_AND_WAIT = """
import sys
from reconciler.demo.embedded import embedded_cloud
with embedded_cloud() as cloud:
    print(cloud.endpoint, flush=True)
    sys.stdin.read()
"""

START_WITHOUT_MOTO = """
import sys
from importlib.machinery import PathFinder
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == 'moto' else PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [f for f in sys.meta_path if f is not PathFinder] + [Without]
from reconciler.demo.embedded import EmbeddedCloudError, embedded_cloud
try:
    embedded_cloud().__enter__()
except EmbeddedCloudError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[EmbeddedCloud]:
    with embedded_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def ec2(cloud: EmbeddedCloud) -> EC2Client:
    return boto3.client(
        "ec2",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=cloud.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud.environment["AWS_SECRET_ACCESS_KEY"],
    )


def launched(ec2: EC2Client, cloud: EmbeddedCloud) -> tuple[str, str]:
    """Id and private address of a new instance, launched with everything that the cloud prepared."""
    instance = ec2.run_instances(
        ImageId=cloud.image,
        InstanceType="m6i.large",
        MinCount=1,
        MaxCount=1,
        SubnetId=cloud.subnets["use1-az1"],
        SecurityGroupIds=[cloud.security_group, cloud.staging_security_group],
        IamInstanceProfile={"Name": cloud.instance_profile},
    )["Instances"][0]
    return instance["InstanceId"], instance["PrivateIpAddress"]


def proxy_address(cloud: EmbeddedCloud) -> tuple[str, int]:
    parts = urlsplit(cloud.probe_proxy)
    return str(parts.hostname), int(parts.port or 0)


def status_through_the_proxy(cloud: EmbeddedCloud, private_ip: str, port: int) -> int:
    connection = http.client.HTTPConnection(*proxy_address(cloud), timeout=5)
    connection.set_tunnel(private_ip, port)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def accepts_connections(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
    except OSError:
        return False
    return True


def test_an_instance_is_launched_with_what_was_prepared(
    cloud: EmbeddedCloud, ec2: EC2Client
) -> None:
    instance_id, _ = launched(ec2, cloud)

    reservation = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]

    assert reservation["OwnerId"] == cloud.account
    assert reservation["Instances"][0]["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert {group["GroupId"] for group in reservation["Instances"][0]["SecurityGroups"]} == {
        cloud.security_group,
        cloud.staging_security_group,
    }


def test_an_http_probe_of_a_running_instance_passes(cloud: EmbeddedCloud, ec2: EC2Client) -> None:
    _, private_ip = launched(ec2, cloud)

    assert status_through_the_proxy(cloud, private_ip, 8080) == 200


def test_a_tcp_probe_of_a_running_instance_stays_open(cloud: EmbeddedCloud, ec2: EC2Client) -> None:
    _, private_ip = launched(ec2, cloud)

    with socket.create_connection(proxy_address(cloud), timeout=5) as connection:
        connection.sendall(f"CONNECT {private_ip}:5432 HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize("ending", ["stop_instances", "terminate_instances"])
def test_an_instance_that_no_longer_runs_does_not_answer(
    cloud: EmbeddedCloud, ec2: EC2Client, ending: str
) -> None:
    instance_id, private_ip = launched(ec2, cloud)
    getattr(ec2, ending)(InstanceIds=[instance_id])

    with pytest.raises(OSError, match="502"):
        status_through_the_proxy(cloud, private_ip, 8080)


def test_an_open_connection_breaks_when_its_instance_ends(
    cloud: EmbeddedCloud, ec2: EC2Client
) -> None:
    instance_id, private_ip = launched(ec2, cloud)
    connection = http.client.HTTPConnection(*proxy_address(cloud), timeout=5)
    connection.set_tunnel(private_ip, 8080)
    connection.connect()

    ec2.terminate_instances(InstanceIds=[instance_id])
    connection.request("GET", "/healthz")

    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()


def test_an_address_without_an_instance_does_not_answer(cloud: EmbeddedCloud) -> None:
    with pytest.raises(OSError, match="502"):
        status_through_the_proxy(cloud, "10.255.255.254", 5432)


def test_the_proxy_fetches_nothing_by_itself(cloud: EmbeddedCloud) -> None:
    connection = http.client.HTTPConnection(*proxy_address(cloud), timeout=5)
    connection.request("GET", "http://192.0.2.1/")

    assert connection.getresponse().status == 405
    connection.close()


def test_inherited_aws_settings_cannot_lead_to_another_account(cloud: EmbeddedCloud) -> None:
    inherited = {
        "LANG": "C.UTF-8",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_EC2": "https://ec2.us-east-1.amazonaws.com",
        "AWS_ENDPOINT_URL": "https://elsewhere",
    }

    environment = cloud.environment_over(inherited)

    assert environment == {"LANG": "C.UTF-8", **cloud.environment}
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint


def test_it_listens_on_loopback_only(cloud: EmbeddedCloud) -> None:
    assert urlsplit(cloud.endpoint).hostname == "127.0.0.1"
    assert urlsplit(cloud.probe_proxy).hostname == "127.0.0.1"


def test_leaving_the_block_ends_it_also_after_an_error() -> None:
    with contextlib.suppress(ZeroDivisionError), embedded_cloud() as cloud:
        assert accepts_connections(cloud.endpoint)
        raise ZeroDivisionError

    assert not accepts_connections(cloud.endpoint)
    assert not accepts_connections(cloud.probe_proxy)
    with pytest.raises(ProcessLookupError):
        os.kill(cloud.process_id, 0)


def test_it_ends_by_itself_when_its_starter_is_killed() -> None:
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            START_AND_WAIT,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        endpoint = starter.stdout.readline().strip()
        assert accepts_connections(endpoint)
        starter.send_signal(signal.SIGKILL)

    clock = SystemClock()
    deadline_s = clock.monotonic_s() + 10
    while accepts_connections(endpoint) and clock.monotonic_s() < deadline_s:
        clock.sleep(0.05)
    assert not accepts_connections(endpoint)


def test_a_start_that_takes_too_long_is_one_clear_error() -> None:
    with (
        pytest.raises(EmbeddedCloudError, match=r"did not answer within 0\.01 s"),
        embedded_cloud(start_deadline=timedelta(seconds=0.01)),
    ):
        pytest.fail("nothing starts in a hundredth of a second")


def test_without_the_extra_the_error_names_the_command_to_run() -> None:
    without_extra = subprocess.run(
        [
            sys.executable,
            "-c",
            START_WITHOUT_MOTO,
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "needs moto, which is not installed" in without_extra.stdout
    assert "-m pip install 'fleet-reconciler[moto]'" in without_extra.stdout
