"""What EC2 says about volumes: made, listed, changed, tagged."""

from __future__ import annotations

from collections.abc import Callable
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


# Volumes.


def _unknown(account: Account, call: str) -> str:
    ec2 = account.ec2
    calls = {
        "describe": lambda: ec2.describe_volumes(VolumeIds=[NO_VOLUME]),
        "delete": lambda: ec2.delete_volume(VolumeId=NO_VOLUME),
        "modify": lambda: ec2.modify_volume(VolumeId=NO_VOLUME, Size=9),
        "snapshot": lambda: ec2.create_snapshot(VolumeId=NO_VOLUME),
        "tag": lambda: ec2.create_tags(Resources=[NO_VOLUME], Tags=tag_items({"a": "b"})),
        "detach": lambda: ec2.detach_volume(VolumeId=NO_VOLUME),
        "attach": lambda: ec2.attach_volume(
            VolumeId=NO_VOLUME, InstanceId=account.launch(), Device="/dev/sdf"
        ),
        "attach to an unknown instance": lambda: ec2.attach_volume(
            VolumeId=account.volume(), InstanceId=NO_INSTANCE, Device="/dev/sdf"
        ),
    }
    return error_code(calls[call])


CASES.each(
    "an unknown volume",
    _unknown,
    "describe",
    "delete",
    "modify",
    "snapshot",
    "tag",
    "detach",
    "attach",
    "attach to an unknown instance",
)


def _refused(account: Account, what: str) -> str:
    changes: dict[str, dict[str, Any]] = {
        "no zone": {"AvailabilityZone": None},
        "unknown zone": {"AvailabilityZone": "us-east-1z"},
        "no size": {"Size": None},
        "unknown type": {"VolumeType": "gp9"},
        "unknown snapshot": {"SnapshotId": NO_SNAPSHOT},
        "unknown parameter": {"Colour": "blue"},
        "reserved tag": {
            "TagSpecifications": [{"ResourceType": "volume", "Tags": tag_items({"aws:a": "x"})}]
        },
    }
    return error_code(lambda: account.volume(**changes[what]))


CASES.each(
    "a volume with",
    _refused,
    "no zone",
    "unknown zone",
    "no size",
    "unknown type",
    "unknown snapshot",
    "unknown parameter",
    "reserved tag",
    moto={
        "no zone": "makes volumes in no zone",
        "unknown zone": "makes volumes in zones that are not there",
        "unknown type": "takes any type",
        "reserved tag": "checks no tags of new volumes",
    },
)


def _member(account: Account, name: str) -> Any:
    tags = [{"ResourceType": "volume", "Tags": tag_items({"claim": "data"})}]
    item = account.described_volume(account.volume(TagSpecifications=tags))
    return tags_of(item) if name == "Tags" else item.get(name)


CASES.each(
    "a new volume shows",
    _member,
    "State",
    "Size",
    "VolumeType",
    "Encrypted",
    "AvailabilityZone",
    "SnapshotId",
    "Iops",
    "Throughput",
    "Attachments",
    "Tags",
    moto={
        "SnapshotId": "leaves the member out where EC2 gives an empty text",
        "Throughput": "knows no usual throughput of gp3",
    },
)


@CASES.case()
def a_volume_of_no_type_is_gp2(account: Account) -> Any:
    return account.described_volume(account.volume(VolumeType=None))["VolumeType"]


@CASES.case()
def a_volume_keeps_its_iops_and_throughput(account: Account) -> Any:
    item = account.described_volume(account.volume(Iops=4000, Throughput=250))
    return item["Iops"], item["Throughput"]


@CASES.case()
def a_deleted_volume_is_not_found(account: Account) -> str:
    volume_id = account.volume()
    account.ec2.delete_volume(VolumeId=volume_id)
    account.settle()
    return error_code(lambda: account.ec2.describe_volumes(VolumeIds=[volume_id]))


@CASES.case()
def a_volume_in_use_is_not_deleted(account: Account) -> str:
    _, volume_id = account.attached()
    return error_code(lambda: account.ec2.delete_volume(VolumeId=volume_id))


@CASES.case(moto="makes another volume for the same token")
def the_same_token_gives_the_same_volume(account: Account) -> Any:
    return account.volume(ClientToken="t"), account.volume(ClientToken="t")


@CASES.case(moto="makes another volume for the same token")
def a_token_with_another_size_is_refused(account: Account) -> Any:
    account.volume(ClientToken="t")
    return error_code(lambda: account.volume(ClientToken="t", Size=9))


