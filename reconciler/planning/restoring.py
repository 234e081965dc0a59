"""Restoring a slot whose claims can't be brought back: never wait for a volume (design sections 7.1 and 7.2).

restore         ask a person where the loss is larger than allowed, or nothing is there to restore from
                launch a replacement with all of the slot's volumes, made from one consistent set
                prepare at once and cut over late: commit when the trouble has lasted, at once when the data is gone
leave_behind    after the commit: fence what still holds the old volumes, and date their quarantine

Before the commit everything can be undone; after it only forward, whatever the original shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from providers.observed import Instance
from reconciler.health.verdict import Status
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.claims import ClaimView, restored_claims
from reconciler.planning.decision import Decision, Hold, LaunchWish, Situation
from reconciler.planning.identity import Role, Tag, incarnation_of
from reconciler.planning.losses import Trouble, unproven_claim
from reconciler.planning.phrases import span
from reconciler.planning.replacing import (
    advance_replacement,
    carries_its_volumes,
    undo_replacement,
)
from reconciler.planning.restore_sets import RestoreSet, best_set
from reconciler.planning.unseen import hold_for_the_unseen


def restore(here: Situation, occupant: Instance | None, trouble: Trouble) -> Decision:
    """The next step of a restore, or who is asked about it."""
    held = hold_for_the_unseen(here) or unproven_claim(here) or _not_read(here, trouble)
    held = held or _still_serving(here, occupant, trouble) or _once_more(here, occupant, trouble)
    if held is not None:
        return held
    replacement = here.view.replacement
    if replacement is not None and not carries_its_volumes(here, replacement):
        detail = f"{replacement.id} was launched to take volumes that can't be moved: {trouble.why}"
        return undo_replacement(here, replacement, Reason.REPLACEMENT_FAILED, detail)
    if replacement is not None:
        return _advance(here, replacement, trouble)
    found = best_set(here.view.claims, trouble.since)
    if (withheld := _needs_a_person(here, trouble, found)) is not None or found is None:
        return withheld or here.rest(Bucket.UNKNOWN, trouble.why)
    return _launch(here, occupant, trouble, found)


def _still_serving(here: Situation, occupant: Instance | None, trouble: Trouble) -> Decision | None:
    """A passing probe is serving, whatever EC2 says of a volume: a person decides (design section 6)."""
    if occupant is None or here.fleet.health.probe is None or not here.verdict(occupant).serving:
        return None
    treated = incarnation_of(occupant.tags)
    if here.approved(Gate.SERVING, Course.RESTORE, treated):
        return None
    why = f"its probe passes, although {trouble.why}"
    hold = Hold(
        course=Course.RESTORE,
        gate=Gate.SERVING,
        reason=why,
        approval_id=here.approval_id(Gate.SERVING, Course.RESTORE, treated),
    )
    return here.hold(why, hold)


def _once_more(here: Situation, occupant: Instance | None, trouble: Trouble) -> Decision | None:
    """A copy that never came into service is not copied again without a word: the snapshot may be what is broken."""
    if occupant is None or Tag.IN_SERVICE_SINCE in occupant.tags:
        return None
    treated = incarnation_of(occupant.tags)
    restored = restored_claims(here.view.claims, occupant)
    if not restored or here.approved(Gate.RESTORE, Course.RESTORE, treated):
        return None
    why = f"{trouble.why}; it was restored already and never came into service"
    hold = Hold(
        course=Course.RESTORE,
        gate=Gate.RESTORE,
        reason=why,
        approval_id=here.approval_id(Gate.RESTORE, Course.RESTORE, treated),
    )
    return here.hold(why, hold)


def _not_read(here: Situation, trouble: Trouble) -> Decision | None:
    """Without the list of snapshots nothing is known of restore points: a gap, and no reason to ask a person."""
    if all(view.snapshots is not None for view in here.view.claims):
        return None
    why = f"{trouble.why}; its snapshots were not read"
    return here.hold(why, Hold(course=Course.RESTORE, gate=Gate.GAP, reason=why))


def _needs_a_person(here: Situation, trouble: Trouble, found: RestoreSet | None) -> Decision | None:
    """Nothing to restore from, or a loss beyond what the declaration allows."""
    treated = here.view.highest_incarnation
    if found is None:
        why = f"{trouble.why}; no restore point is known: attach a volume restored by hand, tagged for this slot"
        return here.hold(why, Hold(course=Course.RESTORE, gate=Gate.RESTORE, reason=why))
    allowed = _allowed_loss(here.view.claims)
    if found.loss <= allowed or here.approved(Gate.RESTORE, Course.RESTORE, treated):
        return None
    why = f"{trouble.why}; {loss_clause(found)}, {span(allowed)} is allowed"
    hold = Hold(
        course=Course.RESTORE,
        gate=Gate.RESTORE,
        reason=why,
        approval_id=here.approval_id(Gate.RESTORE, Course.RESTORE, treated),
    )
    return here.hold(why, hold)


def _allowed_loss(claims: Sequence[ClaimView]) -> timedelta:
    """The least of the claims' objectives; a claim without backups allows none."""
    return min(
        (view.claim.backup.max_loss if view.claim.backup else timedelta() for view in claims),
        default=timedelta(),
    )


def loss_clause(found: RestoreSet) -> str:
    """`restored from snap-1 of 2026-04-21T11:40:00Z 18 min of writes are lost`."""
    ids = ", ".join(sorted(item.id for item in found.snapshots.values()))
    return f"from {ids} of {found.taken_at:%Y-%m-%dT%H:%M:%SZ}, which loses {span(found.loss)} of writes"


def _launch(
    here: Situation, occupant: Instance | None, trouble: Trouble, found: RestoreSet
) -> Decision:
    """One call, one token: the devices are there at boot. Any zone that works will do."""
    detail = f"{trouble.why}; restored {loss_clause(found)}"
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT if here.view.alive else Role.OCCUPANT,
        course=Course.RESTORE,
        reason=Reason.CLAIM_LOST if trouble.gone else Reason.CLAIM_STUCK,
        detail=detail,
        treated=incarnation_of(occupant.tags) if occupant else here.view.highest_incarnation,
        zones=None,
        with_volumes=True,
        snapshots={name: item.id for name, item in found.snapshots.items()},
        down_since=trouble.since,
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)


def _advance(here: Situation, replacement: Instance, trouble: Trouble) -> Decision:
    """Commit late: an original that comes back before is worth more than a copy. Not when its data is gone."""
    cutover_at = trouble.since + here.fleet.repair.cutover_after
    proven = here.verdict(replacement).status is Status.HEALTHY
    if proven and not trouble.gone and here.now < cutover_at:
        summary = f"{trouble.why}; {replacement.id} is prepared and takes over in {span(cutover_at - here.now)}"
        return here.rest(Bucket.WAITING, summary, next_check_at=cutover_at)
    return advance_replacement(here, replacement, course=Course.RESTORE)
