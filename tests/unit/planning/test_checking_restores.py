"""The last look at restores: for every rule, a plan that breaks it is planted and found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import InstanceState, SnapshotState
from providers.requests import LaunchInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Course, Reason
from reconciler.planning.identity import Tag
from tests.support.actions import terminate
from tests.support.backed_up import DATABASE, LOG, VOLUME, with_a_log
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, SECOND, snapshots_of
from tests.support.plans import planned, the_action
from tests.support.planted import violations
from tests.support.restored import OLD, in_error, quarantined

ITS_OWN = "only its own is restored"
TOGETHER = "what belongs together is of one moment"
NEEDED = "nothing is taken down without need"


def restoring() -> tuple[Scene, Action, str]:
    """A scene, its restore, and the snapshot that it is made from."""
    scene = in_error()
    snapshot = scene.snapshot(VOLUME, ago=20 * MINUTE)
    (action,) = planned(scene).actions
    assert isinstance(action.request, LaunchInstance)
    assert violations(scene, action) == []
    return scene, action, snapshot.id


@pytest.mark.parametrize(
    "changes",
    [{"state": SnapshotState.PENDING}, {"state": SnapshotState.ERROR}, {"storage_tier": "archive"}],
    ids=["pending", "failed", "archived"],
)
def test_nothing_is_restored_from_what_is_not_usable(changes: dict[str, object]) -> None:
    scene, action, id_ = restoring()
    scene.snapshots[id_] = replace(scene.snapshots[id_], **changes)  # type: ignore[arg-type]
    assert violations(scene, action) == [ITS_OWN]


def test_nothing_is_restored_from_what_is_not_shown() -> None:
    scene, action, id_ = restoring()
    del scene.snapshots[id_]
    assert violations(scene, action) == [ITS_OWN]


@pytest.mark.parametrize(("tag", "other"), [(Tag.SLOT, "7"), (Tag.CLAIM, "log")])
def test_nothing_is_restored_from_the_snapshot_of_another_slot_or_claim(
    tag: Tag, other: str
) -> None:
    scene, action, _ = restoring()
    scene.change(VOLUME, tags={**scene.volumes[VOLUME].tags, tag.value: other})
    assert ITS_OWN in violations(scene, action)


def test_tags_alone_do_not_make_the_snapshot_of_a_strangers_volume_ours() -> None:
    scene, action, id_ = restoring()
    theirs = {**scene.snapshots[id_].tags, Tag.OWNER.value: "somebody-else"}
    scene.snapshots[id_] = replace(
        scene.snapshots[id_], volume_id="vol-0fffffffffffffff0", tags=theirs
    )
    assert violations(scene, action) == [ITS_OWN]


def of_two_claims() -> tuple[Scene, Action, list[str]]:
    """The same of a database with a volume for its log, and both snapshots."""
    scene = in_error(with_a_log(snapshots_of(HOUR)))
    taken = [scene.snapshot(item, ago=20 * MINUTE).id for item in (VOLUME, LOG)]
    action = the_action(scene)
    assert violations(scene, action) == []
    return scene, action, taken


def test_data_and_log_are_not_restored_from_different_moments() -> None:
    scene, action, (_, log) = of_two_claims()
    later = scene.snapshots[log].started_at + 11 * SECOND
    scene.snapshots[log] = replace(scene.snapshots[log], started_at=later)
    assert violations(scene, action) == [TOGETHER]


def test_data_and_log_are_not_restored_from_different_calls() -> None:
    scene, action, (_, log) = of_two_claims()
    tags = {**scene.snapshots[log].tags, Tag.OPERATION.value: "another"}
    scene.snapshots[log] = replace(scene.snapshots[log], tags=tags)
    assert violations(scene, action) == [TOGETHER]


def test_data_and_log_are_not_restored_from_what_no_call_of_ours_took() -> None:
    scene, action, taken = of_two_claims()
    for id_ in taken:
        tags = {k: v for k, v in scene.snapshots[id_].tags.items() if k != Tag.OPERATION}
        scene.snapshots[id_] = replace(scene.snapshots[id_], tags=tags)
    assert violations(scene, action) == [TOGETHER]


def test_what_nobody_wrote_is_carried_over_from_whatever_moments() -> None:
    scene, action, (_, log) = of_two_claims()
    scene.snapshots[log] = replace(scene.snapshots[log], started_at=scene.now - MINUTE)
    assert violations(scene, replace(action, reason=Reason.CARRIED_OVER)) == []


def test_what_is_in_quarantine_is_not_ended() -> None:
    ending = terminate(DATABASE, course=Course.KEEP_THE_DATA)
    assert violations(quarantined(ends_in=-MINUTE), ending) == []
    assert violations(quarantined(ends_in=HOUR), ending) == [NEEDED]


def test_what_never_served_is_not_of_no_use_while_it_holds_a_claims_volume() -> None:
    scene = quarantined(ends_in=-MINUTE)
    without = {k: v for k, v in scene.instances[OLD].tags.items() if k != Tag.IN_SERVICE_SINCE}
    scene.change(OLD, tags=without, state=InstanceState.RUNNING)
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR, incarnation=2)
    ending = terminate(DATABASE, course=Course.KEEP_THE_DATA)
    assert violations(scene, ending) == [NEEDED]
    bare = {k: v for k, v in scene.volumes[VOLUME].tags.items() if k != Tag.CLAIM}
    scene.change(VOLUME, tags=bare)
    assert violations(scene, ending) == []
