from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from reconciler.planning.actions import Bucket, Course, Gate, Reason, SlotRef
from reconciler.surface import words
from tests.support.resources import NOW, slot


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (timedelta(seconds=12.9), "12 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=4), "4 min"),
        (timedelta(minutes=9, seconds=20), "9 min 20 s"),
        (timedelta(minutes=42, seconds=59), "42 min"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(days=3), "3 d"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_a_duration_is_said_in_at_most_two_units(value: timedelta, said: str) -> None:
    assert words.duration(value) == said


def test_an_instant_is_said_in_utc_whatever_its_zone() -> None:
    berlin = timezone(timedelta(hours=2))
    at = datetime(2026, 4, 21, 14, 0, 0, 999_999, tzinfo=berlin)
    assert words.instant(at) == "2026-04-21T12:00:00Z"


def test_what_is_due_already_is_said_to_be_due() -> None:
    assert words.ahead(NOW, NOW) == "2026-04-21T12:00:00Z, now due"
    assert words.ahead(NOW + timedelta(minutes=4), NOW) == "2026-04-21T12:04:00Z, in 4 min"


def test_neighbouring_slots_are_drawn_together_only_when_none_between_is_missing() -> None:
    refs = [slot(f"web/{number}") for number in (5, 0, 1, 2, 4, 9)]
    assert words.slots(refs) == "web/0 … web/2, web/4, web/5, web/9"


def test_slots_of_two_fleets_never_make_one_run() -> None:
    refs = [SlotRef("api", 0), SlotRef("api", 1), SlotRef("web", 2), SlotRef("web", 3)]
    assert words.slots(refs) == "api/0, api/1, web/2, web/3"


def test_an_orphan_is_said_to_have_no_slot() -> None:
    assert words.slots([None]) == "no slot"


def test_every_reason_course_gate_and_bucket_has_words() -> None:
    assert set(words.REASONS) == set(Reason)
    assert set(words.COURSES) == set(Course)
    assert set(words.GATES) == set(Gate)
    assert set(words.BUCKETS) == set(Bucket)
