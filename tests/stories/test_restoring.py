"""Volumes that fail, told as stories: the whole controller on the simulated cloud, judged by the cloud's own truth."""

from __future__ import annotations

import pytest

from providers.simulated.faults import CapacityShort, Meddling, When
from providers.simulated.records import Io
from reconciler.demo import truth
from reconciler.planning.actions import Gate
from reconciler.simulation.guard import NotConvergedError, VirtualGuard
from tests.stories.databases import (
    SLOT,
    heals,
    lasts,
    occupant,
    volume_of,
    withheld,
)
from tests.support.fleets import HOUR


def test_a_volume_that_fails_is_restored_from_its_newest_snapshot(guard: VirtualGuard) -> None:
    before = occupant(guard)
    lost = volume_of(before)
    guard.cloud.make_sick(lost, Io.FAILED)
    heals(guard)
    after = occupant(guard)
    copy = guard.cloud.truth.volumes[volume_of(after)]
    snapshot = guard.cloud.truth.snapshots[copy.snapshot_id or ""]
    assert after.id != before.id
    assert snapshot.volume_id == lost
    assert snapshot.started_at >= guard.cloud.clock.now() - HOUR
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    assert guard.cloud.truth.volumes[lost].attachment is not None, (
        "what was left behind is kept as it is"
    )


def test_after_three_days_what_was_left_behind_goes_and_its_volume_stays(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    lost = volume_of(before)
    guard.cloud.make_sick(lost, Io.FAILED)
    heals(guard)
    guard.cloud.clock.sleep(72 * 3_600)
    lasts(guard, HOUR)
    assert before.id not in {item.id for item in truth.living(guard.cloud.truth)[SLOT]}
    assert lost in guard.cloud.truth.volumes


def test_both_volumes_of_a_fleet_that_fail_together_are_restored(guard: VirtualGuard) -> None:
    lost = [volume_of(item) for alive in truth.living(guard.cloud.truth).values() for item in alive]
    for volume_id in lost:
        guard.cloud.make_sick(volume_id, Io.FAILED)
    heals(guard, within=2 * HOUR)
    filling = [
        volume_of(item)
        for alive in truth.living(guard.cloud.truth).values()
        for item in alive
        if item.state == "running"
    ]
    assert len(filling) == len(lost) == 2
    assert not set(filling) & set(lost)


@pytest.mark.parametrize("passes_between", [0, 1])
def test_a_volume_that_somebody_deletes_after_its_instance_is_restored(
    guard: VirtualGuard, passes_between: int
) -> None:
    """Also when another instance was launched meanwhile to take the volume over."""
    before = occupant(guard)
    lost = volume_of(before)
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    for _ in range(passes_between):
        guard.one_pass()
    guard.cloud.clock.sleep(120)
    guard.cloud.by_hand(Meddling.DELETE_VOLUME, lost)
    heals(guard, within=2 * HOUR)
    assert lost not in guard.cloud.truth.volumes
    copy = guard.cloud.truth.volumes[volume_of(occupant(guard))]
    assert copy.snapshot_id is not None


def test_when_the_newest_snapshot_is_too_old_a_person_is_asked(guard: VirtualGuard) -> None:
    lost = volume_of(occupant(guard))
    for snapshot in list(guard.cloud.truth.snapshots.values()):
        if snapshot.volume_id == lost:
            guard.cloud.by_hand(Meddling.DELETE_SNAPSHOT, snapshot.id)
    guard.cloud.make_sick(lost, Io.FAILED)
    with pytest.raises(NotConvergedError):
        heals(guard)
    assert (SLOT, Gate.RESTORE) in withheld(guard)
    assert volume_of(occupant(guard)) == lost


def test_a_zone_without_capacity_does_not_hold_a_restore_up(guard: VirtualGuard) -> None:
    before = occupant(guard)
    since = guard.cloud.clock.elapsed
    zones = frozenset({before.zone})
    guard.cloud.add_fault(CapacityShort(when=When(since=since, zones=zones)))
    guard.cloud.make_sick(volume_of(before), Io.FAILED)
    heals(guard)
    assert occupant(guard).zone != before.zone
