"""What a pass teaches about capacity, and for how long a type is passed over in a zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import InstanceState
from reconciler.execution.capacity import capacity_after
from reconciler.execution.outcomes import Offering, Outcome, Result
from reconciler.planning.actions import Action
from reconciler.planning.case import Case
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import CapacityMemory
from reconciler.planning.settling.settle import Settled
from tests.support.actions import launch
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, web_fleet
from tests.support.resources import NOW, instance_id

LAUNCH = launch("web/0", request={"zone": "use1-az1"})


def short(action: Action = LAUNCH, *, zone: str = "use1-az1") -> Outcome:
    """That launch was rejected for want of capacity."""
    return Outcome(
        action=action,
        result=Result.REJECTED,
        message="",
        short_of=Offering(zone=zone, type="m6i.large"),
    )


def remembered(failures: int, *, ago: timedelta = MINUTE) -> CapacityMemory:
    return CapacityMemory(
        zone="use1-az1",
        type="m6i.large",
        failures=failures,
        last_failed_at=NOW - ago,
        until=NOW,
    )


def case(*capacity: CapacityMemory, intents: Iterable[Intent] = ()) -> Case:
    scene = Scene(web_fleet())
    scene.in_service()
    scene.remembering(capacity=capacity, recent_intents=tuple(intents))
    return scene.case()


def ended(state: IntentState) -> tuple[Intent, Settled]:
    """That launch has just ended, with the slot's instance."""
    intent = Intent(action=LAUNCH, state=state, begun_at=NOW - MINUTE, updated_at=NOW)
    settled = Settled(
        operation_id=LAUNCH.operation_id,
        state=state,
        resource_id=instance_id("web/0"),
        detail="",
    )
    return intent, settled


@pytest.mark.parametrize(("before", "minutes"), [(0, 1), (1, 3), (2, 10), (3, 30), (9, 30)])
def test_each_shortage_in_a_row_passes_the_type_over_for_longer(before: int, minutes: int) -> None:
    memory = [remembered(before)] if before else []
    (item,) = capacity_after(case(*memory), (), (short(),))
    assert item == CapacityMemory(
        zone="use1-az1",
        type="m6i.large",
        failures=before + 1,
        last_failed_at=NOW,
        until=NOW + minutes * MINUTE,
    )


def test_zones_are_remembered_apart_and_in_order() -> None:
    outcomes = (short(zone="use1-az4"), short(zone="use1-az1"))
    items = capacity_after(case(), (), outcomes)
    assert [item.zone for item in items] == ["use1-az1", "use1-az4"]


def test_a_shortage_is_forgotten_in_time() -> None:
    assert capacity_after(case(remembered(4, ago=2 * HOUR)), (), ()) == ()
    assert capacity_after(case(remembered(4, ago=HOUR)), (), ()) == (remembered(4, ago=HOUR),)


def test_a_launch_that_came_up_ends_the_shortage() -> None:
    intent, settled = ended(IntentState.OBSERVED)
    assert capacity_after(case(remembered(2), intents=[intent]), (settled,), ()) == ()


@pytest.mark.parametrize(
    ("reason", "failures"),
    [("Server.InsufficientInstanceCapacity", 3), ("Client.UserInitiatedShutdown", 2), (None, 2)],
)
def test_a_launch_that_was_accepted_and_died_of_it_is_a_shortage_too(
    reason: str | None, failures: int
) -> None:
    intent, settled = ended(IntentState.DEAD)
    given = case(remembered(2), intents=[intent])
    died = replace(
        given.observation.instances[instance_id("web/0")],
        state=InstanceState.TERMINATED,
        state_reason=reason,
    )
    observation = replace(given.observation, instances={died.id: died})
    (item,) = capacity_after(replace(given, observation=observation), (settled,), ())
    assert item.failures == failures


def test_other_failures_teach_nothing_about_capacity() -> None:
    outcome = replace(short(), short_of=None)
    assert capacity_after(case(), (), (outcome,)) == ()
