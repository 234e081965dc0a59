"""From the outcomes of our own calls to breakers: what each zone's control plane can do (design section 7.3).

judge_capabilities    a breaker for each zone and kind (breaker), beside the `describe` breakers that it is handed
shortages             launches refused everywhere at once: that is the control plane, and no zone
api_trouble           when everything has to slow down
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from desired_state.safety import BreakerRules
from reconciler.health.breaker import MINUTE, Breaker, Told, Trouble, told_of
from reconciler.health.capabilities import (
    BreakerState,
    CallOutcome,
    CallResult,
    Capabilities,
    Capability,
    CapabilityKind,
)

THROTTLES_COUNT_FOR = timedelta(minutes=2)
TROUBLE_FROM_CALLS = 5
TROUBLE_PERCENT = 50
ZONES_AND_TYPES = 2
"""Refused in so many of each, by throttles as well as for want of capacity, launches fail everywhere."""
REFILL_PER_MINUTE = {
    CapabilityKind.LAUNCH: 120,
    CapabilityKind.VOLUME: 300,
    CapabilityKind.SNAPSHOT: 300,
}
"""Of EC2's buckets of requests, each 2 or 5 a second (EC2 developer guide, request throttling)."""

_Key = tuple[str, CapabilityKind]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """All that the outcomes say, whatever the time is; the next pass uses it again while they are the same."""

    outcomes: tuple[CallOutcome, ...]
    zones: frozenset[str]
    rules: BreakerRules
    usual_per_minute: float | None
    breakers: Mapping[_Key, tuple[Breaker, Told]]
    shortages: tuple[Trouble, ...]
    lately: tuple[CallOutcome, ...]
    """By when they began."""
    began: tuple[datetime, ...]
    throttled_at: tuple[datetime, ...]


def judge_capabilities(
    outcomes: tuple[CallOutcome, ...],
    reads: Mapping[str, Capability],
    zones: Iterable[str],
    rules: BreakerRules | None,
    now: datetime,
    *,
    usual_per_minute: float | None = None,
) -> Capabilities:
    """Every breaker of the cell. `reads` are the `describe` breakers by zone; without rules everything works.

    `usual_per_minute` is the usual pace of launches, None where it is not bounded.
    """
    fold = fold_outcomes(outcomes, zones, rules, usual_per_minute)
    return capabilities_at(fold, reads, now)


def fold_outcomes(
    outcomes: tuple[CallOutcome, ...],
    zones: Iterable[str],
    rules: BreakerRules | None,
    usual_per_minute: float | None,
    last: Fold | None = None,
) -> Fold | None:
    """What the outcomes come to; the `last` fold where they are the same. None without rules."""
    if rules is None:
        return None
    known = frozenset(zones)
    if (
        last is not None
        and last.outcomes is outcomes
        and (last.zones, last.rules, last.usual_per_minute) == (known, rules, usual_per_minute)
    ):
        return last
    against = any(_speaks_against(item) for item in outcomes)
    shortages = shortages_of(outcomes, rules) if against else ()
    lately = sorted(outcomes, key=lambda item: item.began_at)
    return Fold(
        outcomes=outcomes,
        zones=known,
        rules=rules,
        usual_per_minute=usual_per_minute,
        breakers=_fold_zones(outcomes, shortages, known, rules, usual_per_minute)
        if against
        else {},
        shortages=shortages,
        lately=tuple(lately),
        began=tuple(item.began_at for item in lately),
        throttled_at=tuple(sorted(item.known_at for item in outcomes if item.throttled)),
    )


def capabilities_at(
    fold: Fold | None, reads: Mapping[str, Capability], now: datetime
) -> Capabilities:
    """How everything stands at that instant."""
    if fold is None:
        return Capabilities()
    of_zones = {(zone, CapabilityKind.DESCRIBE): item for zone, item in reads.items()}
    of_zones |= {key: breaker.as_of(now, told) for key, (breaker, told) in fold.breakers.items()}
    window = fold.lately[bisect_left(fold.began, now - fold.rules.window) :]
    throttled_since = bisect_right(fold.throttled_at, now - THROTTLES_COUNT_FOR)
    return Capabilities(
        of_zones=of_zones,
        launch_open_everywhere=_open_everywhere(fold.shortages, of_zones),
        api_trouble=_api_trouble(window, reads, fold),
        throttles=len(fold.throttled_at) - throttled_since,
        probes_left=_probes_left(fold.outcomes, of_zones, fold.rules, now),
    )


def _speaks_against(outcome: CallOutcome) -> bool:
    return outcome.result is CallResult.FAILED or outcome.short or outcome.throttled


