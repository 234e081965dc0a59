"""Volumes that hang on their way: a device that never comes, one that never goes, and a name that is taken."""

from __future__ import annotations

from providers.simulated.faults import AttachStuck, DetachStuck, DeviceClash, Meddling
from providers.simulated.records import Io
from reconciler.planning.actions import Gate
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    SLOT,
    from_now,
    heals,
    living,
    occupant,
    running,
    source_of,
    until,
    volume_of,
    withheld,
)
from tests.support.fleets import HOUR, MINUTE


def test_a_replacement_that_boots_without_its_device_never_holds_the_slot(
    guard: VirtualGuard,
) -> None:
    """Its checks are good, and both of its volumes hang: another takes its place."""
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.add_fault(AttachStuck(when=from_now(guard, most=2)))
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: len(living(guard)) == 2)
    bare = living(guard)[-1].id
    heals(guard)
    after = occupant(guard)
    assert after.id not in (before.id, bare)
    assert not guard.cloud.truth.instances[bare].alive
    assert source_of(guard).volume_id == stuck


def test_a_volume_that_somebody_detaches_and_that_hangs_on_its_way_is_put_back_when_it_comes(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    hanging = volume_of(before)
    guard.cloud.add_fault(DetachStuck(when=from_now(guard, lasting=HOUR)))
    guard.cloud.by_hand(Meddling.DETACH, hanging)
    until(guard, lambda: (SLOT, Gate.FENCE) in withheld(guard))
    assert occupant(guard).id == before.id
    assert guard.cloud.gate.counts["DetachVolume"] == 0, "nothing is forced"
    heals(guard, within=2 * HOUR)
    assert (occupant(guard).id, volume_of(occupant(guard))) == (before.id, hanging)


def test_a_stuck_volume_that_never_leaves_its_dead_instance_is_restored(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.add_fault(DetachStuck(when=from_now(guard)))
    guard.cloud.make_sick(stuck, Io.STALLED)
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    heals(guard, within=2 * HOUR)
    assert source_of(guard).volume_id == stuck
    held = guard.cloud.truth.volumes[stuck].attachment
    assert held is not None
    assert held.state == "detaching"


def test_a_device_name_that_something_unseen_has_taken_costs_another_instance_and_no_data(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    kept = volume_of(before)
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    until(guard, lambda: len(running(guard)) == 1)
    refused_here = running(guard)
    guard.cloud.add_fault(DeviceClash(when=from_now(guard, lasting=8 * MINUTE)))
    heals(guard, within=2 * HOUR)
    assert occupant(guard).id not in refused_here
    assert volume_of(occupant(guard)) == kept
