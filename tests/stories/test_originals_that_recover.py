"""Originals whose volumes answer again during a restore: until the commit they stay, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desired_state.load import load_policy
from providers.simulated.records import Guest, Io
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    SLOT,
    guarding,
    heals,
    is_committed,
    lasts,
    living,
    occupant,
    running,
    snapshots_taken_of,
    source_of,
    until,
    volume_of,
    withheld,
)
from tests.support.fleets import HOUR, MINUTE


def test_an_original_that_answers_again_before_the_commit_stays_and_its_copy_goes(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: len(running(guard)) == 2)
    guard.cloud.make_sick(stuck, Io.NORMAL)
    heals(guard)
    assert [item.id for item in living(guard)] == [before.id]
    assert volume_of(occupant(guard)) == stuck


def test_an_original_that_serves_again_is_not_replaced_while_a_person_is_asked(
    guard: VirtualGuard,
) -> None:
    """EC2 still calls its volume stuck when the cut-over is due; the probe knows better."""
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    lasts(guard, 17 * MINUTE)
    guard.cloud.make_sick(stuck, Io.NORMAL)
    until(guard, lambda: (SLOT, "still-serving") in withheld(guard))
    heals(guard)
    assert [item.id for item in living(guard)] == [before.id]


@pytest.mark.parametrize("minutes_later", [1, 10])
def test_a_volume_that_answers_again_on_an_instance_that_we_stopped_goes_on_with_it(
    guard: VirtualGuard, minutes_later: int
) -> None:
    """The ladder was at work on the instance when its volume stuck; later a restore is under way already."""
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(before.id, Guest.UNREACHABLE)
    until(guard, lambda: guard.cloud.truth.instances[before.id].state == "stopping")
    guard.cloud.make_sick(stuck, Io.STALLED)
    lasts(guard, minutes_later * MINUTE)
    guard.cloud.make_sick(stuck, Io.NORMAL)
    heals(guard, within=2 * HOUR)
    assert [item.id for item in living(guard)] == [before.id]
    assert volume_of(occupant(guard)) == stuck


def test_a_volume_that_answers_again_between_the_commit_and_the_fence_comes_too_late(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: is_committed(guard))
    guard.cloud.make_sick(stuck, Io.NORMAL)
    assert guard.cloud.truth.instances[before.id].state == "running"
    heals(guard)
    assert occupant(guard).id != before.id
    assert guard.cloud.truth.instances[before.id].state == "stopped"


def test_a_volume_that_answers_again_after_its_instance_was_fenced_comes_too_late(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: guard.cloud.truth.instances[before.id].state == "stopped")
    guard.cloud.make_sick(stuck, Io.NORMAL)
    heals(guard)
    lasts(guard, HOUR)
    assert occupant(guard).id != before.id
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    assert stuck in guard.cloud.truth.volumes


def test_a_copy_that_was_kept_while_its_original_served_on_does_not_take_over_later(
    folder: Path,
) -> None:
    """Three volumes stick, which is trouble of their zone, so their copies are kept until there is peace. Before that
    one sticks again, an hour after it began to serve again.
    """
    with guarding(replace(DATABASES, replicas=9), folder) as guard:
        guard.desired = replace(guard.desired, policy=load_policy("default"))
        stuck = volume_of(occupant(guard))
        beside = [
            item.volume_id
            for instance in guard.cloud.truth.instances.values()
            if instance.zone == occupant(guard).zone
            for item in instance.attachments
            if item.device != instance.root_device
        ]
        for volume in beside:
            guard.cloud.make_sick(volume, Io.STALLED)
        until(guard, lambda: len(running(guard)) == 2)
        for volume in beside:
            guard.cloud.make_sick(volume, Io.NORMAL)
        lasts(guard, HOUR)
        assert len(running(guard)) == 2, "there was no peace yet"
        guard.cloud.make_sick(stuck, Io.STALLED)
        heals(guard, within=3 * HOUR)
        *_, newest = snapshots_taken_of(guard, stuck)
        assert source_of(guard).id == newest.id
