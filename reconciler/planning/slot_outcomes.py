"""Where a slot stands after planning: in one bucket, with its claims and what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeVerdict
from reconciler.planning.actions import Action, Bucket, Course
from reconciler.planning.decision import Decision
from reconciler.planning.outcome import ClaimOutcome, SlotOutcome
from reconciler.planning.prospect import steps_to_come
from reconciler.planning.slots.claims import ClaimView


def slot_outcome(
    decision: Decision,
    actions: Sequence[Action],
    verdicts: Mapping[str, Verdict],
    volume_verdicts: Mapping[str, VolumeVerdict],
    *,
    held: bool,
) -> SlotOutcome:
    """Where the slot of a decision stands, with those actions of the plan that are its own. `held`: some wait."""
    view = decision.view
    instance = view.occupant or view.replacement
    return SlotOutcome(
        slot=view.ref,
        bucket=_bucket(
            decision,
            acting=any(action.course is not Course.BACK_UP for action in actions),
            held=held,
        ),
        summary=decision.summary,
        instance_id=instance.id if instance else None,
        verdict=verdicts.get(instance.id) if instance else None,
        claims=tuple([_claim(item, volume_verdicts) for item in view.claims]),
        next_check_at=decision.next_check_at,
        notes=decision.notes,
        to_come=steps_to_come(view, actions),
    )


def _claim(view: ClaimView, verdicts: Mapping[str, VolumeVerdict]) -> ClaimOutcome:
    volume = view.volume
    return ClaimOutcome(
        claim=view.claim.name,
        standing=view.standing,
        detail=view.detail,
        volume_id=volume.id if volume else None,
        verdict=verdicts.get(volume.id) if volume else None,
    )


def _bucket(decision: Decision, *, acting: bool, held: bool) -> Bucket:
    """Something is done now, or something is held, or the slot rests as its decision says; backups move no slot."""
    if acting:
        return Bucket.ACTING
    return Bucket.WITHHELD if held else decision.rests_in
