"""Replays of several seeds told as one: of times the median, of sums the mean; what must never be is added up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from statistics import fmean, median_low

from reconciler.simulation.measures import CallMeasures, TierMeasures, calls_of, measures_of
from reconciler.simulation.record import Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSummary:
    """One tier over all seeds; None for a time that did not come in at least half of them."""

    tier: int | None
    slots: int
    hit: float
    half_back: timedelta | None
    nearly_back: timedelta | None
    all_back: timedelta | None
    hours_down: float
    still_down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSummary:
    """Calls an hour, of all and of those that may change something, None for a part that was never played; and the sum
    of the latter over the trouble.
    """

    before: float | None
    during: float | None
    after: float | None
    mutating_before: float | None
    mutating_during: float | None
    mutating_after: float | None
    mutating: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSummary:
    """Restores of all seeds together: how many a seed, and the losses."""

    restores: float
    from_archives: float
    median_lost: timedelta | None
    most_lost: timedelta | None
    most_misstated: timedelta | None
    """The largest difference between the loss that was stated and the true one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSummary:
    """Questions a seed, how many of them were never answered, and how long the others took at the median."""

    asked: float
    open_to_the_end: float
    median_wait: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One policy on one kind of control plane, over its seeds."""

    policy: str
    saturation: bool
    replays: tuple[Replayed, ...]
    tiers: tuple[TierSummary, ...]
    calls: CallSummary
    restores: RestoreSummary
    approvals: ApprovalSummary
    launches: float
    destroyed: int
    stopped: int

    @property
    def name(self) -> str:
        """As a table or a legend names it."""
        return self.policy if self.saturation else f"{self.policy}, plane never saturates"


def summaries_of(replays: Iterable[Replayed]) -> tuple[Summary, ...]:
    """One for each policy and kind of control plane, in the order in which they were asked for."""
    by_kind = groupby(replays, key=lambda item: (item.policy, item.saturation))
    return tuple(
        _summary(policy, tuple(group), saturation=saturation)
        for (policy, saturation), group in by_kind
    )


def fewer_hours(first: Summary, second: Summary, tier: int | None) -> tuple[int, int]:
    """In how many seeds the first had fewer slot-hours down in that tier than the second, and how many there are."""
    hours = [_hours_by_seed(item, tier) for item in (first, second)]
    seeds = hours[0].keys() & hours[1].keys()
    return sum(hours[0][seed] < hours[1][seed] for seed in seeds), len(seeds)


def _hours_by_seed(summary: Summary, tier: int | None) -> dict[int, float]:
    return {
        replayed.seed: measures.hours_down
        for replayed in summary.replays
        for measures in measures_of(replayed)
        if measures.tier == tier
    }


def _summary(policy: str, replays: tuple[Replayed, ...], *, saturation: bool) -> Summary:
    measured = [measures_of(item) for item in replays]
    return Summary(
        policy=policy,
        saturation=saturation,
        replays=replays,
        tiers=tuple(_tier(list(of_tier)) for of_tier in zip(*measured, strict=True)),
        calls=_calls(replays),
        restores=_restores(replays),
        approvals=_approvals(replays),
        launches=fmean(item.launches for item in replays),
        destroyed=sum(len(item.destroyed) for item in replays),
        stopped=sum(item.stopped is not None for item in replays),
    )


def _tier(found: Sequence[TierMeasures]) -> TierSummary:
    return TierSummary(
        tier=found[0].tier,
        slots=found[0].slots,
        hit=fmean(item.hit for item in found),
        half_back=_median_or_never([item.half_back for item in found]),
        nearly_back=_median_or_never([item.nearly_back for item in found]),
        all_back=_median_or_never([item.all_back for item in found]),
        hours_down=fmean(item.hours_down for item in found),
        still_down=fmean(item.still_down for item in found),
    )


def _median_or_never(times: Sequence[timedelta | None]) -> timedelta | None:
    middle = median_low([timedelta.max if item is None else item for item in times])
    return None if middle == timedelta.max else middle


def _calls(replays: Sequence[Replayed]) -> CallSummary:
    parts = [calls_of(item) for item in replays]

    def mean(of: Iterable[CallMeasures], *, mutating: bool = False) -> float | None:
        rates = (item.mutating_an_hour if mutating else item.an_hour for item in of)
        played = [rate for rate in rates if rate is not None]
        return fmean(played) if played else None

    before, during, after = (
        [part.before for part in parts],
        [part.during for part in parts],
        [part.after for part in parts],
    )
    return CallSummary(
        before=mean(before),
        during=mean(during),
        after=mean(after),
        mutating_before=mean(before, mutating=True),
        mutating_during=mean(during, mutating=True),
        mutating_after=mean(after, mutating=True),
        mutating=fmean(item.mutating for item in during),
    )


def _restores(replays: Sequence[Replayed]) -> RestoreSummary:
    found = [item for replayed in replays for item in replayed.restores]
    lost = [item.lost for item in found if item.lost is not None]
    misstated = [
        abs(item.lost - item.stated)
        for item in found
        if item.lost is not None and item.stated is not None
    ]
    return RestoreSummary(
        restores=len(found) / len(replays),
        from_archives=sum(item.source == "archive" for item in found) / len(replays),
        median_lost=median_low(lost) if lost else None,
        most_lost=max(lost, default=None),
        most_misstated=max(misstated, default=None),
    )


def _approvals(replays: Sequence[Replayed]) -> ApprovalSummary:
    found = [item for replayed in replays for item in replayed.approvals]
    waits = [item.until - item.since for item in found if item.until is not None]
    return ApprovalSummary(
        asked=len(found) / len(replays),
        open_to_the_end=sum(item.until is None for item in found) / len(replays),
        median_wait=median_low(waits) if waits else None,
    )
