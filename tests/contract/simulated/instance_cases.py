"""What EC2 says about changing instances, in each of their states."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
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
