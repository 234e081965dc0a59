"""Fleets that are no longer declared: reported and untouched, unless a person retires them (design section 4)."""

from __future__ import annotations

from providers.requests import TerminateInstance
from reconciler.planning.actions import Bucket, Course, Reason
from reconciler.planning.case import Case
from reconciler.planning.decision import Decision, Draft, action_for
from reconciler.planning.drift import Correction, kept_volumes
from reconciler.planning.identity import incarnation_of
from reconciler.planning.remove import retire_id
from reconciler.planning.slots import SlotView


def decide_released(view: SlotView, case: Case) -> Decision:
    """Leave a released slot alone; once its fleet is retired, end its instances and keep their volumes."""
    approval = case.memory.approvals.get(retire_id(view.ref.fleet))
    newest = max(view.alive, key=lambda item: (incarnation_of(item.tags), item.id))
    if approval is None or case.now >= approval.expires_at:
        summary = f"{newest.id} is left alone: {view.ref.fleet} is no longer declared"
        return Decision(view=view, summary=summary, rests_in=Bucket.RELEASED)
    detail = f"{view.ref.fleet} is retired by {approval.granted_by}"
    if view.busy:
        return Decision(
            view=view, summary=f"{detail}; {newest.id} is ending", rests_in=Bucket.WAITING
        )
    steps = kept_volumes(newest) or (
        Correction(
            request=TerminateInstance(instance_id=newest.id),
            reason=Reason.RETIRED,
            detail=detail,
            changes=(),
        ),
    )
    drafts = tuple(
        Draft(
            action=action_for(
                case,
                slot=view.ref,
                incarnation=incarnation_of(newest.tags),
                claim=None,
                request=step.request,
                course=Course.REMOVE,
                reason=step.reason,
                detail=step.detail,
                changes=step.changes,
            ),
            treated=incarnation_of(newest.tags),
        )
        for step in steps
    )
    return Decision(view=view, summary=detail, rests_in=Bucket.WAITING, drafts=drafts)
