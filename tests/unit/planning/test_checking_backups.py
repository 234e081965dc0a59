"""The last look at backups: for every rule, a plan that breaks it is planted and found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.observed import GapSubject, SnapshotState, VolumeState
from providers.requests import CreateSnapshot, DeleteSnapshot
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.backed_up import DATABASE, VOLUME, backed_up, in_time, old
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.plans import planned
from tests.support.planted import violations
from tests.support.resources import instance_id
from tests.support.volume_health import slow

TAKEN = "snapshots only of what is well"
LINEAGE = "snapshots carry their lineage"
STAYS = "a newer restore point stays"


def taking() -> Action:
    (action,) = planned(backed_up()).actions
    return action


def with_tags(action: Action, **tags: str) -> Action:
    assert isinstance(action.request, CreateSnapshot)
    changed = {Tag[name.upper()].value: value for name, value in tags.items()}
    request = replace(action.request, tags={**action.request.tags, **changed})
    return replace(action, request=request)


def thinning() -> tuple[Scene, Action]:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    (action,) = planned(scene).actions
    return scene, action


def deleting(action: Action, **changes: Any) -> Action:
    assert isinstance(action.request, DeleteSnapshot)
    return replace(action, request=replace(action.request, **changes))


def test_sound_plans_pass() -> None:
    scene, action = thinning()
    assert violations(backed_up(), taking()) == []
    assert violations(scene, action) == []


def test_no_snapshot_of_an_unhealthy_slot() -> None:
    scene = backed_up()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert TAKEN in violations(scene, taking())


def test_no_snapshot_of_a_volume_that_is_not_in_use() -> None:
    scene = backed_up()
    scene.change(VOLUME, state=VolumeState.ERROR)
    assert TAKEN in violations(scene, taking())


def test_no_snapshot_of_a_volume_that_is_not_known_to_be_well() -> None:
    taken, scene = taking(), backed_up()
    scene.volume_status[VOLUME] = slow(VOLUME)
    assert violations(scene, taken) == [TAKEN]


def test_no_snapshot_of_a_volume_on_another_instance() -> None:
    scene = backed_up()
    other = scene.instance(DATABASE, incarnation=2, role=None)
    scene.attached(VOLUME, other.id)
    assert TAKEN in violations(scene, taking())


def test_no_second_snapshot_beside_a_pending_one() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING, ours=False)
    assert TAKEN in violations(scene, taking())


@pytest.mark.parametrize(
    "tags",
    [{"owner": "someone"}, {"slot": "7"}, {"claim": "log"}, {"operation": "0" * 64}],
    ids=lambda tags: next(iter(tags)),
)
def test_no_snapshot_under_another_lineage(tags: dict[str, str]) -> None:
    assert LINEAGE in violations(backed_up(), with_tags(taking(), **tags))


def test_nothing_rests_on_a_list_with_a_gap() -> None:
    scene, action = thinning()
    scene.gap(GapSubject.SNAPSHOTS)
    assert "nothing rests on a gap" in violations(scene, action)
    assert "nothing rests on a gap" in violations(scene, taking())


def test_the_last_good_restore_point_is_never_deleted() -> None:
    scene, action = thinning()
    assert isinstance(action.request, DeleteSnapshot)
    newest = action.request.restore_point_id
    older = action.request.snapshot_id
    swapped = deleting(action, snapshot_id=newest, restore_point_id=older)
    assert STAYS in violations(scene, swapped)
    assert STAYS in violations(scene, deleting(action, restore_point_id=older))
    assert STAYS in violations(scene, deleting(action, restore_point_id=None))


@pytest.mark.parametrize(
    "change",
    [
        {"state": SnapshotState.PENDING},
        {"state": SnapshotState.ERROR},
        {"storage_tier": "archive"},
    ],
)
def test_what_stays_must_be_usable(change: dict[str, Any]) -> None:
    scene, action = thinning()
    assert isinstance(action.request, DeleteSnapshot)
    newest = scene.snapshots[action.request.restore_point_id or ""]
    scene.snapshots[newest.id] = replace(newest, **change)
    assert STAYS in violations(scene, action)


def test_what_stays_must_be_of_the_same_claim() -> None:
    scene, action = thinning()
    assert isinstance(action.request, DeleteSnapshot)
    newest = scene.snapshots[action.request.restore_point_id or ""]
    scene.snapshots[newest.id] = replace(newest, tags={**newest.tags, Tag.CLAIM.value: "log"})
    assert STAYS in violations(scene, action)


def test_what_stays_is_not_deleted_by_another_action() -> None:
    scene, action = thinning()
    newest = in_time(scene)
    assert isinstance(action.request, DeleteSnapshot)
    other = deleting(
        replace(action, operation_id="f" * 64),
        snapshot_id=action.request.restore_point_id,
        restore_point_id=newest.id,
    )
    assert "restore points stay" in violations(scene, action, other)


def test_what_stays_is_not_being_deleted_already() -> None:
    scene, action = thinning()
    assert isinstance(action.request, DeleteSnapshot)
    going = deleting(action, snapshot_id=action.request.restore_point_id, restore_point_id=None)
    scene.began(replace(going, operation_id="f" * 64), state=IntentState.ACCEPTED)
    assert "restore points stay" in violations(scene, action)


def test_nothing_is_planned_to_rest_on_what_is_being_deleted() -> None:
    scene, action = thinning()
    assert isinstance(action.request, DeleteSnapshot)
    stays = action.request.restore_point_id
    going = deleting(action, snapshot_id=stays, restore_point_id=None)
    going = replace(going, operation_id="f" * 64, family="of the one that stayed")
    scene.began(going, state=IntentState.BEGUN)
    relied_on = [
        item.request.restore_point_id
        for item in planned(scene).actions
        if isinstance(item.request, DeleteSnapshot)
    ]
    assert stays not in relied_on


def test_what_somebody_else_took_is_never_deleted() -> None:
    scene, action = thinning()
    theirs = old(scene, ago=80 * DAY, ours=False)
    assert "only what is ours" in violations(scene, deleting(action, snapshot_id=theirs.id))


def test_what_was_not_taken_by_us_is_never_deleted_though_it_has_our_tags() -> None:
    scene, action = thinning()
    copied = old(scene, ago=80 * DAY)
    tags = {key: value for key, value in copied.tags.items() if key != Tag.OPERATION}
    scene.snapshots[copied.id] = replace(copied, tags=tags)
    assert STAYS in violations(scene, deleting(action, snapshot_id=copied.id))


def test_nothing_is_deleted_while_the_slot_is_unhealthy() -> None:
    scene, action = thinning()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert STAYS in violations(scene, action)
    assert instance_id(DATABASE) in scene.instances


def test_nothing_is_deleted_in_a_cold_cell() -> None:
    scene, action = thinning()
    scene.cold()
    assert "nothing rash while cold" in violations(scene, action)
