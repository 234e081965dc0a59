"""boto3's session and clients: credentials, region, endpoint, time-outs. botocore's own retries are off.

AWS_ENDPOINT_URL, AWS_PROFILE and the rest of AWS's settings are botocore's own business and honoured by it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from providers.ec2 import pages
from providers.ec2.failures import credentials_error
from providers.errors import CredentialsError, EndpointUnreachable

if TYPE_CHECKING:  # The stubs are a development dependency.
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

DISTRIBUTION = "fleet-reconciler"

CONNECTIONS = 16
"""Actions run on up to 8 threads beside an observation; botocore's default pool of 10 would warn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Of one call, in seconds. A full page of 1,000 instances takes EC2 a few seconds."""

    connect_s: float = 5.0
    read_s: float = 20.0


class CloudWatchClient(Protocol):
    """What is asked of boto3's CloudWatch client."""

    def get_metric_data(self, **parameters: Any) -> Mapping[str, Any]:
        """GetMetricData."""
        ...


class S3Client(Protocol):
    """What is asked of boto3's S3 client."""

    def list_objects_v2(self, **parameters: Any) -> Mapping[str, Any]:
        """ListObjectsV2."""
        ...

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """GetObject."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CellClients:
    """The clients of one region, or whatever has their face.

    `endpoint` is the EC2 client's. `ssm` and `cloudwatch` make their clients when they are first asked for: only images
    that are named by a parameter need the one, which takes 7 MB, and only volumes in trouble the other. `ec2_in`
    likewise for another region, which only copies of snapshots need.

    `credential_key` names the credentials in use, so that others are verified again;
    it raises CredentialsError when there are none.
    """

    ec2: EC2Client
    ec2_in: Callable[[str], EC2Client]
    ssm: Callable[[], SSMClient]
    cloudwatch: Callable[[], CloudWatchClient]
    sts: STSClient
    endpoint: str
    credential_key: Callable[[], str]


class AwsSession:
    """One boto3 session for every cell: the first client costs 0.3 s, further ones of a shared session 14 ms."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        """Raises CredentialsError when AWS_PROFILE names a profile that does not exist."""
        timeouts = timeouts or Timeouts()
        self._config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=timeouts.connect_s,
            read_timeout=timeouts.read_s,
            max_pool_connections=CONNECTIONS,
            user_agent_extra=f"{DISTRIBUTION}/{version(DISTRIBUTION)}",
        )
        self._creating = threading.Lock()  # boto3 sessions, unlike clients, are not thread-safe.
        try:
            self._session = boto3.Session()
        except BotoCoreError as error:
            raise credentials_error(str(error)) from error

    def clients(self, region: str) -> CellClients:
        """The clients of a region, which comes from the desired state and never from the environment.

        Raises CredentialsError, and EndpointUnreachable for a region or endpoint that cannot be.
        """
        ec2 = self._ec2(region)
        with self._creating, _failures_told(region):
            sts = self._session.client("sts", region_name=region, config=self._config)
        return CellClients(
            ec2=ec2,
            ec2_in=cache(self._ec2),
            ssm=cache(partial(self._ssm, region)),
            cloudwatch=cache(partial(self._cloudwatch, region)),
            sts=sts,
            endpoint=ec2.meta.endpoint_url,
            credential_key=self._credential_key,
        )

    def _ec2(self, region: str) -> EC2Client:
        with self._creating, _failures_told(region):
            ec2 = self._session.client("ec2", region_name=region, config=self._config)
        pages.install(ec2)
        return ec2

    def _ssm(self, region: str) -> SSMClient:
        with self._creating, _failures_told(region):
            return self._session.client("ssm", region_name=region, config=self._config)

    def _cloudwatch(self, region: str) -> CloudWatchClient:
        with self._creating, _failures_told(region):
            client: CloudWatchClient = self._session.client(
                "cloudwatch", region_name=region, config=self._config
            )
            return client

    def s3(self, region: str) -> S3Client:
        """A client for archives: only fleets that declare some need it, and its model takes 10 MB."""
        with self._creating, _failures_told(region):
            client: S3Client = self._session.client("s3", region_name=region, config=self._config)
            return client

    def _credential_key(self) -> str:
        """The access key id, which is no secret; reading it renews credentials that are about to expire."""
        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise CredentialsError(str(credentials_error("none were found")))
            return credentials.get_frozen_credentials().access_key or ""
        except BotoCoreError as error:
            raise credentials_error(str(error)) from error


@contextmanager
def _failures_told(region: str) -> Iterator[None]:
    """What botocore raises while a client is made, in the port's words."""
    try:
        yield
    except (ValueError, NoRegionError) as error:
        raise EndpointUnreachable(
            f"no clients for region {region!r}: {error}. Check spec.placement.region, copyTo and AWS_ENDPOINT_URL"
        ) from error
    except BotoCoreError as error:
        raise credentials_error(str(error)) from error