def _fold_zones(
    outcomes: Sequence[CallOutcome],
    shortages: Sequence[Trouble],
    zones: frozenset[str],
    rules: BreakerRules,
    usual_per_minute: float | None,
) -> dict[_Key, tuple[Breaker, Told]]:
    calls: defaultdict[_Key, list[CallOutcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda item: (item.known_at, item.operation_id)):
        if outcome.kind is not None:
            calls[outcome.zone, outcome.kind].append(outcome)
    for zone in sorted(zones) if shortages else ():
        calls.setdefault((zone, CapabilityKind.LAUNCH), [])
    folded = {}
    for (zone, kind), own in calls.items():
        troubles = shortages if kind is CapabilityKind.LAUNCH else ()
        if troubles or any(_speaks_against(item) for item in own):
            breaker = _breaker_for(kind, own, rules, usual_per_minute)
            _fold(breaker, own, troubles)
            folded[zone, kind] = (breaker, told_of(kind, zone, own))
    return folded


def _breaker_for(
    kind: CapabilityKind,
    calls: Sequence[CallOutcome],
    rules: BreakerRules,
    usual_per_minute: float | None,
) -> Breaker:
    minutes = rules.ramp_round / MINUTE
    bucket = REFILL_PER_MINUTE[kind] * minutes * rules.ramp_bucket_percent / 100
    usual = bucket if usual_per_minute is None else min(bucket, usual_per_minute * minutes)
    began = {item.operation_id: item.began_at for item in calls}
    return Breaker(
        rules=rules,
        most=min(bucket, max(1.0, usual * rules.ramp_most)),
        usual=usual,
        begun=sorted(began.values()),
    )


def _fold(breaker: Breaker, calls: Sequence[CallOutcome], troubles: Sequence[Trouble]) -> None:
    ahead = deque(troubles)
    for outcome in calls:
        while ahead and ahead[0].at < outcome.known_at:
            breaker.trouble(ahead.popleft())
        breaker.take(outcome)
    for trouble in ahead:
        breaker.trouble(trouble)


# The whole region


def shortages_of(outcomes: Sequence[CallOutcome], rules: BreakerRules) -> tuple[Trouble, ...]:
    """When launches were refused by throttles and for want of capacity, both in two zones and over the types.

    So it looked in October 2025: neither was what it said, the control plane was down.
    """
    launches = sorted(
        (item for item in outcomes if item.kind is CapabilityKind.LAUNCH),
        key=lambda item: (item.known_at, item.operation_id),
    )
    window: deque[CallOutcome] = deque()
    found = []
    for launch in launches:
        window.append(launch)
        while window[0].known_at <= launch.known_at - rules.window:
            window.popleft()
        if (launch.throttled or launch.short) and _is_short_everywhere(window, rules):
            zones = {item.zone for item in window if item.throttled or item.short}
            why = f"throttled and without capacity in {', '.join(sorted(zones))} at once"
            found.append(Trouble(at=launch.known_at, reason=why))
    return tuple(found)


def _is_short_everywhere(window: Iterable[CallOutcome], rules: BreakerRules) -> bool:
    launches = [item for item in window if item.result is not CallResult.WAITING]
    throttled = [item for item in launches if item.throttled]
    short = [item for item in launches if item.short]
    refused = len(throttled) + len(short)
    if not throttled or not short or 100 * refused < rules.percent * len(launches):
        return False
    types, tried = {item.type for item in short}, {item.type for item in launches}
    return (
        len({item.zone for item in throttled}) >= ZONES_AND_TYPES
        and len({item.zone for item in short}) >= ZONES_AND_TYPES
        and (len(types) >= ZONES_AND_TYPES or types >= tried)
    )


def _open_everywhere(
    shortages: Sequence[Trouble], breakers: Mapping[_Key, Capability]
) -> str | None:
    """Why launches fail in the whole region, for as long as that has not proved wrong in any zone."""
    launching = [item for (_, kind), item in breakers.items() if kind is CapabilityKind.LAUNCH]
    if not shortages or any(item.state is BreakerState.CLOSED for item in launching):
        return None
    return f"launches are {shortages[-1].reason}"


def _api_trouble(
    window: Iterable[CallOutcome], reads: Mapping[str, Capability], fold: Fold
) -> str | None:
    """Of the calls begun within the window, those that had an answer or will hardly get one."""
    blind = {zone for zone, item in reads.items() if item.state is not BreakerState.CLOSED}
    if blind and blind.issuperset(fold.zones | reads.keys()):
        return "nothing can be read in any zone"
    calls = {item.operation_id: item for item in window if item.fault or not item.unanswered}
    failed = sum(1 for item in calls.values() if item.fault or item.throttled)
    if len(calls) < TROUBLE_FROM_CALLS or 100 * failed < TROUBLE_PERCENT * len(calls):
        return None
    minutes = fold.rules.window / MINUTE
    return f"{failed} of {len(calls)} calls of the last {minutes:g} min had no answer or were throttled"


def _probes_left(
    outcomes: Iterable[CallOutcome],
    breakers: Mapping[_Key, Capability],
    rules: BreakerRules,
    now: datetime,
) -> dict[CapabilityKind, int]:
    """How many more zones may be tried now: without those that nobody has answered yet, and those just tried."""
    opened = {
        key: item.since
        for key, item in breakers.items()
        if item.state is not BreakerState.CLOSED and item.since is not None
    }
    if not opened:
        return {}
    left = {kind: rules.probes_in_region for _, kind in opened}
    trying: set[tuple[str, CapabilityKind, str]] = set()
    for item in outcomes:
        if item.kind is None or (item.zone, item.kind) not in opened:
            continue
        just = item.began_at > now - rules.probes[0]
        if (just or item.unanswered) and item.began_at > opened[item.zone, item.kind]:
            trying.add((item.zone, item.kind, item.operation_id))
    for _, kind, _ in trying:
        left[kind] = max(0, left[kind] - 1)
    return left
