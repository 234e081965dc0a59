"""What EC2 says about launching, changing and listing instances."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
    IMAGE,
    NO_INSTANCE,
    NO_VOLUME,
    OWNED,
    Account,
    Cases,
    error_code,
    tag_items,
    tags_of,
)

CASES = Cases()
STATES = ("running", "stopped", "terminated")
ENDED_IN_VAIN = ("stop", "start", "reboot", "groups", "metadata", "attach", "protect")
STATE_CALLS = (
    "stop",
    "start",
    "reboot",
    "terminate",
    "groups",
    "metadata",
    "tags",
    "attach",
    "protect",
)


# Each call in each state.


def _do(account: Account, call: str, instance_id: str) -> None:
    ec2 = account.ec2
    match call:
        case "stop":
            ec2.stop_instances(InstanceIds=[instance_id])
        case "start":
            ec2.start_instances(InstanceIds=[instance_id])
        case "reboot":
            ec2.reboot_instances(InstanceIds=[instance_id])
        case "terminate":
            ec2.terminate_instances(InstanceIds=[instance_id])
        case "groups":
            ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[account.other_group])
        case "metadata":
            ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpTokens="required")
        case "tags":
            ec2.create_tags(Resources=[instance_id], Tags=tag_items({"role": "occupant"}))
        case "attach":
            ec2.attach_volume(VolumeId=account.volume(), InstanceId=instance_id, Device="/dev/sdf")
        case "protect":
            ec2.modify_instance_attribute(
                InstanceId=instance_id, DisableApiTermination={"Value": True}
            )


def _in_state(account: Account, both: tuple[str, str]) -> Any:
    state, call = both
    instance_id = account.in_state(state)
    said = error_code(lambda: _do(account, call, instance_id))
    account.settle()
    item = account.instance(instance_id)
    return said, item["State"]["Name"], tags_of(item), len(item.get("BlockDeviceMappings", ()))


CASES.each(
    "a call in a state",
    _in_state,
    *[(state, call) for state in STATES for call in STATE_CALLS],
    moto={
        ("stopped", "reboot"): "reboots an instance that is stopped, and so starts it",
        **{("terminated", call): "does it to an instance that has ended" for call in ENDED_IN_VAIN},
    },
)


def _unknown(account: Account, call: str) -> str:
    return error_code(lambda: _do(account, call, NO_INSTANCE))


CASES.each(
    "an unknown instance",
    _unknown,
    *STATE_CALLS,
    moto={"tags": "tags instances that are not there"},
)


def _described_unknown(account: Account, operation: str) -> str:
    return error_code(lambda: getattr(account.ec2, operation)(InstanceIds=[NO_INSTANCE]))


CASES.each(
    "a list of an unknown instance",
    _described_unknown,
    "describe_instances",
    "describe_instance_status",
)


def _malformed(account: Account, operation: str) -> str:
    return error_code(lambda: getattr(account.ec2, operation)(InstanceIds=["web-1"]))


CASES.each(
    "an id of the wrong form",
    _malformed,
    "describe_instances",
    "terminate_instances",
    "stop_instances",
    moto=dict.fromkeys(
        ("describe_instances", "terminate_instances", "stop_instances"),
        "knows no malformed ids of instances",
    ),
)


@CASES.case()
def one_unknown_id_spoils_a_termination_for_all(account: Account) -> Any:
    instance_id = account.launch()
    said = error_code(
        lambda: account.ec2.terminate_instances(InstanceIds=[instance_id, NO_INSTANCE])
    )
    account.settle()
    return said, account.instance(instance_id)["State"]["Name"]


@CASES.case()
def one_unknown_id_spoils_a_list_for_all(account: Account) -> str:
    instance_id = account.launch()
    return error_code(
        lambda: account.ec2.describe_instances(InstanceIds=[instance_id, NO_INSTANCE])
    )


def _answer(account: Account, call: str) -> Any:
    member = {
        "stop_instances": "StoppingInstances",
        "terminate_instances": "TerminatingInstances",
    }[call]
    instance_id = account.launch()
    [item] = getattr(account.ec2, call)(InstanceIds=[instance_id])[member]
    return item["InstanceId"], item["PreviousState"], item["CurrentState"]


CASES.each("what a call answers", _answer, "stop_instances", "terminate_instances")


@CASES.case()
def a_start_answers_with_pending(account: Account) -> Any:
    instance_id = account.in_state("stopped")
    [item] = account.ec2.start_instances(InstanceIds=[instance_id])["StartingInstances"]
    return item["PreviousState"]["Name"], item["CurrentState"]["Name"]


@CASES.case()
def a_stopped_instance_says_who_stopped_it(account: Account) -> Any:
    return account.instance(account.in_state("stopped"))["StateReason"]["Code"]


@CASES.case()
def a_terminated_instance_says_who_ended_it(account: Account) -> Any:
    return account.instance(account.in_state("terminated"))["StateReason"]["Code"]


@CASES.case()
def a_stop_writes_its_time_into_the_reason(account: Account) -> bool:
    reason = account.instance(account.in_state("stopped"))["StateTransitionReason"]
    return "User initiated (20" in reason


@CASES.case(moto="ignores the protection that a launch asks for")
def a_protected_instance_is_not_terminated(account: Account) -> Any:
    instance_id = account.launch(DisableApiTermination=True)
    said = error_code(lambda: account.ec2.terminate_instances(InstanceIds=[instance_id]))
    account.settle()
    return said, account.instance(instance_id)["State"]["Name"]


@CASES.case(moto="ignores the protection that a launch asks for")
def a_protected_instance_saves_those_of_its_zone_and_no_others(account: Account) -> Any:
    protected = account.launch(DisableApiTermination=True)
    neighbour = account.launch()
    elsewhere = account.launch(SubnetId=account.subnets[account.other_zone])
    said = error_code(
        lambda: account.ec2.terminate_instances(InstanceIds=[protected, neighbour, elsewhere])
    )
    account.settle()
    states = [account.instance(i)["State"]["Name"] for i in (protected, neighbour, elsewhere)]
    return said, states


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


# Lists.


def _filtered(account: Account, both: tuple[str, bool]) -> Any:
    name, matching = both
    instance_id = account.launch(ClientToken="token-of-it")
    item = account.instance(instance_id)
    value = {
        "instance-id": instance_id,
        "instance-state-name": "running",
        "instance-type": "m5.large",
        "image-id": IMAGE,
        "availability-zone": item["Placement"]["AvailabilityZone"],
        "subnet-id": account.subnets[account.zone],
        "instance.group-id": account.group,
        "client-token": "token-of-it",
        "private-ip-address": item["PrivateIpAddress"],
        "tag:owner": "contract",
        "tag-key": "owner",
    }[name]
    filters = [{"Name": name, "Values": [value if matching else "something-else"]}]
    reply = account.ec2.describe_instances(Filters=filters)
    return len(reply["Reservations"])


CASES.each(
    "instances by",
    _filtered,
    *[
        (name, matching)
        for name in (
            "instance-id",
            "instance-state-name",
            "instance-type",
            "image-id",
            "availability-zone",
            "subnet-id",
            "instance.group-id",
            "client-token",
            "private-ip-address",
            "tag:owner",
            "tag-key",
        )
        for matching in (True, False)
    ],
    moto={
        ("client-token", True): "has no filter client-token",
        ("client-token", False): "has no filter client-token",
    },
)


def _by_pattern(account: Account, pattern: str) -> int:
    account.launch()
    filters = [{"Name": "tag:owner", "Values": [pattern]}]
    return len(account.ec2.describe_instances(Filters=filters)["Reservations"])


CASES.each("instances by a pattern", _by_pattern, "con*", "c?ntract", "*x*", "CONTRACT")


@CASES.case()
def values_of_a_filter_are_alternatives_and_filters_are_not(account: Account) -> Any:
    account.launch()
    either = [{"Name": "instance-state-name", "Values": ["stopped", "running"]}]
    both = [*either, {"Name": "instance-type", "Values": ["m5.xlarge"]}]
    return [
        len(account.ec2.describe_instances(Filters=filters)["Reservations"])
        for filters in (either, both)
    ]


@CASES.case(moto="ignores filters that it does not know")
def an_unknown_filter_is_refused(account: Account) -> str:
    filters = [{"Name": "colour", "Values": ["blue"]}]
    return error_code(lambda: account.ec2.describe_instances(Filters=filters))


@CASES.case()
def an_empty_account_lists_nothing(account: Account) -> Any:
    reply = account.ec2.describe_instances()
    return reply["Reservations"], reply.get("NextToken")


def _bad_page(account: Account, parameters: str) -> str:
    instance_id = account.launch()
    chosen: dict[str, dict[str, Any]] = {
        "too small": {"MaxResults": 4},
        "too large": {"MaxResults": 1001},
        "with ids": {"MaxResults": 5, "InstanceIds": [instance_id]},
        "with a wrong token": {"MaxResults": 5, "NextToken": "nonsense"},
    }
    return error_code(lambda: account.ec2.describe_instances(**chosen[parameters]))


CASES.each(
    "a page",
    _bad_page,
    "too small",
    "too large",
    "with ids",
    "with a wrong token",
    moto={
        "too small": "checks no page sizes",
        "too large": "checks no page sizes",
        "with a wrong token": "has a fault of its own at a wrong token",
    },
)


@CASES.case()
def instances_come_in_pages_each_of_them_once(account: Account) -> Any:
    made = {account.launch() for _ in range(12)}
    sizes, seen, token = [], [], None
    while True:
        more = {"NextToken": token} if token else {}
        reply = account.ec2.describe_instances(MaxResults=5, **more)
        ids = [i["InstanceId"] for r in reply["Reservations"] for i in r["Instances"]]
        sizes.append(len(ids))
        seen += ids
        token = reply.get("NextToken")
        if not token:
            return sizes, len(seen), set(seen) == made


@CASES.case(moto="ignores MaxResults of status checks")
def status_checks_come_in_pages(account: Account) -> Any:
    for _ in range(6):
        account.launch()
    reply = account.ec2.describe_instance_status(MaxResults=5)
    return len(reply["InstanceStatuses"]), bool(reply.get("NextToken"))


def _statuses(account: Account, both: tuple[str, bool]) -> Any:
    state, everyone = both
    account.in_state(state)
    reply = account.ec2.describe_instance_status(IncludeAllInstances=everyone)
    return [
        (
            item["InstanceState"]["Name"],
            item["SystemStatus"]["Status"],
            item["InstanceStatus"]["Status"],
        )
        for item in reply["InstanceStatuses"]
    ]


CASES.each(
    "status checks",
    _statuses,
    *[(state, everyone) for state in STATES for everyone in (True, False)],
)


@CASES.case()
def status_checks_by_id(account: Account) -> Any:
    account.launch()
    wanted = account.launch()
    reply = account.ec2.describe_instance_status(InstanceIds=[wanted])
    return [item["InstanceId"] == wanted for item in reply["InstanceStatuses"]]


@CASES.case()
def the_zones_are_those_of_the_region(account: Account) -> Any:
    reply = account.ec2.describe_availability_zones()
    return sorted(
        (zone["ZoneId"], zone["ZoneName"], zone["State"]) for zone in reply["AvailabilityZones"]
    )


# Keeping volumes.


def _kept(account: Account, what: str) -> Any:
    instance_id, volume_id = account.attached()
    ebs: dict[str, Any] = {"DeleteOnTermination": True}
    device = "/dev/sdf"
    if what == "another volume":
        ebs["VolumeId"] = NO_VOLUME
    if what == "another device":
        device = "/dev/sdx"
    said = error_code(
        lambda: account.ec2.modify_instance_attribute(
            InstanceId=instance_id, BlockDeviceMappings=[{"DeviceName": device, "Ebs": ebs}]
        )
    )
    shown = [
        item["Ebs"]["DeleteOnTermination"]
        for item in account.instance(instance_id)["BlockDeviceMappings"]
        if item["Ebs"]["VolumeId"] == volume_id
    ]
    return said, shown


CASES.each(
    "delete on termination of",
    _kept,
    "the volume",
    "another volume",
    "another device",
    moto={
        "another volume": "looks at the device alone",
        "another device": "has a fault of its own at a device that is not there",
    },
)


@CASES.case()
def owner_tags_of_the_launch_are_on_the_instance_alone(account: Account) -> Any:
    account.launch()
    reply = account.ec2.describe_volumes()
    return [tags_of(volume) == OWNED for volume in reply["Volumes"]]
