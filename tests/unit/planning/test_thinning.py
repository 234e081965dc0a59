"""Which snapshots go: the arithmetic of grains, and what keeps one although it has had its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.observed import GapSubject, Snapshot, SnapshotState
from providers.requests import DeleteSnapshot
from reconciler.health.verdict import Sign
from reconciler.planning.backups.due import EXPIRED_AT_ONCE
from reconciler.planning.backups.thinning import expired, next_expiry
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.backed_up import (
    DATABASE,
    LOG,
    VOLUME,
    backed_up,
    databases,
    due_ago,
    in_time,
    old,
    with_a_log,
)
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, snapshots_of
from tests.support.plans import done, planned
from tests.support.resources import NOW

ANY = backed_up().snapshot(VOLUME, ago=HOUR)


def taken(at: datetime) -> Snapshot:
    return replace(ANY, id=f"snap-{at:%Y%m%d%H%M%S}", started_at=at)


def every(interval: timedelta, *, lasting: timedelta) -> list[Snapshot]:
    return [taken(NOW - n * interval) for n in range(int(lasting / interval))]


def kept(snapshots: list[Snapshot], **keep: timedelta) -> list[datetime]:
    gone = expired(snapshots, keep, NOW)
    return sorted(item.started_at for item in snapshots if item not in gone)


# Grains


def test_all_keeps_every_one_up_to_its_age() -> None:
    snapshots = every(15 * MINUTE, lasting=2 * DAY)
    assert kept(snapshots, all=DAY) == [NOW - n * 15 * MINUTE for n in range(95, -1, -1)]


def test_hourly_keeps_the_first_of_each_hour() -> None:
    snapshots = every(15 * MINUTE, lasting=6 * HOUR)
    assert kept(snapshots, hourly=4 * HOUR) == [NOW - n * HOUR for n in (3, 2, 1, 0)]


def test_grains_add_up() -> None:
    snapshots = every(HOUR, lasting=40 * DAY)
    found = kept(snapshots, all=DAY, daily=30 * DAY)
    assert len(found) == 24 + 29
    assert all(at.hour == 0 for at in found[:29])


def test_weekly_and_monthly_keep_the_first_of_theirs() -> None:
    snapshots = every(DAY, lasting=90 * DAY)
    weeks = kept(snapshots, weekly=60 * DAY)
    months = kept(snapshots, monthly=90 * DAY)
    assert {at.isoweekday() for at in weeks} == {1}
    assert [(at.month, at.day) for at in months] == [(1, 22), (2, 1), (3, 1), (4, 1)]


moments = st.lists(st.integers(0, 60 * 24 * 40), unique=True, max_size=60).map(
    lambda minutes: [taken(NOW - n * MINUTE) for n in sorted(minutes)]
)
keeps = st.dictionaries(
    st.sampled_from(("all", "hourly", "daily", "weekly", "monthly")),
    st.integers(1, 60).map(lambda days: days * DAY / 2),
    min_size=1,
)


@given(moments, keeps, st.integers(0, 5_000))
def test_what_has_had_its_time_stays_so(
    snapshots: list[Snapshot], keep: dict[str, timedelta], minutes: int
) -> None:
    gone = {item.id for item in expired(snapshots, keep, NOW)}
    later = {item.id for item in expired(snapshots, keep, NOW + minutes * MINUTE)}
    assert gone <= later


@given(moments, keeps)
def test_nothing_goes_before_the_plan_is_due_to_be_looked_at_again(
    snapshots: list[Snapshot], keep: dict[str, timedelta]
) -> None:
    now = {item.id for item in expired(snapshots, keep, NOW)}
    at = next_expiry(snapshots, keep, NOW)
    if at is None:
        assert len(now) == len(snapshots)
        return
    assert {i.id for i in expired(snapshots, keep, at - timedelta(microseconds=1))} == now
    assert {i.id for i in expired(snapshots, keep, at)} > now


@given(moments, keeps)
def test_every_grain_only_adds_to_what_is_kept(
    snapshots: list[Snapshot], keep: dict[str, timedelta]
) -> None:
    gone = {item.id for item in expired(snapshots, keep, NOW)}
    for grain, duration in keep.items():
        assert gone <= {item.id for item in expired(snapshots, {grain: duration}, NOW)}


@given(moments, keeps)
def test_another_snapshot_takes_nothing_from_what_is_kept(
    snapshots: list[Snapshot], keep: dict[str, timedelta]
) -> None:
    before = {item.id for item in expired(snapshots, keep, NOW)}
    after = {item.id for item in expired([*snapshots, taken(NOW)], keep, NOW)}
    assert after - before <= {taken(NOW).id}


# What is deleted


def deletions(scene: Scene) -> list[DeleteSnapshot]:
    requests = [action.request for action in planned(scene).actions]
    return [item for item in requests if isinstance(item, DeleteSnapshot)]


def test_an_expired_snapshot_goes_and_the_plan_names_the_one_that_stays() -> None:
    scene = backed_up()
    newest, gone = in_time(scene), old(scene)
    old(scene, ago=DAY + HOUR)  # The first of its hour.
    (request,) = deletions(scene)
    assert (request.snapshot_id, request.restore_point_id) == (gone.id, newest.id)


def test_the_last_good_restore_point_stays_whatever_its_age() -> None:
    scene = backed_up()
    old(scene, ago=90 * DAY)
    assert deletions(scene) == []


def test_a_pending_one_is_no_reason_to_let_the_last_good_one_go() -> None:
    scene = backed_up()
    in_time(scene, state=SnapshotState.PENDING)
    old(scene, ago=90 * DAY)
    assert deletions(scene) == []


def test_an_archived_one_is_no_reason_either() -> None:
    scene = backed_up()
    in_time(scene, storage_tier="archive")
    old(scene, ago=90 * DAY)
    assert deletions(scene) == []


def test_what_somebody_else_took_is_never_deleted_and_never_lets_ours_go() -> None:
    scene = backed_up()
    in_time(scene, ours=False)
    old(scene, ago=90 * DAY)
    old(scene, ago=80 * DAY, ours=False)
    assert deletions(scene) == []


def test_what_a_tool_took_that_copies_the_tags_of_volumes_is_never_deleted() -> None:
    scene = backed_up()
    in_time(scene)
    copied = dict(scene.volumes[VOLUME].tags)
    assert Tag.OPERATION in copied
    old(scene, ago=90 * DAY, tags=copied)
    assert deletions(scene) == []


def test_copied_tags_on_one_of_an_unknown_volume_prove_nothing() -> None:
    scene = backed_up()
    in_time(scene, volume_id="vol-ffffffff")
    old(scene, ago=90 * DAY)
    old(scene, ago=80 * DAY, volume_id="vol-ffffffff")
    assert deletions(scene) == []


def test_one_of_another_installation_is_never_deleted() -> None:
    scene = backed_up()
    in_time(scene)
    theirs = old(scene, ago=90 * DAY)
    scene.snapshots[theirs.id] = replace(theirs, tags={**theirs.tags, Tag.OWNER.value: "other"})
    assert deletions(scene) == []


@pytest.mark.parametrize("tags", [{Tag.SLOT.value: "7"}, {Tag.CLAIM.value: "log"}])
def test_one_whose_tags_contradict_its_volume_is_of_no_claim(tags: dict[str, str]) -> None:
    scene = backed_up()
    in_time(scene)
    strange = old(scene, ago=90 * DAY)
    scene.snapshots[strange.id] = replace(strange, tags={**strange.tags, **tags})
    assert deletions(scene) == []


def test_one_of_the_wrong_lineage_is_no_restore_point_that_lets_another_go() -> None:
    scene = backed_up()
    strange = in_time(scene)
    scene.snapshots[strange.id] = replace(strange, tags={**strange.tags, Tag.SLOT.value: "7"})
    old(scene, ago=90 * DAY)
    assert deletions(scene) == []


def test_a_failed_one_goes_at_once() -> None:
    scene = backed_up()
    in_time(scene)
    failed = scene.snapshot(VOLUME, ago=HOUR, state=SnapshotState.ERROR)
    (request,) = deletions(scene)
    assert (request.snapshot_id, request.restore_point_id) == (failed.id, None)


def test_nothing_goes_while_the_slot_is_unhealthy() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene)
    old(scene)
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert deletions(scene) == []


def test_nothing_goes_while_a_replacement_is_prepared() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    assert len(deletions(scene)) == 1
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=MINUTE)
    assert done(scene) == [f"terminate {DATABASE}"]


def test_nothing_goes_while_the_list_has_a_gap() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    scene.gap(GapSubject.SNAPSHOTS)
    assert planned(scene).converged


def test_nothing_goes_in_a_cold_cell() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    scene.cold()
    assert deletions(scene) == []


def test_a_shorter_keep_is_no_landslide() -> None:
    scene = backed_up()
    in_time(scene)
    for days in range(90, 90 + EXPIRED_AT_ONCE + 3):
        old(scene, ago=days * DAY)
    made = planned(scene)
    assert len(made.actions) == EXPIRED_AT_ONCE
    assert f"{DATABASE}: 3 more snapshots have had their time" in made.notes


def test_what_is_deleted_already_is_not_deleted_again_when_a_list_lags() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    (action,) = planned(scene).actions
    scene.began(action, state=IntentState.OBSERVED)
    assert deletions(scene) == []


def test_what_is_being_deleted_is_not_asked_for_again_in_the_next_hour() -> None:
    scene = backed_up()
    in_time(scene)
    old(scene, ago=90 * DAY)
    (action,) = planned(scene).actions
    scene.began(action, ago=MINUTE, state=IntentState.BEGUN)
    scene.now += HOUR
    assert deletions(scene) == []


def test_what_a_deletion_under_way_rests_on_stays() -> None:
    scene = backed_up(databases(claims=(data_claim(backup=snapshots_of(daily=9 * DAY)),)))
    scene.snapshot(VOLUME, ago=2 * HOUR)  # The first of its day.
    relied_on = scene.snapshot(VOLUME, ago=HOUR)
    first = old(scene, ago=90 * DAY)
    in_time(scene)
    going = {item.snapshot_id: item for item in deletions(scene)}
    assert set(going) == {relied_on.id, first.id}
    (action,) = [
        item
        for item in planned(scene).actions
        if isinstance(item.request, DeleteSnapshot) and item.request.snapshot_id == first.id
    ]
    request = replace(going[first.id], restore_point_id=relied_on.id)
    scene.began(replace(action, request=request), state=IntentState.ACCEPTED)
    assert deletions(scene) == []


def test_the_newest_set_that_is_whole_stays_together() -> None:
    scene = with_a_log(snapshots_of(daily=9 * DAY))
    for hours in (30, 4, 2):
        for volume in (VOLUME, LOG):
            scene.snapshot(volume, ago=hours * HOUR)
    late = due_ago(scene)
    scene.snapshot(VOLUME, ago=late)
    scene.snapshot(LOG, ago=late, state=SnapshotState.PENDING)
    assert deletions(scene) == []
    scene.snapshots = {
        key: replace(item, state=SnapshotState.COMPLETED) for key, item in scene.snapshots.items()
    }
    assert len(deletions(scene)) == 2


def test_the_newest_whole_set_stays_where_its_request_arrived_twice_and_half_of_that_failed() -> (
    None
):
    scene = with_a_log(snapshots_of(daily=9 * DAY))
    for hours in (30, 4):
        for volume in (VOLUME, LOG):
            scene.snapshot(volume, ago=hours * HOUR)
    whole = [scene.snapshot(volume, ago=2 * HOUR) for volume in (VOLUME, LOG)]
    again = scene.snapshot(VOLUME, ago=HOUR)
    failed = scene.snapshot(LOG, ago=HOUR, state=SnapshotState.ERROR)
    for item, first in zip((again, failed), whole, strict=True):
        scene.snapshots[item.id] = replace(item, tags=first.tags)
    late = due_ago(scene)
    for volume in (VOLUME, LOG):
        scene.snapshot(volume, ago=late, state=SnapshotState.PENDING)
    going = {item.snapshot_id for item in deletions(scene)}
    assert going.isdisjoint({item.id for item in whole})
