"""Capacity goes only by a lower `replicas` or by retiring a fleet, and volumes always stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desired_state.model import Mode, Placement
from providers.observed import GapSubject
from providers.requests import KeepVolumeOnTermination, TerminateInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Role
from tests.support.cases import Scene
from tests.support.fleets import HOUR, postgres_fleet, web_fleet
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import instance_id


def scaled(before: int, after: int, **changes: Mode) -> Scene:
    scene = Scene(web_fleet(replicas=before))
    scene.in_service()
    scene.declare(web_fleet(replicas=after, **changes))
    return scene


def scaled_databases(before: int, after: int) -> Scene:
    scene = Scene(postgres_fleet(replicas=before))
    scene.in_service()
    scene.declare(postgres_fleet(replicas=after))
    return scene


# Scale-down


def test_a_slot_beyond_replicas_is_ended() -> None:
    step = the_action(scaled(5, 4))
    assert step.request == TerminateInstance(instance_id=instance_id("web/4"))
    assert (step.course, step.reason) == (Course.REMOVE, Reason.SURPLUS)


@pytest.mark.parametrize(
    ("before", "after", "gone"), [(5, 3, 2), (5, 2, 0), (40, 36, 4), (40, 35, 0)]
)
def test_beyond_two_slots_and_ten_percent_a_person_confirms(
    before: int, after: int, gone: int
) -> None:
    scene = scaled(before, after)
    assert len(done(scene)) == gone
    if not gone:
        gates = {item.gate for item in planned(scene).withheld}
        approvals = {item.approval_id for item in planned(scene).withheld}
        assert (gates, approvals) == ({Gate.SHRINK}, {f"web-shrink-{after}"})
        scene.approved(f"web-shrink-{after}", Gate.SHRINK)
        assert len(done(scene)) == before - after


def test_a_word_for_one_number_of_replicas_is_none_for_another() -> None:
    scene = scaled(9, 3)
    scene.approved("web-shrink-4", Gate.SHRINK)
    assert done(scene) == []


def test_any_slot_with_volumes_needs_a_word() -> None:
    scene = scaled_databases(3, 2)
    assert the_hold(scene).gate is Gate.SHRINK
    scene.approved("shared-postgres-shrink-2", Gate.SHRINK)
    assert done(scene) == ["terminate shared-postgres/2"]


def test_a_confirmed_scale_down_asks_no_second_time_in_mode_approve() -> None:
    scene = scaled(9, 3, mode=Mode.APPROVE)
    scene.approved("web-shrink-3", Gate.SHRINK)
    assert len(done(scene)) == 6


def test_a_small_scale_down_in_mode_approve_still_asks() -> None:
    assert held(scaled(5, 4, mode=Mode.APPROVE)) == ["mode-approve web/4"]


def test_volumes_are_kept_before_their_instance_ends() -> None:
    scene = scaled_databases(3, 2)
    scene.approved("shared-postgres-shrink-2", Gate.SHRINK)
    identifier = instance_id("shared-postgres/2")
    (attachment,) = scene.instances[identifier].attachments
    scene.change(identifier, attachments=(replace(attachment, delete_on_termination=True),))
    assert isinstance(the_action(scene).request, KeepVolumeOnTermination)


def test_what_a_gap_hides_still_counts_as_surplus() -> None:
    scene = scaled(9, 4)
    for ordinal in (5, 7, 8):
        scene.vanished(instance_id(f"web/{ordinal}"), by_id=None)
    assert done(scene) == []
    assert set(held(scene)) == {"shrink web/4", "shrink web/6"}


def test_a_surplus_slot_is_not_repaired() -> None:
    scene = scaled(5, 4)
    scene.sick("web/4", Sign.SYSTEM_CHECK, lasting=HOUR)
    assert done(scene) == ["terminate web/4"]


def test_of_a_surplus_slot_the_newest_goes_first() -> None:
    scene = scaled(5, 4)
    scene.instance("web/4", incarnation=2, role=Role.REPLACEMENT)
    assert the_action(scene).request == TerminateInstance(instance_id=instance_id("web/4", 2))


def test_a_surplus_slot_without_an_instance_is_no_slot_any_more() -> None:
    scene = scaled(5, 4)
    scene.terminated("web/4")
    assert {str(item.slot) for item in planned(scene).slots} == {f"web/{n}" for n in range(4)}


# Released and retired


def released() -> Scene:
    scene = Scene(web_fleet(), postgres_fleet("old", replicas=1))
    scene.in_service()
    scene.release("old")
    return scene


def test_a_fleet_that_is_no_longer_declared_is_left_alone() -> None:
    scene = released()
    scene.sick("old/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    assert done(scene) == held(scene) == []
    assert bucket(scene, "old/0") is Bucket.RELEASED
    (summary,) = [item for item in planned(scene).fleets if item.name == "old"]
    assert not summary.declared


def test_a_fleet_that_is_declared_for_another_cell_is_not_this_ones_business() -> None:
    scene = released()
    elsewhere = Placement(account="333344445555", region="us-east-1", zones=("use1-az1",))
    scene.declare(postgres_fleet("old", replicas=1, placement=elsewhere))
    scene.approved("old-retire", Gate.RETIRE)
    assert done(scene) == []
    (outcome,) = [item for item in planned(scene).slots if item.slot.fleet == "old"]
    assert "declared for another cell" in outcome.summary


def test_a_retired_fleet_is_ended_and_its_volumes_stay() -> None:
    scene = released()
    scene.approved("old-retire", Gate.RETIRE)
    step = the_action(scene)
    assert step.request == TerminateInstance(instance_id=instance_id("old/0"))
    assert step.reason is Reason.RETIRED
    (attachment,) = scene.instances[instance_id("old/0")].attachments
    doomed = replace(attachment, delete_on_termination=True)
    scene.change(instance_id("old/0"), attachments=(doomed,))
    assert isinstance(the_action(scene).request, KeepVolumeOnTermination)


def test_a_retired_fleet_that_was_not_seen_whole_is_left_alone() -> None:
    scene = released()
    scene.approved("old-retire", Gate.RETIRE)
    scene.gap(GapSubject.INSTANCES, zone="use1-az4")
    assert [item for item in done(scene) if "old" in item] == []


def test_a_pause_of_the_cell_holds_a_retirement_too() -> None:
    scene = released()
    scene.approved("old-retire", Gate.RETIRE)
    scene.paused("*")
    assert held(scene) == ["paused old/0"]
