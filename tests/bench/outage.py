"""How long the replay of an outage takes, for two policies side by side: `make bench-simulate`."""

from __future__ import annotations

import time
from dataclasses import replace

from desired_state.load import load, load_policy
from desired_state.model import DesiredState
from reconciler.simulation.account import PLATFORM
from reconciler.simulation.casting import scaled
from reconciler.simulation.record import Replayed
from reconciler.simulation.replaying import Run
from reconciler.simulation.runs import replay_all
from reconciler.simulation.scenario import load_scenario
from tests.bench.tables import Report, Target

SCENARIO = "us-east-1-2011-04-21"
POLICIES = ("default", "naive")
LIMITS_S = {200: 120.0, 1_000: 600.0}
"""By slots; on two cores."""


def run() -> Report:
    """The outage of April 2011 against a fifth of the platform, and against all of it."""
    rows, targets = [], []
    for slots, limit_s in LIMITS_S.items():
        began_s = time.perf_counter()
        replays = _replayed(slots)
        took_s = time.perf_counter() - began_s
        rows += [_row(slots, item) for item in replays]
        targets.append(
            Target(
                what=f"{SCENARIO} for {slots} slots and {len(POLICIES)} policies",
                measured=took_s,
                limit=limit_s,
                unit="s",
            )
        )
    return Report(
        title="an outage replayed, each policy in a process of its own",
        columns=("", "slots", "virtual hours", "passes", "passed over", "calls"),
        rows=tuple(rows),
        targets=tuple(targets),
    )


def runs_of(platform: DesiredState, seed: int) -> list[Run]:
    """The outage of April 2011 against that, under each of the policies."""
    first = Run(
        scenario=load_scenario(SCENARIO),
        desired=platform,
        policy_name="",
        policy=platform.policy,
        seed=seed,
        saturation=True,
    )
    return [replace(first, policy_name=name, policy=load_policy(name)) for name in POLICIES]


def _replayed(slots: int) -> tuple[Replayed, ...]:
    return replay_all(runs_of(scaled(load([PLATFORM]), slots), seed=1), lambda _: None)


def _row(slots: int, item: Replayed) -> tuple[str, ...]:
    return (
        item.policy,
        f"{slots}",
        f"{item.lasted.total_seconds() / 3600:.0f}",
        f"{item.passes}",
        f"{item.passed_over}",
        f"{sum(minute.all for minute in item.calls)}",
    )
