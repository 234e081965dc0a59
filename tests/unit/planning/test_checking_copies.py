"""The last look at copies elsewhere: for every rule, a plan that breaks it is planted and found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.observed import GapSubject, SnapshotState
from providers.requests import CopySnapshot, DeleteCopy
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.backed_up import DATABASE, VOLUME
from tests.support.copied import ELSEWHERE, copied_databases, copying, expiring
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.plans import planned
from tests.support.planted import violations

COPIED = "only good snapshots are copied"
LINEAGE = "copies carry their lineage"
STAYS = "a newer copy stays"
OURS = "only what is ours"


def changed(action: Action, **changes: Any) -> Action:
    return replace(action, request=replace(action.request, **changes))


def with_tags(action: Action, **tags: str) -> Action:
    assert isinstance(action.request, CopySnapshot)
    more = {Tag[name.upper()].value: value for name, value in tags.items()}
    return changed(action, tags={**action.request.tags, **more})


def source(action: Action) -> str:
    assert isinstance(action.request, CopySnapshot)
    return action.request.snapshot_id


def doomed(action: Action) -> str:
    assert isinstance(action.request, DeleteCopy)
    return action.request.snapshot_id


def kept(action: Action) -> str:
    assert isinstance(action.request, DeleteCopy)
    return action.request.restore_point_id or ""


def test_sound_plans_pass() -> None:
    for scene, action in (copying(), expiring()):
        assert violations(scene, action) == []


# Making one


@pytest.mark.parametrize(
    "change",
    [
        {"state": SnapshotState.PENDING},
        {"state": SnapshotState.ERROR},
        {"storage_tier": "archive"},
    ],
)
def test_no_copy_of_what_is_not_usable(change: dict[str, Any]) -> None:
    scene, action = copying()
    scene.snapshots[source(action)] = replace(scene.snapshots[source(action)], **change)
    assert COPIED in violations(scene, action)


def test_no_copy_of_what_somebody_else_took() -> None:
    scene, action = copying()
    theirs = scene.snapshot(VOLUME, ago=MINUTE, ours=False)
    assert {COPIED, OURS} <= set(violations(scene, changed(action, snapshot_id=theirs.id)))


def test_no_copy_to_a_region_that_the_claim_does_not_name() -> None:
    scene, action = copying()
    assert violations(scene, changed(action, to_region="ap-south-1")) == [COPIED]
    scene.fleets["shared-postgres"] = replace(copied_databases(), claims=())
    assert COPIED in violations(scene, action)


def test_no_copy_that_is_there_already_and_none_beside_a_pending_one() -> None:
    for state in (SnapshotState.COMPLETED, SnapshotState.PENDING):
        scene, action = copying()
        scene.copied(scene.snapshots[source(action)], state=state)
        assert violations(scene, action) == [COPIED]


def test_no_copy_on_a_list_with_a_gap_here_or_there() -> None:
    for subject, zone in ((GapSubject.SNAPSHOTS, None), (GapSubject.COPIES, ELSEWHERE)):
        scene, action = copying()
        scene.gap(subject, zone=zone)
        assert "nothing rests on a gap" in violations(scene, action)


@pytest.mark.parametrize(
    "tags",
    [
        {"owner": "someone"},
        {"slot": "7"},
        {"fleet": "web"},
        {"claim": "log"},
        {"incarnation": "9"},
        {"due": "2026-01-01"},
        {"operation": "0" * 64},
        {"copied_from": "snap-1"},
        {"copied_from_region": ELSEWHERE},
        {"taken_at": "2026-01-01T00:00:00+00:00"},
    ],
    ids=lambda tags: next(iter(tags)),
)
def test_no_copy_under_another_lineage(tags: dict[str, str]) -> None:
    scene, action = copying()
    assert violations(scene, with_tags(action, **tags)) == [LINEAGE]


def test_no_copy_from_another_region_than_this_one() -> None:
    scene, action = copying()
    assert violations(scene, changed(action, from_region="ap-south-1")) == [LINEAGE]


def test_no_copy_for_a_paused_slot_and_none_in_a_cell_seen_once() -> None:
    scene, action = copying()
    scene.paused(DATABASE)
    assert "nothing on what is paused or undeclared" in violations(scene, action)
    scene, action = copying()
    scene.cold()
    assert "nothing rash while cold" in violations(scene, action)


# Deleting one


def test_the_newest_copy_is_never_deleted() -> None:
    scene, action = expiring()
    swapped = changed(action, snapshot_id=kept(action), restore_point_id=doomed(action))
    assert violations(scene, swapped) == [STAYS]
    assert STAYS in violations(scene, changed(action, restore_point_id=doomed(action)))
    assert violations(scene, changed(action, restore_point_id=None)) == [STAYS]


def test_what_a_copy_holds_counts_and_not_when_it_was_made() -> None:
    """The one that stays was made first."""
    scene, action = expiring()
    newest = scene.copies[kept(action)]
    scene.copies[newest.id] = replace(newest, started_at=scene.now - 100 * DAY)
    assert violations(scene, action) == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": SnapshotState.PENDING},
        {"state": SnapshotState.ERROR},
        {"storage_tier": "archive"},
    ],
)
def test_what_stays_must_be_usable(change: dict[str, Any]) -> None:
    scene, action = expiring()
    scene.copies[kept(action)] = replace(scene.copies[kept(action)], **change)
    assert violations(scene, action) == [STAYS]


@pytest.mark.parametrize("tag", [Tag.CLAIM, Tag.TAKEN_AT])
def test_what_stays_must_be_of_the_same_claim_and_say_what_it_holds(tag: Tag) -> None:
    scene, action = expiring()
    newest = scene.copies[kept(action)]
    scene.copies[newest.id] = replace(newest, tags={**newest.tags, tag.value: "log"})
    assert violations(scene, action) == [STAYS]


def test_what_stays_is_not_deleted_by_another_action_nor_already() -> None:
    scene, action = expiring()
    going = changed(action, snapshot_id=kept(action), restore_point_id=None)
    other = replace(going, operation_id="f" * 64)
    assert "restore points stay" in violations(scene, action, other)
    scene.began(other, state=IntentState.ACCEPTED)
    assert "restore points stay" in violations(scene, action)


@pytest.mark.parametrize("tag", [Tag.OPERATION, Tag.DUE, Tag.COPIED_FROM, Tag.COPIED_FROM_REGION])
def test_what_is_not_told_as_a_copy_of_ours_from_here_is_never_deleted(tag: Tag) -> None:
    scene, action = expiring()
    copy = scene.copies[doomed(action)]
    tags = {key: value for key, value in copy.tags.items() if key != tag}
    scene.copies[copy.id] = replace(copy, tags=tags)
    assert violations(scene, action) == [STAYS]


def test_a_copy_is_deleted_where_it_was_seen_and_nowhere_else() -> None:
    scene, action = expiring()
    assert STAYS in violations(scene, changed(action, region="ap-south-1"))


def test_nothing_is_deleted_while_the_slot_is_unhealthy() -> None:
    scene, action = expiring()
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert violations(scene, action) == [STAYS]


def test_nothing_is_deleted_in_a_cold_cell() -> None:
    scene, action = expiring()
    scene.cold()
    assert "nothing rash while cold" in violations(scene, action)


def test_the_plans_are_those_that_planning_makes() -> None:
    for scene, action in (copying(), expiring()):
        assert planned(scene).actions == (action,)
