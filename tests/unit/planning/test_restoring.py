"""A claim whose data is gone is restored, from the best snapshot and within the loss that is allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import (
    InstanceState,
    ProbeOutcome,
    SnapshotState,
    VolumeState,
)
from providers.requests import LaunchInstance, SetTags, StopInstance
from reconciler.health.verdict import Sign, Status
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action, terminate
from tests.support.backed_up import DATABASE, LOG, VOLUME, backed_up, databases, with_a_log
from tests.support.cases import Scene
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    health_spec,
    snapshots_of,
    tcp_probe,
)
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.present import ALL_ZONES
from tests.support.resources import volume_id
from tests.support.restored import (
    COPY,
    NEW,
    OLD,
    given_up,
    in_error,
    prepared,
    quarantined,
    taken_over,
)


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


# From what


def test_a_replacement_is_launched_with_a_copy_of_the_newest_snapshot() -> None:
    scene = in_error()
    scene.snapshot(VOLUME, ago=40 * MINUTE)
    newest = scene.snapshot(VOLUME, ago=20 * MINUTE)
    request = launched(scene)
    assert [volume.snapshot_id for volume in request.volumes] == [newest.id]
    assert request.tags[Tag.ROLE] == Role.REPLACEMENT
    assert the_action(scene).course is Course.RESTORE
    assert "loses 15 min of writes" in the_action(scene).detail


@pytest.mark.parametrize(
    ("why", "fields"),
    [
        ("it is pending", {"state": SnapshotState.PENDING}),
        ("it failed", {"state": SnapshotState.ERROR}),
        ("it is in the archive tier", {"storage_tier": "archive"}),
        ("it is of another volume", {"volume_id": "vol-0fffffffffffffff0", "tags": {}}),
    ],
)
def test_a_newer_snapshot_that_is_no_restore_point_is_passed_over(
    why: str, fields: dict[str, Any]
) -> None:
    scene = in_error()
    good = scene.snapshot(VOLUME, ago=30 * MINUTE)
    scene.snapshot(VOLUME, ago=10 * MINUTE, **fields)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [good.id], why


def test_a_snapshot_of_a_volume_in_trouble_is_passed_over() -> None:
    scene = in_error(lasting=10 * MINUTE)
    good = scene.snapshot(VOLUME, ago=30 * MINUTE)
    scene.snapshot(VOLUME, ago=5 * MINUTE)
    assert [volume.snapshot_id for volume in launched(scene).volumes] == [good.id]


def the_zone_with_most_room(scene: Scene) -> str:
    """That of the database, whose volume has a restore point: all other slots are in the others."""
    home = scene.volumes[VOLUME].zone
    others = [zone for zone in ALL_ZONES if zone != home]
    for ordinal in range(1, 5):
        zone = others[ordinal % 2]
        scene.instance(f"shared-postgres/{ordinal}", zone=zone)
        scene.volume(f"shared-postgres/{ordinal}", "data")
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    return home


def test_a_copy_goes_away_from_the_zone_in_which_volumes_are_stuck_where_it_can() -> None:
    scene = backed_up(databases(replicas=5))
    home = the_zone_with_most_room(scene)
    scene.stalled(VOLUME)
    assert copied_to(scene) != home


def test_a_copy_of_a_volume_that_broke_by_itself_may_be_next_to_it() -> None:
    scene = backed_up(databases(replicas=5))
    home = the_zone_with_most_room(scene)
    assert copied_to(in_error(scene)) == home


def copied_to(scene: Scene) -> str:
    """The zone of the launch for the database."""
    (launch,) = [item for item in planned(scene).actions if item.course is Course.RESTORE]
    assert isinstance(launch.request, LaunchInstance)
    return launch.request.zone


def test_claims_of_a_slot_are_restored_from_what_one_call_took_of_them_all() -> None:
    scene = in_error(with_a_log(snapshots_of(HOUR)))
    together = [scene.snapshot(item, ago=30 * MINUTE) for item in (VOLUME, LOG)]
    scene.snapshot(VOLUME, ago=10 * MINUTE)
    scene.snapshot(LOG, ago=9 * MINUTE)
    restored = {volume.snapshot_id for volume in launched(scene).volumes}
    assert restored == {item.id for item in together}


# The commit, and what is left behind


def test_lost_data_is_not_waited_for_once_the_replacement_is_well() -> None:
    request = the_action(prepared()).request
    assert request == SetTags(
        resource_id=NEW, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True
    )


def test_until_the_commit_the_copy_fills_no_claim() -> None:
    view = prepared()
    (outcome,) = planned(view).slots
    assert outcome.instance_id == OLD


def test_an_original_whose_volume_is_well_again_stays_and_the_copy_goes() -> None:
    scene = given_up(prepared())
    scene.change(VOLUME, state=VolumeState.IN_USE)
    action = planned(scene).actions[0]
    assert action.request == terminate(DATABASE, incarnation=2).request
    assert action.reason is Reason.ORIGINAL_RECOVERED


def test_an_original_that_is_sick_for_another_reason_keeps_its_volume_and_the_copy_goes() -> None:
    scene = given_up(prepared())
    scene.change(VOLUME, state=VolumeState.IN_USE)
    scene.sick(DATABASE, Sign.INSTANCE_CHECK, lasting=10 * MINUTE)
    action = planned(scene).actions[0]
    assert action.request == terminate(DATABASE, incarnation=2).request
    assert "can be kept" in action.detail


def test_what_was_replaced_is_stopped_before_anything_else() -> None:
    assert the_action(taken_over()).request == StopInstance(instance_id=OLD)


def test_once_stopped_it_is_kept_with_its_volume_for_a_person_to_look_at() -> None:
    scene = taken_over(original=InstanceState.STOPPED)
    requests = {
        action.request.resource_id: action.request.tags
        for action in planned(scene).actions
        if isinstance(action.request, SetTags)
    }
    until = Tag.QUARANTINE_UNTIL.value
    assert requests[OLD] == {until: f"{scene.now + 72 * HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    assert requests[VOLUME] == {until: f"{scene.now + 14 * DAY:%Y-%m-%dT%H:%M:%SZ}"}


def test_a_slot_with_something_in_quarantine_is_converged() -> None:
    scene = quarantined(ends_in=HOUR)
    assert done(scene) == []
    assert planned(scene).converged


def test_what_is_dated_is_stopped_again_whatever_has_become_of_its_volume_and_of_the_copy() -> None:
    """Somebody took the old volume off and started its instance; the copy serves on a third instance by now."""
    scene = quarantined(ends_in=HOUR)
    third = scene.instance(DATABASE, incarnation=3, age=HOUR, zone="use1-az2")
    scene.detached(COPY)
    scene.attached(COPY, third.id)
    scene.ended(NEW)
    scene.detached(VOLUME)
    scene.change(OLD, state=InstanceState.RUNNING)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


def test_what_was_replaced_is_not_stopped_for_a_copy_that_somebody_stopped() -> None:
    """It may be all that serves. Once the copy runs again the other is stopped."""
    scene = taken_over()
    scene.stopped(DATABASE, incarnation=2)
    assert done(scene) == []
    assert held(scene) == [f"stopped-by-hand {DATABASE}"]


def test_a_copy_is_not_let_in_while_what_it_replaced_may_serve_though_its_fence_has_to_wait() -> (
    None
):
    scene = taken_over()
    scene.change(NEW, state=InstanceState.PENDING, launched_at=scene.now - MINUTE)
    assert done(scene) == []
    scene.change(NEW, state=InstanceState.RUNNING)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


def test_what_was_replaced_never_holds_the_slot_again_though_its_successor_is_forgotten() -> None:
    """Days later the copy's instance has ended for so long that no list and no intent tells of it."""
    scene = quarantined(ends_in=HOUR)
    scene.detached(COPY)
    scene.ended(NEW)
    action = the_action(scene)
    assert (action.request.kind, action.course) == ("launch", Course.KEEP_THE_DATA)
    assert f"{COPY} is kept" in action.detail


