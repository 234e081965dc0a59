"""An archive is a restore point like a snapshot: the one that loses less is taken, and nobody writes into another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import GapSubject, InstanceState, ProbeOutcome
from providers.requests import LaunchInstance
from reconciler.health.verdict import Status
from reconciler.planning.actions import Action, Bucket, Course, Gate, Reason
from reconciler.planning.checks.last_look import PlanViolationError, check_plan
from reconciler.planning.identity import Tag
from reconciler.planning.losses.restore_sets import best_set
from reconciler.planning.plan import plan, world_of
from reconciler.planning.slots.claims import ClaimView
from tests.support.archived import (
    ARCHIVE,
    UNFINISHED,
    archived,
    archived_databases,
    state,
    url_of,
)
from tests.support.backed_up import DATABASE, VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, health_spec, tcp_probe
from tests.support.plans import bucket, held, planned, the_action, the_hold
from tests.support.resources import instance_id
from tests.support.restored import COPY, NEW, in_error, prepared, taken_over

LASTING = 5 * MINUTE


def broken(**how: bool) -> Scene:
    """The database's volume has been in error for five minutes."""
    return in_error(backed_up(archived_databases(**how)), lasting=LASTING)


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


def sources(request: LaunchInstance) -> list[str | None]:
    return [volume.snapshot_id for volume in request.volumes]


# From what


def test_the_archive_is_replayed_where_that_loses_less_than_the_newest_snapshot() -> None:
    scene = broken()
    snapshot = scene.snapshot(VOLUME, ago=20 * MINUTE)
    archived(scene, state(scene, ago=6 * MINUTE))
    request = launched(scene)
    assert request.tags[Tag.RESTORE_FROM] == "1"
    assert request.tags[Tag.INCARNATION] == "2"
    assert sources(request) == [snapshot.id], "its log goes on from there"
    assert the_action(scene).detail == (
        f"claim data: {VOLUME} is in state error; restored from the archive s3://backups/shared-postgres/0/1 "
        f"onto {snapshot.id} up to 2026-04-21T11:54:00Z, which loses 60 s of writes"
    )


def test_a_snapshot_that_loses_no_more_is_taken_by_itself() -> None:
    scene = broken()
    snapshot = scene.snapshot(VOLUME, ago=7 * MINUTE)
    archived(scene, state(scene, ago=7 * MINUTE))
    request = launched(scene)
    assert sources(request) == [snapshot.id]
    assert Tag.RESTORE_FROM not in request.tags


def test_without_a_snapshot_since_its_base_was_finished_the_base_is_fetched_onto_an_empty_volume() -> (
    None
):
    scene = broken()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    archived(scene, state(scene, ago=6 * MINUTE, base_ago=10 * MINUTE))
    request = launched(scene)
    assert sources(request) == [None]
    assert request.tags[Tag.RESTORE_FROM] == "1"
    assert "onto an empty volume" in the_action(scene).detail


def test_an_archive_alone_is_enough() -> None:
    scene = broken(with_snapshots=False)
    archived(scene, state(scene, ago=6 * MINUTE))
    assert sources(launched(scene)) == [None]


def test_an_archive_that_goes_on_after_the_trouble_began_loses_nothing() -> None:
    scene = broken()
    archived(scene, state(scene, ago=MINUTE))
    assert "loses 0 s of writes" in the_action(scene).detail
    found = best_set((the_claim(scene),), scene.now - LASTING)
    assert found is not None
    assert found.loss == timedelta()


def test_an_archive_without_a_finished_base_is_none() -> None:
    scene = broken()
    snapshot = scene.snapshot(VOLUME, ago=20 * MINUTE)
    archived(scene, state(scene, why_not=UNFINISHED))
    request = launched(scene)
    assert sources(request) == [snapshot.id]
    assert Tag.RESTORE_FROM not in request.tags


def test_claims_without_an_archive_of_their_own_are_restored_from_snapshots_with_the_others() -> (
    None
):
    """Nothing would be replayed onto the other claim, and the two would not fit."""
    claims = archived_databases().claims
    assert claims[0].backup is not None
    log = data_claim("log", device="/dev/sdg", backup=replace(claims[0].backup, archive=None))
    scene = in_error(backed_up(archived_databases(claims=(*claims, log))))
    archived(scene, state(scene, ago=6 * MINUTE))
    assert the_hold(scene).gate is Gate.RESTORE


