"""What a converged fleet may send: due snapshots and their expiry, and nothing else."""

from __future__ import annotations

import random  # noqa: TID251 - the simulated cloud asks for a source of chance
from dataclasses import replace
from datetime import timedelta

import pytest

from providers.simulated.cloud import SimulatedCloud
from tests.simulation.oracles.ledger import SentCall
from tests.simulation.seeds import DrawnFleet, DrawnSnapshots, drawn
from tests.simulation.stability import not_due

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KEPT = DrawnSnapshots(every=10 * MINUTE, keep={"all": 30 * MINUTE})


class Converged:
    """A cloud with one volume of a fleet that is backed up as `KEPT` says, and what was sent since."""

    def __init__(self) -> None:
        self.cloud = SimulatedCloud(chance=random.Random(1))
        zone = min(self.cloud.layout.zones)
        made = self.cloud.ec2.create_volume(AvailabilityZoneId=zone, Size=1, VolumeType="gp3")
        self.volume = made["VolumeId"]
        self.calls: list[SentCall] = []
        self.cloud.clock.sleep(60)

    def sends(self, operation: str, **parameters: str) -> None:
        """One more call, as the ledger would note it."""
        at = self.cloud.clock.now()
        number = len(self.calls)
        self.calls.append(
            SentCall(number=number, at=at, operation=operation, parameters=parameters)
        )

    def snapshots(self, times: int, *, every: timedelta) -> None:
        """So many of them, each complete before the next."""
        for _ in range(times):
            self.sends("CreateSnapshot", VolumeId=self.volume)
            self.cloud.ec2.create_snapshot(VolumeId=self.volume)
            self.cloud.clock.sleep(every.total_seconds())

    def verdict(self, fleet: DrawnFleet) -> str | None:
        return not_due(self.calls, [fleet], truth=self.cloud.truth, lasted=HOUR)


@pytest.fixture
def fleet() -> DrawnFleet:
    (first, *_) = drawn(0).fleets
    return replace(first, snapshots=KEPT)


def test_a_snapshot_every_ten_minutes_is_due(fleet: DrawnFleet) -> None:
    converged = Converged()
    converged.snapshots(6, every=10 * MINUTE)
    assert converged.verdict(fleet) is None


def test_one_every_five_is_not(fleet: DrawnFleet) -> None:
    converged = Converged()
    converged.snapshots(12, every=5 * MINUTE)
    assert "took 12 snapshots" in str(converged.verdict(fleet))


def test_no_snapshot_is_due_where_none_is_declared(fleet: DrawnFleet) -> None:
    converged = Converged()
    converged.sends("CreateSnapshot", VolumeId=converged.volume)
    assert "sent CreateSnapshot" in str(converged.verdict(replace(fleet, snapshots=None)))


def test_nothing_else_is_ever_due(fleet: DrawnFleet) -> None:
    converged = Converged()
    converged.sends("CreateTags")
    assert "sent CreateTags" in str(converged.verdict(fleet))


@pytest.mark.parametrize(
    ("age", "said"), [(20 * MINUTE, "after 0:20:00, kept are 0:30:00"), (31 * MINUTE, "None")]
)
def test_a_snapshot_is_due_to_go_when_its_time_is_over(
    age: timedelta, said: str, fleet: DrawnFleet
) -> None:
    converged = Converged()
    snapshot = converged.cloud.ec2.create_snapshot(VolumeId=converged.volume)["SnapshotId"]
    converged.cloud.clock.sleep(age.total_seconds())
    converged.sends("DeleteSnapshot", SnapshotId=snapshot)
    converged.cloud.ec2.delete_snapshot(SnapshotId=snapshot)
    assert str(converged.verdict(fleet)).endswith(said)


@pytest.mark.parametrize(
    ("kept_for", "allowed"), [(-MINUTE, True), (MINUTE, False), (None, False)], ids=str
)
def test_a_volume_is_deleted_only_when_its_date_is_over(
    fleet: DrawnFleet, kept_for: timedelta | None, *, allowed: bool
) -> None:
    converged = Converged()
    if kept_for is not None:
        until = f"{converged.cloud.clock.now() + kept_for:%Y-%m-%dT%H:%M:%SZ}"
        tags = [{"Key": "fleet-reconciler:quarantine-until", "Value": until}]
        converged.cloud.ec2.create_tags(Resources=[converged.volume], Tags=tags)
    converged.sends("DeleteVolume", VolumeId=converged.volume)
    converged.cloud.ec2.delete_volume(VolumeId=converged.volume)
    assert (converged.verdict(fleet) is None) is allowed
