"""boto3-shaped dicts as observed items, where moto's own replies do not go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from providers.ec2 import translation
from providers.ec2.translation import Unintelligible
from providers.observed import AttachmentState, Check, CheckStatus, ScheduledEvent
from providers.observed_volumes import IoPerformance, StatusOfVolume

ZONE_IDS = {"us-east-1a": "use1-az6"}
LAUNCHED = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
MINIMAL_INSTANCE: dict[str, Any] = {
    "InstanceId": "i-1",
    "State": {"Name": "running"},
    "Placement": {"AvailabilityZone": "us-east-1a"},
    "LaunchTime": LAUNCHED,
}
MINIMAL_VOLUME: dict[str, Any] = {
    "VolumeId": "vol-1",
    "State": "available",
    "Size": 8,
    "AvailabilityZone": "us-east-1a",
    "CreateTime": LAUNCHED,
}

MINIMAL_SNAPSHOT: dict[str, Any] = {
    "SnapshotId": "snap-1",
    "State": "completed",
    "StartTime": LAUNCHED,
    "VolumeSize": 8,
}


def instance(**members: Any) -> Any:
    return translation.instance(
        MINIMAL_INSTANCE | members, owner_account="123456789012", zone_ids=ZONE_IDS
    )


def volume(**members: Any) -> Any:
    return translation.volume(MINIMAL_VOLUME | members, zone_ids=ZONE_IDS)


# Instances


def test_an_instance_needs_little_more_than_its_id() -> None:
    """EC2 leaves empty members out, above all of an instance that has ended."""
    seen = instance()
    assert (seen.id, seen.zone, seen.launched_at) == ("i-1", "use1-az6", LAUNCHED)
    assert (seen.subnet, seen.private_ip, seen.instance_profile) == (None, None, None)
    assert (seen.security_groups, seen.attachments, seen.tags) == ((), (), {})
    assert (seen.imds_v2_required, seen.tags_in_metadata) == (False, False)


@pytest.mark.parametrize("member", sorted(MINIMAL_INSTANCE))
def test_what_an_instance_cannot_do_without_is_never_guessed(member: str) -> None:
    reply = {name: value for name, value in MINIMAL_INSTANCE.items() if name != member}
    with pytest.raises(Unintelligible):
        translation.instance(reply, owner_account="123456789012", zone_ids=ZONE_IDS)


def test_a_state_that_nobody_has_heard_of_is_never_guessed() -> None:
    with pytest.raises(Unintelligible, match="i-1 has the unknown state 'hibernating'"):
        instance(State={"Name": "hibernating"})


def test_the_zone_id_of_the_reply_is_believed_before_the_map() -> None:
    placement = {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az2"}
    assert instance(Placement=placement).zone == "use1-az2"


def test_a_zone_without_a_known_id_is_never_guessed() -> None:
    with pytest.raises(Unintelligible, match="i-1 is in zone us-east-1b"):
        instance(Placement={"AvailabilityZone": "us-east-1b"})


@pytest.mark.parametrize(
    ("reason", "instant"),
    [
        ("User initiated (2026-11-22 02:30:00 GMT)", datetime(2026, 11, 22, 2, 30, tzinfo=UTC)),
        ("User initiated (2026-11-22 02:30:00 UTC)", datetime(2026, 11, 22, 2, 30, tzinfo=UTC)),
        ("User initiated", None),
        ("Server.SpotInstanceTermination", None),
        ("", None),
    ],
)
def test_the_time_of_a_state_change_is_read_where_ec2_writes_it(
    reason: str, instant: datetime | None
) -> None:
    assert instance(StateTransitionReason=reason).state_changed_at == instant


def test_the_name_of_an_instance_profile_follows_the_last_slash_of_its_arn() -> None:
    arn = "arn:aws:iam::123456789012:instance-profile/teams/data/postgres"
    assert instance(IamInstanceProfile={"Arn": arn, "Id": "AIPA"}).instance_profile == "postgres"


def test_security_groups_come_in_a_stable_order() -> None:
    groups = [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}]
    assert instance(SecurityGroups=groups).security_groups == ("sg-1", "sg-2")


def test_instants_are_in_utc_whatever_the_reply_s_offset() -> None:
    local = datetime(2026, 11, 22, 3, 0, tzinfo=timezone(timedelta(hours=2)))
    assert instance(LaunchTime=local).launched_at == LAUNCHED
    assert instance(LaunchTime=local).launched_at.tzinfo is UTC


def test_a_disk_of_the_host_is_no_attachment() -> None:
    mappings = [
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
        {
            "DeviceName": "/dev/sdf",
            "Ebs": {"VolumeId": "vol-1", "Status": "detaching", "DeleteOnTermination": True},
        },
    ]
    [attachment] = instance(BlockDeviceMappings=mappings).attachments
    assert (attachment.volume_id, attachment.device) == ("vol-1", "/dev/sdf")
    assert attachment.state is AttachmentState.DETACHING
    assert attachment.delete_on_termination


def test_empty_words_are_none() -> None:
    seen = instance(StateReason={"Code": ""}, ClientToken="")
    assert (seen.state_reason, seen.client_token) == (None, None)


# Volumes


def test_a_volume_without_attachments_or_tags_is_complete() -> None:
    seen = volume()
    assert (seen.id, seen.zone, seen.size_gib) == ("vol-1", "use1-az6", 8)
    assert (seen.attachments, seen.tags, seen.snapshot_id) == ((), {}, None)
    assert (seen.iops, seen.throughput_mib_s, seen.encrypted) == (None, None, False)


@pytest.mark.parametrize("member", sorted(MINIMAL_VOLUME))
def test_what_a_volume_cannot_do_without_is_never_guessed(member: str) -> None:
    reply = {name: value for name, value in MINIMAL_VOLUME.items() if name != member}
    with pytest.raises(Unintelligible):
        translation.volume(reply, zone_ids=ZONE_IDS)


def test_a_detach_that_waits_for_the_guest_is_seen_as_busy() -> None:
    [attachment] = volume(
        Attachments=[{"InstanceId": "i-1", "Device": "/dev/sdf", "State": "busy"}]
    ).attachments
    assert attachment.state is AttachmentState.BUSY


def test_a_volume_of_a_managed_service_is_on_no_instance() -> None:
    attached_elsewhere = [{"AssociatedResource": "arn:aws:ecs:…", "State": "attached"}]
    assert volume(Attachments=attached_elsewhere).attachments == ()


# Status checks


def test_a_check_that_ec2_does_not_make_is_not_applicable_or_without_data() -> None:
    seen = translation.status_checks({"InstanceId": "i-1"})
    assert seen.system == Check(status=CheckStatus.INSUFFICIENT_DATA)
    assert seen.instance == Check(status=CheckStatus.INSUFFICIENT_DATA)
    assert seen.attached_ebs == Check(status=CheckStatus.NOT_APPLICABLE)


def test_an_impairment_is_dated_by_its_earliest_detail() -> None:
    details = [
        {"Name": "reachability", "ImpairedSince": LAUNCHED + timedelta(minutes=5)},
        {"Name": "other", "ImpairedSince": LAUNCHED},
    ]
    seen = translation.status_checks(
        {"InstanceId": "i-1", "SystemStatus": {"Status": "impaired", "Details": details}}
    )
    assert seen.system == Check(status=CheckStatus.IMPAIRED, impaired_since=LAUNCHED)


def test_a_word_that_nobody_has_heard_of_is_no_data() -> None:
    seen = translation.status_checks({"InstanceId": "i-1", "SystemStatus": {"Status": "splendid"}})
    assert seen.system.status is CheckStatus.INSUFFICIENT_DATA


def test_events_that_are_over_are_left_out() -> None:
    """EC2 lists them for up to a week."""
    events = [
        {"Code": "system-reboot", "Description": "[Completed] reboot", "NotBefore": LAUNCHED},
        {"Code": "system-reboot", "Description": "[Canceled] reboot", "NotBefore": LAUNCHED},
        {"Code": "instance-retirement", "Description": "hardware", "NotBefore": LAUNCHED},
    ]
    seen = translation.status_checks({"InstanceId": "i-1", "Events": events})
    assert seen.events == (
        ScheduledEvent(code="instance-retirement", description="hardware", not_before=LAUNCHED),
    )


# Snapshots


def test_a_snapshot_without_a_tier_is_in_the_standard_one() -> None:
    seen = translation.snapshot(MINIMAL_SNAPSHOT)
    assert seen.usable
    assert (seen.volume_id, seen.tags, seen.state_message) == ("", {}, None)


@pytest.mark.parametrize("member", sorted(MINIMAL_SNAPSHOT))
def test_what_a_snapshot_cannot_do_without_is_never_guessed(member: str) -> None:
    reply = {name: value for name, value in MINIMAL_SNAPSHOT.items() if name != member}
    with pytest.raises(Unintelligible):
        translation.snapshot(reply)


# How volumes serve


def volume_status(**changes: Any) -> dict[str, Any]:
    """An impaired one whose checks say nothing, with any member changed."""
    summary = {"Status": "impaired", "Details": []}
    return {"VolumeId": "vol-1", "VolumeStatus": summary, **changes}


def detail(name: str, status: str) -> dict[str, Any]:
    return {"Status": "impaired", "Details": [{"Name": name, "Status": status}]}


@pytest.mark.parametrize("word", [item.value for item in IoPerformance])
def test_io_performance_is_what_its_check_says(word: str) -> None:
    seen = translation.volume_status(volume_status(VolumeStatus=detail("io-performance", word)))
    assert seen.io_performance == word


def test_io_performance_is_what_an_event_says_where_the_check_names_no_grade() -> None:
    events = [
        {"EventType": "potential-data-inconsistency"},
        {"EventType": "io-performance:stalled"},
    ]
    for summary in (detail("io-performance", "failed"), {"Status": "impaired"}):
        seen = translation.volume_status(volume_status(VolumeStatus=summary, Events=events))
        assert seen.io_performance is IoPerformance.STALLED
    normal = volume_status(VolumeStatus=detail("io-performance", "normal"), Events=events)
    assert translation.volume_status(normal).io_performance is IoPerformance.NORMAL


def test_io_is_disabled_where_its_check_fails_or_enabling_it_is_offered() -> None:
    assert translation.volume_status(
        volume_status(VolumeStatus=detail("io-enabled", "failed"))
    ).io_disabled
    assert translation.volume_status(
        volume_status(Actions=[{"Code": "enable-volume-io"}])
    ).io_disabled
    assert not translation.volume_status(volume_status()).io_disabled


def test_words_about_a_volume_that_nobody_has_heard_of_are_no_data() -> None:
    for summary in ({"Status": "splendid"}, {}):
        seen = translation.volume_status(volume_status(VolumeStatus=summary))
        assert seen.status is StatusOfVolume.INSUFFICIENT_DATA
        assert seen.io_performance is IoPerformance.INSUFFICIENT_DATA


def test_a_status_without_its_volume_is_never_guessed() -> None:
    with pytest.raises(Unintelligible):
        translation.volume_status({"VolumeStatus": {"Status": "ok"}})
