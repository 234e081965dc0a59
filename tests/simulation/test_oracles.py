"""Each oracle speaks when its rule is broken. The rules are broken by calls that no controller of ours makes."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from providers.simulated.faults import Meddling, SnapshotFails, SnapshotSlow
from providers.simulated.records import Guest, Io
from tests.simulation.declaration import DEVICE, SUBNETS
from tests.simulation.oracles import tags as our
from tests.simulation.oracles.watch import ORACLES
from tests.simulation.reckless import Scene
from tests.simulation.run import make_empty_store
from tests.support.repository import ROOT


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(make_empty_store(tmp_path / "store.sqlite3"))


def test_nothing_is_said_of_a_slot_that_is_filled_for_the_first_time(scene: Scene) -> None:
    scene.launches()
    assert scene.broken == set()


def test_s1_two_instances_of_one_incarnation(scene: Scene) -> None:
    scene.launches(role="replacement")
    assert "S1" not in scene.broken
    scene.launches(role="occupant", data=False)
    assert "S1" in scene.broken


def test_s1_two_replacements(scene: Scene) -> None:
    scene.launches(incarnation=1, role="replacement")
    scene.launches(incarnation=2, role="replacement", data=False)
    assert "S1" in scene.broken


def test_s2_a_call_without_an_intent(scene: Scene) -> None:
    scene.launches()
    assert [item.rule for item in scene.watch.breaches] == ["S2"]


def test_s2_an_intent_that_goes_back(scene: Scene, tmp_path: Path) -> None:
    _write_intent(tmp_path / "store.sqlite3", "observed")
    scene.reads()
    scene.watch.end()
    _write_intent(tmp_path / "store.sqlite3", "begun")
    scene.watch.end()
    assert any("from observed to begun" in item.what for item in scene.watch.breaches)


def test_s3_an_instance_of_another_installation(scene: Scene) -> None:
    theirs = scene.launches(owner="another")
    scene.reads(theirs)
    scene.cloud.ec2.stop_instances(InstanceIds=[theirs])
    assert "S3" in scene.broken


def test_s3_an_operation_that_is_never_to_be_sent(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    scene.cloud.ec2.delete_tags(Resources=[volume], Tags=[{"Key": our.OWNER}])
    assert "S3" in scene.broken


def test_s3_a_snapshot_that_does_not_carry_our_owner(scene: Scene) -> None:
    scene.cloud.ec2.create_snapshot(VolumeId=scene.data_of(scene.launches()))
    assert "S3" in scene.broken


def test_s4_a_second_occupant_while_the_first_one_lives(scene: Scene) -> None:
    scene.launches()
    scene.launches(incarnation=2, data=False)
    assert "S4" in scene.broken


def test_s4_an_empty_volume_while_the_first_one_exists(scene: Scene) -> None:
    first = scene.launches()
    scene.cloud.ec2.terminate_instances(InstanceIds=[first])
    scene.cloud.clock.sleep(600)
    before = len(scene.watch.breaches)
    scene.launches(incarnation=2)
    assert "S4" in {item.rule for item in scene.watch.breaches[before:]}


def test_s5_a_stop_of_what_was_not_looked_at(scene: Scene) -> None:
    scene.cloud.ec2.stop_instances(InstanceIds=[scene.launches()])
    assert "S5" in scene.broken


def test_s5_a_stop_of_what_was_looked_at_long_ago(scene: Scene) -> None:
    first = scene.launches()
    scene.reads(first)
    scene.cloud.clock.sleep(600)
    scene.cloud.ec2.stop_instances(InstanceIds=[first])
    assert "S5" in scene.broken


def test_s5_a_snapshot_that_is_deleted_unseen(scene: Scene) -> None:
    first = scene.snapshots(scene.data_of(scene.launches()))
    assert "S5" not in scene.broken
    scene.cloud.ec2.delete_snapshot(SnapshotId=first)
    assert "S5" in scene.broken


def test_s6_a_volume_that_leaves_an_instance_which_runs(scene: Scene) -> None:
    first = scene.launches()
    scene.reads(first)
    scene.cloud.ec2.detach_volume(VolumeId=scene.data_of(first), InstanceId=first, Device=DEVICE)
    assert "S6" in scene.broken


def test_s6_is_silent_about_a_volume_that_leaves_a_stopped_instance(scene: Scene) -> None:
    first = scene.launches()
    volume = scene.data_of(first)
    scene.reads(first)
    scene.cloud.ec2.stop_instances(InstanceIds=[first])
    scene.cloud.clock.sleep(300)
    scene.cloud.ec2.detach_volume(VolumeId=volume, InstanceId=first, Device=DEVICE)
    assert "S6" not in scene.broken


def test_s7_a_volume_under_another_device(scene: Scene) -> None:
    first = scene.launches()
    volume = scene.data_of(first)
    scene.cloud.ec2.stop_instances(InstanceIds=[first])
    scene.cloud.clock.sleep(300)
    scene.cloud.ec2.detach_volume(VolumeId=volume, InstanceId=first, Device=DEVICE)
    scene.cloud.clock.sleep(60)
    scene.cloud.ec2.attach_volume(VolumeId=volume, InstanceId=first, Device="/dev/sdz")
    assert "S7" in scene.broken


def test_s7_a_restore_from_the_data_of_something_else(scene: Scene) -> None:
    first = scene.launches()
    volumes = scene.cloud.truth.instances[first].attachments
    (root,) = {item.volume_id for item in volumes} - {scene.data_of(first)}
    of_root, of_data = scene.snapshots(root), scene.snapshots(scene.data_of(first))
    scene.cloud.clock.sleep(300)
    scene.launches(incarnation=2, role="replacement", restored_from=of_data)
    assert "S7" not in scene.broken
    scene.launches(incarnation=3, role="replacement", restored_from=of_root)
    assert "S7" in scene.broken


def test_s7_a_restore_from_a_snapshot_that_failed(scene: Scene) -> None:
    scene.cloud.add_fault(SnapshotFails())
    failed = scene.snapshots(scene.data_of(scene.launches()))
    scene.cloud.clock.sleep(300)
    with pytest.raises(ClientError, match="IncorrectState"):
        scene.launches(incarnation=2, role="replacement", restored_from=failed)
    assert "S7" in scene.broken


def test_s8_data_that_is_deleted(scene: Scene) -> None:
    first = scene.launches()
    scene.cloud.ec2.modify_instance_attribute(
        InstanceId=first,
        BlockDeviceMappings=[{"DeviceName": DEVICE, "Ebs": {"DeleteOnTermination": True}}],
    )
    assert "S8" not in scene.broken
    scene.launches(
        incarnation=2, data=False
    )  # The first one is superseded, so its end alone is no breach.
    scene.cloud.ec2.terminate_instances(InstanceIds=[first])
    scene.cloud.clock.sleep(300)
    assert any("is being deleted" in item.what for item in scene.watch.breaches)


def superseded_volume(scene: Scene) -> tuple[str, str]:
    """The volumes of an instance that is superseded, and of the one that holds the slot now."""
    first = scene.data_of(scene.launches())
    source = scene.snapshots(first)
    scene.cloud.clock.sleep(300)
    return first, scene.data_of(scene.launches(incarnation=2, restored_from=source))


def test_s8_a_volume_that_served_is_deleted_without_a_snapshot_of_its_last_state(
    scene: Scene,
) -> None:
    old, new = superseded_volume(scene)
    scene.snapshots(new)
    scene.cloud.clock.sleep(300)
    (said,) = scene.deletes_volume(old)
    assert "no snapshot has all" in said


def test_s8_a_volume_that_served_is_deleted_before_its_successor_has_a_restore_point(
    scene: Scene,
) -> None:
    old, _ = superseded_volume(scene)
    holder = scene.cloud.truth.volumes[old].attachment
    assert holder is not None
    scene.cloud.ec2.terminate_instances(InstanceIds=[holder.instance_id])
    scene.cloud.clock.sleep(300)
    scene.snapshots(old)
    scene.cloud.clock.sleep(300)
    (said,) = scene.deletes_volume(old)
    assert "has no restore point yet" in said


def test_s8_is_silent_about_a_copy_that_never_served(scene: Scene) -> None:
    source = scene.snapshots(scene.data_of(scene.launches()))
    scene.cloud.clock.sleep(300)
    copy = scene.data_of(scene.launches(incarnation=2, role="replacement", restored_from=source))
    assert scene.deletes_volume(copy) == []


def test_s8_the_end_of_the_last_one_in_a_slot(scene: Scene) -> None:
    first = scene.launches()
    scene.reads(first)
    scene.cloud.ec2.terminate_instances(InstanceIds=[first])
    assert "S8" in scene.broken


def test_s8_the_last_good_restore_point_of_a_claim_is_deleted(scene: Scene) -> None:
    first = scene.snapshots(scene.data_of(scene.launches()))
    scene.cloud.clock.sleep(300)
    (said,) = scene.deletes(first)
    assert "the last good one" in said


def test_s8_is_silent_about_an_old_one_while_a_newer_one_is_complete(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    first = scene.snapshots(volume)
    scene.cloud.clock.sleep(300)
    scene.snapshots(volume)
    scene.cloud.clock.sleep(300)
    assert scene.deletes(first) == []


def test_s8_a_newer_one_of_other_data_with_the_same_tags_saves_nothing(scene: Scene) -> None:
    first = scene.snapshots(scene.data_of(scene.launches()))
    scene.cloud.clock.sleep(300)
    scene.cloud.by_hand(Meddling.IMITATE_SNAPSHOT, first)
    scene.cloud.clock.sleep(300)
    assert len(scene.cloud.truth.snapshots) == 2
    (said,) = scene.deletes(first)
    assert "the last good one" in said


def test_s8_one_that_somebody_else_made(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    scene.cloud.by_hand(Meddling.TAKE_SNAPSHOT, volume)
    (theirs,) = scene.cloud.truth.snapshots
    scene.cloud.clock.sleep(300)
    scene.snapshots(volume)
    scene.cloud.clock.sleep(300)
    (said,) = scene.deletes(theirs)
    assert "others made" in said


def test_s8_a_deletion_while_the_holder_is_unwell(scene: Scene) -> None:
    holder = scene.launches()
    first = scene.snapshots(scene.data_of(holder))
    scene.cloud.clock.sleep(300)
    scene.snapshots(scene.data_of(holder))
    scene.cloud.make_sick(holder, Guest.HUNG)
    scene.cloud.clock.sleep(600)
    (said,) = scene.deletes(first)
    assert "is unwell" in said


def test_s8_a_snapshot_of_what_has_been_stalled_for_long(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    scene.cloud.make_sick(volume, Io.STALLED)
    scene.cloud.clock.sleep(60)
    scene.snapshots(volume)
    assert "S8" not in scene.broken  # Nobody can know yet.
    scene.cloud.clock.sleep(840)
    scene.snapshots(volume)
    assert any("stalled since" in item.what for item in scene.watch.breaches)


def test_s8_a_snapshot_beside_a_pending_one(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    scene.cloud.add_fault(SnapshotSlow())
    scene.snapshots(volume)
    scene.cloud.clock.sleep(900)
    scene.snapshots(volume)
    assert any("is pending" in item.what for item in scene.watch.breaches)


def test_s8_an_operation_that_is_carried_out_a_third_time(scene: Scene) -> None:
    volume = scene.data_of(scene.launches())
    for _ in range(2):
        scene.snapshots(volume, operation="a" * 64)
        scene.cloud.clock.sleep(60)
    assert "S8" not in scene.broken
    scene.snapshots(volume, operation="a" * 64)
    assert any("once more" in item.what for item in scene.watch.breaches)


def test_s9_a_slot_that_is_replaced_again_and_again(scene: Scene) -> None:
    for incarnation in range(1, 5):
        scene.launches(incarnation=incarnation, data=False)
    assert "S9" in scene.broken


def test_s10_the_reboot_of_what_has_been_well_for_long(scene: Scene) -> None:
    first = scene.launches()
    scene.cloud.clock.sleep(3600)
    scene.reads(first)
    scene.cloud.ec2.reboot_instances(InstanceIds=[first])
    assert "S10" in scene.broken


def test_s12_a_launch_without_a_token(scene: Scene) -> None:
    scene.cloud.ec2.run_instances(
        ImageId="ami-0abc1234def567890",
        MinCount=1,
        MaxCount=1,
        SubnetId=min(SUBNETS),
    )
    assert "S12" in scene.broken


def test_s14_a_boot_script_in_the_store(scene: Scene, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite3") as connection:
        connection.execute("CREATE TABLE told (what TEXT)")
        connection.execute("INSERT INTO told VALUES ('canary-of-the-boot-script')")
    connection.close()
    scene.watch.end()
    assert "S14" in scene.broken


def test_oracles_import_nothing_of_the_product_that_decides() -> None:
    for path in sorted((ROOT / "tests" / "simulation" / "oracles").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [item.name for item in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            ours = [name for name in names if name.split(".")[0] in ("reconciler", "desired_state")]
            assert not ours, f"{path.name} imports {ours}"


def test_each_rule_has_a_sentence_that_says_what_it_is() -> None:
    for oracle in ORACLES:
        assert (oracle.__doc__ or "").startswith(oracle.rule), oracle.__name__


def _write_intent(store: Path, state: str) -> None:
    row: dict[str, Any] = {
        "operation_id": "f" * 64,
        "cell": "c",
        "family": "f",
        "attempt": 1,
        "incarnation": 1,
        "kind": "stop",
        "state": state,
        "begun_at": "2026-03-01 12:00:00",
        "updated_at": "2026-03-01 12:00:00",
        "after_owed": 0,
        "epoch": 1,
        "action": '{"request": {"instance_id": "i-1"}}',
    }
    with sqlite3.connect(store) as connection:
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT OR REPLACE INTO intents ({columns}) VALUES ({marks})", list(row.values())
        )
    connection.close()
