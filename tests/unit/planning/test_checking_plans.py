"""The last look at a plan: for every rule, a plan that breaks it is planted and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import Mode
from providers.observed import GapSubject, InstanceState, VolumeState
from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    Request,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Action, Course, Gate, Reason
from reconciler.planning.checks.last_look import PlanViolationError, check_plan
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.support.actions import action, attach, commit, launch, retag, terminate
from tests.support.cases import Scene
from tests.support.databases import DATABASE, NEW, OLD, VOLUME, committed
from tests.support.fleets import HOUR, MINUTE, postgres_fleet, web_fleet
from tests.support.planted import violations
from tests.support.resources import instance_id, volume_id

WEB = instance_id("web/0")


def quiet() -> Scene:
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    return scene


def step(text: str, request: Request, course: Course = Course.REPAIR, **fields: Any) -> Action:
    return action(text, request, course=course, reason=Reason.SYSTEM_CHECK, **fields)


def failing(scene: Scene, text: str = "web/0") -> Scene:
    scene.sick(text, Sign.SYSTEM_CHECK, lasting=HOUR)
    return scene


REBOOT = step("web/0", RebootInstance(instance_id=WEB))
STOP = step("web/0", StopInstance(instance_id=WEB))


def test_a_sound_plan_passes() -> None:
    assert violations(quiet()) == []
    assert violations(failing(quiet()), STOP) == []


def test_a_violation_says_where_and_what() -> None:
    scene = quiet()
    case = scene.case()
    with pytest.raises(PlanViolationError) as fault:
        check_plan(replace(plan(case), actions=(STOP,)), case)
    assert str(fault.value) == (
        f"web/0 stop: nothing is taken down without need: {WEB} is not judged unhealthy"
    )


# The whole plan


def test_one_exclusive_action_a_slot() -> None:
    assert violations(failing(quiet()), REBOOT, STOP) == ["one exclusive action"]


def test_no_exclusive_action_where_one_is_open() -> None:
    scene = failing(quiet())
    scene.began(launch("web/0", incarnation=2), state=IntentState.ACCEPTED)
    assert violations(scene, STOP) == ["none while one is open"]


def test_shared_actions_may_go_together() -> None:
    assert violations(quiet(), retag("web/0"), retag("web/1")) == []


def test_every_slot_in_one_bucket() -> None:
    scene = quiet()
    slots = plan(scene.case()).slots
    assert violations(scene, slots=slots[1:]) == ["one bucket"]
    assert violations(scene, slots=(*slots, slots[0])) == ["one bucket"]


def test_everything_withheld_with_its_reason() -> None:
    scene = Scene(web_fleet(mode=Mode.OBSERVE))
    withheld = plan(scene.case()).withheld
    silent = (replace(withheld[0], reason=""), *withheld[1:])
    assert violations(scene, withheld=silent) == ["withheld with its reason"]


def as_role(launched: Action, role: Role) -> Action:
    assert isinstance(launched.request, LaunchInstance)
    token = launched.operation_id
    own = {Tag.ROLE.value: role.value, Tag.OPERATION.value: token}
    request = replace(launched.request, tags={**launched.request.tags, **own}, client_token=token)
    return replace(launched, request=request)


@pytest.mark.parametrize(("role", "broken"), [(Role.OCCUPANT, True), (Role.REPLACEMENT, False)])
def test_no_second_occupant(role: Role, *, broken: bool) -> None:
    second = as_role(launch("web/0", incarnation=2), role)
    expected = ["at most one of each"] if broken else []
    assert violations(quiet(), second) == expected


def test_no_second_replacement() -> None:
    scene = quiet()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT)
    second = as_role(launch("web/0", incarnation=3), Role.REPLACEMENT)
    assert violations(scene, second) == ["at most one of each"]


def test_no_incarnation_twice() -> None:
    second = as_role(launch("web/0", incarnation=1), Role.REPLACEMENT)
    assert violations(quiet(), second) == ["at most one of each"]


def test_no_operation_twice() -> None:
    assert violations(quiet(), retag("web/0"), retag("web/0")) == ["distinct operations"]


def test_no_operation_that_is_open() -> None:
    scene = quiet()
    scene.began(retag("web/0"), state=IntentState.BEGUN)
    assert violations(scene, retag("web/0")) == ["distinct operations"]


def test_the_budget_of_what_serves() -> None:
    scene = Scene(postgres_fleet())
    scene.in_service()
    for ordinal in (0, 1):
        text = f"shared-postgres/{ordinal}"
        scene.instance(text, incarnation=2, role=Role.REPLACEMENT)
    both = (commit("shared-postgres/0"), commit("shared-postgres/1"))
    assert violations(scene, both[0]) == []
    assert violations(scene, *both) == ["budget"]


def test_the_hourly_limit_of_what_is_taken_down() -> None:
    scene = quiet()
    stops = []
    for ordinal in range(3):
        failing(scene, f"web/{ordinal}")
        request = StopInstance(instance_id=instance_id(f"web/{ordinal}"))
        stops.append(step(f"web/{ordinal}", request))
    assert violations(scene, *stops[:2]) == []
    assert violations(scene, *stops) == ["hourly limit"]
    scene.approved("web-2-abcdef", Gate.MASS_TERMINATION)
    assert violations(scene, *stops) == []


# One action


def test_only_ids_that_this_observation_shows() -> None:
    ghost = step("web/0", StopInstance(instance_id="i-0ghost"))
    assert "only what is ours" in violations(quiet(), ghost)


def test_only_ids_with_our_owner_tag() -> None:
    scene = failing(quiet())
    scene.change(WEB, tags={**scene.instances[WEB].tags, Tag.OWNER.value: "somebody"})
    assert "only what is ours" in violations(scene, STOP)


def test_only_ids_of_this_very_slot() -> None:
    scene = failing(quiet())
    other = step("web/1", StopInstance(instance_id=WEB))
    assert violations(scene, other) == ["only what is ours"]
    foreign = AttachVolume(
        volume_id=volume_id("shared-postgres/1"), instance_id=OLD, device="/dev/sdf"
    )
    scene.detached(volume_id("shared-postgres/1"))
    scene.change(volume_id("shared-postgres/1"), zone="use1-az1")
    planted = step(DATABASE, foreign, Course.REATTACH, claim="data")
    assert violations(scene, planted) == ["only what is ours"]


def test_an_empty_id_is_nobodys() -> None:
    nobody = step("web/0", TerminateInstance(instance_id=""))
    assert "only what is ours" in violations(quiet(), nobody)


def test_the_operation_id_is_that_of_its_family_and_attempt() -> None:
    forged = replace(STOP, attempt=7)
    assert violations(failing(quiet()), forged) == ["derived operation id"]


def test_the_token_of_a_launch_is_its_operation() -> None:
    scene = Scene(web_fleet(replicas=1))
    (sound,) = plan(scene.case()).actions
    assert isinstance(sound.request, LaunchInstance)
    request = replace(sound.request, client_token="another")
    assert violations(scene, replace(sound, request=request)) == ["derived operation id"]


@pytest.mark.parametrize("zone", [None, "use1-az1"])
def test_nothing_rests_on_a_gap(zone: str | None) -> None:
    scene = failing(quiet())
    scene.gap(GapSubject.INSTANCES, zone=zone)
    assert violations(scene, STOP) == ["nothing rests on a gap"]


def test_a_gap_elsewhere_is_no_matter_to_what_is_named_and_is_to_a_launch() -> None:
    scene = failing(quiet())
    scene.gap(GapSubject.INSTANCES, zone="use1-az4")
    assert violations(scene, STOP) == []
    second = as_role(launch("web/0", incarnation=2), Role.REPLACEMENT)
    assert violations(scene, second) == ["nothing rests on a gap"]


def test_unread_volumes_matter_where_there_are_claims() -> None:
    scene = failing(quiet())
    scene.gap(GapSubject.VOLUMES)
    assert violations(scene, STOP) == []
    assert violations(scene, retag(DATABASE)) == ["nothing rests on a gap"]


ATTACH = attach(DATABASE, to=1)


def test_only_an_available_volume_is_attached() -> None:
    scene = quiet()
    assert violations(scene, ATTACH) == ["attach only what is free and near"]
    scene.detached(VOLUME)
    assert violations(scene, ATTACH) == []
    scene.change(VOLUME, state=VolumeState.CREATING)
    assert violations(scene, ATTACH) == ["attach only what is free and near"]


def test_only_a_volume_of_the_same_zone_is_attached() -> None:
    scene = quiet()
    scene.detached(VOLUME)
    scene.change(VOLUME, zone="use1-az4")
    assert violations(scene, ATTACH) == ["attach only what is free and near"]


def test_only_the_occupant_is_given_data() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    assert violations(scene, ATTACH) == ["attach only what is free and near"]
    assert violations(scene, attach(DATABASE, to=2)) == []


@pytest.mark.parametrize("state", [InstanceState.RUNNING, InstanceState.STOPPING])
def test_no_volume_moves_without_a_write_fence(state: InstanceState) -> None:
    scene = committed(original=state)
    request = DetachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf")
    detach = step(DATABASE, request, Course.KEEP_THE_DATA, claim="data")
    assert violations(scene, detach) == ["no move without a write fence"]
    scene.change(OLD, state=InstanceState.STOPPED)
    assert violations(scene, detach) == []


def test_no_volume_dies_with_its_instance() -> None:
    scene = Scene(postgres_fleet(replicas=2))
    scene.in_service()
    scene.declare(postgres_fleet(replicas=1))
    gone = instance_id("shared-postgres/1")
    (attachment,) = scene.instances[gone].attachments
    assert violations(scene, terminate("shared-postgres/1")) == []
    scene.change(gone, attachments=(replace(attachment, delete_on_termination=True),))
    assert violations(scene, terminate("shared-postgres/1")) == ["no volume dies with its instance"]


def test_no_wanted_slot_is_removed() -> None:
    assert violations(quiet(), terminate("web/0")) == ["nothing is taken down without need"]


def reclaim(text: str, *, incarnation: int = 1) -> Action:
    return terminate(text, incarnation=incarnation, course=Course.RECLAIM)


def test_no_occupant_ends_without_a_healthy_successor() -> None:
    scene = quiet()
    assert violations(scene, reclaim("web/0")) == ["nothing is taken down without need"]
    scene.instance("web/0", incarnation=2)
    assert violations(scene, reclaim("web/0")) == []
    failing(scene, "web/0")
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=MINUTE, incarnation=2)
    assert violations(scene, reclaim("web/0")) == ["nothing is taken down without need"]


def test_a_replacement_that_never_held_the_slot_may_end() -> None:
    scene = quiet()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT)
    assert violations(scene, reclaim("web/0", incarnation=2)) == []


@pytest.mark.parametrize("planted", [REBOOT, STOP], ids=["reboot", "stop"])
def test_nothing_that_serves_or_is_not_unhealthy_is_repaired(planted: Action) -> None:
    assert violations(quiet(), planted) == ["nothing is taken down without need"]
    assert violations(failing(quiet()), planted) == []


def test_no_instance_is_fenced_without_a_running_successor() -> None:
    fence = step(DATABASE, StopInstance(instance_id=OLD), Course.KEEP_THE_DATA)
    assert violations(quiet(), fence) == ["nothing is taken down without need"]
    scene = committed()
    assert violations(scene, fence) == []
    scene.change(NEW, state=InstanceState.PENDING)
    assert violations(scene, fence) == ["nothing is taken down without need"]


def test_a_commit_only_goes_forward() -> None:
    scene = quiet()
    back = replace(
        commit("web/0", incarnation=1),
        request=SetTags(resource_id=WEB, tags={Tag.ROLE.value: "occupant"}, commit=True),
    )
    assert violations(scene, back) == ["a commit only goes forward"]
    new = scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT)
    assert violations(scene, commit("web/0")) == []
    scene.change(new.id, state=InstanceState.PENDING)
    assert violations(scene, commit("web/0")) == ["a commit only goes forward"]


PAUSED = "nothing on what is paused or undeclared"


def test_nothing_without_a_slot() -> None:
    assert PAUSED in violations(quiet(), replace(retag("web/0"), slot=None))


def test_nothing_in_a_fleet_that_is_not_declared_or_retired() -> None:
    scene = quiet()
    scene.release("web")
    assert violations(scene, terminate("web/0")) == [PAUSED]
    scene.approved("web-retire", Gate.RETIRE)
    assert violations(scene, terminate("web/0")) == []


@pytest.mark.parametrize("changes", [{"paused": True}, {"mode": Mode.OBSERVE}])
def test_nothing_in_a_fleet_that_is_paused_or_only_observed(changes: dict[str, Any]) -> None:
    scene = Scene(web_fleet(**changes))
    scene.in_service()
    assert violations(scene, retag("web/0")) == [PAUSED]


@pytest.mark.parametrize("scope", ["*", "web", "web/0"])
def test_nothing_on_what_a_person_paused(scope: str) -> None:
    scene = quiet()
    scene.paused(scope)
    assert violations(scene, retag("web/0")) == [PAUSED]


def test_nothing_rash_while_cold() -> None:
    scene = failing(quiet())
    scene.cold(since=timedelta(days=1), complete=9)
    assert "nothing rash while cold" in violations(scene, STOP)
    assert violations(scene, retag("web/0")) == []
    scene.cold(complete=1)
    assert violations(scene, retag("web/0")) == ["nothing rash while cold"]
