"""Snapshots are looked at every five minutes, where any are declared; a look that fails is a gap until the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import Fleet
from providers.observed import Gap, GapSubject, Observation
from reconciler.loop.snapshot_rhythm import (
    AGAIN_AFTER,
    READ_EVERY,
    SnapshotRhythm,
    with_snapshots,
)
from reconciler.planning.memory import Memory
from tests.support.backed_up import VOLUME, backed_up, databases
from tests.support.cases import CELL, Scene
from tests.support.fleets import HOUR, SECOND, desired, postgres_fleet, web_fleet
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import NOW, OWNER

FAILED = Gap(subject=GapSubject.SNAPSHOTS, zone=None, code="RequestLimitExceeded", detail="busy")


class Looking:
    """One cell, looked at again and again."""

    def __init__(self, *fleets: Fleet, scene: Scene | None = None) -> None:
        self.fleets = fleets
        self.clock = ManualClock(instant=NOW)
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        self.rhythm = SnapshotRhythm()
        self.scene = scene or backed_up()
        self.memory: Memory = self.scene.memory
        self.cloud.world.backups.by_id.update(self.scene.snapshots)

    def look(self, *, after: timedelta = timedelta()) -> Observation:
        self.clock.advance(after)
        bare = replace(
            self.scene.observation(),
            calls={"DescribeVolumes": 1},
            snapshots={},
            snapshots_as_of=None,
        )
        return with_snapshots(
            bare,
            cloud=self.cloud,
            rhythm=self.rhythm,
            desired=desired(*self.fleets),
            memory=self.memory,
            owner=OWNER,
            now=self.clock.now(),
        )

    @property
    def reads(self) -> int:
        return sum(call.operation == "ObserveSnapshots" for call in self.cloud.calls)


def test_a_cell_without_declared_snapshots_is_never_asked() -> None:
    looking = Looking(web_fleet(), postgres_fleet())
    seen = looking.look()
    assert looking.cloud.calls == []
    assert (seen.snapshots_as_of, seen.calls) == (None, {"DescribeVolumes": 1})


def test_a_fleet_of_another_region_does_not_count() -> None:
    fleet = databases()
    elsewhere = replace(fleet, placement=replace(fleet.placement, region="eu-west-1"))
    looking = Looking(elsewhere)
    assert looking.look().snapshots_as_of is None
    assert looking.reads == 0


def test_the_list_is_read_once_in_five_minutes_and_says_when() -> None:
    looking = Looking(databases())
    first = looking.look()
    between = looking.look(after=READ_EVERY - SECOND)
    assert (looking.reads, between.snapshots_as_of) == (1, NOW)
    assert first.calls == {"DescribeVolumes": 1, "DescribeSnapshots": 1}
    assert between.calls == {"DescribeVolumes": 1}
    again = looking.look(after=SECOND)
    assert (looking.reads, again.snapshots_as_of) == (2, NOW + READ_EVERY)


def test_a_list_that_fails_is_a_gap_and_asked_for_again_after_a_minute() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR)
    looking = Looking(databases(), scene=scene)
    whole = looking.look()
    looking.cloud.snapshot_gap = FAILED
    failed = looking.look(after=READ_EVERY)
    assert failed.lacks(GapSubject.SNAPSHOTS) == FAILED
    assert failed.snapshots == whole.snapshots
    assert failed.snapshots_as_of == NOW
    assert looking.look(after=AGAIN_AFTER - SECOND).lacks(GapSubject.SNAPSHOTS) == FAILED
    assert looking.reads == 2
    looking.cloud.snapshot_gap = None
    assert looking.look(after=SECOND).gaps == ()
    assert looking.reads == 3


def test_a_list_that_goes_on_failing_is_asked_for_no_more_often_than_one_that_does_not() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR)
    looking = Looking(databases(), scene=scene)
    looking.cloud.snapshot_gap = FAILED
    looking.look()
    looking.look(after=AGAIN_AFTER)
    assert looking.reads == 2
    looking.look(after=READ_EVERY - SECOND)
    assert looking.reads == 2, "the second failure waits like a success"
    looking.look(after=SECOND)
    assert looking.reads == 3
    looking.look(after=READ_EVERY - SECOND)
    assert looking.reads == 3


def test_what_did_not_change_is_the_same_object() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR)
    changes = scene.snapshot(VOLUME, ago=2 * HOUR)
    looking = Looking(databases(), scene=scene)
    first = looking.look().snapshots
    looking.cloud.world.backups.by_id.update(
        {key: replace(item) for key, item in scene.snapshots.items()}
    )
    looking.cloud.world.backups.by_id[changes.id] = replace(changes, progress="12%")
    second = looking.look(after=READ_EVERY).snapshots
    same = {key for key in first if first[key] is second[key]}
    assert same == set(first) - {changes.id}


def test_those_of_a_volume_that_is_gone_are_still_read() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=HOUR, ours=False)
    del scene.volumes[VOLUME]
    looking = Looking(databases(), scene=scene)
    assert len(looking.look().snapshots) == 1
