"""A list that fails as a whole is read of the zones that answer, for as many calls as one list takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from providers.ec2.reading_by_zone import ReadingByZone
from providers.ec2.zones_left_out import ASKED_AGAIN_EVERY, Failure, ZonesLeftOut
from providers.errors import CloudError, RetryClass
from providers.observed import GapSubject, Zone
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import NOW

ZONES = {
    f"use1-az{number}": Zone(id=f"use1-az{number}", name=f"us-east-1{name}", state="available")
    for number, name in enumerate("abcd", start=1)
}
NAMES = {zone.name: zone.id for zone in ZONES.values()}
EVERYWHERE = frozenset(ZONES)
PASS = 15 * SECOND


@dataclass(slots=True)
class Spare:
    """So many calls to spare."""

    left: int = 100

    def count(self) -> None:
        """Nothing is added up here."""

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


@dataclass(slots=True)
class Region:
    """A list with an item for each zone; it fails as soon as it is to hold one of a zone in trouble."""

    troubled: set[str] = field(default_factory=set)
    spare: Spare = field(default_factory=Spare)
    left_out: ZonesLeftOut = field(default_factory=ZonesLeftOut)
    now: datetime = NOW
    asked: list[frozenset[str]] = field(default_factory=list)
    gaps: dict[str | None, str] = field(default_factory=dict)

    def read(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        filters = {item["Name"]: item["Values"] for item in parameters.get("Filters", ())}
        names = filters.get("availability-zone", list(NAMES))
        zones = frozenset(NAMES[name] for name in names)
        self.asked.append(zones)
        if self.troubled & zones:
            raise CloudError(
                operation="List", code="Unavailable", message="", retry=RetryClass.TRANSIENT
            )
        return dict.fromkeys(zones, "read")

    def look(
        self, subject: GapSubject = GapSubject.INSTANCES, *, after: timedelta = PASS
    ) -> set[str]:
        """The zones that are seen a while later; `asked` and `gaps` tell of this look alone."""
        self.now += after
        self.asked, self.gaps = [], {}
        reading = ReadingByZone(
            subject=subject,
            read=self.read,
            filters=[],
            zones=ZONES,
            left_out=self.left_out,
            spare=self.spare,
            now=self.now,
            note=self._note,
        )
        return set(reading.everything())

    def _note(self, error: Failure, zone: str | None) -> None:
        self.gaps[zone] = str(error)


SICK = "use1-az2"
WELL = EVERYWHERE - {SICK}


def test_in_peace_the_whole_list_is_one_call() -> None:
    region = Region()
    assert region.look() == EVERYWHERE
    assert region.asked == [EVERYWHERE]
    assert region.gaps == {}


def test_once_it_is_known_which_zones_answer_they_are_one_call_together() -> None:
    region = Region(troubled={SICK})
    assert region.look() == WELL
    assert len(region.asked) == 1 + len(ZONES), "the whole, and each zone"
    assert region.gaps.keys() == {SICK}
    for _ in range(7):
        assert region.look() == WELL
        assert region.asked == [WELL]
        assert region.gaps.keys() == {SICK}


def test_a_zone_that_is_left_out_is_asked_again_now_and_then_and_comes_back_when_it_answers() -> (
    None
):
    region = Region(troubled={SICK})
    region.look()
    assert region.look(after=ASKED_AGAIN_EVERY) == WELL
    assert region.asked == [WELL, {SICK}]
    region.troubled.clear()
    assert region.look(after=MINUTE) == WELL
    assert region.look(after=MINUTE) == EVERYWHERE
    assert region.gaps == {}
    region.look()
    assert region.asked == [EVERYWHERE]


def test_zones_that_there_was_no_call_to_ask_are_gaps_and_asked_first_when_there_is() -> None:
    region = Region(troubled={"use1-az1"}, spare=Spare(left=2))
    assert region.look() == {SICK}
    assert region.gaps.keys() == {"use1-az1", "use1-az3", "use1-az4"}
    region.spare.left = 2
    assert region.look() == {SICK, "use1-az3", "use1-az4"}
    assert region.gaps.keys() == {"use1-az1"}


def test_without_a_call_to_spare_a_list_that_fails_is_one_call_and_one_gap() -> None:
    region = Region(troubled={SICK}, spare=Spare(left=0))
    for _ in range(5):
        assert region.look() == set()
        assert region.asked == [EVERYWHERE]
        assert region.gaps.keys() == {None}


def test_when_no_zone_answers_the_whole_list_is_asked_for_again() -> None:
    region = Region(troubled=set(EVERYWHERE))
    assert region.look() == set()
    assert region.gaps.keys() == {None}
    region.troubled.clear()
    assert region.look() == EVERYWHERE
    assert region.asked == [EVERYWHERE]


def test_what_one_list_learnt_of_a_zone_the_next_one_need_not_find_out() -> None:
    region = Region(troubled={SICK})
    region.look()
    assert region.look(GapSubject.VOLUMES, after=SECOND) == WELL
    assert region.asked == [EVERYWHERE, WELL]
    region.spare.left = 0
    assert region.look(GapSubject.STATUS_CHECKS, after=SECOND) == set()
    assert region.look(GapSubject.STATUS_CHECKS) == WELL, "it begins with those that answer"
    assert region.asked == [WELL]


def test_a_list_that_works_whole_leaves_nothing_out_for_what_another_has_learnt() -> None:
    region = Region(troubled={SICK})
    region.look()
    region.troubled.clear()
    assert region.look(GapSubject.VOLUMES) == EVERYWHERE
    assert region.gaps == {}


def test_trouble_that_moves_to_another_zone_is_found_out_anew() -> None:
    region = Region(troubled={SICK})
    region.look()
    region.troubled = {"use1-az4"}
    region.look()
    assert region.look(after=ASKED_AGAIN_EVERY) == EVERYWHERE - {"use1-az4"}
    assert region.gaps.keys() == {"use1-az4"}
