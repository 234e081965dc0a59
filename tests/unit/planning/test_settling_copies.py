"""How copies that were asked for are settled: by the list of their own region, which has a rhythm of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import Gap, GapSubject, Observation, SnapshotList, SnapshotState
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import Missing, Settled, Settlement, Waiting, settle
from tests.support.actions import snapshot
from tests.support.backed_up import VOLUME
from tests.support.cases import Scene
from tests.support.copied import ELSEWHERE, copying, expiring
from tests.support.fleets import MINUTE, safety_policy

WINDOW = safety_policy().consistency_window


def settled(
    scene: Scene,
    action: Action,
    *,
    state: IntentState = IntentState.BEGUN,
    ago: timedelta = MINUTE,
    list_ago: timedelta = timedelta(),
    observation: Observation | None = None,
    **fields: Any,
) -> Settlement:
    intent = scene.began(action, ago=ago, state=state, **fields)
    seen = observation or scene.observation()
    copies = {
        region: replace(item, as_of=scene.now - list_ago) for region, item in seen.copies.items()
    }
    found = replace(seen, copies=copies)
    (settlement,) = settle([intent], found, safety_policy(), scene.now)
    return settlement


def shown(scene: Scene, action: Action, state: SnapshotState = SnapshotState.PENDING) -> str:
    (source,) = scene.snapshots.values()
    copy = scene.copied(source, state=state, state_message="Given key ID is not accessible")
    tags = {**copy.tags, Tag.OPERATION.value: action.operation_id}
    scene.copies[copy.id] = replace(copy, tags=tags)
    return copy.id


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_one_that_is_there_is_observed_though_it_is_pending(state: IntentState) -> None:
    scene, action = copying()
    made = shown(scene, action)
    found = settled(scene, action, state=state)
    assert isinstance(found, Settled)
    assert (found.state, found.resource_id) == (IntentState.OBSERVED, made)


def test_one_that_failed_is_dead_with_its_reason() -> None:
    scene, action = copying()
    shown(scene, action, SnapshotState.ERROR)
    found = settled(scene, action, state=IntentState.ACCEPTED)
    assert isinstance(found, Settled)
    assert found.state is IntentState.DEAD
    assert "Given key ID is not accessible" in found.detail


def test_the_source_is_not_taken_for_its_copy() -> None:
    """It carries the same lineage, and the call named it."""
    scene, action = copying()
    assert isinstance(settled(scene, action), Missing)


def test_a_snapshot_and_a_copy_are_each_looked_for_in_the_list_of_their_own_region() -> None:
    scene, copy = copying()
    copied = shown(scene, copy)
    taken = scene.snapshot(VOLUME, ago=MINUTE)
    tags = {**taken.tags, Tag.OPERATION.value: snapshot().operation_id}
    scene.snapshots[taken.id] = replace(taken, tags=tags)
    intents = [scene.began(snapshot(), ago=MINUTE), scene.began(copy, ago=MINUTE)]
    found = settle(intents, scene.observation(), safety_policy(), scene.now)
    assert [item.resource_id for item in found if isinstance(item, Settled)] == [taken.id, copied]


def test_one_that_two_lists_lack_a_window_apart_was_never_made() -> None:
    scene, action = copying()
    missed = scene.now - WINDOW
    found = settled(scene, action, ago=2 * WINDOW, first_missed_at=missed)
    assert isinstance(found, Settled)
    assert found.state is IntentState.LOST


def test_a_list_that_is_older_than_the_call_says_nothing() -> None:
    scene, action = copying()
    assert isinstance(settled(scene, action, list_ago=2 * MINUTE), Waiting)


def test_a_fresh_list_of_the_cell_itself_says_nothing_about_copies() -> None:
    scene, action = copying()
    bare = replace(scene.observation(), copies={})
    assert isinstance(settled(scene, action, observation=bare), Waiting)


def test_a_gap_there_says_nothing_and_one_here_hinders_nothing() -> None:
    scene, action = copying()
    shown(scene, action)
    seen = scene.observation()
    there = Gap(subject=GapSubject.COPIES, zone=ELSEWHERE, code="AuthFailure", detail="")
    assert isinstance(settled(scene, action, observation=replace(seen, gaps=(there,))), Waiting)
    here = replace(there, subject=GapSubject.SNAPSHOTS, zone=None)
    found = settled(scene, action, observation=replace(seen, gaps=(here,)))
    assert isinstance(found, Settled)


def test_a_deletion_is_seen_when_the_copy_is_gone_there() -> None:
    scene, action = expiring()
    assert isinstance(settled(scene, action, state=IntentState.ACCEPTED), Missing)
    gone = {ELSEWHERE: SnapshotList(as_of=scene.now)}
    seen = replace(scene.observation(), copies=gone)
    found = settled(scene, action, state=IntentState.ACCEPTED, observation=seen)
    assert isinstance(found, Settled)
    assert found.state is IntentState.OBSERVED
