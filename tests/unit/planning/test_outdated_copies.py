"""A copy that was prepared before its slot served once more: within what may be lost it takes over, beyond it never
without a word.
"""

from __future__ import annotations

from datetime import timedelta

from providers.requests import SetTags
from reconciler.planning.actions import Gate, Reason
from reconciler.planning.identity import Role, Tag
from tests.support.archived import archived, archived_databases, state
from tests.support.backed_up import DATABASE, VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.plans import done, planned, the_action, the_hold
from tests.support.restored import COPY, NEW, in_error, prepared

COMMIT = SetTags(resource_id=NEW, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True)


def prepared_ago(ago: timedelta, scene: Scene | None = None) -> Scene:
    """A copy was made of a snapshot that was ten minutes old; the volume failed again five minutes ago."""
    scene = prepared(scene)
    scene.change(NEW, launched_at=scene.now - ago)
    made_from = scene.volumes[COPY].snapshot_id or ""
    del scene.snapshots[made_from]
    scene.change(COPY, snapshot_id=scene.snapshot(VOLUME, ago=ago + 10 * MINUTE).id)
    return scene


def test_where_something_younger_is_there_it_is_given_up() -> None:
    scene = prepared_ago(3 * HOUR)
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    (action,) = [item for item in planned(scene).actions if item.reason is not Reason.SNAPSHOT_DUE]
    assert isinstance(action.request, SetTags)
    assert action.request.resource_id == COPY
    assert Tag.QUARANTINE_UNTIL in action.request.tags


def test_it_ends_once_its_copies_are_dated() -> None:
    scene = prepared_ago(3 * HOUR)
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    date = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(COPY, tags={**scene.volumes[COPY].tags, **date})
    assert done(scene) == [f"terminate {DATABASE}"]
    assert the_action(scene).reason is Reason.COPY_OUTDATED
    assert "prepared before the slot served once more" in the_action(scene).detail


def test_where_nothing_younger_is_there_a_person_is_asked() -> None:
    scene = prepared_ago(3 * HOUR)
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert hold.loss == 3 * HOUR + 5 * MINUTE
    assert hold.approval_id is not None
    scene.approved(hold.approval_id, hold.gate, max_loss=hold.loss)
    assert the_action(scene).request == COMMIT


def test_what_may_be_lost_without_a_word_is_lost_by_it_too() -> None:
    scene = prepared_ago(20 * MINUTE)
    scene.snapshot(VOLUME, ago=12 * MINUTE)
    assert the_action(scene).request == COMMIT


def test_a_loss_that_was_taken_when_it_was_launched_is_not_asked_about_again() -> None:
    """The trouble that it was launched for goes on: nothing was served in between."""
    scene = in_error(prepared(), lasting=11 * MINUTE)
    made_from = scene.volumes[COPY].snapshot_id or ""
    del scene.snapshots[made_from]
    scene.change(COPY, snapshot_id=scene.snapshot(VOLUME, ago=5 * HOUR).id)
    assert the_action(scene).request == COMMIT


def test_what_can_not_be_told_any_more_is_counted_from_its_launch() -> None:
    scene = prepared_ago(3 * HOUR)
    scene.snapshots.clear()
    assert the_hold(scene).loss == 3 * HOUR - 5 * MINUTE


def test_an_archive_that_went_on_is_replayed_anew() -> None:
    scene = prepared_ago(3 * HOUR, backed_up(archived_databases()))
    scene.change(NEW, tags={**scene.instances[NEW].tags, Tag.RESTORE_FROM.value: "1"})
    archived(scene, state(scene, ago=6 * MINUTE))
    (outcome,) = planned(scene).slots
    assert "loses 2 h 55 min of writes" in outcome.summary
    assert COMMIT not in [item.request for item in planned(scene).actions]


def test_an_archive_that_goes_no_further_than_the_copy_is_asked_about() -> None:
    scene = prepared_ago(3 * HOUR, backed_up(archived_databases()))
    scene.snapshots.clear()
    scene.change(COPY, snapshot_id=None)
    scene.change(NEW, tags={**scene.instances[NEW].tags, Tag.RESTORE_FROM.value: "1"})
    archived(scene, state(scene, ago=4 * HOUR))
    assert the_hold(scene).loss == 4 * HOUR - 5 * MINUTE


def test_an_empty_stand_in_that_a_person_agreed_to_takes_over() -> None:
    scene = prepared_ago(3 * HOUR)
    scene.snapshots.clear()
    scene.change(COPY, snapshot_id=None)
    hold = the_hold(scene)
    assert hold.approval_id is not None
    scene.approved(hold.approval_id, hold.gate, empty=True)
    assert the_action(scene).request == COMMIT