def _filtered(account: Account, both: tuple[str, bool]) -> int:
    name, matching = both
    instance_id, volume_id = account.attached()
    account.ec2.create_tags(Resources=[volume_id], Tags=tag_items({"claim": "data"}))
    value = {
        "volume-id": volume_id,
        "status": "in-use",
        "volume-type": "gp3",
        "size": "8",
        "availability-zone": account.zones[account.zone],
        "attachment.instance-id": instance_id,
        "attachment.status": "attached",
        "attachment.device": "/dev/sdf",
        "tag:claim": "data",
        "tag-key": "claim",
    }[name]
    filters = [{"Name": name, "Values": [value if matching else "something-else"]}]
    if name != "volume-id":
        filters.append({"Name": "volume-id", "Values": [volume_id]})
    return len(account.ec2.describe_volumes(Filters=filters)["Volumes"])


CASES.each(
    "volumes by",
    _filtered,
    *[
        (name, matching)
        for name in (
            "volume-id",
            "status",
            "volume-type",
            "size",
            "availability-zone",
            "attachment.instance-id",
            "attachment.status",
            "attachment.device",
            "tag:claim",
            "tag-key",
        )
        for matching in (True, False)
    ],
)


@CASES.case(moto="ignores MaxResults of volumes")
def volumes_come_in_pages(account: Account) -> Any:
    for _ in range(6):
        account.volume()
    reply = account.ec2.describe_volumes(MaxResults=5)
    return len(reply["Volumes"]), bool(reply.get("NextToken"))


# Changing.


def _modified(account: Account, what: str) -> Any:
    changes: dict[str, dict[str, Any]] = {
        "larger": {"Size": 16},
        "smaller": {"Size": 4},
        "same": {"Size": 8},
        "another type": {"VolumeType": "io1", "Iops": 200},
    }
    volume_id = account.volume()
    said = error_code(lambda: account.ec2.modify_volume(VolumeId=volume_id, **changes[what]))
    item = account.described_volume(volume_id)
    return said, item["Size"], item["VolumeType"]


CASES.each(
    "a volume made",
    _modified,
    "larger",
    "smaller",
    "same",
    "another type",
    moto={"smaller": "shrinks volumes"},
)


@CASES.case(moto="has no rate of modifications")
def a_volume_is_not_modified_twice_in_a_row(account: Account) -> Any:
    volume_id = account.volume()
    account.ec2.modify_volume(VolumeId=volume_id, Size=9)
    return error_code(lambda: account.ec2.modify_volume(VolumeId=volume_id, Size=10))


# Tags.


def _tagged(account: Account, what: str) -> Any:
    identifier = {
        "instance": account.launch,
        "volume": account.volume,
        "snapshot": lambda: account.snapshot(account.volume()),
    }[what]()
    ec2 = account.ec2
    ec2.create_tags(Resources=[identifier], Tags=tag_items({"a": "1", "b": "2"}))
    ec2.create_tags(Resources=[identifier], Tags=tag_items({"a": "3"}))
    ec2.delete_tags(Resources=[identifier], Tags=[{"Key": "b"}])
    looks: dict[str, Callable[[], Any]] = {
        "instance": lambda: account.instance(identifier),
        "volume": lambda: account.described_volume(identifier),
        "snapshot": lambda: ec2.describe_snapshots(SnapshotIds=[identifier])["Snapshots"][0],
    }
    tags = tags_of(looks[what]())
    return tags.get("a"), tags.get("b")


CASES.each("tags of", _tagged, "instance", "volume", "snapshot")


@CASES.case()
def a_tag_of_another_value_stays(account: Account) -> Any:
    volume_id = account.volume()
    account.ec2.create_tags(Resources=[volume_id], Tags=tag_items({"a": "1"}))
    account.ec2.delete_tags(Resources=[volume_id], Tags=tag_items({"a": "2"}))
    return tags_of(account.described_volume(volume_id))


def _bad_tag(account: Account, what: str) -> str:
    tags = {
        "reserved": {"aws:a": "x"},
        "too long a key": {"k" * 129: "x"},
        "too long a value": {"k": "v" * 257},
        "too many": {f"key-{number}": "x" for number in range(51)},
    }[what]
    volume_id = account.volume()
    return error_code(lambda: account.ec2.create_tags(Resources=[volume_id], Tags=tag_items(tags)))


CASES.each(
    "a tag",
    _bad_tag,
    "reserved",
    "too long a key",
    "too long a value",
    "too many",
    moto=dict.fromkeys(
        ("reserved", "too long a key", "too long a value"), "checks only the number of tags"
    ),
)


@CASES.case()
def tags_on_an_unknown_id_among_known_ones_are_not_written(account: Account) -> Any:
    volume_id = account.volume()
    said = error_code(
        lambda: account.ec2.create_tags(
            Resources=[volume_id, NO_VOLUME], Tags=tag_items({"a": "1"})
        )
    )
    return said, tags_of(account.described_volume(volume_id))
