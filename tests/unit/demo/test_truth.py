"""The demo's claims about the truth: each is held against a world in which it is false."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from providers.simulated.faults import Meddling
from providers.simulated.records import Guest, Io
from reconciler.demo import truth
from reconciler.demo.in_service import ROLE, SLOT
from reconciler.demo.truth import INCARNATION, QUARANTINE_UNTIL, Stall
from tests.support.simulated_account import SimulatedAccount

OURS = {"fleet-reconciler:fleet": "db", ROLE: "occupant", INCARNATION: "1", "team": "data"}


def tags(ordinal: int, **changed: str) -> dict[str, Any]:
    """What a launch hands over to be the occupant of db/<ordinal>."""
    pairs = {**OURS, SLOT: str(ordinal), **changed}
    listed = [{"Key": key, "Value": value} for key, value in pairs.items()]
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": listed}]}


DATA_DEVICE = "/dev/sdf"


def restored_from(snapshot_id: str) -> list[dict[str, Any]]:
    """The block devices of a launch with a copy."""
    ebs = {"SnapshotId": snapshot_id, "VolumeSize": 8, "DeleteOnTermination": False}
    return [{"DeviceName": DATA_DEVICE, "Ebs": ebs}]


def snapshot_of(account: SimulatedAccount, volume_id: str) -> str:
    """The id of a snapshot that is complete."""
    snapshot_id = str(account.ec2.create_snapshot(VolumeId=volume_id)["SnapshotId"])
    account.wait(minutes=10)
    return snapshot_id


def stalled(account: SimulatedAccount, ordinal: int, instance_id: str) -> Stall:
    """Its data volume stalls now."""
    volume = account.data_volume(instance_id)
    account.cloud.make_sick(volume.id, Io.STALLED)
    return Stall(
        slot=f"db/{ordinal}",
        volume_id=volume.id,
        lineage=volume.data.lineage,
        instance_id=instance_id,
    )


def replaced_by_a_copy(account: SimulatedAccount, stall: Stall, snapshot_id: str) -> str:
    """As a restore does it: the one is stopped and dated, another holds its slot with a copy."""
    account.ec2.stop_instances(InstanceIds=[stall.instance_id])
    until = {"Key": QUARANTINE_UNTIL, "Value": "2026-12-31T00:00:00Z"}
    account.ec2.create_tags(Resources=[stall.instance_id], Tags=[until])
    account.wait(minutes=2)
    devices = restored_from(snapshot_id)
    slot = stall.slot.removeprefix("db/")
    return account.launched(BlockDeviceMappings=devices, **tags(int(slot), **{INCARNATION: "2"}))


def account_with_two_databases() -> tuple[SimulatedAccount, str, str]:
    account = SimulatedAccount()
    return account, account.launched(**tags(0)), account.launched(**tags(1))


def test_slots_that_are_filled_as_declared_are_called_so() -> None:
    account, _, _ = account_with_two_databases()
    wanted = {"db/0": {"team": "data"}, "db/1": {"team": "data"}}
    assert truth.each_slot_is_filled(account.truth, wanted).against == ()


def test_an_empty_a_doubled_a_strange_and_a_mistagged_slot_are_each_named() -> None:
    account, _, _ = account_with_two_databases()
    doubled = account.launched(**tags(1))
    wanted = {"db/0": {"team": "web"}, "db/1": {}, "db/2": {}}
    account.launched(**tags(7))
    against = truth.each_slot_is_filled(account.truth, wanted).against
    assert doubled in {item.id for item in truth.living(account.truth)["db/1"]}
    assert [item.partition(":")[0] for item in against] == ["db/7", "db/0", "db/1", "db/2"]
    assert "'data' instead of 'web'" in against[1]
    assert "2 living instances instead of one" in against[2]
    assert "0 living instances instead of one" in against[3]


def test_a_sick_occupant_does_not_fill_its_slot() -> None:
    account, first, _ = account_with_two_databases()
    account.cloud.make_sick(first, Guest.HUNG)
    claim = truth.each_slot_is_filled(account.truth, {"db/0": {}, "db/1": {}})
    assert claim.against == (f"db/0: {first} is running, its system hung",)


def test_an_empty_volume_in_the_place_of_the_data_is_seen() -> None:
    account, first, second = account_with_two_databases()
    before = {
        f"db/{n}": truth.lineages(account.truth, account.instance(item))
        for n, item in enumerate((first, second))
    }
    assert truth.data_is_kept(account.truth, before).against == ()
    account.cloud.by_hand(Meddling.TERMINATE, second)
    account.wait(minutes=5)
    account.launched(**tags(1))
    (against,) = truth.data_is_kept(account.truth, before).against
    assert against.startswith("db/1: its instances hold")


def test_two_occupants_in_service_at_once_are_seen_with_their_time() -> None:
    account, first, _ = account_with_two_databases()
    changes = account.truth.changes
    assert truth.never_two_in_service(changes, with_data={"db/0"}).against == ()
    double = account.launched(**tags(0))
    claim = truth.never_two_in_service(account.truth.changes, with_data={"db/0"})
    assert claim.text.endswith("(most at once: 2)")
    assert claim.against
    assert first in claim.against[0]
    assert double in claim.against[0]


def test_a_replacement_and_a_sick_predecessor_are_not_in_service_together() -> None:
    account, first, _ = account_with_two_databases()
    account.cloud.make_sick(first, Guest.HUNG)
    account.launched(**tags(0))
    claim = truth.never_two_in_service(account.truth.changes, with_data=set())
    assert claim.against == ()


def test_a_replacement_and_a_predecessor_whose_volume_is_stuck_are_not_in_service_together() -> (
    None
):
    account, first, _ = account_with_two_databases()
    (stuck,) = truth.data_volumes(account.instance(first)).values()
    account.cloud.make_sick(stuck, Io.STALLED)
    account.launched(**tags(0))
    assert truth.never_two_in_service(account.truth.changes, with_data={"db/0"}).against == ()
    account.cloud.make_sick(stuck, Io.NORMAL)
    assert truth.never_two_in_service(account.truth.changes, with_data={"db/0"}).against


def test_one_incarnation_that_was_launched_twice_is_seen() -> None:
    account, _, _ = account_with_two_databases()
    once = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=1)
    assert once.against == ()
    assert once.text.startswith("2 instances were launched")
    account.launched(**tags(0))
    twice = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=1)
    assert twice.against == ("db/0 incarnation 1: 2 instances",)


def test_a_story_in_which_no_answer_was_lost_proves_nothing_about_doubles() -> None:
    account, _, _ = account_with_two_databases()
    claim = truth.nothing_was_launched_twice(account.truth.changes, answers_lost=0)
    assert claim.against


def test_a_volume_taken_from_an_instance_that_runs_is_seen_and_one_from_a_stopped_is_fine() -> None:
    account, first, second = account_with_two_databases()
    account.ec2.stop_instances(InstanceIds=[first])
    account.wait(minutes=2)
    account.ec2.detach_volume(VolumeId=account.data_volume(first).id)
    account.wait(minutes=2)
    claim = truth.volumes_left_only_what_could_not_write(account.truth.changes)
    assert claim.against == ()
    assert "instance: 1," in claim.text
    volume = account.data_volume(second).id
    account.ec2.detach_volume(VolumeId=volume)
    claim = truth.volumes_left_only_what_could_not_write(account.truth.changes)
    assert claim.against == (f"{volume} was taken from {second}, which was running",)


def test_a_story_in_which_no_volume_was_moved_proves_nothing_about_fences() -> None:
    account, _, _ = account_with_two_databases()
    assert truth.volumes_left_only_what_could_not_write(account.truth.changes).against


def test_a_stranger_that_is_tagged_or_stopped_was_not_left_alone() -> None:
    account = SimulatedAccount()
    tagged, stopped, alone = (account.launched() for _ in range(3))
    account.ec2.create_tags(Resources=[tagged], Tags=[{"Key": "team", "Value": "ours"}])
    account.ec2.stop_instances(InstanceIds=[stopped])
    account.wait(minutes=2)
    assert truth.a_stranger_was_left_alone(account.truth, tagged).against
    assert truth.a_stranger_was_left_alone(account.truth, stopped).against
    assert truth.a_stranger_was_left_alone(account.truth, alone).against == ()


def restored_account() -> tuple[SimulatedAccount, Stall, str]:
    """db/0 was restored from a snapshot ten minutes older than its stall; the snapshot's id."""
    account, first, _ = account_with_two_databases()
    snapshot = snapshot_of(account, account.data_volume(first).id)
    stall = stalled(account, 0, first)
    replaced_by_a_copy(account, stall, snapshot)
    return account, stall, snapshot


