"""Launches go where launches work; other zones are tried by one call at a time, and what is late there is kept."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import Mode
from providers.observed import InstanceState
from providers.requests import LaunchInstance, StartInstance
from reconciler.health.capabilities import Capabilities, CapabilityKind
from reconciler.health.verdict import RememberedHealth, Sign, Status
from reconciler.planning.actions import Course, Gate
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.outcome import Plan
from tests.support.actions import launch
from tests.support.brakes import BREAKERS
from tests.support.calls import FAILED, PROVEN, call, judged
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, postgres_fleet, safety_policy, web_fleet
from tests.support.plans import done, held, planned, the_action, the_hold
from tests.support.resources import instance_id

LAUNCH, VOLUME = CapabilityKind.LAUNCH, CapabilityKind.VOLUME
ZONES = ("use1-az1", "use1-az2", "use1-az4")
POLICY = safety_policy(
    capabilities=BREAKERS, repairs_at_once_count=20, terminations_per_hour_count=20
)


def failing(*zones: str, kind: CapabilityKind = LAUNCH, tried: float = -10) -> Capabilities:
    """Two calls failed in these zones, the second at that minute."""
    told = [call(m, FAILED, zone=zone, kind=kind) for zone in zones for m in (tried - 1, tried)]
    return judged(told, minute=0)


def gone(*slots: str, replicas: int = 6, **told: Capabilities) -> Scene:
    """A web fleet whose instances in these slots were terminated by somebody."""
    scene = Scene(web_fleet(replicas=replicas), policy=POLICY)
    scene.in_service()
    for text in slots:
        scene.terminated(text)
    scene.capabilities = told.get("capabilities", Capabilities())
    return scene


def zones(plan: Plan) -> list[str]:
    return sorted(a.request.zone for a in plan.actions if isinstance(a.request, LaunchInstance))


# Where launches go


def test_launches_go_where_launches_work() -> None:
    scene = gone("web/0", "web/3", capabilities=failing("use1-az1"))
    assert zones(planned(scene)) == ["use1-az2", "use1-az4"]


def test_a_zone_where_volumes_fail_still_takes_what_brings_none() -> None:
    scene = gone("web/0", "web/3", capabilities=failing("use1-az1", kind=VOLUME))
    assert zones(planned(scene)) == ["use1-az1", "use1-az1"]


def test_a_launch_with_volumes_goes_where_volumes_work() -> None:
    scene = Scene(postgres_fleet(replicas=3, mode=Mode.AUTO), policy=POLICY)
    scene.capabilities = failing("use1-az1", "use1-az2", kind=VOLUME, tried=-0.1)
    assert zones(planned(scene)) == ["use1-az4", "use1-az4", "use1-az4"]


def test_where_none_works_each_zone_is_tried_once_and_two_of_the_region() -> None:
    slots = [f"web/{ordinal}" for ordinal in range(6)]
    scene = gone(*slots, capabilities=failing(*ZONES))
    made = planned(scene)
    assert len(set(zones(made))) == len(zones(made)) == 2
    assert [item.gate for item in made.withheld] == [Gate.CAPABILITY] * 4


def test_what_is_held_says_where_why_and_when_it_is_tried() -> None:
    scene = gone("web/0", capabilities=failing(*ZONES, tried=-0.1))
    hold = the_hold(scene)
    assert hold.gate is Gate.CAPABILITY
    zone = hold.action.request.zone if hold.action else ""
    known = scene.capabilities.of(zone, LAUNCH)
    assert hold.earliest_release == known.next_probe_at
    assert hold.reason == (
        f"launch in {zone} does not work since 11:59Z: 2 calls in a row failed "
        "(launch of web/1: Unavailable at minute -0.1)"
    )


def test_it_is_held_where_it_will_be_tried_first() -> None:
    scene = gone("web/0", capabilities=failing(*ZONES, tried=-0.1))
    soonest = min(scene.capabilities.of(zone, LAUNCH).next_probe_at or scene.now for zone in ZONES)
    assert the_hold(scene).earliest_release == soonest


def test_what_another_gate_holds_takes_no_turn() -> None:
    """Two launches try the zones; the fleet that waits for a word does not keep them from it."""
    asking, acting = web_fleet(name="asking", tier=0, mode=Mode.APPROVE), web_fleet(tier=2)
    scene = Scene(asking, acting, policy=POLICY)
    scene.in_service()
    for ordinal in range(3):
        scene.terminated(f"asking/{ordinal}")
        scene.terminated(f"web/{ordinal}")
    scene.capabilities = failing(*ZONES)
    assert sorted(item.split("/")[0] for item in done(scene)) == ["launch web", "launch web"]
    assert [item for item in held(scene) if "asking" in item] == [
        f"mode-approve asking/{ordinal}" for ordinal in range(3)
    ]


def test_a_volume_keeps_its_slot_in_its_zone_even_where_launches_fail() -> None:
    scene = Scene(postgres_fleet(replicas=1, mode=Mode.AUTO), policy=POLICY)
    scene.in_service()
    scene.terminated("shared-postgres/0")
    scene.capabilities = failing("use1-az1", tried=-0.1)
    hold = the_hold(scene)
    assert hold.gate is Gate.CAPABILITY
    assert "use1-az1" in hold.reason
    scene.capabilities = failing("use1-az1")
    assert zones(planned(scene)) == ["use1-az1"]


def test_a_zone_that_grows_up_takes_what_its_round_holds_and_the_others_the_rest() -> None:
    told = [call(m, FAILED) for m in (-3, -2.5)] + [call(m, PROVEN) for m in (-2, -1.5)]
    scene = gone("web/0", "web/3", capabilities=judged(told, minute=0))
    assert len([zone for zone in zones(planned(scene)) if zone == "use1-az1"]) == 1


def test_without_rules_nothing_is_held() -> None:
    scene = gone("web/0")
    scene.policy = safety_policy()
    assert done(scene) == ["launch web/0"]


# The ladder


def test_nothing_is_stopped_for_a_restart_where_launches_do_not_work() -> None:
    scene = gone()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=10 * MINUTE)
    assert done(scene) == ["stop web/0"]
    scene.capabilities = failing("use1-az1")
    assert done(scene) == ["launch web/0"]


def test_a_stopped_instance_is_started_as_a_try_of_its_zone() -> None:
    fleet = postgres_fleet(replicas=1, mode=Mode.AUTO)
    scene = Scene(fleet, policy=POLICY)
    scene.in_service()
    scene.stopped("shared-postgres/0", ago=300 * MINUTE)
    scene.capabilities = failing("use1-az1", tried=-0.1)
    assert held(scene) == ["capability shared-postgres/0"]
    scene.capabilities = failing("use1-az1")
    assert isinstance(the_action(scene).request, StartInstance)


# What is late


def never_healthy(scene: Scene, text: str, incarnation: int) -> None:
    identifier = instance_id(text, incarnation)
    never = RememberedHealth(
        status=Status.UNHEALTHY,
        status_since=scene.now - 9 * MINUTE,
        since={Sign.INSTANCE_CHECK: scene.now - 15 * MINUTE},
    )
    scene.remembering(health={**scene.memory.health, identifier: never})
    instance = scene.instances[identifier]
    tags = {key: value for key, value in instance.tags.items() if key != Tag.IN_SERVICE_SINCE}
    scene.instances[identifier] = replace(instance, tags=tags)


def with_a_late_replacement() -> Scene:
    """The occupant is gone from EC2's view of things; its replacement runs and never answered."""
    scene = gone("web/0")
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=30 * MINUTE)
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=15 * MINUTE, incarnation=2)
    never_healthy(scene, "web/0", 2)
    return scene