def test_claims_are_replayed_together_when_one_incarnation_archived_them_all() -> None:
    """A replacement is told of one incarnation whose archives it replays."""
    one = replace(ARCHIVE, url="s3://log/{fleet}/{slot}/{incarnation}")
    (data,) = archived_databases().claims
    assert data.backup is not None
    log = data_claim("log", device="/dev/sdg", backup=replace(data.backup, archive=one))
    scene = in_error(backed_up(archived_databases(claims=(data, log))))
    archived(scene, state(scene, ago=6 * MINUTE))
    url = "s3://log/shared-postgres/0/{incarnation}"
    of_log = scene.archives[url_of()]
    scene.archives[url] = replace(of_log, url=url)
    assert sources(launched(scene)) == [None, None]
    other = replace(of_log.states[0], incarnation=0)
    scene.archives[url] = replace(of_log, url=url, states=(other,))
    assert the_hold(scene).gate is Gate.RESTORE


def test_a_loss_beyond_what_is_allowed_waits_for_a_person_here_too() -> None:
    scene = broken()
    archived(scene, state(scene, ago=3 * HOUR))
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert hold.loss == 3 * HOUR - LASTING
    assert hold.alternatives[0].what == (
        "the archive s3://backups/shared-postgres/0/1 onto an empty volume"
    )


# Whose archive


def restored_once(*, in_service_ago: timedelta = HOUR) -> Scene:
    """Incarnation 2 has held the slot for an hour, and its own volume is in error now."""
    scene = taken_over(backed_up(archived_databases()), original=InstanceState.STOPPED)
    since = f"{scene.now - in_service_ago:%Y-%m-%dT%H:%M:%SZ}"
    scene.change(NEW, tags={**scene.instances[NEW].tags, Tag.IN_SERVICE_SINCE.value: since})
    return scene


def the_claim(scene: Scene) -> ClaimView:
    """The slot's one claim, as planning sees it."""
    case = scene.case()
    world = world_of(case)
    (claim,) = world.slots[0].claims
    return claim


def archive_of(scene: Scene) -> tuple[int, timedelta] | None:
    """Whose archive counts, and how long ago it ends."""
    archive = the_claim(scene).archive
    point = archive.point if archive else None
    return (point.incarnation, scene.now - point.until) if point else None


def test_the_archive_that_counts_is_the_occupants() -> None:
    scene = restored_once()
    archived(scene, state(scene, incarnation=2, ago=MINUTE))
    assert archive_of(scene) == (2, MINUTE)


def test_until_the_occupant_has_a_base_its_parents_archive_counts_up_to_when_it_took_over() -> None:
    scene = restored_once(in_service_ago=HOUR)
    own = state(scene, incarnation=2, why_not=UNFINISHED)
    archived(scene, own, state(scene, incarnation=1, ago=MINUTE))
    assert archive_of(scene) == (1, HOUR), "what the parent wrote since is not of this slot"


def test_what_a_replacement_archived_before_its_commit_never_counts() -> None:
    scene = broken()
    archived(scene, state(scene, incarnation=2), state(scene, incarnation=1, ago=6 * MINUTE))
    assert archive_of(scene) == (1, 6 * MINUTE)


def test_nor_does_it_when_the_original_is_gone() -> None:
    scene = prepared(backed_up(archived_databases()))
    scene.terminated(DATABASE)
    archived(scene, state(scene, incarnation=2), state(scene, incarnation=1, ago=6 * MINUTE))
    assert archive_of(scene) == (1, 6 * MINUTE)


def test_a_launch_never_takes_an_incarnation_that_has_an_archive() -> None:
    scene = broken()
    archived(scene, state(scene, incarnation=7), state(scene, incarnation=1, ago=6 * MINUTE))
    request = launched(scene)
    assert (request.tags[Tag.INCARNATION], request.tags[Tag.RESTORE_FROM]) == ("8", "1")


# What is not known


def test_an_archive_that_was_not_read_since_the_trouble_began_is_waited_for() -> None:
    scene = broken()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    archived(scene, state(scene, ago=6 * MINUTE), read_ago=LASTING + MINUTE / 60)
    assert not planned(scene).actions
    assert bucket(scene, DATABASE) is Bucket.WAITING


def test_an_archive_that_cannot_be_read_holds_a_restore_until_a_copy_would_take_over() -> None:
    scene = in_error(backed_up(archived_databases()), lasting=19 * MINUTE)
    snapshot = scene.snapshot(VOLUME, ago=30 * MINUTE)
    scene.gap(GapSubject.ARCHIVES, code="AccessDenied")
    hold = the_hold(scene)
    assert (hold.gate, hold.earliest_release) == (Gate.GAP, scene.now + MINUTE)
    later = in_error(backed_up(archived_databases()), lasting=20 * MINUTE)
    snapshot = later.snapshot(VOLUME, ago=30 * MINUTE)
    later.gap(GapSubject.ARCHIVES, code="AccessDenied")
    assert sources(launched(later)) == [snapshot.id]