def test_a_restore_from_before_the_stall_is_called_so() -> None:
    account, stall, snapshot = restored_account()
    claim = truth.a_copy_took_over(account.truth, stall)
    assert claim.against == ()
    assert f"from {snapshot}" in claim.text


def test_a_copy_of_another_volume_is_seen() -> None:
    account, first, second = account_with_two_databases()
    other = account.data_volume(second).id
    snapshot = snapshot_of(account, other)
    stall = stalled(account, 0, first)
    replaced_by_a_copy(account, stall, snapshot)
    made_from, data = truth.a_copy_took_over(account.truth, stall).against
    assert made_from.endswith(f"was made from {snapshot}, not of {stall.volume_id}")
    assert data.endswith(f"holds the data of {other}")


def test_a_copy_of_a_moment_after_the_stall_is_seen() -> None:
    account, first, _ = account_with_two_databases()
    stall = stalled(account, 0, first)
    account.wait(minutes=5)
    account.cloud.make_sick(stall.volume_id, Io.NORMAL)
    replaced_by_a_copy(account, stall, snapshot_of(account, stall.volume_id))
    (against,) = truth.a_copy_took_over(account.truth, stall).against
    assert against.endswith("after the stall")


def test_a_slot_that_was_never_restored_has_no_copy_and_lost_nothing_as_stated() -> None:
    account, first, _ = account_with_two_databases()
    stall = stalled(account, 0, first)
    assert truth.a_copy_took_over(account.truth, stall).against
    stated = timedelta(minutes=10)
    claim = truth.the_loss_was_as_stated(account.truth, stall, stated)
    assert claim.against == ("nothing was restored",)


