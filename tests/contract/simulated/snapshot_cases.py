"""What EC2 says about snapshots and what is made from them."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
    NO_INSTANCE,
    NO_SNAPSHOT,
    NO_VOLUME,
    Account,
    Cases,
    error_code,
    tag_items,
    tags_of,
)

CASES = Cases()


# Snapshots.


@CASES.case(moto="completes a snapshot at once")
def a_snapshot_is_pending_first(account: Account) -> Any:
    return account.ec2.create_snapshot(VolumeId=account.volume())["State"]


@CASES.case(moto="completes a snapshot at once")
def a_snapshot_is_still_pending_when_it_is_described(account: Account) -> Any:
    reply = account.ec2.create_snapshot(VolumeId=account.volume())
    found = account.ec2.describe_snapshots(SnapshotIds=[reply["SnapshotId"]])["Snapshots"][0]
    return found["State"]


def _snapshot_member(account: Account, name: str) -> Any:
    volume_id = account.volume(Encrypted=True)
    tags = [{"ResourceType": "snapshot", "Tags": tag_items({"op": "1"})}]
    snapshot_id = account.snapshot(volume_id, Description="nightly", TagSpecifications=tags)
    found = account.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]
    if name == "VolumeId":
        return found["VolumeId"] == volume_id
    return tags_of(found) if name == "Tags" else found.get(name)


CASES.each(
    "a completed snapshot shows",
    _snapshot_member,
    "State",
    "Progress",
    "VolumeId",
    "VolumeSize",
    "Encrypted",
    "Description",
    "OwnerId",
    "Tags",
)


def _snapshots_by(account: Account, name: str) -> int:
    volume_id = account.volume()
    snapshot_id = account.snapshot(volume_id)
    account.ec2.create_tags(Resources=[snapshot_id], Tags=tag_items({"op": "1"}))
    value = {
        "snapshot-id": snapshot_id,
        "volume-id": volume_id,
        "status": "completed",
        "tag:op": "1",
    }[name]
    reply = account.ec2.describe_snapshots(
        OwnerIds=["self"], Filters=[{"Name": name, "Values": [value]}]
    )
    return len(reply["Snapshots"])


CASES.each("snapshots by", _snapshots_by, "snapshot-id", "volume-id", "status", "tag:op")


def _unknown_snapshot(account: Account, call: str) -> str:
    ec2 = account.ec2
    calls = {
        "describe": lambda: ec2.describe_snapshots(SnapshotIds=[NO_SNAPSHOT]),
        "delete": lambda: ec2.delete_snapshot(SnapshotId=NO_SNAPSHOT),
        "restore": lambda: account.volume(SnapshotId=NO_SNAPSHOT),
    }
    return error_code(calls[call])


CASES.each("an unknown snapshot", _unknown_snapshot, "describe", "delete", "restore")


@CASES.case()
def a_deleted_snapshot_is_not_found(account: Account) -> str:
    snapshot_id = account.snapshot(account.volume())
    account.ec2.delete_snapshot(SnapshotId=snapshot_id)
    return error_code(lambda: account.ec2.describe_snapshots(SnapshotIds=[snapshot_id]))


@CASES.case(moto="has no rate of snapshots")
def two_snapshots_in_a_row_are_too_fast(account: Account) -> str:
    volume_id = account.volume()
    account.ec2.create_snapshot(VolumeId=volume_id)
    return error_code(lambda: account.ec2.create_snapshot(VolumeId=volume_id))


def _restored(account: Account, size: int | None) -> Any:
    snapshot_id = account.snapshot(account.volume())
    item = account.described_volume(account.volume(SnapshotId=snapshot_id, Size=size))
    return item["Size"], item["SnapshotId"] == snapshot_id


CASES.each(
    "a volume from a snapshot of 8 GiB",
    _restored,
    None,
    8,
    16,
    4,
    moto={4: "makes volumes that are smaller than their snapshot"},
)


@CASES.case()
def a_restored_volume_is_launched_with_its_instance(account: Account) -> Any:
    snapshot_id = account.snapshot(account.volume(Size=9))
    account.launch(
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot_id}}]
    )
    volumes = account.ec2.describe_volumes()["Volumes"]
    found = [item for item in volumes if item["State"] == "in-use" and item["Size"] == 9]
    return [item["SnapshotId"] == snapshot_id for item in found]


@CASES.case(moto="answers CreateSnapshots without states")
def all_volumes_of_an_instance_are_snapshot_at_once(account: Account) -> Any:
    instance_id, _ = account.attached()
    reply = account.ec2.create_snapshots(InstanceSpecification={"InstanceId": instance_id})
    return len(reply["Snapshots"]), {item.get("State") for item in reply["Snapshots"]}


def _together(account: Account, aspect: str) -> Any:
    """Two data volumes and a root, of which one data volume is left out."""
    instance_id, first = account.attached()
    second = account.volume(
        TagSpecifications=[{"ResourceType": "volume", "Tags": tag_items({"claim": "log"})}]
    )
    account.ec2.attach_volume(VolumeId=second, InstanceId=instance_id, Device="/dev/sdg")
    account.settle()
    specification = {"InstanceId": instance_id, "ExcludeBootVolume": True}
    if aspect == "left out":
        specification["ExcludeDataVolumeIds"] = [first]
    tags = [{"ResourceType": "snapshot", "Tags": tag_items({"op": "1"})}]
    reply = account.ec2.create_snapshots(
        InstanceSpecification=specification, CopyTagsFromSource="volume", TagSpecifications=tags
    )
    account.settle()
    ids = [item["SnapshotId"] for item in reply["Snapshots"]]
    found = account.ec2.describe_snapshots(SnapshotIds=ids)["Snapshots"]
    if aspect == "tags":
        return sorted(tags_of(item).get("op", "") for item in found)
    if aspect == "tags of the volume":
        return sorted(tags_of(item).get("claim", "") for item in found)
    return sorted(item["VolumeId"] in (first, second) for item in found)


CASES.each(
    "snapshots taken together:",
    _together,
    "volumes",
    "tags",
    "tags of the volume",
    "left out",
    moto={
        "tags of the volume": "does not copy tags from volumes",
        "left out": "does not leave out data volumes",
    },
)


def _failed_call(account: Account, call: str) -> str:
    ec2 = account.ec2
    calls = {
        "an unknown volume": lambda: ec2.create_snapshot(VolumeId=NO_VOLUME),
        "an unknown instance": lambda: ec2.create_snapshots(
            InstanceSpecification={"InstanceId": NO_INSTANCE}
        ),
    }
    return error_code(calls[call])


CASES.each("a snapshot of", _failed_call, "an unknown volume", "an unknown instance")


@CASES.case()
def a_deleted_snapshot_is_in_no_list(account: Account) -> list[str]:
    volume_id = account.volume()
    snapshot_id = account.snapshot(volume_id)
    account.ec2.delete_snapshot(SnapshotId=snapshot_id)
    of_volume = [{"Name": "volume-id", "Values": [volume_id]}]
    shown = account.ec2.describe_snapshots(OwnerIds=["self"], Filters=of_volume)["Snapshots"]
    return [item["SnapshotId"] for item in shown]


@CASES.case()
def a_snapshot_outlives_its_volume(account: Account) -> Any:
    volume_id = account.volume()
    snapshot_id = account.snapshot(volume_id)
    account.ec2.delete_volume(VolumeId=volume_id)
    account.settle()
    (item,) = account.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    return item["State"], item["VolumeId"] == volume_id


@CASES.case(moto="ignores MaxResults of snapshots")
def snapshots_come_in_pages(account: Account) -> Any:
    volume_ids = [account.volume() for _ in range(6)]
    for volume_id in volume_ids:
        account.snapshot(volume_id)
    reply = account.ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    return len(reply["Snapshots"]), bool(reply.get("NextToken"))


@CASES.case()
def volume_status_is_there(account: Account) -> Any:
    account.volume()
    reply = account.ec2.describe_volume_status()
    return [item["VolumeStatus"]["Status"] for item in reply["VolumeStatuses"]]
