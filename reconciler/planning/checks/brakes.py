"""The rules of the last look that hold a plan to the brakes, each asked of one action alone (design section 7.3).

They know who holds a slot and how its places are, and nothing of what kind of work the planner took an action for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from providers.observed import Instance, InstanceState
from providers.requests import (
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.capabilities import BreakerState, CapabilityKind
from reconciler.health.conditions import Condition, Scope, ScopeKind
from reconciler.health.verdict import Status
from reconciler.planning.actions import Action, Course
from reconciler.planning.checks.actions import Facts
from reconciler.planning.identity import incarnation_of, slot_of

AVAILABLE = "available"


def _nothing_is_ended_that_cant_be_replaced(action: Action, facts: Facts) -> str | None:
    """Ended, stopped or bereft of its data: not before a successor is proven, unless another can be had."""
    request = action.request
    if not isinstance(request, TerminateInstance | StopInstance | DetachVolume):
        return None
    if not _is_wanted(action, facts):
        return None
    instance = facts.case.observation.instances.get(request.instance_id)
    if instance is None or instance.state is InstanceState.TERMINATED:
        return None
    if _is_replaced(instance, action, facts) or any(_zones_that_work(action, facts)):
        return None
    return f"{instance.id} has no proven successor, and no zone of {action.slot} can launch one"


def _is_wanted(action: Action, facts: Facts) -> bool:
    fleet = facts.fleet_of(action)
    return fleet is not None and action.slot is not None and action.slot.ordinal < fleet.replicas


def _is_replaced(instance: Instance, action: Action, facts: Facts) -> bool:
    occupant = facts.occupant_of(action.slot)
    if occupant is None or occupant.id == instance.id:
        return False
    later = incarnation_of(occupant.tags) > incarnation_of(instance.tags)
    return later or _status(occupant, facts) is Status.HEALTHY


def _status(instance: Instance, facts: Facts) -> Status | None:
    verdict = facts.case.verdicts.get(instance.id)
    return verdict.status if verdict else None


def _zones_that_work(action: Action, facts: Facts) -> Iterable[str]:
    """Where a successor could be launched, with volumes where the slot has none."""
    case, fleet = facts.case, facts.fleet_of(action)
    if fleet is None or case.capabilities.launch_open_everywhere is not None:
        return
    held = {
        volume.zone
        for volume in case.observation.volumes.values()
        if fleet.stateful and slot_of(volume.tags) == action.slot
    }
    for name in fleet.placement.zones:
        zone = case.observation.zone_id(name)
        if zone is None or case.observation.zones[zone].state != AVAILABLE:
            continue
        needed = [CapabilityKind.LAUNCH]
        needed += [CapabilityKind.VOLUME] if fleet.stateful and zone not in held else []
        if all(case.capabilities.of(zone, kind).state is BreakerState.CLOSED for kind in needed):
            yield zone


def _nothing_that_holds_a_slot_is_disturbed_where_it_is_critical(
    action: Action, facts: Facts
) -> str | None:
    """But for what a commit entails, which is never about the occupant."""
    occupant = facts.occupant_of(action.slot)
    if occupant is None or action.slot is None or not _disturbs(action, occupant, facts):
        return None
    scopes = (
        Scope(ScopeKind.ZONE, occupant.zone),
        Scope(ScopeKind.REGION, facts.case.observation.cell.region),
        Scope(ScopeKind.FLEET, action.slot.fleet),
    )
    return _first_that_is(scopes, {Condition.CRITICAL}, facts)


def _disturbs(action: Action, occupant: Instance, facts: Facts) -> bool:
    request = action.request
    if isinstance(request, RebootInstance | StopInstance | TerminateInstance):
        return request.instance_id == occupant.id and action.course is not Course.REMOVE
    fleet = facts.fleet_of(action)
    if not isinstance(request, SetTags) or not request.commit or fleet is None:
        return False
    verdict = facts.case.verdicts.get(occupant.id)
    seen_to_serve = fleet.health.probe is not None and verdict is not None and verdict.serving
    return seen_to_serve and request.resource_id != occupant.id


def _what_can_wait_waits_for_peace(action: Action, facts: Facts) -> str | None:
    """Updates, a smaller number, and the end of what was kept."""
    request = action.request
    ends = isinstance(request, DeleteSnapshot | DeleteCopy | DeleteVolume)
    smaller = isinstance(request, TerminateInstance) and action.course is Course.REMOVE
    updates = isinstance(request, LaunchInstance) and action.course is Course.UPDATE
    if not (ends or smaller or updates):
        return None
    scopes = [Scope(ScopeKind.REGION, facts.case.observation.cell.region)]
    occupant = facts.occupant_of(action.slot)
    if occupant is not None and not isinstance(request, DeleteCopy | DeleteSnapshot):
        scopes.append(Scope(ScopeKind.ZONE, occupant.zone))
    trouble = {Condition.DEGRADED, Condition.CRITICAL, Condition.RECOVERING}
    return _first_that_is(scopes, trouble, facts)


def _first_that_is(scopes: Iterable[Scope], conditions: set[Condition], facts: Facts) -> str | None:
    case = facts.case
    override = case.memory.override
    if case.desired.policy.conditions is None:
        return None
    if override is not None and case.now < override.expires_at:
        return None
    for scope in scopes:
        if (condition := case.conditions.of(scope.kind, scope.name)) in conditions:
            return f"{scope} is {condition}"
    return None


BRAKE_RULES: tuple[Callable[[Action, Facts], str | None], ...] = (
    _nothing_is_ended_that_cant_be_replaced,
    _nothing_that_holds_a_slot_is_disturbed_where_it_is_critical,
    _what_can_wait_waits_for_peace,
)
