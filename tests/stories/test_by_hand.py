"""What people order and approve by hand, played to its end: done once, through the gates, and nothing lost unasked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from providers.simulated.faults import Meddling
from providers.simulated.records import Io
from reconciler.planning.actions import Gate, Withheld
from reconciler.planning.identity import Tag, incarnation_of
from reconciler.planning.memory import Approval
from reconciler.planning.orders import Order, OrderKind
from reconciler.simulation.guard import VirtualGuard
from tests.stories.databases import (
    DATABASES,
    SLOT,
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
from tests.support.fleets import DAY, HOUR
from tests.support.resources import slot


def orders(guard: VirtualGuard, kind: OrderKind, max_loss: timedelta | None = None) -> None:
    """`reconciler replace` or `restore`, by somebody who says yes to what is shown."""
    now = guard.cloud.clock.now()
    order = Order(
        slot=slot(SLOT),
        kind=kind,
        incarnation=incarnation_of(occupant(guard).tags),
        reason="a person knows better",
        given_at=now,
        expires_at=now + DAY,
        given_by="erin",
        max_loss=max_loss,
    )
    guard.cell.store.order(order)


def asked(guard: VirtualGuard) -> Withheld:
    """The one question that waits for a person."""
    (question,) = [item for item in guard.look().plan.withheld if item.gate is Gate.RESTORE]
    return question


def test_a_database_that_is_replaced_by_hand_keeps_its_volume_and_is_replaced_once(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    volume = volume_of(before)
    orders(guard, OrderKind.REPLACE)
    until(guard, lambda: len(living(guard)) == 2)
    heals(guard)
    after = occupant(guard)
    assert after.id != before.id
    assert volume_of(after) == volume
    lasts(guard, 3 * HOUR)
    assert [item.id for item in living(guard)] == [after.id]


def test_a_database_that_is_restored_by_hand_takes_what_was_there_before_and_keeps_the_rest(
    guard: VirtualGuard,
) -> None:
    """Its original serves until the copy takes over; then it is stopped, its volume kept with what came later."""
    before = occupant(guard)
    volume = volume_of(before)
    newest = snapshots_taken_of(guard, volume)[-1]
    ordered_at = guard.cloud.clock.now()
    orders(guard, OrderKind.RESTORE, max_loss=ordered_at - newest.started_at)
    until(guard, lambda: len(living(guard)) == 2)
    heals(guard)
    after = occupant(guard)
    assert source_of(guard).id == newest.id
    assert guard.cloud.truth.instances[before.id].state == "stopped"
    kept = guard.cloud.truth.volumes[volume]
    assert kept.attachment is not None
    assert kept.attachment.instance_id == before.id
    assert Tag.QUARANTINE_UNTIL in kept.tags
    lasts(guard, 3 * HOUR)
    assert occupant(guard).id == after.id, "an order is carried out once"


def test_where_nothing_is_left_to_restore_from_an_empty_volume_stands_in_and_the_old_one_is_kept(
    folder: Path,
) -> None:
    with witnessed(DATABASES, folder) as (guard, witness):
        before = occupant(guard)
        stuck = volume_of(before)
        for snapshot in snapshots_taken_of(guard, stuck):
            guard.cloud.by_hand(Meddling.DELETE_SNAPSHOT, snapshot.id)
        guard.cloud.make_sick(stuck, Io.STALLED)
        until(guard, lambda: (SLOT, Gate.RESTORE) in withheld(guard))
        lasts(guard, HOUR)
        assert occupant(guard).id == before.id, "nobody has said a word yet"
        lets_stand_in(guard, asked(guard))
        witness.may_stand_in(SLOT)
        heals(guard)
        after = occupant(guard)
        stand_in = guard.cloud.truth.volumes[volume_of(after)]
        assert stand_in.snapshot_id is None
        assert guard.cloud.truth.instances[before.id].state == "stopped"
        assert Tag.QUARANTINE_UNTIL in guard.cloud.truth.volumes[stuck].tags
        guard.cloud.make_sick(stuck, Io.NORMAL)
        lasts(guard, 3 * HOUR)
        assert volume_of(occupant(guard)) == stand_in.id, "after a commit it only goes forward"
        assert stuck in guard.cloud.truth.volumes


def lets_stand_in(guard: VirtualGuard, question: Withheld) -> None:
    """`reconciler approve --empty`."""
    assert question.only_stand_in
    now = guard.cloud.clock.now()
    word = Approval(
        id=question.approval_id or "",
        gate=question.gate,
        granted_at=now,
        expires_at=now + DAY,
        granted_by="erin",
        empty=True,
    )
    guard.cell.store.grant(word)
