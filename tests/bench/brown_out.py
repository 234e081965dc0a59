"""What is changed while launches fail in April 2011, over twenty seeds and two policies: `make bench-brown-out`.

The platform is that which ships, but for `maxReplacementsPerSlot`, which no policy takes off: it is lifted for both, so
that what differs is the policy alone. With it a slot that four replacements did not help is left alone for a day by
either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from desired_state.load import load
from desired_state.model import DesiredState
from reconciler.simulation.account import PLATFORM
from reconciler.simulation.measures import calls_of
from reconciler.simulation.replaying import Run
from reconciler.simulation.runs import replay_all
from tests.bench.outage import SCENARIO, runs_of
from tests.bench.policies import LAUNCHES_WORK_AFTER, SEEDS
from tests.bench.tables import Report, Target

AT_ONCE = 2
"""Seeds, so that both cores have the same to do."""
SHARE_AT_MOST = 0.1


def run() -> Report:
    """Calls that change something until launches work again, of each seed and of all. Tells seed by seed."""
    platform = _without_limits(load([PLATFORM]))
    pairs: dict[int, tuple[int, int]] = {}
    for first in SEEDS[::AT_ONCE]:
        seeds = range(first, first + AT_ONCE)
        pairs |= _changed(platform, seeds)
        for seed in seeds:
            print(f"seed {seed}: {_said(pairs[seed])}", flush=True)
    whole = (sum(ours for ours, _ in pairs.values()), sum(theirs for _, theirs in pairs.values()))
    slots = sum(fleet.replicas for fleet in platform.fleets)
    return Report(
        title=f"{SCENARIO} until launches work, {len(SEEDS)} seeds, {slots} slots",
        columns=("", "calls that change something", "without brakes", "share"),
        rows=(
            *((f"seed {seed}", *_row(pair)) for seed, pair in pairs.items()),
            ("all", *_row(whole)),
        ),
        targets=(
            Target(
                what="of what is changed without brakes is changed with them",
                measured=_share(whole),
                limit=SHARE_AT_MOST,
            ),
        ),
    )


def _without_limits(desired: DesiredState) -> DesiredState:
    fleets = tuple(
        replace(fleet, repair=replace(fleet.repair, max_replacements_per_slot=()))
        for fleet in desired.fleets
    )
    return replace(desired, fleets=fleets)


def _changed(platform: DesiredState, seeds: Sequence[int]) -> dict[int, tuple[int, int]]:
    """By seed, the calls with brakes and without."""
    runs = [_of_the_brown_out(run) for seed in seeds for run in runs_of(platform, seed)]
    runs.sort(key=lambda run: run.policy_name, reverse=True)  # Those that take long first.
    replays = replay_all(runs, lambda _: None)
    calls = {(item.policy, item.seed): calls_of(item).during.mutating for item in replays}
    return {seed: (calls["default", seed], calls["naive", seed]) for seed in seeds}


def _of_the_brown_out(whole: Run) -> Run:
    scenario = whole.scenario.cut(LAUNCHES_WORK_AFTER)
    return replace(whole, scenario=scenario, afterwards=timedelta())


def _said(pair: tuple[int, int]) -> str:
    ours, theirs = pair
    return f"{ours} calls, without brakes {theirs}"


def _row(pair: tuple[int, int]) -> tuple[str, str, str]:
    ours, theirs = pair
    return f"{ours}", f"{theirs}", f"{100 * _share(pair):.1f} %"


def _share(pair: tuple[int, int]) -> float:
    ours, theirs = pair
    return ours / theirs
