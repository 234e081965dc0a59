"""Dates of snapshots: staggered by the slot's name, the same after every restart, and named once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.planning.actions import SlotRef
from reconciler.planning.backups.schedule import last_due, named_date, phase_of
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.resources import NOW, slot

intervals = st.sampled_from((5 * MINUTE, 7 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY))
slots = st.integers(0, 500).map(lambda ordinal: slot(f"shared-postgres/{ordinal}"))
instants = st.integers(0, 400_000).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(slots, intervals, instants)
def test_the_newest_date_is_within_the_last_interval(
    ref: SlotRef, every: timedelta, now: datetime
) -> None:
    assert timedelta() <= now - last_due(ref, every, now) < every


@given(slots, intervals, instants)
def test_dates_are_exactly_one_interval_apart(
    ref: SlotRef, every: timedelta, now: datetime
) -> None:
    assert last_due(ref, every, now + every) - last_due(ref, every, now) == every


def test_slots_are_spread_over_the_interval() -> None:
    phases = [phase_of(slot(f"shared-postgres/{n}"), HOUR) for n in range(600)]
    by_ten_minutes = Counter(phase // (10 * MINUTE) for phase in phases)
    assert set(by_ten_minutes) == set(range(6))
    assert max(by_ten_minutes.values()) < 150


def test_a_date_keeps_its_name_for_an_hour_and_then_takes_that_of_the_hour() -> None:
    assert named_date(NOW, NOW) == NOW
    assert named_date(NOW, NOW + HOUR - timedelta(seconds=1)) == NOW
    assert named_date(NOW, NOW + HOUR) == NOW + HOUR
    assert named_date(NOW, NOW + 5 * HOUR + MINUTE) == NOW + 5 * HOUR
