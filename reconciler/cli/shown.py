"""What a person has seen and said yes to: an apply does that and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from providers.requests import LaunchInstance, Request
from reconciler.planning.actions import Action, Bucket
from reconciler.planning.outcome import Plan


def exactly(plan: Plan) -> Callable[[Action], bool]:
    """Accepts the actions of this plan; a launch only with what it was shown to be launched with."""
    shown = {action.operation_id: action.request for action in plan.actions}

    def accepts(action: Action) -> bool:
        seen = shown.get(action.operation_id)
        return seen is not None and _alike(seen, action.request)

    return accepts


def in_its_course(plan: Plan) -> Callable[[Action], bool]:
    """Accepts what follows for the slots that this plan acts on, holds back or waits for, and no other slot's."""
    resting = (Bucket.HEALTHY, Bucket.RELEASED)
    slots = {outcome.slot for outcome in plan.slots if outcome.bucket not in resting}
    slots |= {action.slot for action in plan.actions if action.slot is not None}
    slots |= {item.slot for item in plan.withheld if item.slot is not None}

    def accepts(action: Action) -> bool:
        return action.slot in slots

    return accepts


def _alike(seen: Request, now: Request) -> bool:
    """An operation id names what is done to which resource; of a launch, zone, type and all else is in the request."""
    if isinstance(seen, LaunchInstance) and isinstance(now, LaunchInstance):
        return replace(seen, tags={}, volume_tags={}) == replace(now, tags={}, volume_tags={})
    return seen.kind == now.kind
