"""The oracles of archives speak when their rules are broken, and are silent of what is in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.errors import EndpointUnreachable
from providers.simulated.archives import BASE_TAKES, SimulatedBucket
from providers.simulated.faults import Meddling
from providers.simulated.records import Io
from tests.simulation.archives import UnreliableBucket, archives_to
from tests.simulation.oracles.archives import READ_WITHIN
from tests.simulation.reckless import MINUTE, US, Scene
from tests.simulation.run import make_empty_store
from tests.support.resources import NOW

ARCHIVED = 2 * BASE_TAKES


class Archiving(Scene):
    """Databases that archive wherever they run, under the incarnation of their tags."""

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self.cloud.archiving.start(lambda item: archives_to(item, owner=US, archived={"db"}))

    def said(self, rule: str) -> list[str]:
        return [item.what for item in self.watch.breaches if item.rule == rule]


@pytest.fixture
def archiving(tmp_path: Path) -> Archiving:
    return Archiving(make_empty_store(tmp_path / "store.sqlite3"))


def test_nothing_is_said_of_a_replay_of_what_the_slot_wrote_last(archiving: Archiving) -> None:
    first = archiving.launches()
    archiving.cloud.clock.sleep(ARCHIVED.total_seconds())
    archiving.cloud.make_sick(archiving.data_of(first), Io.STALLED)
    archiving.launches(incarnation=2, role="replacement", replays=1)
    archiving.watch.end()
    assert archiving.said("S4") == archiving.said("S6") == archiving.said("S7") == []


def test_s7_a_replay_of_an_archive_without_a_base(archiving: Archiving) -> None:
    archiving.launches()
    archiving.launches(incarnation=2, role="replacement", replays=1)
    assert "which holds no base" in archiving.said("S7")[0]


def test_s7_a_replay_of_an_archive_that_was_never_written(archiving: Archiving) -> None:
    archiving.launches(incarnation=2, role="replacement", replays=1)
    assert "which holds no base" in archiving.said("S7")[0]


def test_s7_a_replay_of_an_archive_after_which_another_was_written(archiving: Archiving) -> None:
    archiving.launches()
    archiving.cloud.clock.sleep(ARCHIVED.total_seconds())
    archiving.launches(incarnation=2)
    archiving.cloud.clock.sleep((ARCHIVED + READ_WITHIN).total_seconds())
    archiving.launches(incarnation=3, role="replacement", replays=1)
    assert "though 2 has one" in archiving.said("S7")[0]


def test_s7_says_nothing_of_an_older_archive_while_most_reads_fail(archiving: Archiving) -> None:
    archiving.launches()
    archiving.cloud.clock.sleep(ARCHIVED.total_seconds())
    archiving.launches(incarnation=2)
    archiving.cloud.clock.sleep((ARCHIVED + READ_WITHIN).total_seconds())
    archiving.watch.ledger.archives_unread_until = archiving.cloud.clock.now() - READ_WITHIN / 2
    archiving.launches(incarnation=3, role="replacement", replays=1)
    assert archiving.said("S7") == []


def test_s6_two_instances_that_write_one_archive(archiving: Archiving) -> None:
    archiving.launches()
    archiving.launches()
    archiving.cloud.clock.sleep((5 * MINUTE).total_seconds())
    archiving.watch.end()
    assert "db/0/1 was written by i-" in archiving.said("S6")[0]


def test_s8_says_nothing_of_the_end_of_what_was_replayed_onto_and_not_needed(
    archiving: Archiving,
) -> None:
    archiving.launches()
    archiving.cloud.clock.sleep(ARCHIVED.total_seconds())
    spare = archiving.launches(incarnation=2, role="replacement", replays=1)
    assert archiving.deletes_volume(archiving.data_of(spare)) == []


def test_s8_an_empty_volume_that_is_deleted_though_nothing_was_to_be_replayed_onto_it(
    archiving: Archiving,
) -> None:
    spare = archiving.launches(role="replacement")
    (said,) = archiving.deletes_volume(archiving.data_of(spare))
    assert "of no snapshot and no archive" in said


def test_s8_a_volume_that_somebody_has_just_put_on_the_holder_says_nothing_of_it_yet(
    archiving: Archiving,
) -> None:
    holder, other = archiving.launches(), archiving.launches(incarnation=2, role="replacement")
    stuck = archiving.data_of(other)
    archiving.cloud.make_sick(stuck, Io.STALLED)
    archiving.cloud.ec2.terminate_instances(InstanceIds=[other])
    archiving.cloud.clock.sleep(3_600)
    archiving.cloud.by_hand(Meddling.ATTACH, stuck)
    archiving.snapshots(archiving.data_of(holder))
    assert archiving.said("S8") == []


def test_only_databases_of_ours_that_are_declared_so_archive(archiving: Archiving) -> None:
    ours, theirs = archiving.launches(), archiving.launches(owner="another")
    known = archiving.cloud.truth.instances
    assert archives_to(known[ours], owner=US, archived={"db"}) == "db/0/1"
    assert archives_to(known[ours], owner=US, archived={"web"}) is None
    assert archives_to(known[theirs], owner=US, archived={"db"}) is None


def test_which_reads_fail_does_not_depend_on_who_reads_first() -> None:
    def answered(places: list[str]) -> dict[str, bool]:
        bucket = UnreliableBucket(SimulatedBucket(), seed=7, now=lambda: NOW, fails=lambda: 0.5)
        return {place: _answers(bucket, place) for place in places}

    places = [f"db/{number}/" for number in range(40)]
    assert answered(places) == answered(places[::-1])
    assert set(answered(places).values()) == {True, False}


def _answers(bucket: UnreliableBucket, place: str) -> bool:
    try:
        bucket.objects_under("backups", place)
    except EndpointUnreachable:
        return False
    return True
