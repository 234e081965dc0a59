"""How snapshots that were asked for, and those that were to go, are settled by a list that has a rhythm of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import GapSubject, Observation, SnapshotState
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import Missing, Settled, Settlement, Waiting, settle
from tests.support.actions import expiry, snapshot
from tests.support.backed_up import VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, safety_policy

WINDOW = safety_policy().consistency_window


def settled(
    action: Action,
    scene: Scene,
    *,
    state: IntentState = IntentState.BEGUN,
    ago: timedelta = MINUTE,
    list_ago: timedelta = timedelta(),
    observation: Observation | None = None,
    **fields: Any,
) -> Settlement:
    intent = scene.began(action, ago=ago, state=state, **fields)
    seen = replace(observation or scene.observation(), snapshots_as_of=scene.now - list_ago)
    (settlement,) = settle([intent], seen, safety_policy(), scene.now)
    return settlement


def shown(scene: Scene, action: Action, state: SnapshotState = SnapshotState.PENDING) -> str:
    item = scene.snapshot(VOLUME, ago=MINUTE, state=state)
    tags = {**item.tags, Tag.OPERATION.value: action.operation_id}
    scene.snapshots[item.id] = replace(item, tags=tags)
    return item.id


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_one_that_is_there_is_observed_though_it_is_pending(state: IntentState) -> None:
    scene, action = backed_up(), snapshot()
    made = shown(scene, action)
    found = settled(action, scene, state=state)
    assert isinstance(found, Settled)
    assert (found.state, found.resource_id) == (IntentState.OBSERVED, made)


def test_one_that_is_accepted_is_found_by_its_id_when_its_tag_was_taken_off() -> None:
    scene, action = backed_up(), snapshot()
    made = scene.snapshot(VOLUME, ago=MINUTE, ours=False)
    found = settled(action, scene, state=IntentState.ACCEPTED, resource_id=made.id)
    assert isinstance(found, Settled)
    assert found.state is IntentState.OBSERVED


def test_one_that_failed_is_dead_with_its_reason() -> None:
    scene, action = backed_up(), snapshot()
    made = shown(scene, action, SnapshotState.ERROR)
    failed = scene.snapshots[made]
    scene.snapshots[made] = replace(failed, state_message="An internal error occurred")
    found = settled(action, scene, state=IntentState.ACCEPTED)
    assert isinstance(found, Settled)
    assert found.state is IntentState.DEAD
    assert "An internal error occurred" in found.detail


def test_a_list_that_is_older_than_the_call_says_nothing() -> None:
    found = settled(snapshot(), backed_up(), list_ago=2 * MINUTE)
    assert isinstance(found, Waiting)


def test_neither_does_a_list_with_a_gap() -> None:
    scene = backed_up()
    scene.gap(GapSubject.SNAPSHOTS)
    assert isinstance(settled(snapshot(), scene), Waiting)


def test_nor_a_list_that_was_never_read() -> None:
    scene = backed_up()
    intent = scene.began(snapshot())
    unread = replace(scene.observation(), snapshots_as_of=None)
    (found,) = settle([intent], unread, safety_policy(), scene.now)
    assert isinstance(found, Waiting)


def test_one_that_is_not_there_is_missed_as_of_its_list_and_not_asked_for_again() -> None:
    scene = backed_up()
    found = settled(snapshot(), scene, ago=10 * MINUTE, list_ago=MINUTE)
    assert found == Missing(
        operation_id=snapshot().operation_id, first_missed_at=scene.now - MINUTE
    )


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_it_is_lost_after_a_second_list_a_window_later(state: IntentState) -> None:
    scene = backed_up()
    at = scene.now - WINDOW
    found = settled(snapshot(), scene, state=state, ago=HOUR, first_missed_at=at)
    assert isinstance(found, Settled)
    assert found.state is IntentState.LOST


def test_the_same_list_seen_twice_is_no_second_look() -> None:
    scene = backed_up()
    at = scene.now - WINDOW
    found = settled(snapshot(), scene, ago=HOUR, list_ago=WINDOW, first_missed_at=at)
    assert isinstance(found, Waiting)


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_a_deletion_is_observed_when_the_snapshot_is_gone(state: IntentState) -> None:
    found = settled(expiry("snap-1"), backed_up(), state=state)
    assert isinstance(found, Settled)
    assert (found.state, found.resource_id) == (IntentState.OBSERVED, "snap-1")


def test_a_deletion_without_effect_is_given_up_after_a_window_and_never_sent_again() -> None:
    scene = backed_up()
    there = scene.snapshot(VOLUME, ago=HOUR)
    first = settled(expiry(there.id), scene, ago=10 * MINUTE)
    later = settled(expiry(there.id), scene, ago=HOUR, first_missed_at=scene.now - WINDOW)
    assert isinstance(first, Missing)
    assert isinstance(later, Settled)
    assert later.state is IntentState.LOST
