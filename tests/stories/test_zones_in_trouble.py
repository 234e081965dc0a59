"""Zones whose EBS or capacity is gone: what works elsewhere is used at once, and what is not seen is not judged."""

from __future__ import annotations

from providers.simulated.faults import CapacityShort, ZoneDisrupted
from providers.simulated.records import Io
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    from_now,
    heals,
    lasts,
    occupant,
    snapshots_taken_of,
    source_of,
    until,
    volume_of,
)
from tests.support.fleets import HOUR, MINUTE

OF_EBS = frozenset(
    {
        "AttachVolume",
        "CreateSnapshot",
        "CreateSnapshots",
        "CreateVolume",
        "DescribeVolumeStatus",
        "DetachVolume",
        "RunInstances",
    }
)
"""What needs the control plane of EBS; a launch makes volumes."""


def test_a_zone_without_ebs_is_left_and_its_database_comes_back_in_another(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    *_, newest = snapshots_taken_of(guard, stuck)
    zone = frozenset({before.zone})
    trouble = ZoneDisrupted(
        when=from_now(guard, zones=zone, operations=OF_EBS), instances_down=False
    )
    guard.cloud.add_fault(trouble)
    guard.cloud.make_sick(stuck, Io.STALLED)
    heals(guard)
    after = occupant(guard)
    assert after.zone != before.zone
    assert guard.cloud.truth.volumes[volume_of(after)].zone == after.zone
    assert source_of(guard).id == newest.id
    assert guard.cloud.truth.instances[before.id].state == "stopped"


def test_a_zone_that_is_not_shown_at_all_is_not_acted_on_until_it_is(guard: VirtualGuard) -> None:
    """Nobody can tell a zone that hangs from a view that does: what stuck there is restored once it is seen."""
    before = occupant(guard)
    stuck = volume_of(before)
    zone = frozenset({before.zone})
    trouble = ZoneDisrupted(
        when=from_now(guard, lasting=25 * MINUTE, zones=zone), instances_down=False
    )
    guard.cloud.add_fault(trouble)
    guard.cloud.make_sick(stuck, Io.STALLED)
    launched = guard.cloud.gate.counts["RunInstances"]
    lasts(guard, 24 * MINUTE)
    assert guard.cloud.gate.counts["RunInstances"] == launched
    assert occupant(guard).id == before.id
    heals(guard, within=2 * HOUR)
    assert occupant(guard).id != before.id
    assert source_of(guard).volume_id == stuck


def test_without_capacity_anywhere_a_restore_waits_and_goes_on_by_itself(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.add_fault(CapacityShort(when=from_now(guard, lasting=HOUR)))
    guard.cloud.make_sick(stuck, Io.STALLED)
    lasts(guard, 50 * MINUTE)
    assert occupant(guard).id == before.id
    assert guard.cloud.truth.instances[before.id].state == "running", "it is all there is"
    heals(guard, within=3 * HOUR)
    assert source_of(guard).volume_id == stuck


def test_a_root_volume_that_sticks_costs_an_instance_and_no_data(guard: VirtualGuard) -> None:
    before = occupant(guard)
    data = volume_of(before)
    (root,) = [item for item in before.attachments if item.device == before.root_device]
    guard.cloud.make_sick(root.volume_id, Io.STALLED)
    until(guard, lambda: guard.cloud.truth.instances[before.id].state != "running")
    heals(guard, within=2 * HOUR)
    assert occupant(guard).id != before.id
    assert volume_of(occupant(guard)) == data
