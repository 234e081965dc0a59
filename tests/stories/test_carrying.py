"""Volumes that are well and can't be brought to their slot: their data is carried over, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from desired_state.model import LadderStep
from providers.simulated.faults import (
    AttachStuck,
    CapacityShort,
    DetachStuck,
    LaunchDies,
    Meddling,
    When,
)
from providers.simulated.outages import OperationsOff
from providers.simulated.records import Guest
from reconciler.demo import truth
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    SLOT,
    from_now,
    guarding,
    heals,
    occupant,
    snapshots_taken_of,
    source_of,
    volume_of,
)
from tests.support.brakes import BREAKERS
from tests.support.fleets import HOUR, safety_policy

OF_VOLUMES = frozenset({"AttachVolume", "CreateSnapshot", "CreateSnapshots", "DetachVolume"})


def test_a_volume_that_cannot_leave_its_stopped_instance_is_carried_over_by_a_snapshot(
    folder: Path,
) -> None:
    replaced_at_once = replace(DATABASES.repair, ladder=(LadderStep.REPLACE,))
    with guarding(replace(DATABASES, repair=replaced_at_once), folder) as guard:
        is_carried_over(guard)


def is_carried_over(guard: VirtualGuard) -> None:
    before = occupant(guard)
    kept = volume_of(before)
    guard.cloud.add_fault(DetachStuck(when=When(since=guard.cloud.clock.elapsed)))
    guard.cloud.make_sick(before.id, Guest.HUNG)
    sick_at = guard.cloud.clock.now()
    heals(guard, within=2 * HOUR)
    after = occupant(guard)
    copy = guard.cloud.truth.volumes[volume_of(after)]
    snapshot = guard.cloud.truth.snapshots[copy.snapshot_id or ""]
    assert (snapshot.volume_id, snapshot.started_at > sick_at) == (kept, True)
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    assert kept in guard.cloud.truth.volumes


def test_a_database_whose_zone_has_no_capacity_for_half_an_hour_comes_back_in_another_with_its_data(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    kept = volume_of(before)
    since = guard.cloud.clock.elapsed
    zones = frozenset({before.zone})
    guard.cloud.add_fault(CapacityShort(when=When(since=since, zones=zones)))
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    ended_at = guard.cloud.clock.now()
    heals(guard, within=2 * HOUR)
    after = occupant(guard)
    copy = guard.cloud.truth.volumes[volume_of(after)]
    snapshot = guard.cloud.truth.snapshots[copy.snapshot_id or ""]
    assert after.zone != before.zone
    assert (snapshot.volume_id, snapshot.started_at > ended_at) == (kept, True)
    assert guard.cloud.clock.now() - ended_at >= timedelta(minutes=30)


def test_a_zone_that_neither_launches_nor_takes_snapshots_is_left_for_a_copy_from_before(
    guard: VirtualGuard,
) -> None:
    guard.desired = replace(guard.desired, policy=safety_policy(capabilities=BREAKERS))
    before = occupant(guard)
    kept = volume_of(before)
    *_, newest = snapshots_taken_of(guard, kept)
    zones = frozenset({before.zone})
    guard.cloud.add_fault(LaunchDies(when=from_now(guard, zones=zones)))
    guard.cloud.add_fault(OperationsOff(when=from_now(guard, zones=zones, operations=OF_VOLUMES)))
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    ended_at = guard.cloud.clock.now()
    heals(guard, within=2 * HOUR)
    assert occupant(guard).zone != before.zone
    assert source_of(guard).id == newest.id
    assert guard.cloud.clock.now() - ended_at >= timedelta(minutes=30)
    assert kept in guard.cloud.truth.volumes


def test_a_zone_that_has_capacity_again_in_time_keeps_the_volume(guard: VirtualGuard) -> None:
    before = occupant(guard)
    kept = volume_of(before)
    since = guard.cloud.clock.elapsed
    until = since + timedelta(minutes=10)
    zones = frozenset({before.zone})
    guard.cloud.add_fault(CapacityShort(when=When(since=since, until=until, zones=zones)))
    guard.cloud.by_hand(Meddling.TERMINATE, before.id)
    heals(guard, within=2 * HOUR)
    assert volume_of(occupant(guard)) == kept
    assert [item.id for item in truth.living(guard.cloud.truth)[SLOT]] == [occupant(guard).id]


def test_a_volume_that_hangs_on_the_way_to_one_instance_is_brought_to_another(folder: Path) -> None:
    replaced_at_once = replace(DATABASES.repair, ladder=(LadderStep.REPLACE,))
    with guarding(replace(DATABASES, repair=replaced_at_once), folder) as guard:
        before = occupant(guard)
        kept = volume_of(before)
        guard.cloud.make_sick(before.id, Guest.HUNG)
        for _ in guard.passes(lasting=HOUR):
            if guard.cloud.truth.instances[before.id].state == "stopping":
                break
        guard.cloud.add_fault(AttachStuck(when=When(since=guard.cloud.clock.elapsed, most=1)))
        heals(guard, within=2 * HOUR)
        after = occupant(guard)
        assert volume_of(after) == kept
        assert after.tags[Tag.INCARNATION] == "3"
        assert [item.id for item in truth.living(guard.cloud.truth)[SLOT]] == [after.id]


def test_a_sick_database_whose_zone_has_no_capacity_is_stopped_and_carried_to_another(
    folder: Path,
) -> None:
    replaced_at_once = replace(DATABASES.repair, ladder=(LadderStep.REPLACE,))
    with guarding(replace(DATABASES, repair=replaced_at_once), folder) as guard:
        before = occupant(guard)
        kept = volume_of(before)
        since = guard.cloud.clock.elapsed
        zones = frozenset({before.zone})
        guard.cloud.add_fault(CapacityShort(when=When(since=since, zones=zones)))
        guard.cloud.make_sick(before.id, Guest.HUNG)
        sick_at = guard.cloud.clock.now()
        heals(guard, within=2 * HOUR)
        after = occupant(guard)
        copy = guard.cloud.truth.volumes[volume_of(after)]
        snapshot = guard.cloud.truth.snapshots[copy.snapshot_id or ""]
        assert after.zone != before.zone
        assert (snapshot.volume_id, snapshot.started_at > sick_at) == (kept, True)
        assert guard.cloud.truth.instances[before.id].state == "stopped"
