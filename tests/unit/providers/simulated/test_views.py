"""What a describe sees: lags, steps back, missed transitions, ids that are not found, and pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from providers.simulated.faults import (
    Fault,
    ListShort,
    NotFoundForExisting,
    PageLost,
    PageTrouble,
    ReadsGoBack,
    StaleReads,
    TransitionsMissed,
    When,
)
from tests.support.simulated_account import SimulatedAccount

LAG = timedelta(minutes=2)
ORDER = ("absent", "pending", "running", "stopping", "stopped")


def seen_states(account: SimulatedAccount, instance_id: str, *, for_s: int) -> list[str]:
    """What the lists show of the instance, each second."""
    seen = []
    for _ in range(for_s):
        reply = account.ec2.describe_instances()
        items = [i for r in reply["Reservations"] for i in r["Instances"]]
        states = [i["State"]["Name"] for i in items if i["InstanceId"] == instance_id]
        seen.append(states[0] if states else "absent")
        account.wait(seconds=1)
    return seen


def a_life(fault: Fault, seed: int) -> list[str]:
    """The states that are seen of an instance that is launched and then stopped."""
    account = SimulatedAccount(fault, seed=seed)
    instance_id = account.asked()
    seen = seen_states(account, instance_id, for_s=90)
    account.ec2.stop_instances(InstanceIds=[instance_id])
    return seen + seen_states(account, instance_id, for_s=200)


# Lags.


@pytest.mark.parametrize("seed", range(5))
def test_stale_reads_show_the_past_in_its_order(seed: int) -> None:
    seen = [ORDER.index(state) for state in a_life(StaleReads(lag=LAG), seed)]
    assert seen == sorted(seen)
    assert seen[0] == ORDER.index("absent")
    assert seen[-1] == ORDER.index("stopped")


def test_reads_that_go_back_show_the_past_in_any_order() -> None:
    seen = [ORDER.index(state) for state in a_life(ReadsGoBack(lag=LAG), 1)]
    assert seen != sorted(seen)
    assert seen[-1] == ORDER.index("stopped")


def test_no_view_is_older_than_its_lag() -> None:
    account = SimulatedAccount(ReadsGoBack(lag=timedelta(seconds=30)))
    instance_id = account.asked()
    account.wait(seconds=100)
    assert set(seen_states(account, instance_id, for_s=60)) == {"running"}


@pytest.mark.parametrize(
    "fault", [ReadsGoBack(lag=timedelta(hours=1)), TransitionsMissed(period=timedelta(hours=2))]
)
def test_no_view_is_older_than_five_minutes(fault: Fault) -> None:
    account = SimulatedAccount(fault)
    instance_id = account.asked()
    account.wait(minutes=6)
    assert set(seen_states(account, instance_id, for_s=60)) == {"running"}


def test_a_new_instance_may_be_absent_by_id_too() -> None:
    account = SimulatedAccount(StaleReads(lag=LAG))
    instance_id = account.asked()
    said = {
        account.code(account.ec2.describe_instances, InstanceIds=[instance_id]) for _ in range(20)
    }
    assert "InvalidInstanceID.NotFound" in said


def test_two_resources_are_of_two_ages_in_one_reply() -> None:
    account = SimulatedAccount()
    ids = [account.asked(), account.asked()]
    account.cloud.add_fault(ReadsGoBack(lag=LAG))
    account.wait(seconds=45)
    pairs = set()
    for _ in range(30):
        reply = account.ec2.describe_instances()
        shown = {
            item["InstanceId"]: item["State"]["Name"]
            for reservation in reply["Reservations"]
            for item in reservation["Instances"]
        }
        pairs.add(tuple(shown.get(key, "absent") for key in ids))
    assert any(first != second for first, second in pairs)


def test_views_lag_and_the_truth_does_not() -> None:
    account = SimulatedAccount(StaleReads(lag=LAG))
    instance_id = account.asked()
    account.ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "role", "Value": "occupant"}])
    assert account.instance(instance_id).tags == {"role": "occupant"}


def test_what_comes_and_goes_between_two_looks_is_never_seen() -> None:
    account = SimulatedAccount(TransitionsMissed(period=timedelta(minutes=5)))
    account.wait(minutes=5)
    instance_id = account.launched()
    account.wait(minutes=5)
    account.ec2.stop_instances(InstanceIds=[instance_id])
    seen = seen_states(account, instance_id, for_s=240)
    account.ec2.start_instances(InstanceIds=[instance_id])
    seen += seen_states(account, instance_id, for_s=240)
    assert set(seen) == {"running"} or "stopping" not in seen
    assert account.cloud.plan.hits["F14", "DescribeInstances"] > 0


def test_a_lag_of_one_operation_spares_the_others() -> None:
    when = When(operations=frozenset({"DescribeVolumes"}))
    account = SimulatedAccount(StaleReads(lag=LAG, when=when))
    account.asked()
    assert len(account.listed()) == 1
    assert {len(account.ec2.describe_volumes()["Volumes"]) for _ in range(9)} != {2}


@pytest.mark.parametrize(
    "operation", ["describe_instances", "terminate_instances", "stop_instances"]
)
def test_an_id_that_exists_may_not_be_found_and_nothing_happens_to_it(operation: str) -> None:
    account = SimulatedAccount(NotFoundForExisting(when=When(since=timedelta(hours=1))))
    instance_id = account.launched()
    account.wait(hours=1)
    said = account.code(getattr(account.ec2, operation), InstanceIds=[instance_id])
    assert said == "InvalidInstanceID.NotFound"
    assert account.instance(instance_id).state == "running"


def test_versions_that_no_view_can_show_are_dropped() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    for number in range(100):
        tags = [{"Key": "number", "Value": str(number)}]
        account.ec2.create_tags(Resources=[instance_id], Tags=tags)
        account.wait(minutes=1)
    timeline = account.cloud.world.instances.timeline(instance_id)
    assert timeline is not None
    assert len(timeline.versions) < 10


# Reply items.


def test_a_resource_has_one_reply_item_until_it_changes() -> None:
    account = SimulatedAccount()
    first, second = account.launched(), account.launched()

    def items() -> dict[str, Any]:
        reply = account.ec2.describe_instances()
        return {r["Instances"][0]["InstanceId"]: r for r in reply["Reservations"]}

    before = items()
    account.ec2.create_tags(Resources=[first], Tags=[{"Key": "a", "Value": "b"}])
    after = items()
    assert after[second] is before[second]
    assert after[first] is not before[first]
    assert items()[first] is after[first]


def test_a_volume_and_its_status_have_one_item_each_too() -> None:
    account = SimulatedAccount()
    account.launched()
    for call, member in (
        (account.ec2.describe_volumes, "Volumes"),
        (account.ec2.describe_volume_status, "VolumeStatuses"),
        (account.ec2.describe_instance_status, "InstanceStatuses"),
    ):
        first, second = call()[member], call()[member]
        assert all(a is b for a, b in zip(first, second, strict=True))


# Pages.


def all_pages(call: Any, member: str, size: int) -> list[Any]:
    """The items of all pages."""
    found: list[Any] = []
    more: dict[str, str] = {}
    while True:
        reply = call(MaxResults=size, **more)
        assert len(reply[member]) <= size
        found += reply[member]
        if "NextToken" not in reply:
            return found
        more = {"NextToken": reply["NextToken"]}


@pytest.mark.parametrize(
    ("operation", "member", "count"),
    [
        ("describe_instances", "Reservations", 12),
        ("describe_instance_status", "InstanceStatuses", 12),
        ("describe_volumes", "Volumes", 24),
        ("describe_volume_status", "VolumeStatuses", 24),
        ("describe_snapshots", "Snapshots", 12),
    ],
)
def test_every_list_comes_in_pages(operation: str, member: str, count: int) -> None:
    account = SimulatedAccount()
    for _ in range(12):
        instance_id = account.launched()
        account.ec2.create_snapshot(VolumeId=account.data_volume(instance_id).id)
    assert len(all_pages(getattr(account.ec2, operation), member, 5)) == count


def test_what_vanishes_between_pages_is_left_out_and_what_appears_is_not_there_twice() -> None:
    account = SimulatedAccount()
    volumes = [account.volume() for _ in range(12)]
    first = account.ec2.describe_volumes(MaxResults=5)
    account.ec2.delete_volume(VolumeId=volumes[0])
    account.ec2.delete_volume(VolumeId=volumes[7])
    account.volume()
    account.wait(minutes=1)
    rest = account.ec2.describe_volumes(MaxResults=1000, NextToken=first["NextToken"])
    seen = [item["VolumeId"] for item in (*first["Volumes"], *rest["Volumes"])]
    assert seen == [key for key in volumes if key != volumes[7]]


def test_a_token_belongs_to_its_question_and_does_not_live_long() -> None:
    account = SimulatedAccount()
    for _ in range(6):
        account.launched()
    token = account.ec2.describe_instances(MaxResults=5)["NextToken"]
    other = [{"Name": "instance-type", "Values": ["m5.large"]}]
    describe = account.ec2.describe_instances
    assert account.code(describe, NextToken=token, Filters=other) == "InvalidParameterValue"
    assert account.code(account.ec2.describe_volumes, NextToken=token) == "InvalidNextToken"
    assert account.code(describe, NextToken=token) == "ok"
    account.wait(minutes=11)
    assert account.code(describe, NextToken=token) == "InvalidNextToken"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(PageTrouble.FAILS, "InternalError"), (PageTrouble.TOKEN_EXPIRES, "InvalidNextToken")],
)
def test_a_later_page_fails_and_the_first_one_does_not(trouble: PageTrouble, code: str) -> None:
    account = SimulatedAccount()
    for _ in range(3):
        account.launched()
    account.cloud.add_fault(PageLost(trouble=trouble))
    first = account.ec2.describe_instances()
    assert len(first["Reservations"]) == 2
    said = account.code(account.ec2.describe_instances, NextToken=first["NextToken"])
    assert said == code


def test_a_repeated_token_is_a_list_without_end() -> None:
    account = SimulatedAccount()
    for _ in range(5):
        account.launched()
    account.cloud.add_fault(PageLost(trouble=PageTrouble.TOKEN_REPEATED))
    token = account.ec2.describe_instances()["NextToken"]
    again = account.ec2.describe_instances(NextToken=token)
    assert again["NextToken"] == token
    assert again["Reservations"]


@pytest.mark.parametrize(("kept", "count"), [(0.0, 0), (0.5, 2)])
def test_a_list_may_be_short_and_say_nothing_of_it(kept: float, count: int) -> None:
    account = SimulatedAccount()
    ids = [account.launched() for _ in range(4)]
    account.cloud.add_fault(ListShort(kept=kept))
    reply = account.ec2.describe_instances()
    assert len(reply["Reservations"]) == count
    assert "NextToken" not in reply
    assert account.code(account.ec2.describe_instances, InstanceIds=ids) == "ok"