def test_a_date_that_somebody_put_on_what_was_never_replaced_is_a_conflict() -> None:
    scene = backed_up()
    date = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(OLD, tags={**scene.instances[OLD].tags, **date})
    assert done(scene) == []
    assert "nothing took its place" in the_hold(scene).reason


def test_after_its_quarantine_the_instance_goes_and_its_volume_stays() -> None:
    scene = quarantined(ends_in=-MINUTE)
    assert done(scene) == [f"terminate {DATABASE}"]
    assert bucket(scene, DATABASE) is Bucket.ACTING


def test_a_quarantine_that_cannot_be_read_is_not_over() -> None:
    scene = quarantined(ends_in=-MINUTE)
    tags = {**scene.instances[OLD].tags, Tag.QUARANTINE_UNTIL.value: "tomorrow"}
    scene.change(OLD, tags=tags)
    assert f"terminate {DATABASE}" not in done(scene)


def dated(state: IntentState, *, ago: timedelta = MINUTE) -> Scene:
    """What was left behind was given its dates that long ago, and the view does not show them yet."""
    scene = quarantined(ends_in=72 * HOUR)
    key = Tag.QUARANTINE_UNTIL.value
    for item in (OLD, VOLUME):
        tags = (scene.instances.get(item) or scene.volumes[item]).tags
        scene.change(item, tags={k: v for k, v in tags.items() if k != key})
        request = SetTags(resource_id=item, tags={key: tags[key]})
        writing = action(DATABASE, request, course=Course.RESTORE, reason=Reason.QUARANTINE)
        scene.began(writing, ago=ago, state=state)
    return scene


