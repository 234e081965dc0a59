"""Snapshots through the adapter, from our words to EC2's wire and back by plain boto3."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from providers.errors import CloudError, RetryClass
from providers.observed import GapSubject, Presence, SnapshotList, SnapshotState
from providers.requests import CreateSnapshot, CreateSnapshots, DeleteSnapshot, DeleteVolume
from tests.support.ec2_cell import NOW, OWNED, OWNER, Ec2Cell, data_volume
from tests.support.fault_proxy import AnswerError, DropReply, EditReply, Rule

DUE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TAGS = OWNED | {"fleet-reconciler:claim": "data", "fleet-reconciler:operation": "f" * 64}


def with_data(cell: Ec2Cell, *devices: str) -> tuple[str, list[str]]:
    """An instance with data volumes on these devices; its id and theirs, in their order."""
    volumes = tuple(data_volume(device=device) for device in devices or ("/dev/sdf",))
    instance_id = cell.launched(volumes=volumes)
    mappings = cell.instance(instance_id)["BlockDeviceMappings"]
    found = {item["DeviceName"]: item["Ebs"]["VolumeId"] for item in mappings}
    return instance_id, [found[volume.device] for volume in volumes]


def taken(cell: Ec2Cell, volume_id: str, **tags: str) -> str:
    """The id of a snapshot taken by the adapter."""
    request = CreateSnapshot(volume_id=volume_id, due_at=DUE, tags=TAGS | tags)
    snapshot_id = cell.cloud.perform(request).resource_id
    assert snapshot_id is not None
    return snapshot_id


def seen(cell: Ec2Cell, *volume_ids: str) -> SnapshotList:
    return cell.cloud.observe_snapshots(owner=OWNER, volume_ids=volume_ids, now=NOW)


# Taking and deleting


def test_a_snapshot_of_one_volume_answers_with_its_id_and_carries_its_tags(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    made = taken(cell, volume)
    shown = cell.aws.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]
    assert shown["VolumeId"] == volume
    assert {tag["Key"]: tag["Value"] for tag in shown["Tags"]} == TAGS


def test_volumes_are_asked_for_together_without_the_root_and_those_left_out(cell: Ec2Cell) -> None:
    """On the wire: moto knows neither what is left out nor tags that are copied."""
    instance, volumes = with_data(cell, "/dev/sdf", "/dev/sdg", "/dev/sdh")
    request = CreateSnapshots(
        instance_id=instance,
        volume_ids=tuple(volumes[:2]),
        left_out=(volumes[2],),
        due_at=DUE,
        tags=OWNED,
    )
    receipt = cell.cloud.perform(request)
    sent = next(item for item in cell.proxy.sent if item.get("Action") == "CreateSnapshots")
    assert sent["InstanceSpecification.InstanceId"] == instance
    assert sent["InstanceSpecification.ExcludeBootVolume"] == "true"
    assert sent["InstanceSpecification.ExcludeDataVolumeId.1"] == volumes[2]
    assert sent["CopyTagsFromSource"] == "volume"
    of_first = seen(cell).snapshots[receipt.resource_id or ""]
    assert of_first.volume_id == volumes[0]
    assert {item.volume_id for item in seen(cell).snapshots.values()} >= set(volumes[:2])


def test_an_answer_without_all_of_the_volumes_is_ambiguous(cell: Ec2Cell) -> None:
    instance, (volume,) = with_data(cell)
    request = CreateSnapshots(
        instance_id=instance,
        volume_ids=(volume, "vol-0123456789abcdef0"),
        left_out=(),
        due_at=DUE,
        tags=OWNED,
    )
    with pytest.raises(CloudError, match="the answer is about") as raised:
        cell.cloud.perform(request)
    assert raised.value.retry is RetryClass.TRANSIENT


def test_a_lost_answer_is_ambiguous_and_the_snapshot_is_found_by_its_operation(
    cell: Ec2Cell,
) -> None:
    _, (volume,) = with_data(cell)
    cell.proxy.add(Rule("CreateSnapshot", DropReply(), nth=1))
    with pytest.raises(CloudError) as raised:
        taken(cell, volume)
    assert raised.value.retry is RetryClass.TRANSIENT
    (found,) = seen(cell).snapshots.values()
    assert found.tags["fleet-reconciler:operation"] == "f" * 64


def test_a_snapshot_without_tags_is_never_asked_for(cell: Ec2Cell) -> None:
    with pytest.raises(CloudError, match="nothing was sent"):
        cell.cloud.perform(CreateSnapshot(volume_id="vol-1", due_at=DUE, tags={}))
    assert cell.proxy.mutating_calls == {}


def test_exactly_the_named_snapshot_is_deleted(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    first, second = taken(cell, volume), taken(cell, volume)
    receipt = cell.cloud.perform(
        DeleteSnapshot(snapshot_id=first, restore_point_id=second, due_at=DUE)
    )
    assert receipt.resource_id == first
    assert set(seen(cell).snapshots) == {second}


def test_exactly_the_named_volume_is_deleted_and_none_that_is_in_use(cell: Ec2Cell) -> None:
    instance, (first, second) = with_data(cell, "/dev/sdf", "/dev/sdg")
    request = DeleteVolume(
        volume_id=first, quarantined_until=DUE, final_snapshot_id=None, restore_point_ids=()
    )
    with pytest.raises(CloudError) as raised:
        cell.cloud.perform(request)
    assert raised.value.retry is RetryClass.STATE
    cell.aws.detach_volume(VolumeId=first, InstanceId=instance)
    assert cell.cloud.perform(request).resource_id == first
    left = {item["VolumeId"] for item in cell.aws.describe_volumes()["Volumes"]}
    assert first not in left
    assert second in left


def test_too_many_at_a_time_is_a_matter_of_state_and_not_of_pace(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    for code in ("ConcurrentSnapshotLimitExceeded", "SnapshotCreationPerVolumeRateExceeded"):
        cell.proxy.heal()
        cell.proxy.add(Rule("CreateSnapshot", AnswerError(code)))
        with pytest.raises(CloudError) as raised:
            taken(cell, volume)
        assert raised.value.retry is RetryClass.STATE


# Reading


def test_a_snapshot_is_seen_with_all_that_planning_looks_at(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    made = taken(cell, volume)
    (item,) = seen(cell).snapshots.values()
    assert (item.id, item.volume_id, item.state) == (made, volume, SnapshotState.COMPLETED)
    assert item.owner_account == "123456789012"
    assert item.size_gib == 8
    assert item.started_at.tzinfo is UTC
    assert item.usable
    assert item.tags == TAGS


def test_those_of_our_volumes_are_seen_whoever_made_them_and_no_others(cell: Ec2Cell) -> None:
    _, (ours, other) = with_data(cell, "/dev/sdf", "/dev/sdg")
    made = taken(cell, other)
    by_hand = cell.aws.create_snapshot(VolumeId=ours)["SnapshotId"]
    cell.aws.create_snapshot(VolumeId=other)
    assert set(seen(cell, ours).snapshots) == {made, by_hand}
    assert set(seen(cell).snapshots) == {made}


def test_a_list_costs_its_pages_whatever_the_number_of_volumes(cell: Ec2Cell) -> None:
    found = seen(cell, *(f"vol-{number:017x}" for number in range(1_000)))
    assert found.calls == {"DescribeSnapshots": 1}
    assert found.gap is None


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "UnauthorizedOperation"])
def test_a_list_that_fails_is_a_gap_and_holds_nothing(cell: Ec2Cell, code: str) -> None:
    _, (volume,) = with_data(cell)
    taken(cell, volume)
    cell.proxy.add(Rule("DescribeSnapshots", AnswerError(code, status=503)))
    found = seen(cell, volume)
    assert found.snapshots == {}
    assert found.gap is not None
    assert (found.gap.subject, found.gap.code) == (GapSubject.SNAPSHOTS, code)


def test_a_lost_second_page_loses_the_list(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    taken(cell, volume)

    def with_token(body: bytes) -> bytes:
        return body.replace(b"</snapshotSet>", b"</snapshotSet><nextToken>2</nextToken>")

    cell.proxy.add(Rule("DescribeSnapshots", EditReply(with_token), nth=1))
    cell.proxy.add(Rule("DescribeSnapshots", AnswerError("InternalError", status=500)))
    found = seen(cell)
    assert found.snapshots == {}
    assert found.gap is not None
    assert "page 2" in found.gap.detail


def test_a_state_that_nobody_has_heard_of_is_a_gap_and_not_a_guess(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    taken(cell, volume)
    edit = EditReply(lambda body: body.replace(b">completed<", b">resting<"))
    cell.proxy.add(Rule("DescribeSnapshots", edit))
    found = seen(cell)
    assert found.gap is not None
    assert "resting" in found.gap.detail


def test_reading_by_id_says_found_or_not_found(cell: Ec2Cell) -> None:
    _, (volume,) = with_data(cell)
    made = taken(cell, volume)
    ((presence, item),) = cell.cloud.read_snapshots([made]).values()
    assert presence is Presence.FOUND
    assert item is not None
    assert item.id == made
    error = AnswerError(
        "InvalidSnapshot.NotFound", message=f"The snapshot '{made}' does not exist."
    )
    cell.proxy.add(Rule("DescribeSnapshots", error))
    assert cell.cloud.read_snapshots([made]) == {made: (Presence.NOT_FOUND, None)}


COMPLETED = b"<status>completed<"


@pytest.mark.parametrize(
    "shown",
    [
        b"<status>error<",
        b"<status>pending<",
        b"<status>recoverable<",
        b"<storageTier>archive</storageTier><status>completed<",
    ],
)
def test_only_a_completed_one_in_the_standard_tier_is_usable(cell: Ec2Cell, shown: bytes) -> None:
    _, (volume,) = with_data(cell)
    made = taken(cell, volume)
    edit = EditReply(lambda body: body.replace(COMPLETED, shown))
    cell.proxy.add(Rule("DescribeSnapshots", edit))
    assert not seen(cell).snapshots[made].usable
