"""Archives through boto3 from S3 as moto answers it: each tool's layout, pages, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from providers.archives.reading import StoredArchives
from providers.archives.s3 import LARGEST_DOCUMENT_BYTES, S3Objects
from providers.ec2.session import AwsSession, S3Client
from providers.errors import CredentialsError
from providers.observed import ArchiveList
from providers.observed_archives import ArchiveAddress, ArchiveState
from reconciler.clock import SystemClock
from reconciler.demo.embedded import REGION
from tests.support.stored import Barman, PgBackRest, WalG, segment

BUCKET = "backups"
NOW = SystemClock().now


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket:
    """A bucket in moto, written behind everyone's back; S3 itself dates what is put into it."""

    s3: Any

    def put(self, key: str, at: datetime, content: str | bytes = b"x") -> None:
        del at
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=moto)
    s3.create_bucket(Bucket=BUCKET)
    return S3Bucket(s3=s3)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallPages:
    """A client whose pages have four objects instead of a thousand."""

    s3: S3Client

    def list_objects_v2(self, **parameters: Any) -> Mapping[str, Any]:
        return self.s3.list_objects_v2(**parameters, MaxKeys=4)

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        return self.s3.get_object(**parameters)


def observed(tool: str, *, name: str = BUCKET, small_pages: bool = False) -> ArchiveList:
    client = AwsSession().s3(REGION)
    store = S3Objects(lambda: SmallPages(s3=client) if small_pages else client)
    archives = StoredArchives(store=store)
    address = ArchiveAddress(tool=tool, url=f"s3://{name}/shared-postgres/0/{{incarnation}}")
    return archives.observe_archives([address], now=NOW())


def newest(tool: str) -> ArchiveState:
    (found,) = observed(tool).archives.values()
    return found.states[0]


def path(incarnation: int = 1) -> str:
    return f"shared-postgres/0/{incarnation}"


def is_now(at: datetime | None) -> bool:
    return at is not None and abs(NOW() - at) < timedelta(minutes=5)


def test_wal_g(bucket: S3Bucket) -> None:
    archive = WalG(bucket=bucket, path=path())
    archive.base(2)
    archive.segments(1, 9)
    archive.unfinished_base(f"base_{segment(7)}", 7)
    state = newest("wal-g")
    assert (state.base, state.usable) == (f"base_{segment(2)}", True)
    assert state.last_segment == segment(9)
    assert is_now(state.recoverable_until)


def test_pgbackrest(bucket: S3Bucket) -> None:
    archive = PgBackRest(bucket=bucket, path=path())
    archive.base("20261122-030500F", 2)
    label = archive.base("20261122-030500F_20261122-032000I", 5, rests_on="20261122-030500F")
    archive.segments(1, 9)
    state = newest("pgbackrest")
    assert (state.base, state.usable, state.last_segment) == (label, True, segment(9))


def test_barman(bucket: S3Bucket) -> None:
    archive = Barman(bucket=bucket, path=path())
    id_ = archive.base("20261122T030500", 2)
    archive.base("20261122T032000", 5, status="FAILED")
    archive.segments(1, 9)
    state = newest("barman")
    assert (state.base, state.usable, state.last_segment) == (id_, True, segment(9))


def test_a_log_of_several_pages_is_read_to_its_end(bucket: S3Bucket) -> None:
    archive = WalG(bucket=bucket, path=path())
    archive.base(17)
    archive.segments(1, 35)
    seen = observed("wal-g", small_pages=True)
    (found,) = seen.archives.values()
    assert found.states[0].last_segment == segment(35)
    assert seen.calls == {"ListObjectsV2": 7, "GetObject": 1}, "20 segments, not 35"


def test_incarnations_are_found_by_their_folders(bucket: S3Bucket) -> None:
    for incarnation in (2, 11):
        archive = WalG(bucket=bucket, path=path(incarnation))
        archive.base(1)
        archive.segments(1, 2)
    WalG(bucket=bucket, path="shared-postgres/0/notes").segments(1, 1)
    (found,) = observed("wal-g").archives.values()
    assert (found.incarnations, found.states[0].incarnation) == ((2, 11), 11)


def test_a_bucket_that_is_not_there_is_a_gap(bucket: S3Bucket) -> None:
    seen = observed("wal-g", name="elsewhere")
    ((url, gap),) = seen.gaps.items()
    assert seen.archives == {}
    assert gap.code == "NoSuchBucket"
    assert url in gap.detail


def test_a_document_that_is_far_too_large_is_not_fetched(bucket: S3Bucket) -> None:
    archive = WalG(bucket=bucket, path=path())
    name = archive.base(1)
    archive.segments(1, 2)
    key = f"{path()}/basebackups_005/{name}/metadata.json"
    bucket.put(key, NOW(), b"x" * (LARGEST_DOCUMENT_BYTES + 1))
    assert [gap.code for gap in observed("wal-g").gaps.values()] == ["DocumentTooLarge"]


def test_an_endpoint_that_does_not_answer_is_a_gap(
    bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert [gap.code for gap in observed("wal-g").gaps.values()] == ["EndpointUnreachable"]


def test_missing_credentials_stop_everything(
    bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(CredentialsError):
        observed("wal-g")
