"""What EC2 says about launches and their client tokens."""

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


# Launches.


def _refused_launch(account: Account, what: str) -> str:
    changes: dict[str, dict[str, Any]] = {
        "unknown subnet": {"SubnetId": "subnet-0123456789abcdef0"},
        "unknown group": {"SecurityGroupIds": ["sg-0123456789abcdef0"]},
        "image of the wrong form": {"ImageId": "image"},
        "no image": {"ImageId": None},
        "min above max": {"MinCount": 2, "MaxCount": 1},
        "min of zero": {"MinCount": 0, "MaxCount": 1},
        "no count": {"MinCount": None, "MaxCount": None},
        "unknown parameter": {"Colour": "blue"},
        "unknown snapshot": {
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}
            ]
        },
        "device twice": {
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 8}},
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 9}},
            ]
        },
        "unknown zone": {"SubnetId": None, "Placement": {"AvailabilityZone": "us-east-1z"}},
        "reserved tag": {
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": tag_items({"aws:owner": "x"})}
            ]
        },
        "slash in a tag that metadata shows": {
            "MetadataOptions": {"InstanceMetadataTags": "enabled"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tag_items({"a/b": "x"})}],
        },
        "too many tags": {
            "TagSpecifications": [
                {
                    "ResourceType": "instance",
                    "Tags": tag_items({f"key-{number}": "x" for number in range(51)}),
                }
            ]
        },
    }
    return error_code(
        lambda: account.ec2.run_instances(**account.launch_parameters(**changes[what]))
    )


CASES.each(
    "a launch with",
    _refused_launch,
    "unknown subnet",
    "unknown group",
    "image of the wrong form",
    "no image",
    "min above max",
    "min of zero",
    "no count",
    "unknown parameter",
    "unknown snapshot",
    "device twice",
    "unknown zone",
    "reserved tag",
    "slash in a tag that metadata shows",
    "too many tags",
    moto={
        "image of the wrong form": "takes any image",
        "no image": "launches without an image",
        "min above max": "does not compare the counts",
        "min of zero": "does not look at the least count",
        "device twice": "takes a device twice",
        "reserved tag": "checks no tags of launches",
        "slash in a tag that metadata shows": "checks no tags of launches",
    },
)


def _member(account: Account, name: str) -> Any:
    instance_id = account.launch(
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"}
    )
    item = account.instance(instance_id)
    match name:
        case "SecurityGroups":
            return [group["GroupId"] == account.group for group in item["SecurityGroups"]]
        case "Placement":
            return item["Placement"]["AvailabilityZone"]
        case "MetadataOptions":
            options = item["MetadataOptions"]
            return [options["HttpTokens"], options["HttpEndpoint"]]
        case "Metadata tags":
            return item["MetadataOptions"].get("InstanceMetadataTags")
        case "PrivateIpAddress":
            return bool(item["PrivateIpAddress"])
        case "LaunchTime":
            return item["LaunchTime"].tzinfo is not None, item["LaunchTime"].microsecond
        case "Tags":
            return tags_of(item)
        case _:
            return item.get(name)


CASES.each(
    "an instance shows",
    _member,
    "InstanceType",
    "ImageId",
    "SubnetId",
    "SecurityGroups",
    "Placement",
    "MetadataOptions",
    "Metadata tags",
    "PrivateIpAddress",
    "LaunchTime",
    "Tags",
    "RootDeviceType",
    "State",
)


def _gone_member(account: Account, name: str) -> bool:
    return bool(account.instance(account.in_state("terminated")).get(name))


CASES.each(
    "a terminated instance still shows",
    _gone_member,
    "PrivateIpAddress",
    "SubnetId",
    "BlockDeviceMappings",
    "Tags",
    moto={
        "PrivateIpAddress": "keeps the address of an instance that has ended",
        "SubnetId": "keeps the subnet of an instance that has ended",
    },
)


@CASES.case()
def a_launch_answers_with_its_account(account: Account) -> Any:
    return account.ec2.run_instances(**account.launch_parameters())["OwnerId"]


@CASES.case()
def a_launch_answers_with_pending(account: Account) -> Any:
    reply = account.ec2.run_instances(**account.launch_parameters())
    return reply["Instances"][0]["State"]


@CASES.case()
def two_are_launched_at_once(account: Account) -> int:
    reply = account.ec2.run_instances(**account.launch_parameters(MinCount=2, MaxCount=2))
    return len({item["InstanceId"] for item in reply["Instances"]})


@CASES.case()
def a_zone_by_name_is_a_place(account: Account) -> Any:
    name = account.zones[account.other_zone]
    instance_id = account.launch(SubnetId=None, Placement={"AvailabilityZone": name})
    return account.instance(instance_id)["Placement"]["AvailabilityZone"] == name


@CASES.case()
def protection_can_be_lifted(account: Account) -> Any:
    instance_id = account.launch(DisableApiTermination=True)
    account.ec2.modify_instance_attribute(
        InstanceId=instance_id, DisableApiTermination={"Value": False}
    )
    return error_code(lambda: account.ec2.terminate_instances(InstanceIds=[instance_id]))


@CASES.case()
def other_groups_are_shown(account: Account) -> Any:
    instance_id = account.launch()
    account.ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[account.other_group])
    shown = account.instance(instance_id)["SecurityGroups"]
    return [group["GroupId"] == account.other_group for group in shown]


@CASES.case(moto="puts instances into groups that are not there")
def unknown_groups_are_refused(account: Account) -> str:
    instance_id = account.launch()
    return error_code(
        lambda: account.ec2.modify_instance_attribute(
            InstanceId=instance_id, Groups=["sg-0123456789abcdef0"]
        )
    )


# Client tokens.


def _launched_twice(account: Account, token: str, **changed: Any) -> Any:
    first = account.ec2.run_instances(**account.launch_parameters(ClientToken=token))
    second = account.ec2.run_instances(**account.launch_parameters(ClientToken=token, **changed))
    return [reply["Instances"][0]["InstanceId"] for reply in (first, second)]


@CASES.case(moto="launches again for the same token")
def the_same_token_gives_the_same_instance(account: Account) -> Any:
    return _launched_twice(account, "t" * 64)


@CASES.case(moto="launches again for the same token")
def a_token_with_another_type_is_refused(account: Account) -> Any:
    return _launched_twice(account, "t" * 64, InstanceType="m5.xlarge")


@CASES.case(moto="launches again for the same token")
def a_token_with_other_tags_is_refused(account: Account) -> Any:
    return _launched_twice(account, "t", TagSpecifications=None)


@CASES.case(moto="launches for the token of an instance that has ended")
def the_token_of_a_terminated_instance_is_refused(account: Account) -> Any:
    instance_id = account.launch(ClientToken="t")
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.settle()
    return error_code(lambda: account.launch(ClientToken="t"))


@CASES.case()
def the_same_token_in_another_zone_makes_a_second_instance(account: Account) -> Any:
    return _launched_twice(account, "t", SubnetId=account.subnets[account.other_zone])


@CASES.case()
def another_token_makes_another_instance(account: Account) -> Any:
    return account.launch(ClientToken="a"), account.launch(ClientToken="b")


@CASES.case()
def an_instance_shows_its_token(account: Account) -> Any:
    return account.instance(account.launch(ClientToken="a"))["ClientToken"]


@CASES.case(moto="takes any token")
def a_token_of_65_characters_is_refused(account: Account) -> Any:
    return error_code(lambda: account.launch(ClientToken="t" * 65))
