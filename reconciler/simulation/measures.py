"""What a record amounts to: pure arithmetic over what was down, waited for and called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from reconciler.simulation.record import Calls, Down, Replayed

ZERO = timedelta()
Point = tuple[timedelta, int]
"""From that time on, so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierMeasures:
    """How a tier came through. Times are from the beginning of the trouble until no more than that are down, for good;
    None when that never came.
    """

    tier: int | None
    """None: all of them together."""
    slots: int
    hit: int
    """Slots that were down at any time."""
    most_down: int
    half_back: timedelta | None
    nearly_back: timedelta | None
    """99 % of those that were hit."""
    all_back: timedelta | None
    hours_down: float
    """Slot-hours, to the end of the replay."""
    still_down: int


def measures_of(replayed: Replayed) -> tuple[TierMeasures, ...]:
    """Of each tier, and of all together at the end."""
    tiers = sorted(replayed.slots)
    whole = _measures(replayed, None, replayed.down, sum(replayed.slots.values()))
    return (
        *(
            _measures(
                replayed,
                tier,
                [item for item in replayed.down if item.tier == tier],
                replayed.slots[tier],
            )
            for tier in tiers
        ),
        whole,
    )


def _measures(
    replayed: Replayed, tier: int | None, down: Sequence[Down], slots: int
) -> TierMeasures:
    curve = curve_of(down)
    hit = len({item.slot for item in down})
    return TierMeasures(
        tier=tier,
        slots=slots,
        hit=hit,
        most_down=max((count for _, count in curve), default=0),
        half_back=for_good_at(curve, hit // 2),
        nearly_back=for_good_at(curve, hit // 100),
        all_back=for_good_at(curve, 0),
        hours_down=sum(
            ((item.until or replayed.lasted) - item.since) / timedelta(hours=1) for item in down
        ),
        still_down=sum(1 for item in down if item.until is None),
    )


def curve_of(down: Iterable[Down]) -> tuple[Point, ...]:
    """How many were down over time: a point for each change, the first at the first change."""
    steps: Counter[timedelta] = Counter()
    for item in down:
        steps[item.since] += 1
        if item.until is not None:
            steps[item.until] -= 1
    points, count = [], 0
    for at in sorted(steps):
        count += steps[at]
        points.append((at, count))
    return tuple(points)


def for_good_at(curve: Sequence[Point], most: int) -> timedelta | None:
    """From when on no more than that were down to the end; zero when there never were, None when there still are."""
    if curve and curve[-1][1] > most:
        return None
    above = [later for (_, count), (later, _) in pairwise(curve) if count > most]
    return above[-1] if above else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMeasures:
    """Calls of a part of the replay, and how many an hour that is."""

    all: int
    mutating: int
    failed: int
    hours: float

    @property
    def an_hour(self) -> float | None:
        """All calls, an hour; None when that part was not played."""
        return self.all / self.hours if self.hours else None

    @property
    def mutating_an_hour(self) -> float | None:
        """Calls that may change something, an hour; None when that part was not played."""
        return self.mutating / self.hours if self.hours else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParts:
    """The calls before the trouble, while the scenario lasted, and after its end."""

    before: CallMeasures
    during: CallMeasures
    after: CallMeasures


def calls_of(replayed: Replayed) -> CallParts:
    """Minutes are counted whole to the part in which they begin; the last one, which has not ended, to none."""
    minute = timedelta(minutes=1)
    end = replayed.trouble_lasts // minute
    first = min((item.minute for item in replayed.calls), default=0)
    last = max(end, replayed.lasted // minute)
    return CallParts(
        before=_calls((c for c in replayed.calls if c.minute < 0), -first / 60),
        during=_calls((c for c in replayed.calls if 0 <= c.minute < end), end / 60),
        after=_calls((c for c in replayed.calls if end <= c.minute < last), (last - end) / 60),
    )


def _calls(minutes: Iterable[Calls], hours: float) -> CallMeasures:
    found = list(minutes)
    return CallMeasures(
        all=sum(item.all for item in found),
        mutating=sum(item.mutating for item in found),
        failed=sum(item.failed for item in found),
        hours=hours,
    )


def came_through(replayed: Replayed) -> bool:
    """Everything is back, nothing was destroyed, and the controller did not stop."""
    back = all(item.until is not None for item in replayed.down)
    return back and not replayed.destroyed and replayed.stopped is None
