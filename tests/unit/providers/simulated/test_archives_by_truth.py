"""Archives told by the truth are those that a reader of the bucket finds."""

from __future__ import annotations

import random  # noqa: TID251 - the source is seeded
from datetime import timedelta

import pytest

from providers.archives.reading import StoredArchives
from providers.observed_archives import ArchiveAddress
from providers.simulated.archives import ArchivesByTruth
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance, Io

ADDRESSES = (
    ArchiveAddress(tool="wal-g", url="s3://backups/postgres/0/{incarnation}"),
    ArchiveAddress(tool="wal-g", url="s3://backups/postgres/1/{incarnation}/wal"),
    ArchiveAddress(tool="wal-g", url="s3://backups/postgres/2/{incarnation}"),
)


class Archiving:
    """Two databases that archive into a bucket, under the incarnation that they have now."""

    def __init__(self) -> None:
        self.cloud = SimulatedCloud(chance=random.Random(1))
        self.incarnation = 1
        self.cloud.archiving.start(self._path)
        self.instances = [self._launched(), self._launched()]

    def _launched(self) -> str:
        disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 8}}
        reply = self.cloud.ec2.run_instances(
            MinCount=1, MaxCount=1, ImageId="ami-12345678", BlockDeviceMappings=[disk]
        )
        return str(reply["Instances"][0]["InstanceId"])

    def _path(self, instance: Instance) -> str:
        number = self.instances.index(instance.id)
        return f"postgres/{number}/{self.incarnation}" + ("/wal" if number else "")

    def wait(self, lasting: timedelta) -> None:
        self.cloud.clock.sleep(lasting.total_seconds())

    def agree(self) -> None:
        now = self.cloud.clock.now()
        stored = StoredArchives(store=self.cloud.bucket).observe_archives(ADDRESSES, now=now)

        assert ArchivesByTruth(self.cloud.archiving).observe_archives(ADDRESSES, now=now) == stored


@pytest.mark.parametrize("minutes", [0, 3, 30, 25 * 60])
def test_a_base_and_the_log_after_it_are_told_as_they_are_read(minutes: int) -> None:
    archiving = Archiving()

    archiving.wait(timedelta(minutes=minutes))

    archiving.agree()


def test_a_stuck_volume_ends_an_archive_and_another_incarnation_begins_one() -> None:
    archiving = Archiving()
    archiving.wait(timedelta(minutes=30))
    (volume,) = [
        item.id
        for item in archiving.cloud.truth.volumes.values()
        if item.attachment
        and item.attachment.instance_id == archiving.instances[0]
        and item.attachment.device == "/dev/sdf"
    ]
    archiving.cloud.make_sick(volume, Io.STALLED)
    archiving.wait(timedelta(minutes=10))
    archiving.agree()
    archiving.incarnation = 2
    archiving.cloud.ec2.create_tags(
        Resources=[archiving.instances[1]], Tags=[{"Key": "incarnation", "Value": "2"}]
    )

    for _ in range(8):
        archiving.wait(timedelta(minutes=1))
        archiving.agree()
