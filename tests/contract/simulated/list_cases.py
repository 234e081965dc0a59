"""What EC2 says about lists of instances: filters, pages, status checks."""

from __future__ import annotations

from typing import Any

from tests.contract.simulated.accounts import (
    IMAGE,
    Account,
    Cases,
    error_code,
)

CASES = Cases()
STATES = ("running", "stopped", "terminated")


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
        more: dict[str, str] = {"NextToken": token} if token else {}
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
