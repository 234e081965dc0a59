"""What EC2 says about volumes, attachments, snapshots and tags."""

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


# Attachments.


@CASES.case()
def an_attached_volume_is_shown_by_both_sides(account: Account) -> Any:
    instance_id, volume_id = account.attached()
    [shown] = account.described_volume(volume_id)["Attachments"]
    mappings = account.instance(instance_id)["BlockDeviceMappings"]
    [mirrored] = [item for item in mappings if item["DeviceName"] == "/dev/sdf"]
    return [
        shown["State"],
        shown["Device"],
        shown["InstanceId"] == instance_id,
        mirrored["Ebs"]["Status"],
        mirrored["Ebs"]["VolumeId"] == volume_id,
        mirrored["Ebs"]["DeleteOnTermination"],
    ]


@CASES.case()
def an_attach_answers_with_attaching(account: Account) -> Any:
    reply = account.ec2.attach_volume(
        VolumeId=account.volume(), InstanceId=account.launch(), Device="/dev/sdf"
    )
    return reply["State"], reply["Device"]


@CASES.case(moto="can not detach by the volume alone")
def a_detach_answers_with_detaching(account: Account) -> Any:
    _, volume_id = account.attached()
    return account.ec2.detach_volume(VolumeId=volume_id)["State"]


@CASES.case(moto="shows an attachment as attached at once")
def an_attachment_takes_time(account: Account) -> Any:
    instance_id, volume_id = account.launch(), account.volume()
    account.ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    return account.described_volume(volume_id)["Attachments"][0]["State"]


def _attach_again(account: Account, what: str) -> str:
    instance_id, volume_id = account.attached()
    place: dict[str, tuple[str, str, str]] = {}
    match what:
        case "to another instance":
            place[what] = (volume_id, account.launch(), "/dev/sdf")
        case "to the same instance":
            place[what] = (volume_id, instance_id, "/dev/sdg")
        case "device in use":
            place[what] = (account.volume(), instance_id, "/dev/sdf")
        case "another device":
            place[what] = (account.volume(), instance_id, "/dev/sdg")
        case "another zone":
            name = account.zones[account.other_zone]
            place[what] = (account.volume(AvailabilityZone=name), instance_id, "/dev/sdg")
    volume, instance, device = place[what]
    return error_code(
        lambda: account.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    )


CASES.each(
    "attached while one is attached",
    _attach_again,
    "to another instance",
    "to the same instance",
    "device in use",
    "another device",
    "another zone",
    moto={
        "to another instance": "attaches a volume that is in use, and so steals it",
        "to the same instance": "attaches a volume that is in use",
        "device in use": "uses a device twice",
        "another zone": "attaches across zones",
    },
)


def _detach(account: Account, what: str) -> Any:
    instance_id, volume_id = account.attached()
    parameters: dict[str, Any] = {
        "by volume": {},
        "by volume and instance": {"InstanceId": instance_id},
        "by all three": {"InstanceId": instance_id, "Device": "/dev/sdf"},
        "from another instance": {"InstanceId": account.launch()},
        "with force": {"Force": True},
    }[what]
    said = error_code(lambda: account.ec2.detach_volume(VolumeId=volume_id, **parameters))
    account.settle()
    item = account.described_volume(volume_id)
    return said, item["State"], len(item["Attachments"])


CASES.each(
    "a detach",
    _detach,
    "by volume",
    "by volume and instance",
    "by all three",
    "from another instance",
    "with force",
    moto=dict.fromkeys(("by volume", "with force"), "can not detach by the volume alone"),
)


@CASES.case(moto="has another answer to the detach of what is not attached")
def a_detach_of_what_is_not_attached_is_an_incorrect_state(account: Account) -> str:
    volume_id = account.volume()
    return error_code(lambda: account.ec2.detach_volume(VolumeId=volume_id))


@CASES.case(moto="has a fault of its own at it")
def a_root_volume_is_not_detached_from_a_running_instance(account: Account) -> str:
    item = account.instance(account.launch())
    root = item["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    return error_code(lambda: account.ec2.detach_volume(VolumeId=root))


def _after_termination(account: Account, which: str) -> Any:
    mapping: dict[str, Any] = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 9}}
    if which != "by default":
        mapping["Ebs"]["DeleteOnTermination"] = which == "deleted"
    instance_id = account.launch(BlockDeviceMappings=[mapping])
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.settle()
    volumes = account.ec2.describe_volumes()["Volumes"]
    return [(item["State"], len(item["Attachments"])) for item in volumes if item["Size"] == 9]


CASES.each(
    "a launched volume after its instance",
    _after_termination,
    "kept",
    "deleted",
    "by default",
    moto={"by default": "keeps a launched volume that nobody asked to keep"},
)


@CASES.case()
def a_volume_that_was_attached_survives_its_instance(account: Account) -> Any:
    instance_id, volume_id = account.attached()
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.settle()
    item = account.described_volume(volume_id)
    return item["State"], item["Attachments"]


@CASES.case()
def a_volume_stays_on_a_stopped_instance(account: Account) -> Any:
    instance_id, volume_id = account.attached()
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.settle()
    return account.described_volume(volume_id)["State"]


@CASES.case(moto="makes no root volume when a launch names block devices")
def a_launch_with_a_data_volume_makes_a_root_volume_too(account: Account) -> int:
    mapping = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 9}}
    return len(
        account.instance(account.launch(BlockDeviceMappings=[mapping]))["BlockDeviceMappings"]
    )


@CASES.case()
def a_launched_volume_has_the_tags_of_volumes(account: Account) -> Any:
    mapping = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 9}}
    tags = [{"ResourceType": "volume", "Tags": tag_items({"claim": "data"})}]
    account.launch(BlockDeviceMappings=[mapping], TagSpecifications=tags)
    volumes = account.ec2.describe_volumes()["Volumes"]
    return [tags_of(item) for item in volumes if item["Size"] == 9]


@CASES.case(moto="ignores iops and throughput of a launch")
def a_launched_volume_is_what_was_asked_for(account: Account) -> Any:
    ebs = {"VolumeSize": 9, "VolumeType": "gp3", "Encrypted": True, "Iops": 4000, "Throughput": 200}
    account.launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": ebs}])
    [item] = [v for v in account.ec2.describe_volumes()["Volumes"] if v["Size"] == 9]
    return item["VolumeType"], item["Encrypted"], item.get("Iops"), item.get("Throughput")


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


@CASES.case(moto="ignores MaxResults of snapshots")
def snapshots_come_in_pages(account: Account) -> Any:
    volume_ids = [account.volume() for _ in range(6)]
    for volume_id in volume_ids:
        account.snapshot(volume_id)
    reply = account.ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    return len(reply["Snapshots"]), bool(reply.get("NextToken"))


@CASES.case(moto="has no DescribeVolumeStatus")
def volume_status_is_there(account: Account) -> Any:
    account.volume()
    reply = account.ec2.describe_volume_status()
    return [item["VolumeStatus"]["Status"] for item in reply["VolumeStatuses"]]


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
    shown = {
        "instance": lambda: account.instance(identifier),
        "volume": lambda: account.described_volume(identifier),
        "snapshot": lambda: ec2.describe_snapshots(SnapshotIds=[identifier])["Snapshots"][0],
    }[what]()
    tags = tags_of(shown)
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
