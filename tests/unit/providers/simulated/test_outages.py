"""The faults that outages are made of: stops that hang, flapping, blackouts, operations off, late networks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.observed import ProbeOutcome
from providers.port import ProbeTarget
from providers.simulated.faults import RegionSaturated, When
from providers.simulated.outages import (
    Flapping,
    ImageUnknown,
    MonitoringOff,
    NetworkLate,
    OperationsOff,
    ServiceSilent,
    StopsStuck,
)
from providers.simulated.records import Guest, Io
from tests.support.simulated_account import (
    DATA,
    OTHER_SUBNET,
    OTHER_ZONE_NAME,
    ZONE,
    ZONE_NAME,
    SimulatedAccount,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
THERE = frozenset({ZONE})
DURING = When(since=HOUR, until=3 * HOUR, zones=THERE)


def to(account: SimulatedAccount, hours: float) -> None:
    account.clock.advance(account.clock.beginning + timedelta(hours=hours))


def probe(account: SimulatedAccount, instance_id: str) -> ProbeOutcome:
    address = account.instance(instance_id).private_ip or ""
    target = ProbeTarget(
        instance_id=instance_id, address=address, port=80, path=None, timeout_s=2.0
    )
    results = account.cloud.prober.probe([target], now=account.clock.now())
    return results[instance_id].outcome


def checks(account: SimulatedAccount, instance_id: str) -> tuple[str, str]:
    [found] = account.ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    return found["SystemStatus"]["Status"], found["InstanceStatus"]["Status"]


# Stops that hang.


def test_a_stop_hangs_forced_or_not_for_as_long_as_a_volume_is_stuck() -> None:
    account = SimulatedAccount(StopsStuck(when=DURING))
    here, well = account.launched(), account.launched()
    elsewhere = account.launched(SubnetId=OTHER_SUBNET)
    to(account, 1.1)
    for instance_id in (here, elsewhere):
        account.cloud.make_sick(account.data_volume(instance_id).id, Io.STALLED)
    account.ec2.stop_instances(InstanceIds=[here, well, elsewhere])
    account.wait(minutes=10)
    account.ec2.stop_instances(InstanceIds=[here], Force=True, SkipOsShutdown=True)
    account.wait(minutes=10)
    states = [account.instance(key).state for key in (here, well, elsewhere)]
    assert states == ["stopping", "stopped", "stopped"]
    account.cloud.make_sick(account.data_volume(here).id, Io.NORMAL)
    account.wait(minutes=2)
    assert account.instance(here).state == "stopped"


def test_a_stop_that_hangs_ends_with_its_fault() -> None:
    account = SimulatedAccount(StopsStuck(when=DURING))
    here = account.launched()
    to(account, 1.1)
    account.cloud.make_sick(account.data_volume(here).id, Io.STALLED)
    account.ec2.stop_instances(InstanceIds=[here])
    to(account, 2.99)
    assert account.instance(here).state == "stopping"
    to(account, 3.1)
    assert account.instance(here).state == "stopped"


# Instances that flap.


def test_a_flapping_instance_is_sick_and_well_in_turn_and_well_in_the_end() -> None:
    fault = Flapping(when=DURING, bad_for=4 * MINUTE, good_for=6 * MINUTE)
    account = SimulatedAccount(fault)
    here, elsewhere = account.launched(), account.launched(SubnetId=OTHER_SUBNET)
    seen = []
    for minutes in (2, 5, 9, 11, 13, 15):
        to(account, 1 + minutes / 60)
        seen.append(account.instance(here).guest)
        assert account.instance(elsewhere).guest is Guest.WELL
    sick, well = Guest.UNREACHABLE, Guest.WELL
    assert seen == [sick, well, well, sick, sick, well]
    to(account, 3.01)
    assert account.instance(here).guest is Guest.WELL
    assert account.cloud.plan.hits["F20", "world"] == 12


# Monitoring.


def test_a_blackout_takes_checks_statuses_and_metrics_away_and_gives_them_back() -> None:
    account = SimulatedAccount(MonitoringOff(when=DURING))
    here, elsewhere = account.launched(), account.launched(SubnetId=OTHER_SUBNET)
    to(account, 1.01)
    assert checks(account, here) == ("insufficient-data", "insufficient-data")
    assert checks(account, elsewhere) == ("ok", "ok")
    assert status_of_data(account, here) == "insufficient-data"
    assert status_of_data(account, elsewhere) == "ok"
    assert metric_values(account, here) == []
    assert metric_values(account, elsewhere) != []
    assert probe(account, here) is ProbeOutcome.PASSED
    to(account, 3.01)
    assert checks(account, here) == ("ok", "ok")
    assert status_of_data(account, here) == "ok"
    assert metric_values(account, here) != []


def test_what_falls_sick_in_a_blackout_shows_after_it() -> None:
    account = SimulatedAccount(MonitoringOff(when=DURING))
    here = account.launched()
    to(account, 1.5)
    account.cloud.make_sick(here, Guest.HUNG)
    to(account, 2.9)
    assert checks(account, here)[1] == "insufficient-data"
    to(account, 3.01)
    assert checks(account, here)[1] == "impaired"


def test_a_launch_in_a_blackout_has_checks_without_data() -> None:
    account = SimulatedAccount(MonitoringOff(when=DURING))
    to(account, 1.5)
    here = account.launched()
    account.wait(minutes=5)
    assert checks(account, here) == ("insufficient-data", "insufficient-data")


def status_of_data(account: SimulatedAccount, instance_id: str) -> str:
    volume_id = account.data_volume(instance_id).id
    [found] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
    return str(found["VolumeStatus"]["Status"])


def metric_values(account: SimulatedAccount, instance_id: str) -> list[float]:
    now = account.clock.now()
    volume_id = account.data_volume(instance_id).id
    metric = {
        "Namespace": "AWS/EBS",
        "MetricName": "VolumeQueueLength",
        "Dimensions": [{"Name": "VolumeId", "Value": volume_id}],
    }
    query = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    reply = account.cloud.cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=now - 4 * MINUTE, EndTime=now
    )
    return list(reply["MetricDataResults"][0]["Values"])


# Operations that are off.

OFF = When(zones=THERE, operations=frozenset({"CreateVolume", "AttachVolume"}))


def test_an_operation_that_is_off_in_a_zone_is_refused_there_and_nowhere_else() -> None:
    account = SimulatedAccount(OperationsOff(when=OFF))
    create = account.ec2.create_volume
    assert account.code(create, AvailabilityZone=ZONE_NAME, Size=8) == "Unavailable"
    assert account.code(create, AvailabilityZone=OTHER_ZONE_NAME, Size=8) == "ok"
    assert account.code(account.ec2.describe_volumes) == "ok"
    assert len(account.truth.volumes) == 1


def test_a_call_names_a_zone_by_what_it_is_about() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    volume_id = account.volume()
    account.cloud.add_fault(OperationsOff(when=OFF))
    said = account.code(
        account.ec2.attach_volume, VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdg"
    )
    assert said == "Unavailable"
    assert DATA != "/dev/sdg"


def test_a_call_that_names_nothing_in_a_zone_goes_through() -> None:
    when = When(zones=THERE, operations=frozenset({"DescribeVolumes"}))
    account = SimulatedAccount(OperationsOff(when=when))
    volume_id = account.volume()
    assert account.code(account.ec2.describe_volumes) == "ok"
    assert account.code(account.ec2.describe_volumes, VolumeIds=[volume_id]) == "Unavailable"


def test_an_operation_without_an_answer_is_not_carried_out_and_takes_room() -> None:
    account = SimulatedAccount(OperationsOff(when=OFF, times_out=True))
    before = account.clock.monotonic_s()
    for _ in range(3):
        said = account.code(account.ec2.create_volume, AvailabilityZone=ZONE_NAME, Size=8)
        assert said == "ReadTimeoutError"
    assert account.clock.monotonic_s() - before == 60
    assert account.cloud.control_plane.outstanding == 3
    assert account.truth.volumes == {}
    account.wait(minutes=5)
    assert account.cloud.control_plane.outstanding == 0


def test_calls_that_were_given_up_slow_and_fail_the_others() -> None:
    account = SimulatedAccount(
        OperationsOff(when=OFF, times_out=True),
        RegionSaturated(others=95),
        read_timeout_s=1.0,
    )
    for _ in range(100):
        account.code(account.ec2.create_volume, AvailabilityZone=ZONE_NAME, Size=8)
    said = [account.code(account.ec2.describe_instances) for _ in range(40)]
    assert 10 < said.count("Unavailable") < 30


# The plane without saturation.


def test_without_saturation_calls_are_quick_and_none_is_refused_whatever_is_outstanding() -> None:
    account = SimulatedAccount(RegionSaturated(others=5000), saturation=None)
    before = account.clock.monotonic_s()
    assert {account.code(account.ec2.describe_instances) for _ in range(20)} == {"ok"}
    assert account.clock.monotonic_s() - before == pytest.approx(1.0)


# Launches.


def test_a_launch_without_network_runs_and_is_reached_by_nobody_until_it_is_set_up() -> None:
    late = NetworkLate(when=DURING, least=30 * MINUTE, most=30 * MINUTE)
    account = SimulatedAccount(late)
    to(account, 1.1)
    here = account.launched()
    account.wait(minutes=20)
    assert account.instance(here).state == "running"
    assert checks(account, here) == ("initializing", "initializing")
    assert probe(account, here) is ProbeOutcome.FAILED
    account.ec2.reboot_instances(InstanceIds=[here])
    assert probe(account, here) is ProbeOutcome.FAILED
    account.wait(minutes=15)
    assert checks(account, here) == ("ok", "ok")
    assert probe(account, here) is ProbeOutcome.PASSED


def test_a_late_network_may_fail_the_checks_instead() -> None:
    late = NetworkLate(when=DURING, least=HOUR, most=HOUR, guest="unreachable")
    account = SimulatedAccount(late)
    to(account, 1.1)
    here = account.launched()
    account.wait(minutes=5)
    assert checks(account, here) == ("impaired", "impaired")


def test_no_network_is_late_when_the_fault_is_over() -> None:
    late = NetworkLate(when=DURING, least=5 * HOUR, most=5 * HOUR)
    account = SimulatedAccount(late)
    to(account, 2.5)
    here = account.launched()
    assert account.instance(here).guest is Guest.OFFLINE
    to(account, 3.01)
    assert account.instance(here).guest is Guest.WELL


def test_healing_sets_networks_up() -> None:
    account = SimulatedAccount(NetworkLate(when=DURING))
    to(account, 2.5)
    here = account.asked()
    account.wait(minutes=2)
    account.cloud.heal()
    assert account.instance(here).guest is Guest.WELL


def test_an_image_that_nobody_has_is_refused() -> None:
    account = SimulatedAccount(ImageUnknown(images=frozenset({"ami-0bad0bad"})))
    assert account.code(account.asked, ImageId="ami-0bad0bad") == "InvalidAMIID.NotFound"
    assert account.code(account.asked) == "ok"


def test_a_silent_service_never_answers_on_an_instance_that_is_well() -> None:
    account = SimulatedAccount(
        ServiceSilent(images=frozenset({"ami-0bad0bad"}), user_data=frozenset({"exit 1"}))
    )
    by_image = account.launched(ImageId="ami-0bad0bad")
    by_script = account.launched(UserData="exit 1")
    good = account.launched()
    account.wait(minutes=10)
    assert probe(account, by_image) is ProbeOutcome.FAILED
    assert probe(account, by_script) is ProbeOutcome.FAILED
    assert probe(account, good) is ProbeOutcome.PASSED
    assert checks(account, by_image) == ("ok", "ok")
