"""The oracles of copies speak when their rules are broken, by calls that no controller of ours makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from providers.simulated.faults import SnapshotSlow
from tests.simulation.oracles import tags as our
from tests.simulation.reckless import Scene
from tests.simulation.run import make_empty_store

ELSEWHERE = "eu-west-1"


class Copying(Scene):
    """A database with a snapshot, and whoever copies it."""

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self.there = self.cloud.ec2_in(ELSEWHERE)
        self.volume = self.data_of(self.launches())
        self.source = self.snapshot()

    def snapshot(self) -> str:
        return self.snapshot_of(self.volume)

    def snapshot_of(self, volume: str) -> str:
        made = self.snapshots(volume)
        self.cloud.clock.sleep(600)
        return made

    def copies(self, source: str, **tags: str) -> str:
        """That snapshot is copied under the tags of its slot, but for those given."""
        own: dict[str, str] = {
            our.OWNER: self.watch.ledger.owner,
            our.FLEET: "db",
            our.SLOT: "0",
            our.CLAIM: "data",
            our.COPIED_FROM: source,
        }
        given = {getattr(our, name.upper()): value for name, value in tags.items()}
        items = [{"Key": key, "Value": value} for key, value in (own | given).items()]
        reply: Any = self.there.copy_snapshot(
            SourceRegion="us-east-1",
            SourceSnapshotId=source,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": items}],
        )
        return str(reply["SnapshotId"])

    def said(self, rule: str) -> list[str]:
        return [item.what for item in self.watch.breaches if item.rule == rule]


@pytest.fixture
def copying(tmp_path: Path) -> Copying:
    return Copying(make_empty_store(tmp_path / "store.sqlite3"))


def test_nothing_is_said_of_a_copy_that_is_made_and_of_an_older_one_that_goes(
    copying: Copying,
) -> None:
    older = copying.copies(copying.source)
    copying.cloud.clock.sleep(1_800)
    copying.copies(copying.snapshot())
    copying.cloud.clock.sleep(1_800)
    copying.there.delete_snapshot(SnapshotId=older)
    assert copying.said("S7") == []
    assert copying.said("S8") == []


def test_s7_a_copy_under_another_slot_or_of_another_source(copying: Copying) -> None:
    copying.copies(copying.source, slot="1")
    assert "as that of db/1" in copying.said("S7")[0]
    copying.copies(copying.source, copied_from="snap-0")
    assert "as another snapshot" in copying.said("S7")[1]


def test_s8_a_second_copy_beside_one_that_is_pending(copying: Copying) -> None:
    copying.cloud.add_fault(SnapshotSlow())
    copying.copies(copying.source)
    copying.cloud.clock.sleep(900)
    copying.copies(copying.source)
    assert "is pending" in copying.said("S8")[0]


def test_s8_the_newest_good_copy_is_deleted(copying: Copying) -> None:
    copying.copies(copying.source)
    copying.cloud.clock.sleep(1_800)
    newest = copying.copies(copying.snapshot())
    copying.cloud.clock.sleep(1_800)
    copying.there.delete_snapshot(SnapshotId=newest)
    assert "the newest good copy" in copying.said("S8")[0]


def test_s8_a_copy_of_what_was_before_a_replay_may_go_once_what_came_after_it_is_there(
    copying: Copying,
) -> None:
    older = copying.copies(copying.source)
    replayed_onto = copying.data_of(copying.launches(incarnation=2, replays=1))
    copying.cloud.clock.sleep(1_800)
    copying.copies(copying.snapshot_of(replayed_onto))
    copying.cloud.clock.sleep(1_800)
    copying.there.delete_snapshot(SnapshotId=older)
    assert copying.said("S8") == []


def test_s8_a_copy_that_is_deleted_while_it_is_pending(copying: Copying) -> None:
    copying.there.delete_snapshot(SnapshotId=copying.copies(copying.source))
    assert "while it was pending" in copying.said("S8")[0]