def test_without_anything_else_an_archive_that_cannot_be_read_is_never_taken_for_none() -> None:
    scene = in_error(backed_up(archived_databases()), lasting=DAY)
    scene.gap(GapSubject.ARCHIVES, code="AccessDenied")
    assert the_hold(scene).gate is Gate.GAP


def test_a_slot_with_an_archive_is_first_filled_only_when_that_was_read() -> None:
    scene = Scene(archived_databases())
    assert (the_hold(scene).gate, the_hold(scene).course) == (Gate.GAP, Course.CREATE)
    archived(scene)
    assert the_action(scene).reason is Reason.NONE_EVER


def test_where_an_archive_is_all_that_is_left_of_a_slot_it_is_restored() -> None:
    """Store, tags and volumes are gone: nothing but the archive says that the slot ever held data."""
    scene = Scene(archived_databases())
    archived(scene, state(scene, incarnation=3, ago=MINUTE))
    request = launched(scene)
    assert (request.tags[Tag.INCARNATION], request.tags[Tag.RESTORE_FROM]) == ("4", "3")


# Afterwards


def replaying(*, launched_ago: timedelta) -> Scene:
    """A replacement with an empty volume has held the slot for that long, and does not answer yet."""
    fleet = archived_databases(health=health_spec(tcp_probe()))
    scene = taken_over(backed_up(fleet), original=InstanceState.STOPPED)
    scene.change(COPY, snapshot_id=None)
    tags = {**scene.instances[NEW].tags, Tag.RESTORE_FROM.value: "1"}
    scene.change(NEW, tags=tags, launched_at=scene.now - launched_ago)
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=2)
    health = scene.memory.health[NEW]
    waiting = replace(health, healthy_at=None, trouble_since=scene.now - launched_ago)
    scene.remembering(health={**scene.memory.health, NEW: waiting})
    return scene


def test_a_replay_is_given_two_hours_and_the_time_to_fetch_its_size() -> None:
    grace = 2 * HOUR + timedelta(seconds=200 * 1024 / 50)
    within = replaying(launched_ago=grace - MINUTE)
    assert within.case().verdicts[NEW].status is Status.STARTING
    beyond = replaying(launched_ago=grace + MINUTE)
    assert beyond.case().verdicts[NEW].status is not Status.STARTING


def test_what_was_restored_from_an_archive_leaves_the_original_fenced_and_kept() -> None:
    scene = replaying(launched_ago=10 * MINUTE)
    scene.change(instance_id(DATABASE), state=InstanceState.RUNNING)
    archived(scene, state(scene, incarnation=1, ago=6 * MINUTE))
    assert the_action(scene).request.kind == "stop"


# The last look


def faults(scene: Scene, action: Action) -> list[str]:
    case = scene.case()
    try:
        check_plan(replace(plan(case), actions=(action,)), case)
    except PlanViolationError as fault:
        return [item.detail for item in fault.violations]
    return []


def changed(scene: Scene, **tags: str) -> Action:
    action = the_action(scene)
    assert isinstance(action.request, LaunchInstance)
    named = {f"fleet-reconciler:{key.replace('_', '-')}": value for key, value in tags.items()}
    request = replace(action.request, tags={**action.request.tags, **named})
    return replace(action, request=request)


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ({"restore_from": "2"}, "2 can't be restored from the archive of 2"),
        ({"restore_from": "none"}, "2 can't be restored from the archive of none"),
        ({"incarnation": "1"}, "it would archive under 1, its incarnation is 2"),
    ],
)
def test_a_plan_that_would_mix_archives_up_is_refused(tags: dict[str, str], fault: str) -> None:
    scene = broken()
    archived(scene, state(scene, ago=6 * MINUTE))
    assert not faults(scene, the_action(scene))
    assert any(fault in item for item in faults(scene, changed(scene, **tags)))


def test_a_plan_that_replays_an_archive_which_is_not_usable_is_refused() -> None:
    scene = broken()
    archived(scene, state(scene, ago=6 * MINUTE))
    action = the_action(scene)
    archived(scene, state(scene, why_not=UNFINISHED))
    assert any("not known to be usable" in item for item in faults(scene, action))


def test_a_plan_that_launches_into_an_archive_that_is_there_is_refused() -> None:
    scene = broken()
    archived(scene, state(scene, ago=6 * MINUTE))
    action = the_action(scene)
    archived(scene, state(scene, incarnation=2), state(scene, ago=6 * MINUTE))
    assert any("incarnation 2 has an archive" in item for item in faults(scene, action))


def test_nothing_is_withheld_while_all_is_well() -> None:
    scene = backed_up(archived_databases())
    scene.snapshot(VOLUME, ago=MINUTE)
    archived(scene, state(scene))
    assert not held(scene)
