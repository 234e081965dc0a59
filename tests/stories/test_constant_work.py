"""Trouble of the API makes for no more calls than peace: what can't be read is a gap, and no reason to ask more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.load import load_policy
from providers.simulated.faults import Brownout, Fault, Meddling, ZoneDisrupted
from providers.simulated.gate import READING
from reconciler.demo import truth
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.stories.databases import LAYOUT, from_now, heals, lasts
from tests.support.fleets import (
    HOUR,
    MINUTE,
    data_claim,
    desired,
    health_spec,
    http_probe,
    postgres_fleet,
    snapshots_of,
    tcp_probe,
    web_fleet,
)

WEB = web_fleet(replicas=30, health=health_spec(http_probe()))
DATABASES = postgres_fleet(
    replicas=10,
    claims=(data_claim(backup=snapshots_of(15 * MINUTE)),),
    health=health_spec(tcp_probe()),
)
PLATFORM = desired(WEB, DATABASES, policy=load_policy("default"))
ZONE = "use1-az1"
ALWAYS_TO_SPARE = 3
"""Calls a minute, of a cell that makes fewer than thirty."""


@contextmanager
def in_service(folder: Path) -> Iterator[VirtualGuard]:
    """Forty slots that have been well for an hour."""
    store = folder / "store.sqlite"
    with virtual_guard(PLATFORM, store=store, layout=LAYOUT, seed=4) as guard:
        heals(guard)
        lasts(guard, HOUR)
        yield guard


@pytest.fixture
def platform(folder: Path) -> Iterator[VirtualGuard]:
    with in_service(folder) as guard:
        yield guard


def calls_a_minute(guard: VirtualGuard, for_: timedelta) -> float:
    """Calls of any kind, failed ones too, from now on."""
    calls, began = guard.cloud.gate.calls, guard.cloud.clock.now()
    lasts(guard, for_)
    return (guard.cloud.gate.calls - calls) / ((guard.cloud.clock.now() - began) / MINUTE)


def mutating(guard: VirtualGuard) -> dict[str, int]:
    """Calls that could have changed something, by operation."""
    counts = guard.cloud.gate.counts.items()
    return {name: count for name, count in counts if not name.startswith(READING)}


def mutating_since(guard: VirtualGuard, before: dict[str, int]) -> dict[str, int]:
    return {
        name: more
        for name, count in mutating(guard).items()
        if (more := count - before.get(name, 0))
    }


def living(guard: VirtualGuard) -> set[str]:
    """The ids of all instances that run, and of their volumes."""
    instances = [item for held in truth.living(guard.cloud.truth).values() for item in held]
    volumes = (volume for item in instances for volume in truth.data_volumes(item).values())
    return {item.id for item in instances} | set(volumes)


LISTS = frozenset(
    {
        "DescribeInstances",
        "DescribeInstanceStatus",
        "DescribeSnapshots",
        "DescribeVolumes",
        "DescribeVolumeStatus",
    }
)
WRITES = frozenset({"CreateSnapshot", "CreateTags", "RunInstances", "TerminateInstances"})


@pytest.mark.parametrize(
    ("slower", "operations"),
    [(100.0, None), (1.0, None), (1.0, LISTS)],
    ids=["slowly", "at-once", "of-lists-alone"],
)
def test_while_nine_calls_of_ten_fail_no_more_are_made_than_in_peace(
    platform: VirtualGuard, slower: float, operations: frozenset[str] | None
) -> None:
    """At most 1.2 times the peaceful rate during half an hour, within 10 % of it ten minutes after."""
    there = living(platform)
    peace = calls_a_minute(platform, HOUR)
    before = mutating(platform)
    brownout = from_now(platform, lasting=30 * MINUTE, share=0.9, operations=operations)
    platform.cloud.add_fault(Brownout(when=brownout, slower=slower))
    assert calls_a_minute(platform, 30 * MINUTE) <= 1.2 * peace
    lasts(platform, 10 * MINUTE)
    assert calls_a_minute(platform, 30 * MINUTE) <= 1.1 * peace
    tried = mutating_since(platform, before)
    assert tried.keys() <= {"CreateSnapshot", "CreateTags", "DeleteSnapshot"}, "backups alone"
    assert there <= living(platform)


def test_what_is_to_be_launched_meanwhile_is_no_storm_of_launches(platform: VirtualGuard) -> None:
    """Twelve instances are lost while EC2 answers no call that changes anything: each is tried, in turn."""
    peace = calls_a_minute(platform, HOUR)
    platform.cloud.add_fault(
        Brownout(
            when=from_now(platform, lasting=30 * MINUTE, operations=WRITES),
            slower=1.0,
            after_effect=0.0,
        )
    )
    lost = truth.living(platform.cloud.truth)
    for ordinal in range(12):
        (instance,) = lost[f"web/{ordinal}"]
        platform.cloud.by_hand(Meddling.TERMINATE, instance.id)
    before = mutating(platform)
    assert calls_a_minute(platform, 30 * MINUTE) <= 1.2 * peace
    assert sum(mutating_since(platform, before).values()) <= 30 * ALWAYS_TO_SPARE
    heals(platform, within=HOUR)


@pytest.mark.parametrize("down", [True, False], ids=["with-its-instances", "its-api-alone"])
def test_a_zone_whose_lists_fail_for_an_hour_costs_no_more_calls_and_the_others_stay_in_sight(
    platform: VirtualGuard, *, down: bool
) -> None:
    there = living(platform)
    peace = calls_a_minute(platform, HOUR)
    trouble: Fault = ZoneDisrupted(
        when=from_now(platform, lasting=HOUR, zones=frozenset({ZONE})), instances_down=down
    )
    platform.cloud.add_fault(trouble)
    assert calls_a_minute(platform, 5 * MINUTE) <= 1.2 * peace
    in_sight = platform.look().case.observation
    elsewhere = {item.id for item in platform.cloud.truth.instances.values() if item.zone != ZONE}
    assert in_sight.instances.keys() >= elsewhere
    assert {gap.zone for gap in in_sight.gaps if gap.subject == "instances"} == {ZONE}
    assert calls_a_minute(platform, 50 * MINUTE) <= 1.2 * peace
    assert there <= living(platform)


def test_a_zone_that_answers_again_is_seen_within_minutes(platform: VirtualGuard) -> None:
    platform.cloud.add_fault(
        ZoneDisrupted(
            when=from_now(platform, lasting=10 * MINUTE, zones=frozenset({ZONE})),
            instances_down=False,
        )
    )
    lasts(platform, 9 * MINUTE)
    assert not platform.look().case.observation.complete
    lasts(platform, 4 * MINUTE)
    assert platform.look().case.observation.complete
    peace = platform.cloud.gate.calls
    lasts(platform, MINUTE)
    assert platform.cloud.gate.calls > peace
