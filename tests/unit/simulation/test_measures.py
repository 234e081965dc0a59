"""What a record amounts to, by hand and by arithmetic."""

from __future__ import annotations

from datetime import timedelta

from reconciler.simulation.measures import calls_of, came_through, curve_of, measures_of
from reconciler.simulation.record import Calls, Lost
from tests.support.fleets import HOUR, MINUTE
from tests.support.replayed import down, replayed


def test_a_curve_has_a_point_for_each_change() -> None:
    found = curve_of([down("a/0", 1, 3), down("a/1", 1, 2), down("a/2", 2, None)])

    assert found == ((1 * HOUR, 2), (2 * HOUR, 2), (3 * HOUR, 1))


def test_half_is_back_when_no_more_than_half_of_those_that_were_hit_are_down_for_good() -> None:
    first, *_ = measures_of(
        replayed(down("a/0", 0, 1), down("a/1", 0, 2), down("a/2", 0, 5), down("a/3", 0, 6))
    )

    assert (first.hit, first.most_down) == (4, 4)
    assert first.half_back == 2 * HOUR
    assert first.nearly_back == first.all_back == 6 * HOUR


def test_a_slot_that_falls_again_was_not_back_for_good() -> None:
    first, *_ = measures_of(replayed(down("a/0", 0, 1), down("a/0", 4, 5)))

    assert (first.hit, first.all_back) == (1, 5 * HOUR)
    assert first.hours_down == 2


def test_what_stays_down_is_never_back_and_counts_to_the_end() -> None:
    first, *_ = measures_of(replayed(down("a/0", 2, None)))

    assert first.all_back is None
    assert first.hours_down == 10
    assert first.still_down == 1
    assert not came_through(replayed(down("a/0", 2, None)))


def test_a_tier_that_was_not_hit_was_back_from_the_beginning() -> None:
    _, second, whole = measures_of(replayed(down("a/0", 0, 1)))

    assert (second.tier, second.hit, second.all_back) == (1, 0, timedelta())
    assert (whole.tier, whole.slots, whole.hit) == (None, 20, 1)


def test_calls_are_told_before_during_and_after_the_trouble() -> None:
    calls = [Calls(minute=-2, all=6, mutating=0, failed=0)]
    calls += [Calls(minute=n, all=10, mutating=2, failed=5) for n in range(600)]
    calls += [Calls(minute=600, all=3, mutating=1, failed=0)]
    begun = Calls(minute=602, all=99, mutating=99, failed=99)

    parts = calls_of(replayed(calls=(*calls, begun), lasted=10 * HOUR + 2.5 * MINUTE))

    assert (parts.before.all, parts.before.an_hour) == (6, 6 * 30)
    assert (parts.during.mutating, parts.during.mutating_an_hour) == (1_200, 120)
    assert (parts.after.all, parts.after.an_hour) == (3, 3 * 30)


def test_a_part_that_was_not_played_has_no_calls_an_hour() -> None:
    parts = calls_of(replayed(calls=(), lasted=10 * HOUR + MINUTE / 4))

    assert (parts.before.an_hour, parts.after.an_hour) == (None, None)
    assert (parts.before.mutating_an_hour, parts.after.mutating_an_hour) == (None, None)
    assert parts.during.an_hour == 0


def test_whoever_destroyed_something_did_not_come_through() -> None:
    lost = Lost(at=HOUR, slot="a/0", resource_id="vol-1", why="it was the only copy")

    assert came_through(replayed(down("a/0", 0, 1)))
    assert not came_through(replayed(destroyed=(lost,)))
    assert not came_through(replayed(stopped="the plan broke a rule"))
