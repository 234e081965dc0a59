"""The last look holds a plan to the brakes, whatever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.health.capabilities import CapabilityKind
from reconciler.health.conditions import Condition
from reconciler.planning.actions import Action
from tests.support import kinds_of_work as work
from tests.support.backed_up import VOLUME
from tests.support.cases import Scene
from tests.support.fleets import MINUTE
from tests.support.kept import left_behind, undone_copy
from tests.support.plans import planned
from tests.support.planted import violations
from tests.support.troubled import (
    both_brakes,
    broken,
    opened,
    overridden,
    quiet,
    region_is,
    zone_is,
)

DISTURBED = "nothing that holds a slot is disturbed where it is critical"
CAN_WAIT = "what can wait waits for peace"
IRREPLACEABLE = "nothing is ended that cant be replaced"


def of_peace(told: Callable[[], Scene]) -> tuple[Scene, tuple[Action, ...]]:
    """A scene with what its plan does while nothing is in trouble."""
    scene = told()
    scene.policy = both_brakes()
    actions = planned(scene).actions
    assert actions
    return scene, actions


@pytest.mark.parametrize("told", [work.reboot, work.restart, work.exchange_by_order])
def test_nothing_that_holds_a_slot_is_disturbed_where_it_is_critical(
    told: Callable[[], Scene],
) -> None:
    scene, actions = of_peace(told)
    assert violations(scene, *actions) == []
    zone_is(scene, Condition.CRITICAL, "use1-az1")
    assert violations(scene, *actions) == [DISTURBED]
    quiet(scene)
    region_is(scene, Condition.CRITICAL)
    assert violations(scene, *actions) == [DISTURBED]
    quiet(scene)
    broken(scene, "web")
    assert violations(scene, *actions) == [DISTURBED]


def test_what_is_degraded_or_elsewhere_leaves_a_pace() -> None:
    scene, actions = of_peace(work.restart)
    zone_is(scene, Condition.CRITICAL, "use1-az2", "use1-az4")
    zone_is(scene, Condition.DEGRADED, "use1-az1")
    assert violations(scene, *actions) == []


@pytest.mark.parametrize(
    "told", [work.commit, work.undoing, work.end_of_the_superseded, work.fence, work.detach]
)
def test_what_a_commit_entails_goes_on_where_it_is_critical(told: Callable[[], Scene]) -> None:
    scene, actions = of_peace(told)
    zone_is(scene, Condition.CRITICAL)
    region_is(scene, Condition.CRITICAL)
    assert violations(scene, *actions) == []


@pytest.mark.parametrize("told", [work.smaller_number, work.thinning, left_behind, undone_copy])
@pytest.mark.parametrize(
    "condition", [Condition.DEGRADED, Condition.CRITICAL, Condition.RECOVERING]
)
def test_what_can_wait_waits_for_peace(told: Callable[[], Scene], condition: Condition) -> None:
    scene, actions = of_peace(told)
    if told is left_behind:
        scene.snapshot(VOLUME, ago=MINUTE)
        actions = planned(scene).actions
    assert violations(scene, *actions) == []
    region_is(scene, condition)
    assert violations(scene, *actions) == [CAN_WAIT] * len(actions)


def test_an_update_waits_for_peace() -> None:
    scene, actions = of_peace(work.update)
    zone_is(scene, Condition.RECOVERING)
    assert violations(scene, *actions) == [CAN_WAIT]


@pytest.mark.parametrize("told", [work.restart, work.smaller_number])
def test_a_person_lifts_conditions(told: Callable[[], Scene]) -> None:
    scene, actions = of_peace(told)
    region_is(scene, Condition.CRITICAL)
    overridden(scene)
    assert violations(scene, *actions) == []


@pytest.mark.parametrize("told", [work.restart, work.undoing])
def test_nothing_is_ended_that_cant_be_replaced(told: Callable[[], Scene]) -> None:
    scene, actions = of_peace(told)
    opened(scene, "use1-az1", "use1-az2")
    assert violations(scene, *actions) == []
    opened(scene)
    overridden(scene)
    assert violations(scene, *actions) == [IRREPLACEABLE]


@pytest.mark.parametrize(
    "told", [work.end_of_the_superseded, work.fence, work.detach, work.smaller_number]
)
def test_what_has_a_successor_or_is_not_wanted_may_go(told: Callable[[], Scene]) -> None:
    scene, actions = of_peace(told)
    opened(scene)
    opened(scene, kind=CapabilityKind.VOLUME)
    assert violations(scene, *actions) == []


def test_launches_that_fail_everywhere_leave_no_zone() -> None:
    scene, actions = of_peace(work.restart)
    trouble = "throttled and short in 3 zones"
    scene.capabilities = replace(scene.capabilities, launch_open_everywhere=trouble)
    assert violations(scene, *actions) == [IRREPLACEABLE]


def test_without_rules_only_what_cant_be_replaced_is_kept() -> None:
    scene, actions = of_peace(work.restart)
    region_is(scene, Condition.CRITICAL)
    scene.policy = replace(both_brakes(), conditions=None, capabilities=None)
    assert violations(scene, *actions) == []
    opened(scene)
    assert violations(scene, *actions) == [IRREPLACEABLE]