def test_a_loss_is_as_stated_within_a_minute_and_two_passes_and_not_beyond() -> None:
    account, stall, snapshot = restored_account()
    lost = stall.began(account.truth.changes) - account.truth.snapshots[snapshot].started_at
    off = truth.LOSS_TOLERANCE
    for stated in (lost, lost - off, lost + off):
        assert truth.the_loss_was_as_stated(account.truth, stall, stated).against == ()
    second = timedelta(seconds=1)
    for stated in (lost - off - second, lost + off + second):
        assert truth.the_loss_was_as_stated(account.truth, stall, stated).against
    claim = truth.the_loss_was_as_stated(account.truth, stall, None)
    assert claim.against == ("no loss was stated",)


def test_a_volume_that_stuck_is_kept_only_where_it_was_on_an_instance_that_is_stopped() -> None:
    account, stall, _ = restored_account()
    assert truth.what_stuck_is_kept(account.truth, stall).against == ()
    account.cloud.make_sick(stall.volume_id, Io.NORMAL)
    account.ec2.start_instances(InstanceIds=[stall.instance_id])
    account.wait(minutes=5)
    claim = truth.what_stuck_is_kept(account.truth, stall)
    assert claim.against == (f"{stall.instance_id} is running",)
    account.cloud.by_hand(Meddling.TERMINATE, stall.instance_id)
    account.wait(minutes=5)
    account.cloud.by_hand(Meddling.DELETE_VOLUME, stall.volume_id)
    account.wait(minutes=5)
    volume, holder = truth.what_stuck_is_kept(account.truth, stall).against
    assert volume == f"{stall.volume_id} is no more"
    assert holder.startswith(stall.instance_id)


def test_what_a_restore_left_behind_is_allowed_in_its_slot_and_nothing_else_is() -> None:
    account, stall, _ = restored_account()
    wanted: dict[str, dict[str, str]] = {"db/0": {}, "db/1": {}}
    left = {stall.slot: stall.instance_id}
    assert truth.each_slot_is_filled(account.truth, wanted, left_behind=left).against == ()
    assert truth.each_slot_is_filled(account.truth, wanted).against == (
        "db/0: 2 living instances instead of one",
    )
    (holder,) = truth.occupants(account.truth, "db/0")
    account.ec2.stop_instances(InstanceIds=[holder.id])
    account.wait(minutes=2)
    assert truth.each_slot_is_filled(account.truth, wanted, left_behind=left).against


@pytest.mark.parametrize("flaw", ["runs", "undated"])
def test_what_is_not_stopped_or_not_dated_was_not_left_behind(flaw: str) -> None:
    account, stall, _ = restored_account()
    if flaw == "runs":
        account.ec2.start_instances(InstanceIds=[stall.instance_id])
        account.wait(minutes=5)
    else:
        dated = [{"Key": QUARANTINE_UNTIL}]
        account.ec2.delete_tags(Resources=[stall.instance_id], Tags=dated)
    left = {stall.slot: stall.instance_id}
    claim = truth.each_slot_is_filled(account.truth, {"db/0": {}, "db/1": {}}, left_behind=left)
    assert claim.against == ("db/0: 2 living instances instead of one",)


def test_what_answered_again_was_spared_unless_it_was_moved_replaced_or_never_answered() -> None:
    account, first, second = account_with_two_databases()
    stall = stalled(account, 1, second)
    (silent,) = truth.what_answered_again_was_spared(account.truth, stall).against
    assert "never answered again" in silent
    account.cloud.make_sick(stall.volume_id, Io.NORMAL)
    assert truth.what_answered_again_was_spared(account.truth, stall).against == ()
    account.ec2.stop_instances(InstanceIds=[second])
    account.wait(minutes=2)
    account.ec2.detach_volume(VolumeId=stall.volume_id)
    account.wait(minutes=2)
    assert truth.what_answered_again_was_spared(account.truth, stall).against
    replaced = stalled(account, 0, first)
    account.cloud.make_sick(replaced.volume_id, Io.NORMAL)
    snapshot = snapshot_of(account, replaced.volume_id)
    copy = replaced_by_a_copy(account, replaced, snapshot)
    claim = truth.what_answered_again_was_spared(account.truth, replaced)
    assert claim.against == (f"db/0 is held by {copy}",)
