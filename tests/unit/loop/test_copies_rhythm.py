"""Other regions are looked at every five minutes, each by itself; one that does not answer is a gap of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import Fleet
from providers.observed import Gap, GapSubject, Observation
from reconciler.loop.copies_rhythm import CopiesRhythm, with_copies
from reconciler.loop.snapshot_rhythm import AGAIN_AFTER, READ_EVERY
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import Memory
from tests.support.backed_up import databases
from tests.support.cases import CELL
from tests.support.copied import ELSEWHERE, copied_databases, copying, with_snapshot
from tests.support.fleets import SECOND, desired
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import NOW, OWNER

REFUSED = Gap(subject=GapSubject.COPIES, zone=ELSEWHERE, code="AuthFailure", detail="not enabled")


class Looking:
    """One cell with a copy elsewhere, looked at again and again."""

    def __init__(self, *fleets: Fleet) -> None:
        self.fleets = fleets
        self.clock = ManualClock(instant=NOW)
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        self.rhythm = CopiesRhythm()
        self.scene, snapshot = with_snapshot()
        self.copy = self.scene.copied(snapshot)
        self.cloud.world.backups.elsewhere[ELSEWHERE] = {self.copy.id: self.copy}
        self.memory = Memory()

    def look(self, *, after: timedelta = timedelta()) -> Observation:
        self.clock.advance(after)
        return with_copies(
            replace(self.scene.observation(), copies={}, calls={}),
            cloud=self.cloud,
            rhythm=self.rhythm,
            desired=desired(*self.fleets),
            memory=self.memory,
            owner=OWNER,
            now=self.clock.now(),
        )

    @property
    def reads(self) -> int:
        return sum(call.operation == "ObserveCopies" for call in self.cloud.calls)


def test_where_no_claim_names_a_region_none_is_asked() -> None:
    looking = Looking(databases())
    assert looking.look().copies == {}
    assert looking.reads == 0


def test_a_fleet_of_another_cell_does_not_count() -> None:
    fleet = copied_databases()
    away = replace(fleet, placement=replace(fleet.placement, region="ap-south-1"))
    assert Looking(away).look().copies == {}


def test_a_region_is_looked_at_at_once_and_then_every_five_minutes() -> None:
    looking = Looking(copied_databases())
    first = looking.look()
    assert set(first.copies[ELSEWHERE].snapshots) == {looking.copy.id}
    assert first.calls == {"DescribeSnapshots": 1}
    assert looking.look(after=READ_EVERY - SECOND).calls == {}
    looking.look(after=SECOND)
    assert looking.reads == 2


def test_between_two_looks_everything_stays_the_same_object() -> None:
    looking = Looking(copied_databases())
    first = looking.look()
    assert looking.look(after=SECOND).copies is first.copies
    again = looking.look(after=READ_EVERY)
    assert again.copies[ELSEWHERE].snapshots[looking.copy.id] is looking.copy


def test_what_fails_there_is_a_gap_of_that_region_beside_what_was_last_seen() -> None:
    looking = Looking(copied_databases())
    looking.look()
    looking.cloud.copy_gap = REFUSED
    seen = looking.look(after=READ_EVERY)
    assert seen.gaps == (REFUSED,)
    assert set(seen.copies[ELSEWHERE].snapshots) == {looking.copy.id}
    assert seen.complete
    looking.cloud.copy_gap = None
    assert looking.look(after=AGAIN_AFTER - SECOND).gaps == (REFUSED,)
    assert looking.look(after=SECOND).gaps == ()


def test_a_region_that_was_never_read_shows_nothing() -> None:
    looking = Looking(copied_databases())
    looking.cloud.copy_gap = REFUSED
    assert looking.look().copies == {}


def test_a_region_is_looked_at_until_a_call_to_it_is_settled() -> None:
    looking = Looking(databases())
    scene, action = copying()
    intent = scene.began(action, state=IntentState.ACCEPTED)
    looking.memory = replace(Memory(), open_intents=(intent,))
    assert set(looking.look().copies) == {ELSEWHERE}
    looking.memory = Memory()
    assert looking.look(after=SECOND).copies == {}
