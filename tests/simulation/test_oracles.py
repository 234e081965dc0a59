"""Each oracle speaks when its rule is broken. The rules are broken by calls that no controller of ours makes."""

from __future__ import annotations

import ast
import random  # noqa: TID251 - the simulated cloud asks for a source of chance
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.layout import Layout
from tests.simulation.declaration import DEVICE, SUBNETS
from tests.simulation.oracles import tags as our
from tests.simulation.oracles.ledger import DeclaredFleet, Ledger
from tests.simulation.oracles.watch import ORACLES, Watch
from tests.simulation.run import make_empty_store
from tests.support.repository import ROOT

US = "prod-east"
DATABASE = DeclaredFleet(
    replicas=1,
    stateful=True,
    devices=(DEVICE,),
    probed=True,
    launches_per_hour=2,
    launches_per_day=4,
)
MINUTE = timedelta(minutes=1)


class Scene:
    """A cloud that a reckless caller acts on, and the rules that it has broken so far."""

    def __init__(self, store: Path) -> None:
        self.cloud = SimulatedCloud(
            chance=random.Random(1),
            layout=Layout(subnets=SUBNETS),
        )
        ledger = Ledger(owner=US, truth=self.cloud.truth, store=store, declared={"db": DATABASE})
        self.watch = Watch(ledger, self.cloud.clock.now)
        self.cloud.gate.before_effect.append(self.watch.call)
        self.cloud.world.on_change.append(self.watch.changes)
        self._tokens = 0

    @property
    def broken(self) -> set[str]:
        """The rules that were broken, but for the one that asks for an intent, which nobody here writes."""
        return {item.rule for item in self.watch.breaches} - {"S2"}

    def launches(
        self, *, incarnation: int = 1, role: str = "occupant", owner: str = US, data: bool = True
    ) -> str:
        """An instance of db/0, tagged as the controller would; it runs before this returns."""
        self._tokens += 1
        token = f"{self._tokens:064x}"
        tags = {
            our.OWNER: owner,
            our.FLEET: "db",
            our.SLOT: "0",
            our.INCARNATION: str(incarnation),
            our.OPERATION: token,
        }
        disk = {"DeviceName": DEVICE, "Ebs": {"VolumeSize": 20, "DeleteOnTermination": False}}
        reply = self.cloud.ec2.run_instances(
            ImageId="ami-0abc1234def567890",
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            SubnetId=min(SUBNETS),
            ClientToken=token,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": _listed({**tags, our.ROLE: role})},
                {"ResourceType": "volume", "Tags": _listed(tags)},
            ],
            BlockDeviceMappings=[disk] if data else [],
        )
        self.cloud.clock.sleep(120)
        return str(reply["Instances"][0]["InstanceId"])

    def data_of(self, instance: str) -> str:
        """The data volume on an instance."""
        held = self.cloud.truth.instances[instance].attachments
        return next(item.volume_id for item in held if item.device == DEVICE)

    def reads(self, *instances: str) -> None:
        """Look at instances by id, as before something disruptive."""
        self.cloud.ec2.describe_instances(InstanceIds=list(instances))


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


def test_s8_the_end_of_the_last_one_in_a_slot(scene: Scene) -> None:
    first = scene.launches()
    scene.reads(first)
    scene.cloud.ec2.terminate_instances(InstanceIds=[first])
    assert "S8" in scene.broken


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


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


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
