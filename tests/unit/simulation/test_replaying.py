"""A small outage, really replayed: what it shows, and that what was passed over would have changed nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.load import load_policy
from providers.simulated.faults import (
    ByHand,
    InstancesSick,
    Meddling,
    RegionSaturated,
    VolumesSick,
    When,
)
from providers.simulated.outages import OperationsOff
from reconciler.simulation.measures import came_through, measures_of
from reconciler.simulation.record import Replayed
from reconciler.simulation.replaying import Run, replay
from tests.support.fleets import (
    HOUR,
    MINUTE,
    data_claim,
    desired,
    postgres_fleet,
    snapshots_of,
    web_fleet,
)
from tests.support.replayed import small_run

A_WHILE = When(since=5 * MINUTE, until=40 * MINUTE)


def played(run: Run) -> Replayed:
    return replay(run, lambda _at, _down: None)


def backed_up(**changes: Any) -> Run:
    """Databases with a snapshot every hour; a loss of two hours and a quarter is allowed."""
    claim = data_claim(backup=snapshots_of(HOUR))
    fleets = desired(web_fleet(replicas=4), postgres_fleet(replicas=4, claims=(claim,)))
    run = small_run(VolumesSick(when=When(since=5 * MINUTE, share=0.5)), lasts=2 * HOUR)
    return replace(run, desired=fleets, **changes)


def refused_snapshots() -> Run:
    """No snapshot can be taken: each call for one is looked for, and given up in its own time."""
    off = OperationsOff(
        when=When(since=5 * MINUTE, operations=frozenset({"CreateSnapshot"})),
    )
    claim = data_claim(backup=snapshots_of(HOUR))
    fleets = desired(postgres_fleet(replicas=1, claims=(claim,)))
    policy = load_policy("default")
    return replace(small_run(off, lasts=2 * HOUR), desired=fleets, policy=policy)


def test_what_does_not_happen_is_not_reported() -> None:
    record = played(small_run(lasts=HOUR))

    assert record.down == record.restores == record.approvals == record.destroyed == ()
    assert sum(item.mutating for item in record.calls if item.minute >= 0) == 0
    assert came_through(record)


def test_instances_that_are_ended_by_hand_are_down_until_they_are_replaced() -> None:
    meddling = ByHand(when=When(until=25 * MINUTE), what=Meddling.TERMINATE)

    record = played(small_run(meddling, lasts=HOUR))

    *_, whole = measures_of(record)
    assert whole.hit >= 2
    assert whole.all_back is not None
    assert timedelta() < whole.all_back < HOUR
    assert record.launches == len(record.down)
    assert record.destroyed == ()


def test_a_stuck_volume_is_restored_with_the_loss_that_was_stated() -> None:
    record = played(backed_up())

    assert record.restores
    assert {item.source for item in record.restores} == {"snapshot"}
    for item in record.restores:
        assert item.stated is not None
        assert item.lost is not None
        assert abs(item.stated - item.lost) < 5 * MINUTE
    assert came_through(record)


def test_a_loss_beyond_what_is_allowed_waits_for_a_person() -> None:
    nobody = data_claim(backup=snapshots_of(24 * HOUR))
    strict = replace(nobody, backup=replace(nobody.backup, max_loss=MINUTE))  # type: ignore[type-var]
    fleets = desired(postgres_fleet(replicas=2, claims=(strict,)))
    run = replace(backed_up(), desired=fleets)

    absent = played(run)
    attended = played(replace(run, approves_after=30 * MINUTE))

    assert not came_through(absent)
    assert all(item.until is None and not item.granted for item in absent.approvals)
    assert came_through(attended)
    assert all(item.granted for item in attended.approvals)
    (waited, *_) = attended.approvals
    assert waited.until is not None
    assert 30 * MINUTE <= waited.until - waited.since < 32 * MINUTE


def test_the_same_seed_is_the_same_replay_and_another_is_another() -> None:
    run = small_run(InstancesSick(when=replace(A_WHILE, share=0.5)), lasts=HOUR)

    assert played(run) == played(run)
    assert played(run).down != played(replace(run, seed=2)).down


@pytest.mark.parametrize(
    "run",
    [
        small_run(lasts=2 * HOUR),
        small_run(InstancesSick(when=replace(A_WHILE, share=0.5), guest="hung"), lasts=2 * HOUR),
        small_run(
            InstancesSick(when=replace(A_WHILE, share=0.5), guest="hung"),
            RegionSaturated(when=When(), others=60),
            lasts=2 * HOUR,
        ),
        backed_up(),
        refused_snapshots(),
    ],
    ids=["nothing", "hung guests", "hung guests under load", "stuck volumes", "refused snapshots"],
)
def test_with_and_without_passing_over_the_record_is_the_same(run: Run) -> None:
    all_made = played(replace(run, skips=False))
    passed_over = played(run)

    assert all_made.passed_over == 0
    assert passed_over.passed_over > passed_over.passes / 5
    assert replace(passed_over, passed_over=0) == all_made
