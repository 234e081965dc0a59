"""Originals that can't be proved stopped: whoever took their place does not serve, however long that lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.model import Isolation
from providers.simulated.faults import RequestLost
from providers.simulated.records import Instance, Io
from reconciler.planning.actions import Gate
from reconciler.planning.identity import Role, incarnation_of, role_of
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    SLOT,
    from_now,
    guarding,
    heals,
    is_committed,
    lasts,
    living,
    occupant,
    until,
    volume_of,
    withheld,
)
from tests.support.fleets import HOUR

GROUPS = DATABASES.instance.security_groups
STAGING = DATABASES.instance.staging_security_groups


def stops_take(guard: VirtualGuard, time: timedelta) -> None:
    """Every stop, forced or not, from now on."""
    takes_s = (time.total_seconds(), time.total_seconds())
    world = guard.cloud.world
    world.durations = replace(
        world.durations, stopping_s=takes_s, hung_stop_s=takes_s, forced_stop_s=takes_s
    )


def test_a_restored_slot_does_not_serve_while_the_stop_of_its_original_hangs(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    usual = guard.cloud.world.durations
    stops_take(guard, 12 * HOUR)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: (SLOT, Gate.FENCE) in withheld(guard))
    guard.cloud.make_sick(stuck, Io.NORMAL)
    lasts(guard, HOUR)
    original, replacement = living(guard)
    assert original.state == "stopping"
    assert replacement.security_groups == STAGING
    assert guard.cloud.gate.counts["DetachVolume"] == 0, "nothing is torn off what may still write"
    guard.cloud.world.durations = usual
    heals(guard)
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    assert occupant(guard).id == replacement.id
    assert occupant(guard).security_groups == GROUPS


def test_a_fence_that_is_never_answered_is_owed_and_tried_until_it_is_proved(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    lost = from_now(guard, lasting=2 * HOUR, operations=frozenset({"StopInstances"}))
    guard.cloud.add_fault(RequestLost(when=lost, connected=False))
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: is_committed(guard))
    guard.cloud.make_sick(stuck, Io.NORMAL)
    lasts(guard, HOUR)
    original, replacement = living(guard)
    assert original.state == "running"
    assert original.security_groups == GROUPS
    assert replacement.security_groups == STAGING, "one of them serves, and it is not this one"
    heals(guard, within=2 * HOUR)
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    assert occupant(guard).security_groups == GROUPS


@pytest.mark.parametrize("condition", [Io.STALLED, Io.FAILED])
def test_a_replacement_has_no_part_in_the_service_nor_in_its_parents_archive_before_its_commit(
    guard: VirtualGuard, condition: Io
) -> None:
    """The boot script writes an archive under the incarnation of its own tags, as the occupant only."""
    before = occupant(guard)
    guard.cloud.make_sick(volume_of(before), condition)
    until(guard, lambda: len(living(guard)) == 2)
    replacement = living(guard)[1]
    assert role_of(replacement.tags) is Role.REPLACEMENT
    assert replacement.security_groups == STAGING
    heals(guard)
    after = occupant(guard)
    assert after.id == replacement.id
    assert incarnation_of(after.tags) == incarnation_of(replacement.tags)
    assert incarnation_of(after.tags) > incarnation_of(before.tags)
    assert roles_of(guard, replacement) == ["replacement", "occupant"]


def roles_of(guard: VirtualGuard, instance: Instance) -> list[str]:
    """The roles that it ever had, in order."""
    found: list[str] = []
    for change in guard.cloud.truth.changes:
        record = change.after
        if change.resource_id == instance.id and isinstance(record, Instance):
            role = str(role_of(record.tags))
            found += [role] if role not in found[-1:] else []
    return found


def test_an_original_whose_stop_hangs_is_cut_off_where_groups_for_that_are_declared(
    folder: Path,
) -> None:
    isolation = Isolation(untracked="sg-untracked", empty="sg-empty")
    fleet = replace(DATABASES, instance=replace(DATABASES.instance, isolation=isolation))
    with guarding(fleet, folder) as guard:
        before = occupant(guard)
        stuck = volume_of(before)
        stops_take(guard, 12 * HOUR)
        guard.cloud.make_sick(stuck, Io.STALLED)
        until(guard, lambda: is_committed(guard))
        until(guard, lambda: living(guard)[-1].security_groups == GROUPS)
        original, restored = living(guard)
        assert original.security_groups == ("sg-empty",)
        assert original.state == "stopping"
        assert restored.id != before.id
        assert guard.cloud.gate.counts["DetachVolume"] == 0, "it may still write"
