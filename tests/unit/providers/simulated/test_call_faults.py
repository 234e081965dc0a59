"""Faults along the way of a call: what the caller is told, and what is true."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.simulated.faults import (
    Brownout,
    CapacityShort,
    Copy,
    ErrorAfterEffect,
    Fault,
    QuotaReached,
    RegionSaturated,
    RequestDelayed,
    RequestLost,
    RequestRepeated,
    ResponseLost,
    Throttled,
    When,
)
from tests.support.simulated_account import OTHER_SUBNET, OTHER_ZONE, ZONE, SimulatedAccount

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LAUNCHES = frozenset({"RunInstances"})


@pytest.mark.parametrize(
    ("fault", "said", "launched"),
    [
        (RequestLost(), "ReadTimeoutError", 0),
        (RequestLost(connected=False), "EndpointConnectionError", 0),
        (ResponseLost(), "ReadTimeoutError", 1),
        (ErrorAfterEffect(), "InternalError", 1),
        (ErrorAfterEffect(code="Unavailable"), "Unavailable", 1),
        (Throttled(), "RequestLimitExceeded", 0),
        (Brownout(after_effect=0.0, slower=1.0), "Unavailable", 0),
        (Brownout(after_effect=1.0, slower=1.0), "Unavailable", 1),
        (Brownout(after_effect=1.0, slower=1000.0), "ReadTimeoutError", 1),
        (Brownout(after_effect=0.0, slower=1000.0), "ReadTimeoutError", 0),
        (CapacityShort(), "InsufficientInstanceCapacity", 0),
        (CapacityShort(types=frozenset({"m5.large"})), "InsufficientInstanceCapacity", 0),
        (CapacityShort(types=frozenset({"m6i.large"})), "ok", 1),
        (QuotaReached(), "VcpuLimitExceeded", 0),
        (QuotaReached(code="InstanceLimitExceeded"), "InstanceLimitExceeded", 0),
        (RequestRepeated(), "ok", 2),
        (RequestDelayed(), "ConnectionClosedError", 0),
    ],
)
def test_what_is_said_and_what_is_so(fault: Fault, said: str, launched: int) -> None:
    account = SimulatedAccount(fault)
    assert account.code(account.asked) == said
    assert len(account.truth.instances) == launched


def test_a_repeated_launch_with_a_token_is_one_launch() -> None:
    account = SimulatedAccount(RequestRepeated())
    assert account.code(account.asked, ClientToken="t") == "ok"
    assert len(account.truth.instances) == 1


def test_a_repeated_attach_is_answered_with_the_refusal_of_the_second() -> None:
    account = SimulatedAccount()
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    account.cloud.add_fault(RequestRepeated())
    said = account.code(
        account.ec2.attach_volume, VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf"
    )
    assert said == "VolumeInUse"
    assert account.data_volume(instance_id).id == volume_id


def test_a_replayed_detach_may_hit_what_came_after_it() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    volume_id = account.data_volume(instance_id).id
    account.cloud.add_fault(
        RequestRepeated(copy=Copy.AFTER_THE_ANSWER, delay=3 * MINUTE, when=When(most=1))
    )
    account.ec2.detach_volume(VolumeId=volume_id)
    account.wait(minutes=1)
    account.ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    account.wait(minutes=1)
    assert account.truth.volumes[volume_id].state == "in-use"
    account.wait(minutes=2)
    assert account.truth.volumes[volume_id].state == "available"


def test_an_overtaken_request_is_carried_out_after_its_copy() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    volume_id = account.data_volume(instance_id).id
    late = When(operations=frozenset({"DetachVolume"}), most=1)
    account.cloud.add_fault(RequestRepeated(copy=Copy.OVERTAKEN, delay=3 * MINUTE, when=late))
    account.ec2.detach_volume(VolumeId=volume_id)
    account.wait(minutes=1)
    account.ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdf")
    account.wait(minutes=1)
    assert account.truth.volumes[volume_id].state == "in-use"
    account.wait(minutes=2)
    assert account.truth.volumes[volume_id].state == "available"


def test_a_copy_behind_the_answer_is_carried_out_before_the_caller_does_anything_else() -> None:
    account = SimulatedAccount(RequestRepeated(copy=Copy.AFTER_THE_ANSWER))
    assert account.code(account.asked) == "ok"
    assert len(account.truth.instances) == 2


def test_listeners_hear_when_a_late_request_takes_effect() -> None:
    account = SimulatedAccount(RequestDelayed(delay=2 * MINUTE, when=When(most=1)))
    heard: list[str] = []
    account.cloud.plan.on_hit.append(lambda hit: heard.append(hit.operation))
    account.code(account.asked, ClientToken="t")
    assert heard == ["RunInstances"]
    account.wait(minutes=3)
    assert heard == ["RunInstances", "late: RunInstances"]


def test_a_delayed_launch_happens_when_its_time_comes() -> None:
    account = SimulatedAccount(RequestDelayed(delay=2 * MINUTE, when=When(most=1)))
    account.code(account.asked, ClientToken="t")
    account.wait(seconds=119)
    assert not account.truth.instances
    account.wait(seconds=2)
    assert len(account.truth.instances) == 1
    assert account.asked(ClientToken="t") in account.truth.instances


def test_a_lost_answer_to_a_read_changes_nothing() -> None:
    account = SimulatedAccount(ResponseLost())
    assert account.code(account.ec2.describe_instances) == "ReadTimeoutError"
    assert not account.truth.changes


# When.


def test_a_fault_is_on_from_its_beginning_up_to_its_end() -> None:
    account = SimulatedAccount(Throttled(when=When(since=HOUR, until=2 * HOUR)))
    said = []
    for minutes in (59, 2, 58, 2):
        account.wait(minutes=minutes)
        said.append(account.code(account.ec2.describe_instances))
    assert said == ["ok", "RequestLimitExceeded", "RequestLimitExceeded", "ok"]


def test_a_fault_of_one_operation_spares_the_others() -> None:
    account = SimulatedAccount(Throttled(when=When(operations=LAUNCHES)))
    assert account.code(account.ec2.describe_instances) == "ok"
    assert account.code(account.asked) == "RequestLimitExceeded"


def test_a_fault_of_one_zone_spares_the_others_and_hits_what_names_none() -> None:
    account = SimulatedAccount(Throttled(when=When(zones=frozenset({ZONE}))))
    assert account.code(account.asked, SubnetId=OTHER_SUBNET) == "ok"
    assert account.code(account.asked) == "RequestLimitExceeded"
    assert account.code(account.ec2.describe_instances) == "RequestLimitExceeded"


def test_a_fault_hits_its_share() -> None:
    account = SimulatedAccount(Throttled(when=When(share=0.25)))
    said = []
    for _ in range(1000):
        said.append(account.code(account.ec2.describe_instances))
        account.wait(seconds=1)
    assert 200 < said.count("RequestLimitExceeded") < 300


def test_a_fault_hits_no_more_often_than_it_may() -> None:
    account = SimulatedAccount(Throttled(when=When(most=2)))
    said = [account.code(account.ec2.describe_instances) for _ in range(4)]
    assert said == ["RequestLimitExceeded", "RequestLimitExceeded", "ok", "ok"]


def test_a_fault_hits_a_call_by_its_number() -> None:
    account = SimulatedAccount(Throttled(when=When(calls=frozenset({2}))))
    said = [account.code(account.ec2.describe_instances) for _ in range(3)]
    assert said == ["ok", "RequestLimitExceeded", "ok"]


def test_hits_are_counted_by_fault_and_operation_and_told() -> None:
    account = SimulatedAccount(Throttled(), ResponseLost())
    told = []
    account.cloud.plan.on_hit.append(lambda hit: told.append((hit.fault.key, hit.operation)))
    account.code(account.ec2.describe_instances)
    account.code(account.asked)
    assert dict(account.cloud.plan.hits) == {
        ("F9", "DescribeInstances"): 1,
        ("F9", "RunInstances"): 1,
    }
    assert told == [("F9", "DescribeInstances"), ("F9", "RunInstances")]


def test_healing_ends_every_fault_for_good() -> None:
    account = SimulatedAccount(Throttled(), Throttled(when=When(since=HOUR)))
    account.cloud.heal()
    assert account.code(account.ec2.describe_instances) == "ok"
    account.wait(hours=2)
    assert account.code(account.ec2.describe_instances) == "ok"


# Buckets.


def test_launches_have_a_bucket_of_five_that_fills_by_two_a_second() -> None:
    account = SimulatedAccount()
    said = [account.code(account.asked) for _ in range(12)]
    assert "RequestLimitExceeded" in said[5:]
    assert said[:5] == ["ok"] * 5
    account.wait(seconds=3)
    assert account.code(account.asked) == "ok"


def test_unbounded_lists_have_a_smaller_bucket_than_filtered_ones() -> None:
    account = SimulatedAccount()
    filters = [{"Name": "tag-key", "Values": ["owner"]}]
    # A call takes 0.05 s, in which half a request flows in.
    unbounded = [account.code(account.ec2.describe_instances) for _ in range(110)]
    bounded = [account.code(account.ec2.describe_instances, Filters=filters) for _ in range(99)]
    assert "RequestLimitExceeded" in unbounded
    assert set(bounded) == {"ok"}


def test_a_launch_of_many_pays_for_each_instance() -> None:
    account = SimulatedAccount()
    many = {"MinCount": 600, "MaxCount": 600, "BlockDeviceMappings": None}
    assert account.code(account.asked, **many) == "ok"
    assert account.code(account.asked, **many) == "RequestLimitExceeded"
    assert account.code(account.asked) == "ok"


def test_others_may_have_emptied_a_bucket() -> None:
    account = SimulatedAccount()
    account.cloud.throttling.drain("RunInstances")
    assert account.code(account.asked) == "RequestLimitExceeded"


# The control plane.


def test_a_call_takes_its_time() -> None:
    account = SimulatedAccount()
    before = account.clock.monotonic_s()
    account.asked()
    assert 0.1 < account.clock.monotonic_s() - before < 0.2


def test_a_saturated_control_plane_is_slow_and_refuses_what_it_has_no_room_for() -> None:
    account = SimulatedAccount(RegionSaturated(others=400))
    said, took = [], []
    for _ in range(100):
        before = account.clock.monotonic_s()
        said.append(account.code(account.ec2.describe_instances))
        took.append(account.clock.monotonic_s() - before)
        account.wait(seconds=1)
    assert 60 < said.count("Unavailable") < 90
    assert min(took) > 2.0
    assert account.cloud.plan.hits["F21", "DescribeInstances"] == said.count("Unavailable")


def test_calls_that_timed_out_are_still_being_served() -> None:
    account = SimulatedAccount(Brownout(slower=1000.0, when=When(share=0.0)))
    for _ in range(3):
        account.code(account.ec2.describe_instances)
    assert account.cloud.control_plane.outstanding == 2  # The first of them is done.


def test_an_unknown_parameter_is_refused_before_anything_is_sent() -> None:
    account = SimulatedAccount()
    said = account.code(account.ec2.describe_instances, Colour="blue")
    assert said == "ParamValidationError"
    assert account.cloud.gate.calls == 0


def test_the_other_zone_is_where_it_says() -> None:
    account = SimulatedAccount()
    assert account.instance(account.asked(SubnetId=OTHER_SUBNET)).zone == OTHER_ZONE
