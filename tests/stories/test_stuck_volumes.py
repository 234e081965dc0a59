"""A volume that stops answering, told as stories: nothing waits for it, and nothing is thrown away for it either."""

from __future__ import annotations

from providers.simulated.records import Io
from reconciler.demo import truth
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    SLOT,
    heals,
    lasts,
    occupant,
    volume_of,
    withheld,
)
from tests.support.fleets import HOUR, MINUTE


def test_a_volume_that_never_answers_again_is_restored_and_what_held_it_serves_no_more(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    heals(guard)
    after = occupant(guard)
    copy = guard.cloud.truth.volumes[volume_of(after)]
    assert after.id != before.id
    assert guard.cloud.truth.snapshots[copy.snapshot_id or ""].volume_id == stuck
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    attachment = guard.cloud.truth.volumes[stuck].attachment
    assert attachment is not None, "the volume that stuck is left where it is"
    assert attachment.instance_id == before.id


def test_a_volume_that_answers_again_after_a_quarter_of_an_hour_costs_nothing(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    guard.cloud.make_sick(volume_of(before), Io.STALLED)
    lasts(guard, 15 * MINUTE)
    assert occupant(guard).id == before.id
    guard.cloud.make_sick(volume_of(before), Io.NORMAL)
    heals(guard)
    after = occupant(guard)
    assert after.id == before.id
    assert volume_of(after) == volume_of(before)
    assert [item.id for item in truth.living(guard.cloud.truth)[SLOT]] == [before.id]


def test_a_volume_that_answers_again_after_the_commit_changes_nothing_any_more(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    heals(guard)
    after = occupant(guard)
    guard.cloud.make_sick(stuck, Io.NORMAL)
    lasts(guard, 2 * HOUR)
    assert occupant(guard).id == after.id != before.id
    assert guard.cloud.truth.instances[before.id].state == "stopped"


def test_a_volume_that_comes_and_goes_is_not_restored_twice(guard: VirtualGuard) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    launched = guard.cloud.gate.counts["RunInstances"]
    for _ in range(4):
        guard.cloud.make_sick(stuck, Io.STALLED)
        lasts(guard, 12 * MINUTE)
        guard.cloud.make_sick(stuck, Io.NORMAL)
        lasts(guard, 12 * MINUTE)
    heals(guard, within=3 * HOUR)
    assert guard.cloud.gate.counts["RunInstances"] - launched <= 4
    assert len([i for i in truth.living(guard.cloud.truth)[SLOT] if i.state == "running"]) == 1


def test_a_slow_volume_is_left_alone(guard: VirtualGuard) -> None:
    before = occupant(guard)
    guard.cloud.make_sick(volume_of(before), Io.SLOW)
    lasts(guard, 2 * HOUR)
    assert occupant(guard).id == before.id
    assert volume_of(occupant(guard)) == volume_of(before)


def test_no_snapshot_newer_than_the_trouble_is_restored(guard: VirtualGuard) -> None:
    before = occupant(guard)
    began = guard.cloud.clock.now()
    guard.cloud.make_sick(volume_of(before), Io.STALLED)
    heals(guard)
    copy = guard.cloud.truth.volumes[volume_of(occupant(guard))]
    assert guard.cloud.truth.snapshots[copy.snapshot_id or ""].started_at < began


def test_i_o_that_was_switched_off_waits_for_its_owner(guard: VirtualGuard) -> None:
    before = occupant(guard)
    guard.cloud.make_sick(volume_of(before), Io.DISABLED)
    lasts(guard, HOUR)
    assert volume_of(before) in {item.id for item in guard.cloud.truth.volumes.values()}
    assert truth.data_volumes(guard.cloud.truth.instances[before.id])
    assert SLOT in {slot for slot, _ in withheld(guard)}


def test_two_stuck_at_once_are_both_restored(guard: VirtualGuard) -> None:
    stuck = [
        volume_of(item) for alive in truth.living(guard.cloud.truth).values() for item in alive
    ]
    for volume_id in stuck:
        guard.cloud.make_sick(volume_id, Io.STALLED)
    heals(guard, within=2 * HOUR)
    filling = [
        volume_of(item)
        for alive in truth.living(guard.cloud.truth).values()
        for item in alive
        if item.state == "running"
    ]
    assert len(filling) == 2
    assert not set(filling) & set(stuck)