@pytest.mark.parametrize("state", [IntentState.ACCEPTED, IntentState.OBSERVED])
def test_while_no_view_shows_its_date_what_was_left_behind_neither_goes_nor_is_dated_again(
    state: IntentState,
) -> None:
    assert done(dated(state)) == []


def test_a_date_that_somebody_took_away_is_written_again() -> None:
    assert done(dated(IntentState.OBSERVED, ago=6 * MINUTE)) == [f"tag {DATABASE}"] * 2


# The time that a restored service may take


def not_answering(scene: Scene, *, for_: timedelta) -> Scene:
    """The restored service was let in, and has not answered since its commit that long ago."""
    committed_at = scene.now - for_
    scene.change(NEW, security_groups=("sg-postgres",), launched_at=committed_at)
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=2)
    health = scene.memory.health
    failing = replace(
        health[NEW],
        status=Status.STARTING,
        healthy_at=None,
        trouble_since=committed_at,
        good_since=None,
        since={Sign.PROBE: committed_at},
        probe_failures=100,
    )
    scene.remembering(health={**health, NEW: failing})
    return scene


@pytest.mark.parametrize(
    ("size_gib", "minutes", "expected"),
    [(20, 29, []), (20, 45, ["held"]), (200, 45, []), (200, 70, ["held"])],
)
def test_a_restored_service_has_time_for_its_blocks_to_come_from_the_snapshot(
    size_gib: int, minutes: int, expected: list[str]
) -> None:
    fleet = databases(health=health_spec(tcp_probe()))
    scene = quarantined(ends_in=HOUR, scene=backed_up(fleet))
    tags = {k: v for k, v in scene.instances[NEW].tags.items() if k != Tag.IN_SERVICE_SINCE}
    scene.change(NEW, tags=tags)
    scene.change(COPY, size_gib=size_gib)
    not_answering(scene, for_=minutes * MINUTE)
    assert ["held" for item in held(scene) if item.startswith("third-sign")] == expected


def test_a_copy_that_never_came_into_service_is_not_copied_again_without_a_word() -> None:
    scene = taken_over(original=InstanceState.TERMINATED)
    scene.change(COPY, state=VolumeState.ERROR)
    scene.snapshot(VOLUME, ago=30 * MINUTE)
    hold = the_hold(scene)
    assert hold.gate is Gate.RESTORE
    assert "restored already" in hold.reason
    assert hold.approval_id is not None


# A copy that has no name yet


def bare(text: str, incarnation: int, scene: Scene) -> None:
    """The copy loses the name of its claim, which it has only since a tag call."""
    copy = scene.volumes[volume_id(text, incarnation=incarnation)]
    tags = {key: value for key, value in copy.tags.items() if key != Tag.CLAIM}
    scene.change(copy.id, tags=tags)


def test_a_copy_off_its_instance_is_still_the_claims_by_the_snapshot_that_it_was_made_from() -> (
    None
):
    scene = quarantined(ends_in=HOUR)
    bare(DATABASE, 2, scene)
    scene.terminated(DATABASE, incarnation=2)
    request = launched(scene)
    assert request.volumes == ()
    assert request.zone == "use1-az2"


def test_a_copy_is_named_before_it_is_taken_off_its_instance() -> None:
    scene = quarantined(ends_in=HOUR)
    bare(DATABASE, 2, scene)
    scene.instance(DATABASE, incarnation=3, age=10 * MINUTE, zone="use1-az2")
    scene.change(NEW, state=InstanceState.STOPPED)
    (action, *_) = planned(scene).actions
    assert action.request == SetTags(resource_id=COPY, tags={Tag.CLAIM.value: "data"})


def test_what_a_list_is_too_short_to_show_is_left_behind_all_the_same() -> None:
    scene = taken_over(original=InstanceState.STOPPED)
    del scene.volumes[VOLUME]
    assert f"terminate {DATABASE}" not in done(scene)


def test_an_original_that_lost_its_volume_is_fenced_too_before_its_copy_serves() -> None:
    scene = taken_over()
    del scene.volumes[VOLUME]
    scene.ended(VOLUME)
    scene.change(OLD, attachments=())
    assert the_action(scene).request == StopInstance(instance_id=OLD)
