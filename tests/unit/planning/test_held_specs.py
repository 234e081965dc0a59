"""A declaration that fails wherever it is launched holds itself, and no zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from providers.requests import LaunchInstance
from reconciler.health.capabilities import Capabilities
from reconciler.health.verdict import RememberedHealth, Status
from reconciler.planning.actions import Course, Gate
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.call_outcomes import outcomes_of
from tests.support.actions import launch
from tests.support.brakes import BREAKERS
from tests.support.calls import FAILED, call, judged
from tests.support.cases import Scene
from tests.support.fleets import DAY, IMAGE, MINUTE, instance_spec, safety_policy, web_fleet
from tests.support.plans import done, held, planned, the_action, the_hold
from tests.support.resources import instance_id

MISTYPED = "ami-0mistyped00000000"
POLICY = safety_policy(capabilities=BREAKERS)


def declared(image: str = MISTYPED, **spec: Any) -> Scene:
    return Scene(web_fleet(replicas=3, instance=instance_spec(image=image, **spec)), policy=POLICY)


def refused(scene: Scene, text: str, *, ago: timedelta = 10 * MINUTE, attempt: int = 1) -> None:
    """EC2 refused the launch of the mistyped image."""
    scene.began(
        launch(text, request={"image": MISTYPED}, attempt=attempt),
        ago=ago,
        state=IntentState.REJECTED,
        error_code="InvalidAMIID.NotFound",
        error_message="The image id does not exist",
    )


def late(scene: Scene, text: str, *, image: str = MISTYPED, ago: timedelta = 30 * MINUTE) -> None:
    """An instance of that image runs and never was healthy."""
    found = scene.instance(text, age=ago)
    tags = {key: value for key, value in found.tags.items() if key != Tag.IN_SERVICE_SINCE}
    scene.instances[found.id] = replace(found, tags=tags, image=image)
    never = RememberedHealth(status=Status.UNHEALTHY, status_since=scene.now - ago + 10 * MINUTE)
    scene.remembering(health={**scene.memory.health, found.id: never})
    began = launch(text, request={"image": image})
    scene.began(began, ago=ago, state=IntentState.OBSERVED, resource_id=found.id)


def image_of(scene: Scene) -> str:
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    return request.image


def test_a_mistyped_image_is_held_after_two_launches() -> None:
    scene = declared()
    refused(scene, "web/0")
    assert done(scene) == ["launch web/0", "launch web/1", "launch web/2"]
    refused(scene, "web/1")
    assert held(scene) == ["spec web/0", "spec web/1", "spec web/2"]


def test_it_says_what_failed() -> None:
    scene = declared()
    refused(scene, "web/0")
    refused(scene, "web/1", ago=9 * MINUTE)
    assert planned(scene).withheld[0].reason == (
        f"{MISTYPED} failed 2 times in a row, the last time: "
        "launch of web/1: InvalidAMIID.NotFound at 2026-04-21T11:51:00Z"
    )


def test_a_mistyped_image_opens_no_zone_for_anybody() -> None:
    scene = declared()
    for ordinal in range(3):
        refused(scene, f"web/{ordinal}")
    told = outcomes_of(scene.memory, scene.desired(), scene.observation(), scene.now)
    assert judged(list(told), minute=0) == Capabilities()


def test_another_declaration_is_another_spec() -> None:
    scene = declared(image="ami-0corrected0000000")
    refused(scene, "web/0")
    refused(scene, "web/1")
    assert len(done(scene)) == 3


def test_another_fleet_is_not_held() -> None:
    scene = declared()
    scene.fleets["other"] = replace(scene.fleets["web"], name="other")
    refused(scene, "web/0")
    refused(scene, "web/1")
    assert done(scene) == ["launch other/0", "launch other/1", "launch other/2"]


def test_a_person_may_say_that_it_is_right_by_now() -> None:
    scene = declared()
    refused(scene, "web/0")
    refused(scene, "web/1")
    (hold,) = [item for item in planned(scene).withheld if str(item.slot) == "web/0"]
    assert hold.approval_id is not None
    scene.approved(hold.approval_id, Gate.SPEC)
    assert done(scene) == ["launch web/0"]


def test_two_starts_that_miss_their_deadline_hold_their_spec() -> None:
    scene = declared()
    late(scene, "web/0")
    assert "launch web/2" in done(scene)
    late(scene, "web/1")
    assert "spec web/2" in held(scene)


def test_what_is_late_where_launches_do_not_work_is_not_the_specs_fault() -> None:
    scene = declared()
    late(scene, "web/0")
    late(scene, "web/1")
    zones = {scene.instances[instance_id(f"web/{ordinal}")].zone for ordinal in range(2)}
    told = [call(m, FAILED, zone=zone) for zone in zones for m in (-11, -10)]
    scene.capabilities = judged(told, minute=0)
    assert "spec web/2" not in held(scene)


def test_a_spec_that_proved_itself_is_not_held() -> None:
    scene = declared()
    scene.instance("web/2", age=DAY)
    late(scene, "web/0")
    late(scene, "web/1")
    assert not any(item.startswith("spec") for item in held(scene))


def test_repairs_go_on_with_the_newest_image_that_proved_itself() -> None:
    scene = declared()
    for ordinal in range(3):
        found = scene.instance(f"web/{ordinal}", age=DAY - ordinal * MINUTE)
        scene.instances[found.id] = replace(found, image=IMAGE)
    scene.terminated("web/1")
    assert image_of(scene) == MISTYPED
    for attempt in (1, 2):
        refused(scene, "web/1", attempt=attempt)
    assert image_of(scene) == IMAGE
    action = the_action(scene)
    assert action.course is Course.REPLACE
    assert f"with {IMAGE}, the newest that proved itself" in action.detail


def test_another_boot_script_is_no_stand_in() -> None:
    scene = declared()
    for ordinal in range(3):
        found = scene.instance(f"web/{ordinal}", age=DAY)
        tags = {**found.tags, Tag.USER_DATA.value: "another"}
        scene.instances[found.id] = replace(found, image=IMAGE, tags=tags)
    scene.terminated("web/1")
    for attempt in (1, 2):
        refused(scene, "web/1", attempt=attempt)
    assert the_hold(scene).gate is Gate.SPEC


def test_without_rules_nothing_is_held() -> None:
    scene = declared()
    scene.policy = safety_policy()
    refused(scene, "web/0")
    refused(scene, "web/1")
    assert len(done(scene)) == 3
