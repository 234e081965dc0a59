"""Copies of snapshots in another region through the adapter, from our words to EC2's wire and back by plain boto3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from providers.ec2.cloud import Ec2Cloud
from providers.errors import NOT_SENT, CloudError, CredentialsError, EndpointUnreachable, RetryClass
from providers.observed import GapSubject, Presence, SnapshotList, SnapshotState
from providers.requests import CopySnapshot, DeleteCopy
from reconciler.demo.embedded import REGION
from reconciler.demo.embedded_server import ACCOUNT
from tests.support.ec2_cell import NOW, OWNED, OWNER, Ec2Cell
from tests.support.fault_proxy import AnswerError, DropReply, Rule

ELSEWHERE = "eu-west-1"
DUE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TAGS = OWNED | {"fleet-reconciler:claim": "data", "fleet-reconciler:operation": "e" * 64}
NO_SNAPSHOT = "snap-0123456789abcdef0"


@pytest.fixture
def there(cell: Ec2Cell) -> Any:
    """A plain client of the other region, which goes straight to moto."""
    endpoint = cell.aws.meta.endpoint_url
    return boto3.client("ec2", region_name=ELSEWHERE, endpoint_url=endpoint)


def snapshot(cell: Ec2Cell, *, encrypted: bool = True) -> str:
    """The id of a completed snapshot in the cell's own region."""
    zone = cell.aws.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = cell.aws.create_volume(AvailabilityZone=zone, Size=8, Encrypted=encrypted)
    return str(cell.aws.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"])


def copy_of(snapshot_id: str, **changed: Any) -> CopySnapshot:
    request = CopySnapshot(
        snapshot_id=snapshot_id,
        from_region=REGION,
        to_region=ELSEWHERE,
        encrypted=True,
        kms_key_id=None,
        due_at=DUE,
        tags=TAGS,
    )
    return replace(request, **changed)


def copied(cell: Ec2Cell) -> str:
    """The id of a copy made by the adapter."""
    copy_id = cell.cloud.perform(copy_of(snapshot(cell))).resource_id
    assert copy_id is not None
    return copy_id


def seen(cell: Ec2Cell) -> SnapshotList:
    return cell.cloud.observe_copies(owner=OWNER, region=ELSEWHERE, now=NOW)


def test_a_copy_is_made_in_the_other_region_with_its_tags(cell: Ec2Cell, there: Any) -> None:
    made = copied(cell)
    (shown,) = there.describe_snapshots(SnapshotIds=[made])["Snapshots"]
    assert {tag["Key"]: tag["Value"] for tag in shown["Tags"]} == TAGS
    assert made not in cell.cloud.observe_snapshots(owner=OWNER, volume_ids=(), now=NOW).snapshots


def test_the_request_says_where_from_and_with_which_key(cell: Ec2Cell) -> None:
    """On the wire: moto looks at neither the signed URL nor `Encrypted`."""
    source = snapshot(cell)
    cell.cloud.perform(copy_of(source, kms_key_id="mrk-0a1b"))
    (sent,) = (item for item in cell.proxy.sent if item.get("Action") == "CopySnapshot")
    assert (sent["SourceRegion"], sent["SourceSnapshotId"]) == (REGION, source)
    assert (sent["Encrypted"], sent["KmsKeyId"]) == ("true", "mrk-0a1b")
    assert sent["DestinationRegion"] == ELSEWHERE
    assert "X-Amz-Signature" in sent["PresignedUrl"]


def test_what_is_not_encrypted_is_copied_as_it_is(cell: Ec2Cell) -> None:
    cell.cloud.perform(copy_of(snapshot(cell, encrypted=False), encrypted=False))
    (sent,) = (item for item in cell.proxy.sent if item.get("Action") == "CopySnapshot")
    assert "Encrypted" not in sent
    assert "KmsKeyId" not in sent


def test_only_ours_are_seen_there(cell: Ec2Cell, there: Any) -> None:
    made = copied(cell)
    there.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshot(cell))
    found = seen(cell)
    assert {key: item.state for key, item in found.snapshots.items()} == {
        made: SnapshotState.COMPLETED
    }
    assert (found.gap, found.calls) == (None, {"DescribeSnapshots": 1})


