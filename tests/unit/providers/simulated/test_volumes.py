"""Volumes, attachments and snapshots: the rules that keep two writers apart, and data that can be followed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.simulated.faults import (
    AttachStuck,
    DetachBusy,
    DetachStuck,
    DeviceClash,
    SnapshotFails,
    SnapshotSlow,
    When,
    WrongDevice,
)
from providers.simulated.records import Guest, Io
from tests.support.simulated_account import DATA, OTHER_ZONE_NAME, SimulatedAccount

HOUR = timedelta(hours=1)


def attach(account: SimulatedAccount, volume_id: str, instance_id: str, device: str = DATA) -> str:
    return account.code(
        account.ec2.attach_volume, VolumeId=volume_id, InstanceId=instance_id, Device=device
    )


def detach(account: SimulatedAccount, volume_id: str, **more: object) -> str:
    return account.code(account.ec2.detach_volume, VolumeId=volume_id, **more)


# Attaching.


def test_an_attachment_is_attaching_first_and_attached_seconds_later_on_both_sides() -> None:
    account = SimulatedAccount()
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    assert attach(account, volume_id, instance_id) == "ok"
    assert account.data_volume(instance_id).attachment.state == "attaching"
    account.wait(seconds=15)
    assert account.data_volume(instance_id).attachment.state == "attached"
    shown = account.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    assert (shown["State"], shown["Attachments"][0]["State"]) == ("in-use", "attached")


def test_a_volume_is_never_on_two_instances() -> None:
    account = SimulatedAccount()
    first, second = account.launched(), account.launched(BlockDeviceMappings=None)
    volume_id = account.data_volume(first).id
    assert attach(account, volume_id, second) == "VolumeInUse"
    assert detach(account, volume_id) == "ok"
    assert attach(account, volume_id, second) == "VolumeInUse"
    account.wait(minutes=1)
    assert attach(account, volume_id, second) == "ok"


def test_a_volume_stays_in_its_zone() -> None:
    account = SimulatedAccount()
    volume_id = account.volume(AvailabilityZone=OTHER_ZONE_NAME)
    assert (
        attach(account, volume_id, account.launched(), "/dev/sdg") == "InvalidVolume.ZoneMismatch"
    )


def test_a_device_is_used_once() -> None:
    account = SimulatedAccount()
    assert attach(account, account.volume(), account.launched()) == "InvalidParameterValue"


def test_a_volume_that_is_still_creating_is_not_attached() -> None:
    account = SimulatedAccount()
    instance_id = account.launched(BlockDeviceMappings=None)
    reply = account.ec2.create_volume(AvailabilityZone="us-east-1a", Size=8)
    assert attach(account, reply["VolumeId"], instance_id) == "IncorrectState"


@pytest.mark.parametrize("state", ["pending", "terminated"])
def test_nothing_is_attached_to_an_instance_that_is_not_there_yet_or_any_more(state: str) -> None:
    account = SimulatedAccount()
    volume_id, instance_id = account.volume(), account.asked(BlockDeviceMappings=None)
    if state == "terminated":
        account.ec2.terminate_instances(InstanceIds=[instance_id])
        account.wait(minutes=3)
    assert attach(account, volume_id, instance_id) == "IncorrectState"


def test_a_stuck_attachment_stays_attaching_until_the_fault_is_over() -> None:
    account = SimulatedAccount(AttachStuck(when=When(since=HOUR, until=2 * HOUR)))
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    account.clock.advance(account.clock.beginning + HOUR)
    attach(account, volume_id, instance_id)
    account.wait(minutes=50)
    assert account.data_volume(instance_id).attachment.state == "attaching"
    account.wait(minutes=15)
    assert account.data_volume(instance_id).attachment.state == "attached"


def test_a_stuck_attachment_is_ended_by_a_detach() -> None:
    account = SimulatedAccount()
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    account.cloud.add_fault(AttachStuck())
    attach(account, volume_id, instance_id)
    account.wait(minutes=5)
    assert detach(account, volume_id) == "ok"
    account.wait(minutes=1)
    assert account.truth.volumes[volume_id].state == "available"


def test_a_clash_that_no_list_shows_refuses_the_device() -> None:
    account = SimulatedAccount(DeviceClash(when=When(most=1)))
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    assert attach(account, volume_id, instance_id) == "InvalidParameterValue"
    assert attach(account, volume_id, instance_id, "/dev/sdg") == "ok"


def test_another_tool_may_be_faster_and_take_another_device() -> None:
    account = SimulatedAccount(WrongDevice(when=When(most=1)))
    instance_id, volume_id = account.launched(BlockDeviceMappings=None), account.volume()
    assert attach(account, volume_id, instance_id) == "VolumeInUse"
    account.wait(minutes=1)
    held = account.truth.volumes[volume_id].attachment
    assert (held.instance_id, held.device, held.state) == (instance_id, "/dev/sdz", "attached")


def test_a_root_volume_shows_the_snapshot_of_its_image() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    of_instance = [
        volume
        for volume in account.truth.volumes.values()
        if volume.attachment.instance_id == instance_id
    ]
    image = account.truth.instances[instance_id].image
    made_from = {volume.attachment.device: volume.snapshot_id for volume in of_instance}
    assert made_from == {"/dev/xvda": image.replace("ami-", "snap-"), "/dev/sdf": None}


# Detaching.


@pytest.mark.parametrize("ends_by", ["stop", "reboot", "terminate", "force"])
def test_a_busy_detach_waits_for_the_guest(ends_by: str) -> None:
    account = SimulatedAccount(DetachBusy())
    instance_id = account.launched()
    volume_id = account.data_volume(instance_id).id
    detach(account, volume_id)
    account.wait(hours=5)
    assert account.truth.volumes[volume_id].attachment.state == "busy"
    match ends_by:
        case "stop":
            account.ec2.stop_instances(InstanceIds=[instance_id])
        case "reboot":
            account.ec2.reboot_instances(InstanceIds=[instance_id])
        case "terminate":
            account.ec2.terminate_instances(InstanceIds=[instance_id])
        case _:
            detach(account, volume_id, Force=True)
    account.wait(minutes=5)
    assert account.truth.volumes[volume_id].state == "available"


def test_a_stuck_detach_outlives_its_instance() -> None:
    account = SimulatedAccount(DetachStuck(when=When(until=5 * HOUR)))
    instance_id = account.launched()
    volume_id = account.data_volume(instance_id).id
    account.ec2.terminate_instances(InstanceIds=[instance_id])
    account.wait(hours=4)
    assert account.truth.volumes[volume_id].attachment.state == "detaching"
    account.wait(hours=2)
    assert account.truth.volumes[volume_id].state == "available"


def test_a_detach_that_names_another_instance_changes_nothing() -> None:
    account = SimulatedAccount()
    volume_id = account.data_volume(account.launched()).id
    other = account.launched(BlockDeviceMappings=None)
    assert detach(account, volume_id, InstanceId=other) == "InvalidAttachment.NotFound"
    assert account.truth.volumes[volume_id].attachment.state == "attached"


def test_a_volume_grows_once_in_six_hours_and_never_shrinks() -> None:
    account = SimulatedAccount()
    volume_id, modify = account.volume(), account.ec2.modify_volume
    assert account.code(modify, VolumeId=volume_id, Size=4) == "InvalidParameterValue"
    assert account.code(modify, VolumeId=volume_id, Size=16) == "ok"
    assert account.code(modify, VolumeId=volume_id, Size=32) == "VolumeModificationRateExceeded"
    account.wait(hours=6)
    assert account.code(modify, VolumeId=volume_id, Size=32) == "ok"
    assert account.truth.volumes[volume_id].size_gib == 32


# Snapshots and what is on them.


def test_a_snapshot_is_pending_for_a_while_and_holds_the_data_of_its_beginning() -> None:
    account = SimulatedAccount()
    volume = account.data_volume(account.launched())
    asked_at = account.clock.now()
    snapshot_id = account.ec2.create_snapshot(VolumeId=volume.id)["SnapshotId"]
    snapshot = account.truth.snapshots[snapshot_id]
    assert (snapshot.state, snapshot.data.lineage) == ("pending", volume.id)
    assert snapshot.data.written_until is not None
    assert snapshot.data.written_until - asked_at < timedelta(seconds=1)
    account.wait(minutes=5)
    assert account.truth.snapshots[snapshot_id].state == "completed"


def test_a_restored_volume_has_the_lineage_of_its_ancestor() -> None:
    account = SimulatedAccount()
    volume = account.data_volume(account.launched())
    snapshot_id = account.ec2.create_snapshot(VolumeId=volume.id)["SnapshotId"]
    account.wait(minutes=5)
    ebs = {"SnapshotId": snapshot_id, "DeleteOnTermination": False}
    restored = account.launched(BlockDeviceMappings=[{"DeviceName": DATA, "Ebs": ebs}])
    assert account.data_volume(restored).data.lineage == volume.id
    assert account.data_volume(restored).id != volume.id


def test_what_was_written_ends_when_the_instance_stops() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.ec2.stop_instances(InstanceIds=[instance_id])
    account.wait(hours=3)
    until = account.data_volume(instance_id).data.written_until
    assert until is not None
    assert account.clock.now() - until > timedelta(hours=2)


def test_a_pending_snapshot_can_not_be_restored() -> None:
    account = SimulatedAccount(SnapshotSlow())
    volume_id = account.volume()
    snapshot_id = account.ec2.create_snapshot(VolumeId=volume_id)["SnapshotId"]
    account.wait(hours=2)
    assert account.code(account.volume, SnapshotId=snapshot_id) == "IncorrectState"
    account.wait(hours=2)
    assert account.code(account.volume, SnapshotId=snapshot_id) == "ok"


def test_a_failed_snapshot_says_so_and_counts_against_the_five() -> None:
    account = SimulatedAccount(SnapshotFails())
    volume_id = account.volume()
    for _ in range(5):
        account.ec2.create_snapshot(VolumeId=volume_id)
        account.wait(minutes=5)
    assert {item.state for item in account.truth.snapshots.values()} == {"error"}
    said = account.code(account.ec2.create_snapshot, VolumeId=volume_id)
    assert said == "ConcurrentSnapshotLimitExceeded"


# Sick volumes.


@pytest.mark.parametrize(
    ("io", "status", "check"),
    [
        (Io.SLOW, "warning", "ok"),
        (Io.STALLED, "impaired", "impaired"),
        (Io.DISABLED, "impaired", "ok"),
        (Io.FAILED, "ok", "impaired"),
    ],
)
def test_a_sick_volume_shows_minutes_later_and_a_lost_one_in_its_state_alone(
    io: Io, status: str, check: str
) -> None:
    account = SimulatedAccount()
    volume_id = account.data_volume(account.launched()).id
    account.wait(minutes=10)
    account.cloud.make_sick(volume_id, io)
    [before] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
    account.wait(minutes=6)
    [after] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
    [checks] = account.ec2.describe_instance_status()["InstanceStatuses"]
    assert before["VolumeStatus"]["Status"] == "ok"
    assert after["VolumeStatus"]["Status"] == status
    assert checks["AttachedEbsStatus"]["Status"] == check
    assert account.truth.volumes[volume_id].state == ("error" if io is Io.FAILED else "in-use")


def test_disabled_io_is_enabled_by_its_owner() -> None:
    account = SimulatedAccount()
    volume_id = account.data_volume(account.launched()).id
    account.cloud.make_sick(volume_id, Io.DISABLED)
    account.wait(minutes=6)
    [shown] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
    assert shown["Actions"][0]["Code"] == "enable-volume-io"
    account.ec2.enable_volume_io(VolumeId=volume_id)
    account.wait(minutes=6)
    [shown] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
    assert (shown["VolumeStatus"]["Status"], shown["Actions"]) == ("ok", [])


def test_a_dead_application_does_not_touch_its_volumes() -> None:
    account = SimulatedAccount()
    instance_id = account.launched()
    account.cloud.make_sick(instance_id, Guest.DEAD)
    assert account.data_volume(instance_id).io is Io.NORMAL
