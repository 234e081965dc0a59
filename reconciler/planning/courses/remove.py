"""Taking capacity away: slots beyond `replicas`, and fleets that a person retires. Volumes always stay."""

from __future__ import annotations

from desired_state.model import SafetyPolicy
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.courses.replacing import end_instance
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import incarnation_of
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import declared_size


def remove_slot(here: Situation) -> Decision:
    """End a surplus slot's instances, newest first, once a large or stateful shrink is confirmed."""
    if not here.view.alive:
        return here.rest(Bucket.WAITING, "its last instance is ending")
    newest = max(here.view.alive, key=lambda item: (incarnation_of(item.tags), item.id))
    detail = declared_size(here.fleet)
    confirmation = shrink_id(here.fleet.name, here.fleet.replicas)
    asked = needs_confirmation(here)
    if asked and not _confirmed(here, confirmation):
        hold = Hold(
            course=Course.REMOVE,
            gate=Gate.SHRINK,
            reason=f"{detail}; confirm with `reconciler apply --confirm-shrink`",
            approval_id=confirmation,
        )
        return here.hold(detail, hold)
    return end_instance(
        here,
        newest,
        nature=Nature.HOUSEKEEPING,
        course=Course.REMOVE,
        reason=Reason.SURPLUS,
        detail=detail,
        continuation=asked,
    )


def shrink_id(fleet: str, replicas: int) -> str:
    """The approval that confirms a scale-down to this number; another number needs another."""
    return f"{fleet}-shrink-{replicas}"


def retire_id(fleet: str) -> str:
    """The approval that ends a fleet which is no longer declared."""
    return f"{fleet}-retire"


def needs_confirmation(here: Situation) -> bool:
    """Beyond the larger of 2 slots and 10 %, and for any slot with volumes (design section 4)."""
    if here.fleet.stateful:
        return True
    surplus = here.surroundings.surplus.get(here.fleet.name, 0)
    return surplus > free_shrink(here.case.desired.policy, here.fleet.replicas + surplus)


def free_shrink(policy: SafetyPolicy, size: int) -> float:
    """How many slots may go without a word."""
    return max(policy.shrink_free_slots, size * policy.shrink_free_percent / 100)


def _confirmed(here: Situation, confirmation: str) -> bool:
    approval = here.case.memory.approvals.get(confirmation)
    return approval is not None and approval.releases(here.now)
