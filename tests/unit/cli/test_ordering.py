"""From what is typed to an order, or to why there can be none; and what the plan makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import GapSubject, InstanceState, SnapshotState
from providers.requests import LaunchInstance, StopInstance
from reconciler.cli.failures import Refused
from reconciler.cli.ordering import (
    Said,
    another_try,
    confirmation,
    replacement,
    restoration,
    with_order,
)
from reconciler.loop.assess import Assessment
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.intents import IntentState
from reconciler.planning.orders import OrderKind
from tests.support.actions import action
from tests.support.assessed import assessed
from tests.support.backed_up import DATABASE, VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.databases import committed
from tests.support.fleets import DAY, HOUR, MINUTE, web_fleet
from tests.support.resources import slot
from tests.support.restored import OLD, in_error, taken_over

SLOT = slot(DATABASE)


def said(seen: Assessment) -> Said:
    return Said(by="erin", at=seen.case.now, reason="because", lasts=DAY)


def owing(scene: Scene) -> Assessment:
    """A stop with force hung a minute ago."""
    forced = StopInstance(instance_id=OLD, forced=True)
    done = action(DATABASE, forced, course=Course.RESTORE, reason=Reason.SERVE_FENCE)
    scene.began(done, ago=MINUTE, state=IntentState.DEAD)
    return assessed(scene)


# Replace


def test_an_order_says_who_gave_it_and_of_which_incarnation() -> None:
    seen = assessed(backed_up())
    order = replacement(seen, SLOT, said(seen))
    assert (order.kind, order.incarnation) == (OrderKind.REPLACE, 1)
    assert (order.given_by, order.reason) == ("erin", "because")
    assert order.expires_at == seen.case.now + DAY
    assert with_order(seen, order).actions[0].reason is Reason.BY_HAND


def test_what_nothing_holds_is_not_replaced() -> None:
    scene = backed_up()
    scene.terminated(DATABASE)
    seen = assessed(scene)
    with pytest.raises(Refused, match=f"nothing holds {DATABASE} now"):
        replacement(seen, SLOT, said(seen))


def test_what_is_no_longer_declared_is_not_replaced() -> None:
    scene = Scene(web_fleet())
    scene.in_service()
    scene.release("web")
    seen = assessed(scene)
    with pytest.raises(Refused, match="web is no longer declared"):
        replacement(seen, slot("web/1"), said(seen))


def test_an_order_takes_the_place_of_an_earlier_one_of_its_kind() -> None:
    scene = backed_up()
    scene.ordered(DATABASE, OrderKind.REPLACE, reason="before")
    seen = assessed(scene)
    notes = with_order(seen, replacement(seen, SLOT, said(seen))).notes
    assert [note.rpartition(": ")[2] for note in notes] == ["because"]


# Restore


def test_a_restore_holds_the_loss_that_it_would_have_now() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    seen = assessed(scene)
    order = restoration(seen, SLOT, said(seen), None)
    assert order.max_loss == 20 * MINUTE
    (step,) = with_order(seen, order).actions
    assert isinstance(step.request, LaunchInstance)


def test_a_restore_of_what_is_in_trouble_within_its_objective_takes_no_further_loss() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    seen = assessed(scene)
    assert restoration(seen, SLOT, said(seen), None).max_loss is None


def test_a_restore_from_an_older_snapshot_holds_its_loss() -> None:
    scene = backed_up()
    older = scene.snapshot(VOLUME, ago=5 * HOUR)
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    seen = assessed(scene)
    order = restoration(seen, SLOT, said(seen), older.id)
    assert (order.snapshot_id, order.max_loss) == (older.id, 5 * HOUR)


def test_only_a_restore_point_of_the_slot_that_can_be_used_is_restored_from() -> None:
    scene = backed_up()
    usable = scene.snapshot(VOLUME, ago=HOUR)
    pending = scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING)
    seen = assessed(scene)
    with pytest.raises(Refused, match=rf"snap-0 is no restore point of {DATABASE}.* {usable.id}"):
        restoration(seen, SLOT, said(seen), "snap-0")
    with pytest.raises(Refused, match=f"{pending.id} can't be used now"):
        restoration(seen, SLOT, said(seen), pending.id)


def test_nothing_is_ordered_where_nothing_can_be_restored() -> None:
    seen = assessed(backed_up())
    with pytest.raises(Refused, match="nothing that it could be restored from"):
        restoration(seen, SLOT, said(seen), None)
    unread = backed_up()
    unread.snapshot(VOLUME, ago=HOUR)
    unread.gap(GapSubject.SNAPSHOTS)
    seen = assessed(unread)
    with pytest.raises(Refused, match="can't be restored now"):
        restoration(seen, SLOT, said(seen), None)


def test_a_slot_without_volumes_is_not_restored() -> None:
    scene = Scene(web_fleet())
    scene.in_service()
    seen = assessed(scene)
    with pytest.raises(Refused, match="no volumes to restore"):
        restoration(seen, slot("web/1"), said(seen), None)


# Fence


def test_an_owed_fence_can_be_tried_again_or_vouched_for() -> None:
    seen = owing(taken_over(original=InstanceState.STOPPING))
    assert [item.gate for item in seen.plan.withheld] == [Gate.FENCE]
    again = another_try(seen, SLOT, said(seen))
    assert (again.kind, again.incarnation) == (OrderKind.FENCE, 2)
    assert with_order(seen, again).actions[0].request == StopInstance(instance_id=OLD, forced=True)
    vouched = confirmation(seen, SLOT, said(seen))
    assert (vouched.kind, vouched.instance_id) == (OrderKind.FENCED, OLD)
    assert with_order(seen, vouched).withheld == ()


def test_nobody_vouches_for_the_move_of_a_volume() -> None:
    seen = owing(committed(original=InstanceState.STOPPING))
    assert another_try(seen, SLOT, said(seen)).kind is OrderKind.FENCE
    with pytest.raises(Refused, match="needs proof"):
        confirmation(seen, SLOT, said(seen))


def test_where_no_fence_is_owed_there_is_nothing_to_try_or_to_vouch_for() -> None:
    seen = assessed(backed_up())
    for make in (another_try, confirmation):
        with pytest.raises(Refused, match=f"no fence is owed for {DATABASE}"):
            make(seen, SLOT, replace(said(seen), reason="again"))
