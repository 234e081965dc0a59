"""What a person says with the flags of `apply`: a large scale-down, the end of a fleet, brakes that are lifted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.cli.failures import Refused
from reconciler.cli.overriding import with_override
from reconciler.loop.assess import Assessment, replay
from reconciler.planning.actions import Gate
from reconciler.planning.case import Case
from reconciler.planning.courses.remove import retire_id
from reconciler.planning.memory import Approval, Override
from reconciler.planning.outcome import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmations:
    """The flags, and who gives them for how long."""

    shrink: bool
    retire: tuple[str, ...]
    by: str
    lasts: timedelta
    override: Override | None = None


def confirmed(seen: Assessment, wishes: Confirmations) -> tuple[Plan, tuple[Approval, ...]]:
    """The plan as it will be once the flags count, and the approvals that make it so, none of them granted yet."""
    approvals = tuple(_approvals(seen, wishes))
    if not approvals and wishes.override is None:
        return seen.plan, ()
    case = with_override(seen.case, wishes.override)
    known = {**case.memory.approvals, **{approval.id: approval for approval in approvals}}
    return replay(replace(case, memory=replace(case.memory, approvals=known))), approvals


def require_released(fleets: Iterable[str], plans: Iterable[Plan]) -> None:
    """Refused when a fleet to be retired is still declared, or is not there at all."""
    known = {item.name: item.declared for plan in plans for item in plan.fleets}
    for fleet in fleets:
        if fleet not in known:
            raise Refused(
                f"there is no fleet {fleet} to retire; there are {', '.join(sorted(known))}"
            )
        if known[fleet]:
            raise Refused(
                f"{fleet} is still declared: take it out of the desired state first, then retire it"
            )


def _approvals(seen: Assessment, wishes: Confirmations) -> Iterable[Approval]:
    if wishes.shrink:
        for item in seen.plan.withheld:
            if item.gate is Gate.SHRINK and item.approval_id is not None:
                yield _approval(item.approval_id, Gate.SHRINK, seen.case, wishes)
    here = {item.name for item in seen.plan.fleets if not item.declared}
    for fleet in wishes.retire:
        if fleet in here:
            yield _approval(retire_id(fleet), Gate.RETIRE, seen.case, wishes)


def _approval(identifier: str, gate: Gate, case: Case, wishes: Confirmations) -> Approval:
    return Approval(
        id=identifier,
        gate=gate,
        granted_at=case.now,
        expires_at=case.now + wishes.lasts,
        granted_by=wishes.by,
    )
