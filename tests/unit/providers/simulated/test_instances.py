"""Instances over time: states that take their time, and calls that come at the wrong one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.simulated.durations import Durations
from providers.simulated.faults import LaunchDies
from providers.simulated.records import Guest
from tests.support.simulated_account import (
    OTHER_SUBNET,
    OTHER_ZONE,
    SUBNET,
    ZONE,
    ZONE_NAME,
    SimulatedAccount,
)


def test_a_launched_instance_is_pending_and_its_volumes_attaching_until_it_runs() -> None:
    account = SimulatedAccount()
    instance_id = account.asked()
    assert account.shown_state(instance_id) == "pending"
    assert account.data_volume(instance_id).state == "creating"
    account.wait(minutes=1)
    assert account.shown_state(instance_id) == "running"
    assert {item.state for item in account.instance(instance_id).attachments} == {"attached"}


def test_an_accepted_launch_may_die_and_says_why() -> None:
    account = SimulatedAccount(LaunchDies(code="Client.VolumeLimitExceeded"))
    instance_id = account.launched()
    instance = account.instance(instance_id)
    assert instance.state == "terminated"
    assert instance.state_reason is not None
    assert instance.state_reason[0] == "Client.VolumeLimitExceeded"
    assert [item.state for item in account.truth.volumes.values()] == ["available"]


def test_a_stop_takes_time_and_a_start_brings_it_back() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.ec2.stop_instances(InstanceIds=[instance_id])
    assert account.shown_state(instance_id) == "stopping"
    account.wait(minutes=2)
    assert account.shown_state(instance_id) == "stopped"
    account.ec2.start_instances(InstanceIds=[instance_id])
    assert account.shown_state(instance_id) == "pending"
    account.wait(minutes=2)
    assert account.shown_state(instance_id) == "running"


@pytest.mark.parametrize(
    ("options", "stopped_after_s"),
    [({}, 270), ({"Force": True}, 270), ({"Force": True, "SkipOsShutdown": True}, 35)],
)
def test_a_guest_that_hangs_is_waited_for_unless_its_shutdown_is_skipped(
    options: dict[str, bool], stopped_after_s: float
) -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.HUNG)
    account.ec2.stop_instances(InstanceIds=[instance_id], **options)
    account.wait(seconds=stopped_after_s - 30)
    early = account.shown_state(instance_id)
    account.wait(seconds=30)
    assert account.shown_state(instance_id) == "stopped"
    assert early == ("stopping" if stopped_after_s > 60 else early)


def test_a_stop_that_hangs_is_overtaken_by_one_that_skips_the_shutdown() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.HUNG)
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.wait(seconds=30)
    account.ec2.stop_instances(InstanceIds=[instance_id], Force=True, SkipOsShutdown=True)
    account.wait(seconds=31)
    assert account.shown_state(instance_id) == "stopped"


def test_the_end_of_an_earlier_stop_does_not_end_a_later_one() -> None:
    account = SimulatedAccount(
        durations=Durations(stopping_s=(100.0, 100.0), hung_stop_s=(250.0, 250.0))
    )
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.HUNG)
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.ec2.stop_instances(InstanceIds=[instance_id], SkipOsShutdown=True)
    account.wait(seconds=40)
    account.ec2.start_instances(InstanceIds=[instance_id])
    account.wait(seconds=180)
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.wait(seconds=90)
    assert account.shown_state(instance_id) == "stopping"
    account.wait(seconds=15)
    assert account.shown_state(instance_id) == "stopped"


def test_a_terminated_instance_is_listed_for_an_hour_and_then_not_found() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    assert account.shown_state(instance_id) == "shutting-down"
    account.wait(minutes=59)
    assert account.shown_state(instance_id) == "terminated"
    account.wait(minutes=3)
    said = account.code(account.ec2.describe_instances, InstanceIds=[instance_id])
    assert said == "InvalidInstanceID.NotFound"


def test_a_termination_overtakes_a_stop() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait(minutes=5)
    assert account.shown_state(instance_id) == "terminated"


def test_the_root_volume_goes_with_its_instance_and_the_kept_one_becomes_available() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    kept = account.data_volume(instance_id)
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait(minutes=5)
    assert list(account.truth.volumes) == [kept.id]
    assert account.truth.volumes[kept.id].state == "available"


def test_status_checks_initialize_for_minutes_and_then_pass() -> None:
    account = SimulatedAccount()
    instance_id = account.asked()
    account.wait(seconds=60)
    [before] = account.ec2.describe_instance_status()["InstanceStatuses"]
    account.wait(minutes=5)
    [after] = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert before["InstanceId"] == instance_id
    assert before["SystemStatus"]["Status"] == "initializing"
    assert after["SystemStatus"]["Status"] == after["AttachedEbsStatus"]["Status"] == "ok"


def test_trouble_shows_in_the_checks_only_after_a_while_and_with_its_beginning() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.UNREACHABLE)
    [at_once] = account.ec2.describe_instance_status()["InstanceStatuses"]
    account.wait(minutes=3)
    [later] = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert at_once["SystemStatus"]["Status"] == "ok"
    assert later["SystemStatus"]["Status"] == "impaired"
    assert "ImpairedSince" in later["SystemStatus"]["Details"][0]


def test_a_dead_application_shows_in_no_check() -> None:
    account = SimulatedAccount()
    account.cloud.make_sick(account.launched(), Guest.DEAD)
    account.wait(minutes=10)
    [status] = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert status["InstanceStatus"]["Status"] == "ok"


def test_a_reboot_cures_a_guest_and_shows_in_no_list() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.HUNG)
    before = account.ec2.describe_instances()
    account.ec2.reboot_instances(InstanceIds=[instance_id])
    assert account.ec2.describe_instances()["Reservations"] == before["Reservations"]
    assert account.instance(instance_id).guest is Guest.WELL


# Capacity.


def test_a_zone_has_room_for_so_many_and_refuses_the_next_with_status_500() -> None:
    account = SimulatedAccount(room={(ZONE, "m5.large"): 1})
    account.launched()
    assert account.code(account.asked) == "InsufficientInstanceCapacity"
    assert account.code(account.asked, InstanceType="m6i.large") == "ok"
    assert account.code(account.asked, SubnetId=OTHER_SUBNET) == "ok"


def test_a_stopped_instance_gives_its_room_away_and_may_not_get_it_again() -> None:
    account = SimulatedAccount(room={(ZONE, "m5.large"): 1})
    first = account.launched()
    account.ec2.stop_instances(InstanceIds=[first])
    account.wait(minutes=2)
    account.launched()
    said = account.code(account.ec2.start_instances, InstanceIds=[first])
    assert said == "InsufficientInstanceCapacity"


# Client tokens.


def test_a_token_counts_in_the_zone_of_the_subnet() -> None:
    account = SimulatedAccount()
    first = account.asked(ClientToken="t")
    assert account.asked(ClientToken="t") == first
    assert account.asked(ClientToken="t", SubnetId=OTHER_SUBNET) != first
    assert len(account.truth.instances) == 2


def test_a_token_without_a_place_counts_in_the_region() -> None:
    account = SimulatedAccount()
    first = account.asked(ClientToken="t", SubnetId=None)
    assert account.asked(ClientToken="t", SubnetId=None) == first


def test_a_token_with_a_zone_by_name_is_another_request_than_one_with_its_subnet() -> None:
    account = SimulatedAccount()
    account.asked(ClientToken="t", SubnetId=SUBNET)
    said = account.code(
        account.asked,
        ClientToken="t",
        SubnetId=None,
        Placement={"AvailabilityZone": ZONE_NAME},
    )
    assert said == "IdempotentParameterMismatch"


def test_a_token_does_not_care_for_the_order_of_parameters() -> None:
    account = SimulatedAccount()
    parameters = account.launch_parameters(ClientToken="t")
    first = account.ec2.run_instances(**parameters)
    second = account.ec2.run_instances(**dict(reversed(parameters.items())))
    assert first["Instances"] == second["Instances"]


@pytest.mark.parametrize("waited_minutes", [0, 5, 90])
def test_the_token_of_an_instance_that_ends_or_ended_is_refused(waited_minutes: int) -> None:
    account = SimulatedAccount()
    instance_id = account.launched(ClientToken="t")
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait(minutes=waited_minutes)
    assert account.code(account.asked, ClientToken="t") == "IdempotentInstanceTerminated"


def test_a_refused_launch_leaves_its_token_unused() -> None:
    account = SimulatedAccount(room={(ZONE, "m5.large"): 0})
    assert account.code(account.asked, ClientToken="t") == "InsufficientInstanceCapacity"
    account.cloud.capacity.set_room(ZONE, "m5.large", None)
    assert account.code(account.asked, ClientToken="t", InstanceType="m6i.large") == "ok"


def test_a_token_is_forgotten_after_a_day() -> None:
    account = SimulatedAccount()
    first = account.launched(ClientToken="t")
    account.clock.advance(account.clock.now() + timedelta(hours=25))
    assert account.asked(ClientToken="t") != first


def test_an_instance_is_found_by_its_token() -> None:
    account = SimulatedAccount()
    instance_id = account.asked(ClientToken="t")
    account.asked(ClientToken="u")
    assert account.listed(Filters=[{"Name": "client-token", "Values": ["t"]}]) == [instance_id]


def test_a_volume_token_counts_in_its_zone_and_refuses_another_size() -> None:
    account = SimulatedAccount()
    first = account.volume(ClientToken="t")
    assert account.volume(ClientToken="t") == first
    assert account.volume(ClientToken="t", AvailabilityZone="us-east-1b") != first
    assert account.code(account.volume, ClientToken="t", Size=9) == "IdempotentParameterMismatch"
    assert {item.zone for item in account.truth.volumes.values()} == {ZONE, OTHER_ZONE}
