"""A slot without an occupant: none ever, gone, or merely not shown (design section 7.1 and rule 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import SsmImage
from providers.observed import GapSubject, InstanceState, Presence, VolumeState
from providers.requests import LaunchInstance
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import launch
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, data_claim, postgres_fleet, web_fleet
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import instance_id, volume_id

DATABASE = "shared-postgres/1"


def web() -> Scene:
    scene = Scene(web_fleet())
    scene.in_service()
    return scene


def postgres() -> Scene:
    scene = Scene(postgres_fleet())
    scene.in_service()
    return scene


def launched(scene: Scene) -> LaunchInstance:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request


# None ever


def test_a_slot_that_never_was_filled_is_filled() -> None:
    scene = Scene(web_fleet(replicas=1))
    action = the_action(scene)
    assert (action.course, action.reason, action.incarnation) == (
        Course.CREATE,
        Reason.NONE_EVER,
        1,
    )
    assert launched(scene).tags[Tag.ROLE] == Role.OCCUPANT
    assert launched(scene).volumes == ()


def test_the_first_instance_with_claims_comes_with_empty_volumes_that_carry_the_slots_tags() -> (
    None
):
    request = launched(Scene(postgres_fleet(replicas=1)))
    (volume,) = request.volumes
    assert (volume.device, volume.size_gib, volume.snapshot_id) == ("/dev/sdf", 200, None)
    assert request.volume_tags[Tag.SLOT] == "0"
    assert Tag.CLAIM not in request.volume_tags


def test_the_first_look_ever_launches_nothing() -> None:
    scene = Scene(web_fleet(replicas=1))
    scene.memory = replace(scene.memory, passes=0)
    assert the_hold(scene).gate is Gate.UNPROVEN_ABSENCE


def test_a_first_launch_that_was_rejected_is_tried_again_under_the_same_incarnation() -> None:
    scene = Scene(web_fleet(replicas=1))
    first = the_action(scene)
    scene.began(first, state=IntentState.REJECTED, retry_at=scene.now)
    scene.remembering(highest_attempts={first.family: 1})
    again = the_action(scene)
    assert (again.incarnation, again.attempt) == (1, 2)
    assert again.operation_id != first.operation_id


def test_a_first_launch_that_died_at_once_is_begun_anew_with_volumes() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    died = the_action(scene)
    settled = scene.desired().policy.consistency_window
    scene.began(died, state=IntentState.DEAD, ago=settled, resource_id="i-0dead")
    scene.remembering(highest_attempts={died.family: 1}, highest_incarnations={died.slot: 1})
    request = launched(scene)
    assert len(request.volumes) == 1
    assert request.tags[Tag.INCARNATION] == "2"


def test_the_volumes_of_a_first_launch_that_died_are_given_time_to_be_shown() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    died = the_action(scene)
    a_little_earlier = scene.desired().policy.consistency_window - timedelta(seconds=1)
    scene.began(died, state=IntentState.DEAD, ago=a_little_earlier, resource_id="i-0dead")
    scene.remembering(highest_attempts={died.family: 1}, highest_incarnations={died.slot: 1})
    assert planned(scene).actions == ()
    assert bucket(scene, "shared-postgres/0") is Bucket.WAITING


def test_volumes_that_a_dead_first_launch_left_behind_are_used() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    volume = scene.volume("shared-postgres/0")
    unnamed = {key: value for key, value in volume.tags.items() if key != Tag.CLAIM}
    scene.change(volume.id, tags=unnamed)
    request = launched(scene)
    assert request.volumes == ()
    assert request.zone == volume.zone


def test_a_former_root_volume_fills_no_claim() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    volume = scene.volume("shared-postgres/0")
    unnamed = {key: value for key, value in volume.tags.items() if key != Tag.CLAIM}
    scene.change(volume.id, tags=unnamed, snapshot_id="snap-0image")
    scene.remembering(known={})
    assert len(launched(scene).volumes) == 1


# Gone


@pytest.mark.parametrize("state", [InstanceState.TERMINATED, InstanceState.SHUTTING_DOWN])
def test_an_instance_on_its_irreversible_way_out_is_replaced_at_once(state: InstanceState) -> None:
    scene = web()
    scene.terminated("web/1")
    scene.change(instance_id("web/1"), state=state)
    action = the_action(scene)
    assert (action.course, action.reason) == (Course.REPLACE, Reason.GONE)
    assert action.incarnation == 2


def test_a_slot_with_claims_is_filled_around_its_volume_in_its_zone() -> None:
    scene = postgres()
    scene.terminated(DATABASE)
    action, request = the_action(scene), launched(scene)
    assert action.course is Course.KEEP_THE_DATA
    assert request.zone == scene.volumes[volume_id(DATABASE)].zone
    assert request.volumes == ()
    assert request.security_groups == ("sg-postgres",)


def test_volumes_in_two_zones_are_a_conflict() -> None:
    claims = (data_claim(), data_claim("wal", device="/dev/sdg"))
    scene = Scene(postgres_fleet(claims=claims))
    scene.in_service()
    scene.terminated(DATABASE)
    scene.change(volume_id(DATABASE, "wal"), zone="use1-az4")
    assert the_hold(scene).gate is Gate.CONFLICT
    assert "use1-az2, use1-az4" in the_hold(scene).reason


def test_a_lost_volume_is_withheld_for_a_restore() -> None:
    scene = postgres()
    scene.terminated(DATABASE)
    scene.ended(volume_id(DATABASE))
    assert the_hold(scene).gate is Gate.RESTORE
    assert done(scene) == []


def test_a_volume_in_error_is_withheld_for_a_restore() -> None:
    scene = postgres()
    scene.terminated(DATABASE)
    scene.change(volume_id(DATABASE), state=VolumeState.ERROR)
    assert the_hold(scene).gate is Gate.RESTORE


def test_a_volume_that_is_being_deleted_is_lost_and_not_a_conflict() -> None:
    scene = postgres()
    scene.terminated(DATABASE)
    scene.change(volume_id(DATABASE), state=VolumeState.DELETING)
    assert the_hold(scene).gate is Gate.RESTORE


def test_a_volume_that_is_merely_not_shown_holds_the_launch() -> None:
    scene = postgres()
    scene.terminated(DATABASE)
    scene.vanished(volume_id(DATABASE), absent_for=MINUTE)
    assert the_hold(scene).gate is Gate.UNPROVEN_ABSENCE


# Absence is not evidence


def test_an_instance_that_the_lists_lack_is_not_gone() -> None:
    scene = web()
    scene.vanished(instance_id("web/1"))
    hold = the_hold(scene)
    assert hold.gate is Gate.UNPROVEN_ABSENCE
    assert hold.earliest_release == scene.now + 5 * MINUTE


@pytest.mark.parametrize("by_id", [None, Presence.UNREADABLE])
def test_an_id_that_could_not_be_read_proves_nothing_however_long(by_id: Presence | None) -> None:
    scene = web()
    scene.vanished(instance_id("web/1"), by_id=by_id, absent_for=60 * MINUTE)
    assert the_hold(scene).gate is Gate.UNPROVEN_ABSENCE


def test_twice_absent_a_window_apart_while_a_neighbour_answers_is_gone() -> None:
    scene = web()
    scene.instance("web/4")  # A neighbour in the same zone.
    scene.declare(web_fleet(replicas=5))
    scene.in_service("web/3")
    scene.vanished(instance_id("web/1"), absent_for=5 * MINUTE)
    assert done(scene) == ["launch web/1"]


def test_without_a_neighbour_that_answers_a_person_may_say_that_it_is_gone() -> None:
    scene = Scene(web_fleet(replicas=1))
    scene.in_service()
    scene.vanished(instance_id("web/0"), absent_for=30 * MINUTE)
    hold = the_hold(scene)
    assert "nothing else in use1-az1 is shown either" in hold.reason
    assert hold.earliest_release is None
    assert hold.approval_id is not None
    scene.approved(hold.approval_id, hold.gate)
    assert done(scene) == ["launch web/0"]


def test_an_instance_that_still_holds_a_volume_is_not_gone() -> None:
    scene = Scene(postgres_fleet(replicas=4))
    scene.in_service()
    scene.vanished(instance_id("shared-postgres/0"), absent_for=30 * MINUTE)
    hold = the_hold(scene)
    assert hold.gate is Gate.UNPROVEN_ABSENCE
    assert "a volume is still shown as attached to it" in hold.reason


def test_an_id_that_was_read_as_terminated_is_gone() -> None:
    scene = web()
    scene.ended(instance_id("web/1"))
    assert done(scene) == ["launch web/1"]


def test_ec2_takes_the_tags_off_what_has_ended_and_that_is_gone_too() -> None:
    scene = web()
    scene.terminated("web/1")
    scene.change(instance_id("web/1"), tags={})
    assert done(scene) == ["launch web/1"]


def test_three_that_vanish_together_are_a_fault_of_the_view() -> None:
    scene = Scene(web_fleet(replicas=9))
    scene.in_service()
    for ordinal in (1, 4, 7):
        scene.vanished(instance_id(f"web/{ordinal}"), absent_for=20 * MINUTE)
    assert held(scene) == [f"mass-disappearance web/{ordinal}" for ordinal in (1, 4, 7)]
    for hold in planned(scene).withheld:
        assert hold.approval_id is not None


def test_three_that_vanished_and_are_proved_gone_one_by_one_are_replaced() -> None:
    scene = Scene(web_fleet(replicas=9))
    scene.in_service()
    for ordinal in (1, 2, 3):
        scene.vanished(instance_id(f"web/{ordinal}"), absent_for=20 * MINUTE)
    assert done(scene) == ["launch web/1", "launch web/2"]
    assert held(scene) == ["repairs-at-once web/3"]


# Gaps


@pytest.mark.parametrize("zone", [None, "use1-az4"])
def test_a_gap_anywhere_may_hide_the_occupant_of_an_empty_slot(zone: str | None) -> None:
    scene = web()
    scene.terminated("web/1")
    scene.gap(GapSubject.INSTANCES, zone=zone)
    assert done(scene) == []
    assert bucket(scene, "web/1") is Bucket.UNKNOWN


def test_unread_volumes_hold_a_slot_with_claims_and_not_one_without() -> None:
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    scene.terminated("web/1")
    scene.terminated(DATABASE)
    scene.gap(GapSubject.VOLUMES)
    assert done(scene) == ["launch web/1"]


def test_an_unread_image_parameter_holds_the_launch() -> None:
    scene = web()
    scene.terminated("web/1")
    fleet = web_fleet()
    parameter = replace(fleet.instance, image=SsmImage(ssm="/images/web"))
    scene.declare(replace(fleet, instance=parameter))
    assert the_hold(scene).gate is Gate.GAP
    scene.images["/images/web"] = "ami-00000000000000042"
    assert launched_image(scene) == "ami-00000000000000042"


def launched_image(scene: Scene) -> str:
    (request,) = [
        item.request for item in planned(scene).actions if isinstance(item.request, LaunchInstance)
    ]
    return request.image


# An open intent


def test_an_unresolved_launch_keeps_its_slot_busy() -> None:
    scene = Scene(web_fleet(replicas=1))
    scene.began(launch("web/0"), state=IntentState.ACCEPTED, resource_id="i-0new")
    assert done(scene) == []
    assert bucket(scene, "web/0") is Bucket.WAITING
