"""What a restore is made from: the newest completed snapshot of the very volume from before the trouble, or nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from providers.simulated.faults import Meddling, SnapshotFails, SnapshotSlow
from providers.simulated.records import Io
from reconciler.planning.actions import Gate, Withheld
from reconciler.planning.memory import Approval
from reconciler.simulation.guard import NotConvergedError, VirtualGuard
from tests.stories.databases import (
    DATABASES,
    SLOT,
    from_now,
    heals,
    lasts,
    living,
    occupant,
    snapshots_taken_of,
    source_of,
    until,
    volume_of,
    withheld,
    witnessed,
)
from tests.support.fleets import DAY, HOUR, MINUTE


def test_a_newest_snapshot_that_is_not_complete_is_passed_over(guard: VirtualGuard) -> None:
    stuck = volume_of(occupant(guard))
    *_, complete = snapshots_taken_of(guard, stuck)
    guard.cloud.add_fault(SnapshotSlow(when=from_now(guard)))
    until(guard, lambda: snapshots_taken_of(guard, stuck)[-1].state == "pending")
    guard.cloud.make_sick(stuck, Io.STALLED)
    heals(guard)
    assert source_of(guard).id == complete.id


def test_a_newest_snapshot_of_another_volume_is_passed_over_whatever_its_tags_say(
    guard: VirtualGuard,
) -> None:
    stuck = volume_of(occupant(guard))
    *_, own = snapshots_taken_of(guard, stuck)
    guard.cloud.by_hand(Meddling.IMITATE_SNAPSHOT, own.id)
    lasts(guard, 6 * MINUTE)
    guard.cloud.make_sick(stuck, Io.STALLED)
    heals(guard)
    assert source_of(guard).id == own.id


def test_a_snapshot_that_somebody_took_after_the_volume_stuck_is_passed_over(
    guard: VirtualGuard,
) -> None:
    stuck = volume_of(occupant(guard))
    *_, before = snapshots_taken_of(guard, stuck)
    guard.cloud.make_sick(stuck, Io.STALLED)
    lasts(guard, MINUTE)
    guard.cloud.by_hand(Meddling.TAKE_SNAPSHOT, stuck)
    assert snapshots_taken_of(guard, stuck)[-1].id != before.id
    heals(guard)
    assert source_of(guard).id == before.id


def asked_about(guard: VirtualGuard) -> Withheld:
    """What the slot's restore waits for."""
    (found,) = [item for item in guard.look().plan.withheld if item.gate is Gate.RESTORE]
    return found


def test_a_loss_beyond_the_objective_waits_for_a_word_and_is_no_larger_than_the_word(
    folder: Path,
) -> None:
    with witnessed(DATABASES, folder) as (guard, witness):
        stuck = volume_of(occupant(guard))
        *_, last_good = snapshots_taken_of(guard, stuck)
        guard.cloud.add_fault(SnapshotFails(when=from_now(guard)))
        lasts(guard, 90 * MINUTE)
        stuck_at = guard.cloud.clock.now()
        guard.cloud.make_sick(stuck, Io.STALLED)
        lasts(guard, HOUR)
        question = asked_about(guard)
        assert volume_of(occupant(guard)) == stuck
        assert question.loss is not None
        assert abs(question.loss - (stuck_at - last_good.started_at)) < timedelta(seconds=90)
        guard.cloud.heal()
        approves(guard, question)
        witness.may_lose(SLOT, question.loss)
        heals(guard)
        assert source_of(guard).id == last_good.id


def approves(guard: VirtualGuard, question: Withheld) -> None:
    """`reconciler approve`, of the loss that was shown."""
    now = guard.cloud.clock.now()
    word = Approval(
        id=question.approval_id or "",
        gate=question.gate,
        granted_at=now,
        expires_at=now + DAY,
        granted_by="erin",
        max_loss=question.loss,
    )
    guard.cell.store.grant(word)


def test_without_any_restore_point_nothing_is_thrown_away_and_a_volume_that_returns_is_used(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    stuck = volume_of(before)
    for snapshot in snapshots_taken_of(guard, stuck):
        guard.cloud.by_hand(Meddling.DELETE_SNAPSHOT, snapshot.id)
    guard.cloud.add_fault(SnapshotFails(when=from_now(guard)))
    guard.cloud.make_sick(stuck, Io.STALLED)
    with pytest.raises(NotConvergedError):
        heals(guard)
    assert (SLOT, Gate.RESTORE) in withheld(guard)
    assert [item.id for item in living(guard)] == [before.id]
    guard.cloud.heal()
    guard.cloud.make_sick(stuck, Io.NORMAL)
    heals(guard)
    assert volume_of(occupant(guard)) == stuck