def test_a_lost_answer_is_ambiguous_and_the_copy_is_found_by_its_operation(cell: Ec2Cell) -> None:
    source = snapshot(cell)
    cell.proxy.add(Rule("CopySnapshot", DropReply(), nth=1))
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(copy_of(source))
    assert raised.value.retry is RetryClass.TRANSIENT
    (found,) = seen(cell).snapshots.values()
    assert found.tags["fleet-reconciler:operation"] == "e" * 64


def test_too_many_copies_at_a_time_are_a_refusal_for_now(cell: Ec2Cell) -> None:
    source = snapshot(cell)
    cell.proxy.add(Rule("CopySnapshot", AnswerError("ResourceLimitExceeded")))
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(copy_of(source))
    assert raised.value.retry is RetryClass.QUOTA


def test_exactly_the_named_copy_is_deleted_and_nothing_here(cell: Ec2Cell) -> None:
    source = snapshot(cell)
    first, second = (cell.cloud.perform(copy_of(source)).resource_id or "" for _ in range(2))
    request = DeleteCopy(region=ELSEWHERE, snapshot_id=first, restore_point_id=second, due_at=DUE)
    assert cell.cloud.perform(request).resource_id == first
    assert set(seen(cell).snapshots) == {second}
    assert cell.aws.describe_snapshots(SnapshotIds=[source])["Snapshots"]


def test_a_copy_is_read_by_name_there_and_is_unknown_here(cell: Ec2Cell) -> None:
    made = copied(cell)
    ((presence, copy),) = cell.cloud.read_copies([made], region=ELSEWHERE).values()
    assert presence is Presence.FOUND
    assert copy is not None
    assert copy.tags == TAGS
    ((presence, _),) = cell.cloud.read_snapshots([made]).values()
    assert presence is not Presence.FOUND


# A region that does not answer


@pytest.mark.parametrize("code", ["AuthFailure", "InternalError", "UnauthorizedOperation"])
def test_a_list_that_fails_is_a_gap_of_that_region(cell: Ec2Cell, code: str) -> None:
    """AuthFailure is the answer of a region that is not enabled: the credentials are good all the same."""
    copied(cell)
    cell.proxy.add(Rule("DescribeSnapshots", AnswerError(code, status=503)))
    found = seen(cell)
    assert found.snapshots == {}
    assert found.gap is not None
    assert (found.gap.subject, found.gap.zone) == (GapSubject.COPIES, ELSEWHERE)


def test_refused_credentials_there_are_no_reading_by_name(cell: Ec2Cell) -> None:
    made = copied(cell)
    cell.proxy.add(Rule("DescribeSnapshots", AnswerError("InvalidClientTokenId", status=401)))
    ((presence, _),) = cell.cloud.read_copies([made], region=ELSEWHERE).values()
    assert presence is Presence.UNREADABLE


@pytest.mark.parametrize("fault", [EndpointUnreachable("no route"), CredentialsError("expired")])
def test_a_region_without_a_client_is_a_gap_and_nothing_is_sent_to_it(
    cell: Ec2Cell, fault: Exception
) -> None:
    cloud = Ec2Cloud(replace(cell.clients, ec2_in=failing(fault)), account=ACCOUNT, region=REGION)
    found = cloud.observe_copies(owner=OWNER, region=ELSEWHERE, now=NOW)
    assert found.gap is not None
    assert found.gap.zone == ELSEWHERE
    with pytest.raises(CloudError) as raised:
        cloud.perform(copy_of(NO_SNAPSHOT))
    assert raised.value.code == NOT_SENT
    assert cell.proxy.mutating_calls == {}


def failing(fault: Exception) -> Callable[[str], Any]:
    def client(region: str) -> Any:
        raise fault

    return client
