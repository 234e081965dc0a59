"""What befalls the world: sickness, lost zones, people; and how the truth and its changes are seen by tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from providers.observed import ProbeOutcome
from providers.port import ProbeTarget
from providers.simulated.changes import Cause, Change
from providers.simulated.durations import Durations
from providers.simulated.faults import (
    ByHand,
    InstancesSick,
    Meddling,
    VolumesSick,
    When,
    ZoneDisrupted,
    ZonePartitioned,
)
from providers.simulated.records import Guest, Io
from tests.support.simulated_account import (
    OTHER_SUBNET,
    OTHER_ZONE_NAME,
    ZONE,
    ZONE_NAME,
    SimulatedAccount,
)

HOUR = timedelta(hours=1)
THERE = frozenset({ZONE})
DURING = When(since=HOUR, until=2 * HOUR, zones=THERE)


def in_two_zones(account: SimulatedAccount) -> tuple[str, str]:
    """An instance in the zone of DURING and one elsewhere, half an hour before it begins."""
    here, elsewhere = account.launched(), account.launched(SubnetId=OTHER_SUBNET)
    account.clock.advance(account.clock.beginning + HOUR / 2)
    return here, elsewhere


def probe(account: SimulatedAccount, instance_id: str) -> ProbeOutcome:
    address = account.instance(instance_id).private_ip or ""
    target = ProbeTarget(
        instance_id=instance_id, address=address, port=80, path=None, timeout_s=2.0
    )
    results = account.cloud.prober.probe([target], now=account.clock.now())
    return results[instance_id].outcome


# Sickness.


def test_volumes_of_a_zone_fall_sick_and_are_well_again() -> None:
    account = SimulatedAccount(VolumesSick(when=DURING))
    here, elsewhere = in_two_zones(account)
    account.wait(hours=1)
    assert account.data_volume(here).io is Io.STALLED
    assert account.data_volume(elsewhere).io is Io.NORMAL
    assert account.cloud.plan.hits["F20", "world"] == 1
    account.wait(hours=1)
    assert account.data_volume(here).io is Io.NORMAL


def test_a_volume_that_failed_never_comes_back() -> None:
    account = SimulatedAccount(VolumesSick(when=DURING, io="failed"))
    here, _ = in_two_zones(account)
    account.wait(hours=3)
    assert account.data_volume(here).io is Io.FAILED
    assert account.data_volume(here).state == "error"


def test_a_gray_instance_fails_its_probe_and_passes_its_checks() -> None:
    account = SimulatedAccount(InstancesSick(when=DURING))
    here, elsewhere = in_two_zones(account)
    account.wait(hours=1)
    assert (probe(account, here), probe(account, elsewhere)) == (
        ProbeOutcome.FAILED,
        ProbeOutcome.PASSED,
    )
    statuses = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert {item["InstanceStatus"]["Status"] for item in statuses} == {"ok"}


def test_a_misjudged_instance_fails_its_check_and_passes_its_probe() -> None:
    account = SimulatedAccount(InstancesSick(when=DURING, guest="misjudged"))
    here, _ = in_two_zones(account)
    account.wait(minutes=45)
    [checks] = account.ec2.describe_instance_status(InstanceIds=[here])["InstanceStatuses"]
    assert checks["InstanceStatus"]["Status"] == "impaired"
    assert checks["SystemStatus"]["Status"] == "ok"
    assert probe(account, here) is ProbeOutcome.PASSED


def test_a_scheduled_event_is_shown_until_the_instance_stops() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.schedule_event(
        instance_id, "instance-retirement", not_before=account.clock.now() + HOUR
    )
    account.cloud.make_sick(instance_id, Guest.HUNG)
    account.wait(minutes=5)
    [checks] = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert [event["Code"] for event in checks["Events"]] == ["instance-retirement"]
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.wait(minutes=5)
    [checks] = account.ec2.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"]
    assert checks["Events"] == []


def test_a_service_answers_after_its_boot_and_not_before() -> None:
    account = SimulatedAccount(durations=Durations(pending_s=(10.0, 10.0), boot_s=(60.0, 60.0)))
    instance_id = account.asked()
    account.wait(seconds=40)
    assert account.instance(instance_id).state == "running"
    assert probe(account, instance_id) is ProbeOutcome.FAILED
    account.wait(seconds=35)
    assert probe(account, instance_id) is ProbeOutcome.PASSED


def test_healing_early_makes_the_sick_well() -> None:
    account = SimulatedAccount(VolumesSick(when=DURING), InstancesSick(when=DURING, guest="hung"))
    here, _ = in_two_zones(account)
    account.wait(minutes=45)
    account.cloud.heal()
    assert account.data_volume(here).io is Io.NORMAL
    assert account.instance(here).guest is Guest.WELL


# Zones.


def filtered(zone_name: str) -> list[dict[str, object]]:
    return [{"Name": "availability-zone", "Values": [zone_name]}]


def test_a_disrupted_zone_fails_lists_without_ids_and_calls_that_name_what_is_there() -> None:
    account = SimulatedAccount(ZoneDisrupted(when=DURING))
    here, elsewhere = in_two_zones(account)
    account.wait(minutes=45)
    describe = account.ec2.describe_instances
    assert account.code(describe) == "Unavailable"
    assert account.code(describe, InstanceIds=[here]) == "Unavailable"
    assert account.code(describe, InstanceIds=[here, elsewhere]) == "Unavailable"
    assert account.code(describe, InstanceIds=[elsewhere]) == "ok"
    assert account.code(describe, Filters=filtered(ZONE_NAME)) == "Unavailable"
    assert account.code(describe, Filters=filtered(OTHER_ZONE_NAME)) == "ok"
    assert account.code(account.ec2.stop_instances, InstanceIds=[here]) == "Unavailable"
    assert account.code(account.asked) == "InsufficientInstanceCapacity"
    assert account.code(account.asked, SubnetId=None) == "Unavailable"
    assert account.code(account.asked, SubnetId=OTHER_SUBNET) == "ok"


def test_a_list_by_other_zones_may_fail_with_the_rest() -> None:
    account = SimulatedAccount(ZoneDisrupted(when=DURING, lists_by_zone=False))
    in_two_zones(account)
    account.wait(minutes=45)
    filters = filtered(OTHER_ZONE_NAME)
    assert account.code(account.ec2.describe_instances, Filters=filters) == "Unavailable"


@pytest.mark.parametrize("instances_down", [True, False])
def test_what_runs_in_a_disrupted_zone_is_down_or_only_out_of_control(
    instances_down: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    account = SimulatedAccount(ZoneDisrupted(when=DURING, instances_down=instances_down))
    here, elsewhere = in_two_zones(account)
    account.wait(minutes=45)
    assert (probe(account, here) is ProbeOutcome.FAILED) == instances_down
    assert probe(account, elsewhere) is ProbeOutcome.PASSED
    account.wait(hours=1)
    assert probe(account, here) is ProbeOutcome.PASSED


def test_a_partitioned_zone_runs_on_unseen() -> None:
    account = SimulatedAccount(ZonePartitioned(when=DURING))
    here, _ = in_two_zones(account)
    account.wait(minutes=45)
    assert probe(account, here) is ProbeOutcome.FAILED
    assert account.instance(here).guest is Guest.WELL
    assert account.shown_state(here) == "running"


# People.


@pytest.mark.parametrize("what", list(Meddling))
def test_people_meddle_once_in_a_while(what: Meddling) -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    volume = account.data_volume(instance_id)
    account.ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "a", "Value": "b"}])
    account.ec2.create_snapshot(VolumeId=volume.id)
    account.ec2.create_snapshot(VolumeId=account.volume())
    if what is Meddling.START:
        account.cloud.by_hand(Meddling.STOP, instance_id)
        account.wait(minutes=5)
    account.cloud.add_fault(ByHand(what=what, when=When(until=2 * HOUR)))
    account.wait(minutes=4)
    assert account.cloud.plan.hits["F24", f"by hand: {what}"] == 1
    assert any(change.cause is Cause.BY_HAND for change in account.truth.changes)


def test_somebody_attaches_a_free_volume_where_no_fleet_wants_it() -> None:
    account = SimulatedAccount()
    instance_id, volume_id = account.launched(), account.volume()
    account.cloud.by_hand(Meddling.ATTACH, volume_id)
    account.wait(minutes=1)
    attachment = account.truth.volumes[volume_id].attachment
    assert attachment is not None
    assert (attachment.instance_id, attachment.state) == (instance_id, "attached")


def test_somebody_deletes_a_free_volume_and_none_that_is_in_use() -> None:
    account = SimulatedAccount()
    in_use, free = account.data_volume(account.launched()).id, account.volume()
    for volume_id in (in_use, free):
        account.cloud.by_hand(Meddling.DELETE_VOLUME, volume_id)
    account.wait(minutes=1)
    assert in_use in account.truth.volumes
    assert free not in account.truth.volumes


def test_what_ec2_would_refuse_people_can_not_do_either() -> None:
    account = SimulatedAccount()
    volume_id = account.volume()
    before = len(account.truth.changes)
    account.cloud.by_hand(Meddling.DETACH, volume_id)
    assert len(account.truth.changes) == before


# The truth and its changes.


def test_the_truth_is_read_only() -> None:
    account = SimulatedAccount()
    instance = account.instance(account.asked())
    with pytest.raises(FrozenInstanceError):
        instance.state = "running"  # type: ignore[misc]
    with pytest.raises(TypeError):
        del account.truth.instances[instance.id]  # type: ignore[attr-defined]


def test_listeners_are_told_once_after_each_effect_with_all_that_it_changed() -> None:
    account = SimulatedAccount()
    told: list[Sequence[Change]] = []
    account.cloud.world.on_change.append(told.append)
    account.asked()
    [launch] = told
    whats = [change.what for change in launch]
    assert whats.count("volume creating") == 2
    assert whats.count("instance pending") == 1
    assert {change.cause for change in launch} == {Cause.CALL}
    account.wait(minutes=1)
    assert len(told) > 1
    assert {change.cause for news in told[1:] for change in news} == {Cause.TIME}


def test_sickness_from_outside_is_told_at_once() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    told: list[Sequence[Change]] = []
    account.cloud.world.on_change.append(told.append)
    account.cloud.make_sick(instance_id, Guest.DEAD)
    assert [[change.cause for change in news] for news in told] == [[Cause.FAULT]]


def test_a_call_that_changes_nothing_tells_nobody() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    tags = [{"Key": "a", "Value": "b"}]
    account.ec2.create_tags(Resources=[instance_id], Tags=tags)
    told: list[Sequence[Change]] = []
    account.cloud.world.on_change.append(told.append)
    account.ec2.create_tags(Resources=[instance_id], Tags=tags)
    account.ec2.describe_instances()
    account.ec2.start_instances(InstanceIds=[instance_id])
    assert told == []


def test_changes_are_counted_by_kind_and_by_whatever_the_tags_say() -> None:
    account = SimulatedAccount()
    for slot in ("web/0", "web/1", "web/1"):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "slot", "Value": slot}]}]
        account.asked(TagSpecifications=tags)
    counts = account.cloud.world.log.counts(lambda change: change.tags.get("slot", ""))
    assert counts["instance pending", "web/0"] == 1
    assert counts["instance pending", "web/1"] == 2


def test_a_hook_may_end_the_caller_before_and_after_the_effect() -> None:
    class Crash(BaseException):
        """The process is gone."""

    def crash(_: object) -> None:
        raise Crash

    account = SimulatedAccount()
    account.cloud.gate.before_effect.append(crash)
    with pytest.raises(Crash):
        account.asked()
    assert not account.truth.instances
    account.cloud.gate.before_effect.clear()
    account.cloud.gate.after_effect.append(crash)
    with pytest.raises(Crash):
        account.asked()
    assert len(account.truth.instances) == 1
