"""What EC2 says about volumes on instances."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
    Account,
    Cases,
    error_code,
    tag_items,
    tags_of,
)

CASES = Cases()


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
    ways: dict[str, dict[str, Any]] = {
        "by volume": {},
        "by volume and instance": {"InstanceId": instance_id},
        "by all three": {"InstanceId": instance_id, "Device": "/dev/sdf"},
        "from another instance": {"InstanceId": account.launch()},
        "with force": {"Force": True},
    }
    said = error_code(lambda: account.ec2.detach_volume(VolumeId=volume_id, **ways[what]))
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
