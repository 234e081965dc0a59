"""Archives are looked at every five minutes, and each minute where a slot is in trouble; a failed look is a gap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from desired_state.model import Fleet
from providers.observed import ArchiveList, Gap, GapSubject, Observation
from providers.observed_archives import ArchiveAddress, ArchiveHistory
from reconciler.loop.archive_rhythm import (
    IN_TROUBLE_EVERY,
    READ_AGAIN_AT_ONCE,
    READ_EVERY,
    ArchiveRhythm,
    NotReached,
    with_archives,
)
from tests.support.archived import archived_databases, url_of
from tests.support.backed_up import DATABASE, VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, desired, postgres_fleet
from tests.support.resources import NOW, volume_id

URL = url_of()


class Shelf:
    """Archives that hold nothing, and what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.failing: set[str] = set()

    def observe_archives(
        self, addresses: Iterable[ArchiveAddress], *, now: datetime
    ) -> ArchiveList:
        urls = [address.url for address in addresses]
        self.asked.append(urls)
        read = [url for url in urls if url not in self.failing]
        return ArchiveList(
            as_of=now,
            archives={url: ArchiveHistory(url=url, as_of=now) for url in read},
            gaps={url: _gap(url) for url in urls if url in self.failing},
            calls={"ListObjectsV2": len(urls)},
        )


def _gap(url: str) -> Gap:
    return Gap(subject=GapSubject.ARCHIVES, zone=None, code="AccessDenied", detail=url)


class Looking:
    """One cell, looked at again and again."""

    def __init__(self, fleet: Fleet | None = None, scene: Scene | None = None) -> None:
        self.fleets = (fleet or archived_databases(),)
        self.scene = scene or backed_up(self.fleets[0])
        self.now = NOW
        self.shelf = Shelf()
        self.rhythm = ArchiveRhythm()

    def look(self, *, after: timedelta = timedelta()) -> Observation:
        self.now += after
        return with_archives(
            replace(self.scene.observation(), calls={"DescribeVolumes": 1}),
            archives=self.shelf,
            rhythm=self.rhythm,
            desired=desired(*self.fleets),
            memory=self.scene.memory,
            now=self.now,
        )


def test_an_archive_is_read_at_once_and_then_every_five_minutes() -> None:
    looking = Looking()
    seen = looking.look()
    assert seen.archives[URL].as_of == NOW
    assert seen.calls == {"DescribeVolumes": 1, "ListObjectsV2": 1}
    between = looking.look(after=READ_EVERY - SECOND)
    assert between.archives[URL].as_of == NOW
    assert looking.look(after=SECOND).archives[URL].as_of == NOW + READ_EVERY
    assert looking.shelf.asked == [[URL], [URL]]


def test_the_archive_of_a_slot_in_trouble_is_read_each_minute() -> None:
    """What it got since the trouble began decides what is lost."""
    looking = Looking()
    looking.look()
    looking.scene.stalled(VOLUME, lasting=MINUTE)
    assert looking.look(after=IN_TROUBLE_EVERY).archives[URL].as_of == NOW + IN_TROUBLE_EVERY


def test_the_archive_of_a_slot_without_an_instance_is_read_each_minute() -> None:
    looking = Looking()
    looking.look()
    looking.scene.terminated(DATABASE)
    looking.look(after=IN_TROUBLE_EVERY)
    assert len(looking.shelf.asked) == 2


def test_an_archive_that_cannot_be_read_is_a_gap_beside_what_was_read_last() -> None:
    looking = Looking()
    looking.look()
    looking.shelf.failing.add(URL)
    seen = looking.look(after=READ_EVERY)
    assert seen.archives[URL].as_of == NOW, "as it was last read"
    assert [gap.code for gap in seen.gaps] == ["AccessDenied"]
    looking.shelf.failing.clear()
    assert looking.look(after=READ_EVERY - SECOND).gaps, "it is asked as often as one that can be"
    assert not looking.look(after=SECOND).gaps


def test_one_that_was_never_read_is_not_there_and_not_empty() -> None:
    looking = Looking()
    looking.shelf.failing.add(URL)
    seen = looking.look()
    assert seen.archives == {}
    assert seen.lacks(GapSubject.ARCHIVES) is not None


def test_a_pass_reads_only_so_many_again_the_longest_unread_first() -> None:
    count = READ_AGAIN_AT_ONCE + 5
    looking = Looking(archived_databases(replicas=count))
    looking.look()
    assert len(looking.shelf.asked[0]) == count, "what was never read is read at once"
    looking.look(after=READ_EVERY)
    looking.look(after=15 * SECOND)
    assert [len(urls) for urls in looking.shelf.asked] == [count, READ_AGAIN_AT_ONCE, 5]
    assert not set(looking.shelf.asked[1]) & set(looking.shelf.asked[2])


def test_slots_in_trouble_are_read_before_those_that_have_waited_longer() -> None:
    looking = Looking(archived_databases(replicas=READ_AGAIN_AT_ONCE + 5))
    looking.look()
    last = f"shared-postgres/{READ_AGAIN_AT_ONCE + 4}"
    looking.scene.stalled(volume_id(last), lasting=MINUTE)
    looking.look(after=READ_EVERY)
    assert looking.shelf.asked[-1][0] == url_of(last)


def test_a_cell_in_which_no_fleet_declares_an_archive_is_never_asked() -> None:
    looking = Looking(postgres_fleet())
    assert looking.look().archives == {}
    assert looking.shelf.asked == []


def test_what_is_no_longer_declared_is_forgotten() -> None:
    looking = Looking()
    looking.look()
    looking.fleets = (archived_databases(name="other-postgres"),)
    assert set(looking.look(after=SECOND).archives) == {url_of("other-postgres/0")}


def test_where_no_object_store_is_reached_each_archive_is_a_gap() -> None:
    seen = NotReached().observe_archives([ArchiveAddress(tool="wal-g", url=URL)], now=NOW)
    assert (seen.archives, seen.gaps[URL].subject) == ({}, GapSubject.ARCHIVES)


def test_what_is_wanted_is_told_again_only_when_something_changed() -> None:
    scene, rhythm = Looking().scene, ArchiveRhythm()
    observation, declared = scene.observation(), desired(*Looking().fleets)
    first = rhythm.wanted(observation, declared, scene.memory)
    assert rhythm.wanted(observation, declared, scene.memory) is first
    sick = replace(scene.memory, volumes=dict(scene.memory.volumes))
    assert rhythm.wanted(observation, declared, sick) is not first
