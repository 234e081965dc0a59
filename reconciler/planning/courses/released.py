"""Fleets that are no longer declared here: reported and untouched, unless a person retires them (design section 4)."""

from __future__ import annotations

from providers.observed import GapSubject
from providers.requests import TerminateInstance
from reconciler.planning.actions import Bucket, Course, Reason
from reconciler.planning.case import Case
from reconciler.planning.courses.remove import retire_id
from reconciler.planning.decision import Decision, Draft, action_for
from reconciler.planning.identity import incarnation_of
from reconciler.planning.nature import Nature
from reconciler.planning.slots.arranging import SlotView
from reconciler.planning.slots.drift import Correction, kept_volumes


def decide_released(view: SlotView, case: Case) -> Decision:
    """Leave a released slot alone; once its fleet is retired, end its instances and keep their volumes."""
    newest = max(view.alive, key=lambda item: (incarnation_of(item.tags), item.id))
    approval = case.memory.approvals.get(retire_id(view.ref.fleet))
    elsewhere = case.desired.fleet(view.ref.fleet) is not None
    if elsewhere or approval is None or case.now >= approval.expires_at:
        why = "declared for another cell" if elsewhere else "no longer declared"
        summary = f"{newest.id} is left alone: {view.ref.fleet} is {why}"
        return Decision(view=view, summary=summary, rests_in=Bucket.RELEASED)
    detail = f"{view.ref.fleet} is retired by {approval.granted_by}"
    if case.observation.lacks(GapSubject.INSTANCES) or case.observation.lacks(GapSubject.ZONES):
        return Decision(view=view, summary=f"{detail}; not seen whole", rests_in=Bucket.UNKNOWN)
    if view.busy:
        summary = f"{detail}; {newest.id} is ending"
        return Decision(view=view, summary=summary, rests_in=Bucket.WAITING)
    steps = kept_volumes(newest) or (
        Correction(
            request=TerminateInstance(instance_id=newest.id),
            reason=Reason.RETIRED,
            detail=detail,
            changes=(),
        ),
    )
    return Decision(
        view=view, summary=detail, rests_in=Bucket.WAITING, drafts=_drafts(view, case, steps)
    )


def _drafts(view: SlotView, case: Case, steps: tuple[Correction, ...]) -> tuple[Draft, ...]:
    newest = max(view.alive, key=lambda item: (incarnation_of(item.tags), item.id))
    incarnation = incarnation_of(newest.tags)
    drafts = [
        Draft(
            action=action_for(
                case,
                slot=view.ref,
                incarnation=incarnation,
                claim=None,
                request=step.request,
                course=Course.REMOVE,
                reason=step.reason,
                detail=step.detail,
                changes=step.changes,
            ),
            treated=incarnation,
            nature=Nature.HOUSEKEEPING,
            zone=newest.zone,
            continuation=True,
        )
        for step in steps
    ]
    open_families = {intent.action.family for intent in view.sharing}
    return tuple(draft for draft in drafts if draft.action.family not in open_families)
