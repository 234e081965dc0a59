"""What a pass teaches about capacity: which types a zone had none of, and for how long they are passed over. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from desired_state.model import SafetyPolicy
from providers.requests import LaunchInstance
from reconciler.execution.outcomes import Offering, Outcome
from reconciler.planning.case import Case
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import CapacityMemory
from reconciler.planning.settling.settle import Settled, Settlement

_SHORT = "InsufficientInstanceCapacity"


def capacity_after(
    case: Case, settlements: Iterable[Settlement], outcomes: Iterable[Outcome]
) -> tuple[CapacityMemory, ...]:
    """The whole memory of capacity after a pass, ordered by zone and type.

    A shortage passes a type over for the next, longer step of `policy.capacity_backoff`; a launch that came up ends
    that, and so does time. A launch that was accepted and then died for want of capacity is a shortage too: that is
    how it looked in the outage of 2011.
    """
    policy, now = case.desired.policy, case.now
    kept = {
        Offering(zone=item.zone, type=item.type): item
        for item in case.memory.capacity
        if now - item.last_failed_at < policy.capacity_forgotten_after
    }
    ended = {item.operation_id: item for item in settlements if isinstance(item, Settled)}
    for intent in (*case.memory.open_intents, *case.memory.recent_intents):
        settled = ended.get(intent.action.operation_id)
        if settled and isinstance(intent.action.request, LaunchInstance):
            request = intent.action.request
            offering = Offering(zone=request.zone, type=request.type)
            instance = case.observation.instances.get(settled.resource_id or "")
            if settled.state is IntentState.OBSERVED:
                kept.pop(offering, None)
            elif instance and _SHORT in (instance.state_reason or ""):
                kept[offering] = _short(kept, offering, policy, now)
    for outcome in outcomes:
        if outcome.short_of:
            kept[outcome.short_of] = _short(kept, outcome.short_of, policy, now)
    return tuple(kept[key] for key in sorted(kept, key=lambda item: (item.zone, item.type)))


def _short(
    kept: dict[Offering, CapacityMemory], offering: Offering, policy: SafetyPolicy, now: datetime
) -> CapacityMemory:
    before = kept.get(offering)
    failures = before.failures + 1 if before else 1
    step = policy.capacity_backoff[min(failures, len(policy.capacity_backoff)) - 1]
    return CapacityMemory(
        zone=offering.zone,
        type=offering.type,
        failures=failures,
        last_failed_at=now,
        until=now + step,
    )
