"""What a restore leaves behind when it can't be marked as such: the restored slot serves, and only forward it goes."""

from __future__ import annotations

from providers.simulated.faults import Meddling, Throttled
from providers.simulated.records import Io
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    from_now,
    heals,
    is_committed,
    lasts,
    occupant,
    running,
    until,
    volume_of,
)
from tests.support.fleets import HOUR, MINUTE

QUARANTINE = Tag.QUARANTINE_UNTIL.value


def no_tag_can_be_written(guard: VirtualGuard) -> None:
    """For two hours; launches and snapshots bring their own."""
    when = from_now(guard, lasting=2 * HOUR, operations=frozenset({"CreateTags"}))
    guard.cloud.add_fault(Throttled(when=when))


def test_a_restored_slot_serves_although_what_it_left_behind_cannot_be_tagged(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: is_committed(guard))
    no_tag_can_be_written(guard)
    lasts(guard, 10 * MINUTE)
    after = guard.cloud.truth.instances[running(guard)[0]]
    assert after.id != before.id
    assert after.security_groups == DATABASES.instance.security_groups
    assert QUARANTINE not in guard.cloud.truth.volumes[stuck].tags
    lasts(guard, HOUR)
    assert guard.cloud.truth.instances[before.id].state == "stopped", "kept, tagged or not"
    heals(guard, within=3 * HOUR)
    assert QUARANTINE in guard.cloud.truth.volumes[stuck].tags
    assert QUARANTINE in guard.cloud.truth.instances[before.id].tags


def test_a_volume_that_a_copy_superseded_is_not_used_again_when_the_copys_instance_dies(
    guard: VirtualGuard,
) -> None:
    """Nothing says on the old volume that it was left behind, and it answers again: what was written since counts."""
    before = occupant(guard)
    stuck = volume_of(before)
    guard.cloud.make_sick(stuck, Io.STALLED)
    until(guard, lambda: is_committed(guard))
    no_tag_can_be_written(guard)
    lasts(guard, 10 * MINUTE)
    guard.cloud.make_sick(stuck, Io.NORMAL)
    restored = occupant(guard)
    copy = volume_of(restored)
    guard.cloud.by_hand(Meddling.TERMINATE, restored.id)
    heals(guard, within=4 * HOUR)
    assert occupant(guard).id not in (before.id, restored.id)
    assert volume_of(occupant(guard)) == copy
    assert stuck in guard.cloud.truth.volumes
