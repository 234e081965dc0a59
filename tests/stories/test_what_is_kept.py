"""How volumes end that nobody needs any more: copies of originals that recovered, and what restores left behind."""

from __future__ import annotations

from providers.simulated.records import Io
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    heals,
    lasts,
    living,
    occupant,
    running,
    snapshots_taken_of,
    source_of,
    until,
    volume_of,
)
from tests.support.fleets import DAY, HOUR, MINUTE

QUARANTINE = Tag.QUARANTINE_UNTIL.value


def test_the_copy_of_an_original_that_recovered_is_kept_for_an_hour_and_gone_after(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    original, copy = recovered(guard)
    heals(guard)
    assert copy in guard.cloud.truth.volumes
    lasts(guard, 40 * MINUTE)
    assert copy in guard.cloud.truth.volumes
    lasts(guard, 40 * MINUTE)
    assert copy not in guard.cloud.truth.volumes
    assert [item.id for item in living(guard)] == [before.id]
    assert volume_of(occupant(guard)) == original


def test_an_original_that_fails_again_within_the_hour_is_restored_with_another_copy(
    guard: VirtualGuard,
) -> None:
    original, copy = recovered(guard)
    heals(guard)
    guard.cloud.make_sick(original, Io.FAILED)
    heals(guard, within=2 * HOUR)
    assert volume_of(occupant(guard)) not in (original, copy)


def test_an_original_that_fails_again_while_its_copy_is_given_up_is_restored_all_the_same(
    guard: VirtualGuard,
) -> None:
    """The replacement lives still, and its copy has a date: it is no help any more."""
    original, copy = recovered(guard)
    until(guard, lambda: QUARANTINE in guard.cloud.truth.volumes[copy].tags)
    assert len(running(guard)) == 2
    guard.cloud.make_sick(original, Io.FAILED)
    heals(guard, within=2 * HOUR)
    assert volume_of(occupant(guard)) not in (original, copy)


def test_the_volume_that_a_restore_left_behind_goes_after_two_weeks_and_a_final_snapshot(
    guard: VirtualGuard,
) -> None:
    lost = restored(guard)
    days_pass(guard, 13.9)
    assert lost in guard.cloud.truth.volumes
    days_pass(guard, 0.2)
    assert lost not in guard.cloud.truth.volumes
    final = snapshots_taken_of(guard, lost)[-1]
    assert final.state == "completed"
    assert final.started_at > occupant(guard).launched_at + 13 * DAY


def test_a_final_snapshot_stays_and_nothing_is_restored_from_it(guard: VirtualGuard) -> None:
    lost = restored(guard)
    days_pass(guard, 14.1)
    final = snapshots_taken_of(guard, lost)[-1]
    days_pass(guard, 30)
    in_service = volume_of(occupant(guard))
    guard.cloud.make_sick(in_service, Io.FAILED)
    heals(guard, within=2 * HOUR)
    assert source_of(guard).volume_id == in_service
    assert final.id in guard.cloud.truth.snapshots


def recovered(guard: VirtualGuard) -> tuple[str, str]:
    """The volume that answers again before the commit, and the copy that was made in the meantime."""
    original = volume_of(occupant(guard))
    guard.cloud.make_sick(original, Io.STALLED)
    until(guard, lambda: len(running(guard)) == 2)
    copy = volume_of(guard.cloud.truth.instances[running(guard)[-1]])
    guard.cloud.make_sick(original, Io.NORMAL)
    return original, copy


def restored(guard: VirtualGuard) -> str:
    """The volume that a copy took the place of; it answers again by itself."""
    lost = volume_of(occupant(guard))
    guard.cloud.make_sick(lost, Io.STALLED)
    heals(guard)
    guard.cloud.make_sick(lost, Io.NORMAL)
    lasts(guard, HOUR)
    return lost


def days_pass(guard: VirtualGuard, days: float) -> None:
    """The controller is away, and is started again."""
    guard.cloud.clock.sleep((days * DAY).total_seconds())
    lasts(guard, HOUR)
