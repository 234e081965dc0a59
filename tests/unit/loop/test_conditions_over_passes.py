"""How places are, pass after pass over a cell in memory: what brakes a zone, and that it calms down again."""

from __future__ import annotations

from reconciler.health.conditions import Condition, Scope, ScopeKind
from tests.support.brakes import CONDITIONS
from tests.support.fleets import HOUR, MINUTE, safety_policy, web_fleet
from tests.support.passes import Passes

SICK = "use1-az1"


def passes() -> Passes:
    return Passes(web_fleet(replicas=12), policy=safety_policy(conditions=CONDITIONS))


def conditions(told: Passes) -> dict[str, Condition]:
    """Of every place that is not normal now."""
    return {
        str(scope): item.condition
        for scope, item in told.memory.conditions.items()
        if item.condition is not Condition.NORMAL
    }


def test_a_first_bring_up_leaves_every_place_normal() -> None:
    told = passes()
    told.until_converged()
    assert told.memory.conditions == {}


def test_a_zone_that_is_lost_is_critical_alone_until_its_slots_were_replaced_elsewhere() -> None:
    told = passes()
    told.until_converged()
    lost = [item.id for item in told.cloud.alive() if item.zone == SICK]
    for identifier in lost:
        told.cloud.impair(identifier)
    told.one()
    told.one()
    assert conditions(told) == {f"zone {SICK}": Condition.CRITICAL}
    told.until_converged(within=2 * HOUR)
    assert {item.id for item in told.cloud.alive()}.isdisjoint(lost)
    told.lasting(2 * HOUR)
    assert conditions(told) == {}
    known = told.memory.conditions[Scope(ScopeKind.ZONE, SICK)]
    assert known.normal_since is not None
    told.lasting(7 * HOUR)
    assert told.memory.conditions == {}


def test_what_is_remembered_of_a_place_does_not_change_while_all_is_quiet() -> None:
    told = passes()
    told.until_converged()
    for item in told.cloud.alive():
        if item.zone == SICK:
            told.cloud.impair(item.id)
    told.lasting(10 * MINUTE)
    told.lasting(3 * HOUR)
    before = dict(told.memory.conditions)
    told.lasting(HOUR)
    assert told.memory.conditions == before != {}
