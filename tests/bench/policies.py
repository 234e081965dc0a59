"""The outage of April 2011 over twenty seeds, under the default policy and under none: `make bench-policies`.

The fleets are those of the platform, with so many slots each that every tier has twenty or more in the zone that is
hit: of the platform's forty git servers hardly two would be, and in some seeds none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from desired_state.load import load
from desired_state.model import DesiredState
from reconciler.simulation.account import PLATFORM
from reconciler.simulation.measures import measures_of
from reconciler.simulation.record import Replayed
from reconciler.simulation.runs import replay_all
from reconciler.simulation.summary import Summary, fewer_hours, summaries_of
from tests.bench.outage import POLICIES, SCENARIO, runs_of
from tests.bench.tables import Report, Target

SEEDS = range(1, 21)
SLOTS = {"dedicated-postgres": 60, "routers": 20, "shared-postgres": 20, "web": 60, "git": 80}
LOST_AT_MOST = 2
"""Seeds in which a tier may not be better off."""
LAUNCHES_WORK_AFTER = timedelta(hours=11, minutes=13)
BACK_WITHIN = timedelta(minutes=30)


def run() -> Report:
    """Slot-hours down by tier, in how many seeds each policy had fewer, and what must never be. Tells seed by seed."""
    replays: list[Replayed] = []
    for seed in SEEDS:
        both = replay_all(runs_of(_platform(), seed), lambda _: None)
        print(f"seed {seed}: {_told(*both)}", flush=True)
        replays += both
    replays.sort(key=lambda item: POLICIES.index(item.policy))
    default, naive = summaries_of(replays)
    tiers = [item.tier for item in default.tiers]
    return Report(
        title=f"{SCENARIO}, {len(SEEDS)} seeds, {sum(SLOTS.values())} slots",
        columns=("", "slots", "hit", "hours down", "without brakes", "fewer hours in"),
        rows=tuple(_row(default, naive, tier) for tier in tiers),
        targets=(
            *(_better(default, naive, tier) for tier in tiers),
            Target(
                what="healthy things and only copies destroyed",
                measured=default.destroyed + naive.destroyed,
                limit=0,
                exact=True,
            ),
            _databases_back(default.replays),
        ),
    )


def _told(default: Replayed, naive: Replayed) -> str:
    pairs = zip(measures_of(default), measures_of(naive), strict=True)
    return "; ".join(
        f"{_name_of(ours.tier)} {ours.hours_down:.1f} h down, without brakes {theirs.hours_down:.1f}"
        for ours, theirs in pairs
    )


def _platform() -> DesiredState:
    declared = load([PLATFORM])
    fleets = tuple(replace(fleet, replicas=SLOTS[fleet.name]) for fleet in declared.fleets)
    return replace(declared, fleets=fleets)


def _row(default: Summary, naive: Summary, tier: int | None) -> tuple[str, ...]:
    ours, theirs = (
        next(item for item in summary.tiers if item.tier == tier) for summary in (default, naive)
    )
    won, of = fewer_hours(default, naive, tier)
    return (
        _name_of(tier),
        f"{ours.slots}",
        f"{ours.hit:.1f}",
        f"{ours.hours_down:.1f}",
        f"{theirs.hours_down:.1f}",
        f"{won} of {of}",
    )


def _better(default: Summary, naive: Summary, tier: int | None) -> Target:
    won, of = fewer_hours(default, naive, tier)
    return Target(
        what=f"seeds in which {_name_of(tier)} was not better off with brakes",
        measured=of - won,
        limit=LOST_AT_MOST,
    )


def _name_of(tier: int | None) -> str:
    return "the whole" if tier is None else f"tier {tier}"


def _databases_back(replays: Sequence[Replayed]) -> Target:
    """The last dedicated database of any seed: it has an archive, and nobody is asked."""
    last = max(
        (
            item.until or replayed.lasted
            for replayed in replays
            for item in replayed.down
            if item.slot.startswith("dedicated-postgres/")
        ),
        default=timedelta(),
    )
    return Target(
        what="the last dedicated database was back",
        measured=last / timedelta(hours=1),
        limit=(LAUNCHES_WORK_AFTER + BACK_WITHIN) / timedelta(hours=1),
        unit="h",
    )
