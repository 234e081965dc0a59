"""A caller that breaks rules, and the oracles that look on: what no controller of ours does is done by hand."""

from __future__ import annotations

import random  # noqa: TID251 - the simulated cloud asks for a source of chance
from datetime import timedelta
from pathlib import Path

from providers.simulated.cloud import SimulatedCloud
from providers.simulated.layout import Layout
from tests.simulation.declaration import DEVICE, SUBNETS
from tests.simulation.oracles import tags as our
from tests.simulation.oracles.ledger import DeclaredFleet, Ledger
from tests.simulation.oracles.watch import Watch

US = "prod-east"
DATABASE = DeclaredFleet(
    replicas=1,
    stateful=True,
    devices=(DEVICE,),
    probed=True,
    launches_per_hour=2,
    launches_per_day=4,
    max_loss=timedelta(minutes=40),
)
MINUTE = timedelta(minutes=1)


class Scene:
    """A cloud that a reckless caller acts on, and the rules that it has broken so far."""

    def __init__(self, store: Path) -> None:
        self.cloud = SimulatedCloud(
            chance=random.Random(1),
            layout=Layout(subnets=SUBNETS),
        )
        ledger = Ledger(
            owner=US,
            truth=self.cloud.truth,
            store=store,
            archives=self.cloud.archiving.truth,
            declared={"db": DATABASE},
        )
        self.watch = Watch(ledger, self.cloud.clock.now)
        self.cloud.gate.before_effect.append(self.watch.call)
        self.cloud.world.on_change.append(self.watch.changes)
        self._tokens = 0

    @property
    def broken(self) -> set[str]:
        """The rules that were broken, but for the one that asks for an intent, which nobody here writes."""
        return {item.rule for item in self.watch.breaches} - {"S2"}

    def launches(
        self,
        *,
        incarnation: int = 1,
        role: str = "occupant",
        owner: str = US,
        data: bool = True,
        restored_from: str | None = None,
        replays: int | None = None,
    ) -> str:
        """An instance of db/0, tagged as the controller would; it runs before this returns. `replays` is whose archive
        it is told to replay, by its incarnation.
        """
        self._tokens += 1
        token = f"{self._tokens:064x}"
        tags = {
            our.OWNER: owner,
            our.FLEET: "db",
            our.SLOT: "0",
            our.INCARNATION: str(incarnation),
            our.OPERATION: token,
        }
        of_instance = {**tags, our.ROLE: role}
        of_instance |= {our.RESTORE_FROM: str(replays)} if replays else {}
        source = {"SnapshotId": restored_from} if restored_from else {}
        ebs = {"VolumeSize": 20, "DeleteOnTermination": False, **source}
        disk = {"DeviceName": DEVICE, "Ebs": ebs}
        reply = self.cloud.ec2.run_instances(
            ImageId="ami-0abc1234def567890",
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            SubnetId=min(SUBNETS),
            ClientToken=token,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": _listed(of_instance)},
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

    def snapshots(self, volume: str, *, operation: str | None = None) -> str:
        """A snapshot of a volume, tagged as the controller would."""
        self._tokens += 1
        tags = {**self.cloud.truth.volumes[volume].tags}
        tags[our.OPERATION] = operation or f"{self._tokens:064x}"
        reply = self.cloud.ec2.create_snapshot(
            VolumeId=volume,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": _listed(tags)}],
        )
        return str(reply["SnapshotId"])

    def deletes(self, snapshot: str) -> list[str]:
        """What is said of S8 when a snapshot is deleted, after a look at it."""
        before = len(self.watch.breaches)
        self.cloud.ec2.describe_snapshots(SnapshotIds=[snapshot])
        self.cloud.ec2.delete_snapshot(SnapshotId=snapshot)
        return [item.what for item in self.watch.breaches[before:] if item.rule == "S8"]

    def deletes_volume(self, volume: str) -> list[str]:
        """What is said of S8 when a volume is deleted, after its instance has ended and a look at it."""
        held = self.cloud.truth.volumes[volume].attachment
        if held is not None:
            self.cloud.ec2.terminate_instances(InstanceIds=[held.instance_id])
            self.cloud.clock.sleep(300)
        before = len(self.watch.breaches)
        self.cloud.ec2.describe_volumes(VolumeIds=[volume])
        self.cloud.ec2.delete_volume(VolumeId=volume)
        return [item.what for item in self.watch.breaches[before:] if item.rule == "S8"]

    def reads(self, *instances: str) -> None:
        """Look at instances by id, as before something disruptive."""
        self.cloud.ec2.describe_instances(InstanceIds=list(instances))


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
