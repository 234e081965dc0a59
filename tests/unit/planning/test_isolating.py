"""What a restored copy replaced is cut off by security groups where even a forced stop hangs (design section 7.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Fleet, Isolation
from providers.observed import InstanceState, ProbeOutcome
from providers.requests import SetSecurityGroups, SetTags, StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.backed_up import DATABASE, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, health_spec, tcp_probe
from tests.support.plans import done, held, planned, the_action
from tests.support.planted import violations
from tests.support.restored import NEW, OLD, taken_over

UNTRACKED, EMPTY = "sg-untracked", "sg-empty"


UNDECLARED = databases(health=health_spec(tcp_probe()))
DECLARED = replace(
    UNDECLARED,
    instance=replace(UNDECLARED.instance, isolation=Isolation(untracked=UNTRACKED, empty=EMPTY)),
)


def hanging(*, groups: tuple[str, ...] = ("sg-postgres",), fleet: Fleet = DECLARED) -> Scene:
    """The restored copy holds the slot; the original does not stop, not even by force."""
    scene = taken_over(backed_up(fleet))
    for forced, ago in ((False, 12 * MINUTE), (True, 4 * MINUTE)):
        stop = StopInstance(instance_id=OLD, forced=forced)
        step = action(DATABASE, stop, course=Course.RESTORE, reason=Reason.SERVE_FENCE)
        scene.began(step, ago=ago, state=IntentState.DEAD)
    scene.change(OLD, state=InstanceState.STOPPING, security_groups=groups)
    return scene


def cut_off(*, ago: timedelta, silent: timedelta | None) -> Scene:
    """The empty group was read back that long ago; the probe of the original has failed for `silent`."""
    scene = hanging(groups=(EMPTY,))
    step = action(
        DATABASE,
        SetSecurityGroups(instance_id=OLD, security_groups=(EMPTY,)),
        course=Course.RESTORE,
        reason=Reason.SERVE_FENCE,
    )
    scene.began(step, ago=ago, state=IntentState.OBSERVED)
    health = scene.memory.health
    outcome = ProbeOutcome.PASSED if silent is None else ProbeOutcome.FAILED
    scene.probe(DATABASE, outcome)
    since = {} if silent is None else {Sign.PROBE: scene.now - silent}
    scene.remembering(health={**health, OLD: replace(health[OLD], since=since)})
    return scene


@pytest.mark.parametrize(
    ("groups", "then"),
    [(("sg-postgres",), UNTRACKED), ((UNTRACKED,), EMPTY), ((EMPTY,), EMPTY)],
    ids=["in service", "no longer tracked", "empty by whom nobody remembers"],
)
def test_first_no_connection_is_tracked_any_more_and_then_none_is_let_through(
    groups: tuple[str, ...], then: str
) -> None:
    request = the_action(hanging(groups=groups)).request
    assert request == SetSecurityGroups(instance_id=OLD, security_groups=(then,))


def test_it_is_stopped_before_it_is_cut_off() -> None:
    scene = hanging()
    scene.remembering(recent_intents=())
    scene.change(OLD, state=InstanceState.RUNNING)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


@pytest.mark.parametrize(
    ("ago", "silent"),
    [
        (2 * MINUTE - SECOND, 20 * MINUTE),
        (20 * MINUTE, 2 * MINUTE - SECOND),
        (20 * MINUTE, None),
    ],
    ids=["cut off a moment ago", "silent for a moment", "it still answers"],
)
def test_until_its_probe_was_silent_for_two_minutes_nothing_is_proved(
    ago: timedelta, silent: timedelta | None
) -> None:
    scene = cut_off(ago=ago, silent=silent)
    assert (done(scene), held(scene)) == ([], [])


def test_then_the_restored_slot_goes_on_and_what_was_left_behind_is_dated() -> None:
    scene = cut_off(ago=2 * MINUTE, silent=2 * MINUTE)
    tagged = {
        item.request.resource_id
        for item in planned(scene).actions
        if isinstance(item.request, SetTags)
    }
    assert OLD in tagged
    assert Gate.FENCE not in {item.gate for item in planned(scene).withheld}


@pytest.mark.parametrize(("failures", "proved"), [(8, False), (9, True)])
def test_of_what_hangs_while_it_stops_the_looks_that_failed_tell_how_long_it_was_silent(
    *, failures: int, proved: bool
) -> None:
    """Its state is its only sign; looks are 15 s apart."""
    scene = cut_off(ago=20 * MINUTE, silent=timedelta())
    counted = replace(
        scene.memory.health[OLD], since={}, probe_failures=failures, probe_failed_at=scene.now
    )
    scene.remembering(health={**scene.memory.health, OLD: counted})
    assert bool(done(scene)) is proved


@pytest.mark.parametrize(
    "fleet", [UNDECLARED, replace(DECLARED, health=health_spec())], ids=["no groups", "no probe"]
)
def test_without_groups_or_a_probe_to_prove_it_a_person_is_asked(fleet: Fleet) -> None:
    scene = hanging(fleet=fleet)
    assert (done(scene), held(scene)) == ([], [f"fence {DATABASE}"])


def test_what_ec2_says_of_a_zone_in_trouble_proves_nothing() -> None:
    scene = cut_off(ago=20 * MINUTE, silent=20 * MINUTE)
    zone = scene.instances[OLD].zone
    scene.zones[zone] = replace(scene.zones[zone], state="impaired")
    assert held(scene) == [f"fence {DATABASE}"]


# The last look


def test_the_last_look_lets_nothing_be_cut_off_that_holds_its_slot() -> None:
    rule = "only the superseded is cut off"
    scene = hanging()
    assert violations(scene, the_action(scene)) == []
    holder = action(
        DATABASE,
        SetSecurityGroups(instance_id=NEW, security_groups=(EMPTY,)),
        course=Course.RESTORE,
        reason=Reason.SERVE_FENCE,
        incarnation=2,
    )
    assert violations(scene, holder) == [rule]