def test_a_replacement_that_is_late_is_ended_where_launches_work() -> None:
    assert done(with_a_late_replacement()) == ["terminate web/0"]


def test_a_replacement_that_is_late_is_kept_where_launches_do_not_work() -> None:
    scene = with_a_late_replacement()
    scene.capabilities = failing("use1-az1")
    made = planned(scene)
    assert made.actions == ()
    (outcome,) = [item for item in made.slots if str(item.slot) == "web/0"]
    assert outcome.summary.startswith(f"{instance_id('web/0', 2)} is kept: ")


def test_a_late_occupant_is_replaced_elsewhere_but_waited_for_where_nothing_works() -> None:
    scene = gone()
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=15 * MINUTE)
    never_healthy(scene, "web/0", 1)
    scene.capabilities = failing("use1-az1")
    assert done(scene) == ["launch web/0"]
    scene.capabilities = failing(*ZONES)
    assert done(scene) == []


def test_an_instance_that_was_healthy_once_is_not_late() -> None:
    scene = gone()
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=15 * MINUTE)
    scene.instances[instance_id("web/0")] = replace(
        scene.instances[instance_id("web/0")], state=InstanceState.RUNNING
    )
    scene.capabilities = failing(*ZONES)
    assert done(scene) != []


# What failed with its zone


def died(scene: Scene, how: str, *, ago: float, state: IntentState = IntentState.DEAD) -> None:
    scene.began(
        launch("web/0", course=Course.REPLACE, attempt=int(ago)),
        ago=ago * MINUTE,
        state=state,
        error_message=f"i-1 is terminated: {how}",
    )


def test_launches_that_died_with_their_zone_do_not_use_up_the_slots_replacements() -> None:
    scene = gone("web/0")
    died(scene, "Server.InternalError", ago=50)
    died(scene, "", ago=20, state=IntentState.LOST)
    scene.capabilities = failing("use1-az1")
    assert done(scene) == ["launch web/0"]


def test_launches_that_ended_themselves_do() -> None:
    scene = gone("web/0")
    scene.capabilities = failing("use1-az1")
    for ago in (50, 20):
        died(scene, "Client.InstanceInitiatedShutdown", ago=ago)
    assert held(scene) == ["replacement-limit web/0"]


def test_where_launches_work_every_launch_counts() -> None:
    scene = gone("web/0")
    for ago in (50, 20):
        died(scene, "Server.InternalError", ago=ago)
    assert held(scene) == ["replacement-limit web/0"]
