"""Restoring a slot whose claims can't be brought back: never wait for a volume (design sections 7.1 and 7.2).

restore         ask a person where the loss is larger than allowed, or nothing is there to restore from
                launch a replacement with all of the slot's volumes, made from one consistent set
                prepare at once and cut over late: commit when the trouble has lasted, at once when the data is gone

What is replaced is fenced and kept in quarantine after the commit (`leaving`). Before the commit everything can be
undone; after it only forward, whatever the original shows.
"""

from __future__ import annotations

from dataclasses import replace

from providers.observed import Instance
from reconciler.health.verdict import Status
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.courses.by_hand import loss_taken, with_what_was_chosen
from reconciler.planning.courses.replacing import (
    advance_replacement,
    make_room,
    undo_replacement,
    without_its_volumes,
)
from reconciler.planning.courses.unseen import hold_for_the_unseen
from reconciler.planning.decision import Decision, Hold, LaunchWish, Situation
from reconciler.planning.identity import Role, Tag, incarnation_of
from reconciler.planning.losses.asking import (
    loss_clause,
    nothing_to_restore_from,
    stand_in_approved,
    too_great_a_loss,
    treated_by,
)
from reconciler.planning.losses.lost import Trouble, unproven_claim
from reconciler.planning.losses.made_from import made_from, reached_by
from reconciler.planning.losses.replaying import archive_to_be_read
from reconciler.planning.losses.restore_sets import RestoreSet, best_set
from reconciler.planning.phrases import span
from reconciler.planning.slots.arranging import carries_its_volumes
from reconciler.planning.slots.claims import restored_claims


def restore(here: Situation, occupant: Instance | None, trouble: Trouble) -> Decision:
    """The next step of a restore, or who is asked about it."""
    here = with_what_was_chosen(here, trouble)
    held = hold_for_the_unseen(here) or unproven_claim(here) or _not_read(here, trouble)
    if held is None and occupant is not None and trouble.order is None:
        held = _still_serving(here, occupant, trouble) or _once_more(here, occupant, trouble)
    if held is not None:
        return held
    if (replacement := here.view.replacement) is not None:
        return _advance(here, occupant, replacement, trouble)
    if (waiting := archive_to_be_read(here, trouble)) is not None:
        return waiting
    found = best_set(here.view.claims, trouble.since)
    beyond = found is None or found.loss > loss_taken(here.view.claims, trouble)
    if beyond and trouble.evident and stand_in_approved(here, occupant):
        return _launch(here, occupant, trouble, None, agreed=True)
    if found is None:
        return nothing_to_restore_from(here, occupant, trouble)
    held = too_great_a_loss(here, occupant, trouble, found) if beyond else None
    agreed = beyond or trouble.order is not None
    return held or _launch(here, occupant, trouble, found, agreed=agreed)


def _still_serving(here: Situation, occupant: Instance, trouble: Trouble) -> Decision | None:
    """A passing probe is serving, whatever EC2 says of a volume: a person decides (design section 6)."""
    if here.fleet.health.probe is None or not here.verdict(occupant).serving:
        return None
    why = f"its probe passes, although {trouble.why}"
    return here.ask(Gate.SERVING, Course.RESTORE, incarnation_of(occupant.tags), why)


def _once_more(here: Situation, occupant: Instance, trouble: Trouble) -> Decision | None:
    """A copy that never came into service is not copied again without a word: the snapshot may be what is broken."""
    if Tag.IN_SERVICE_SINCE in occupant.tags or not restored_claims(here.view.claims, occupant):
        return None
    why = f"{trouble.why}; it was restored already and never came into service"
    treated = incarnation_of(occupant.tags)
    return here.ask(Gate.RESTORE, Course.RESTORE, treated, why, about="once more")


def _not_read(here: Situation, trouble: Trouble) -> Decision | None:
    """Without the list of snapshots nothing is known of restore points: a gap, and no reason to ask a person."""
    if all(view.snapshots is not None for view in here.view.claims):
        return None
    why = f"{trouble.why}; its snapshots were not read"
    return here.hold(why, Hold(course=Course.RESTORE, gate=Gate.GAP, reason=why))


def _launch(
    here: Situation,
    occupant: Instance | None,
    trouble: Trouble,
    found: RestoreSet | None,
    *,
    agreed: bool,
) -> Decision:
    """One call, one token: the devices are there at boot. Any zone that works will do. Where nothing is found, they are
    empty.
    """
    if (first := make_room(here)) is not None:
        return first
    how = f"restored {loss_clause(found)}" if found else "an empty stand-in, as a person agreed"
    detail = f"{trouble.why}; {how}"
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT if here.view.alive else Role.OCCUPANT,
        course=Course.RESTORE,
        reason=trouble.reason,
        detail=detail,
        treated=treated_by(here, occupant),
        zones=None,
        with_volumes=True,
        snapshots={name: item.id for name, item in found.snapshots.items()} if found else {},
        restore_from=found.archive.incarnation if found and found.archive else None,
        agreed=agreed,
        loss=found.loss if found else None,
        down_since=trouble.since,
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)


def _advance(
    here: Situation, occupant: Instance | None, replacement: Instance, trouble: Trouble
) -> Decision:
    """Commit late: an original that comes back before is worth more than a copy. Not when its data is gone."""
    if not carries_its_volumes(here.view, replacement):
        detail = f"{replacement.id} was launched to take volumes that can't be moved: {trouble.why}"
        return undo_replacement(here, replacement, Reason.REPLACEMENT_FAILED, detail)
    decision = _outdated(here, occupant, replacement, trouble) or _late(here, replacement, trouble)
    return replace(decision, notes=(*decision.notes, made_from(here, replacement, trouble)))


def _outdated(
    here: Situation, occupant: Instance | None, replacement: Instance, trouble: Trouble
) -> Decision | None:
    """What was prepared before the slot served once more lacks what was written since. Where that is more than may be
    lost without a word, it makes room for a copy that loses less; where there is none, a person is asked.
    """
    if trouble.since <= replacement.launched_at or stand_in_approved(here, occupant):
        return None
    loss = trouble.since - reached_by(here, replacement)
    allowed = loss_taken(here.view.claims, trouble)
    if loss <= allowed:
        return None
    why = (
        f"{trouble.why}; {replacement.id} was prepared before the slot served once more, and loses"
        f" {span(loss)} of writes, {span(allowed)} is allowed"
    )
    found = best_set(here.view.claims, trouble.since)
    if found is not None and found.loss < loss:
        return undo_replacement(here, replacement, Reason.COPY_OUTDATED, why)
    return here.ask(Gate.RESTORE, Course.RESTORE, treated_by(here, occupant), why, loss=loss)


def _late(here: Situation, replacement: Instance, trouble: Trouble) -> Decision:
    cutover_at = trouble.since + here.fleet.repair.cutover_after
    complete = without_its_volumes(here, replacement) is None
    proven = complete and here.verdict(replacement).status is Status.HEALTHY
    if proven and not trouble.at_once and here.now < cutover_at:
        summary = f"{trouble.why}; {replacement.id} is prepared and takes over in {span(cutover_at - here.now)}"
        return here.rest(Bucket.WAITING, summary, next_check_at=cutover_at)
    return advance_replacement(here, replacement, course=Course.RESTORE)
