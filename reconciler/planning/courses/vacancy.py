"""A slot without an occupant: filled for the first time, again, or around its own volumes (design section 7.1)."""

from __future__ import annotations

from providers.requests import LaunchInstance
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.courses.carrying import carry_over
from reconciler.planning.courses.replacing import advance_replacement
from reconciler.planning.courses.restoring import restore
from reconciler.planning.courses.unseen import hold_for_the_unseen
from reconciler.planning.decision import Decision, Hold, LaunchWish, Situation
from reconciler.planning.identity import Role
from reconciler.planning.intents import WITHOUT_A_TRACE
from reconciler.planning.losses.lost import trouble_of, unplaceable_claims
from reconciler.planning.phrases import declared_size
from reconciler.planning.placing.reach import zones_of_claims
from reconciler.planning.slots.absence import Absence
from reconciler.planning.slots.claims import Standing


def fill(here: Situation) -> Decision:
    """The first line that fits decides: wait for proof, finish what is under way, launch."""
    if (waiting := hold_for_the_unseen(here)) is not None:
        return waiting
    view = here.view
    if (trouble := trouble_of(here, None)) is not None:
        return restore(here, None, trouble)
    if (carrying := carry_over(here, None)) is not None:
        return carrying
    if view.replacement is not None:
        return advance_replacement(here, view.replacement)
    if view.never_occupied and here.case.memory.passes < 1:
        reason = "none was seen, once; a second complete observation decides"
        hold = Hold(course=Course.CREATE, gate=Gate.UNPROVEN_ABSENCE, reason=reason)
        return here.hold(reason, hold)
    if here.fleet.stateful:
        return _fill_with_claims(here)
    if view.never_occupied:
        return _launch(here, Course.CREATE, Reason.NONE_EVER, declared_size(here.fleet))
    return _launch(here, Course.REPLACE, Reason.GONE, _gone(here))


def _fill_with_claims(here: Situation) -> Decision:
    """Empty volumes the first time, its own volumes ever after."""
    if all(claim.standing is Standing.NEVER_FILLED for claim in here.view.claims):
        held = _backups_not_read(here) or _volumes_to_be_shown(here)
        return held or _launch(
            here, Course.CREATE, Reason.NONE_EVER, declared_size(here.fleet), with_volumes=True
        )
    if (unplaceable := unplaceable_claims(here)) is not None:
        return unplaceable
    kept = ", ".join(claim.volume.id for claim in here.view.claims if claim.volume)
    detail = f"{_gone(here)}; {kept} is kept"
    zones = zones_of_claims(here)
    return _launch(here, Course.KEEP_THE_DATA, Reason.GONE, detail, zones=zones)


def _backups_not_read(here: Situation) -> Decision | None:
    """A claim with backups is first filled when it is known that there are none of it: the store may be new."""
    unread = [view for view in here.view.claims if not view.backups_read]
    if not unread:
        return None
    what = "snapshots were" if unread[0].snapshots is None else "archive was"
    why = f"claim {unread[0].claim.name} may have been filled before: its {what} not read"
    return here.hold(why, Hold(course=Course.CREATE, gate=Gate.GAP, reason=why))


def _volumes_to_be_shown(here: Situation) -> Decision | None:
    """A first launch whose instance died at once left its volumes, and a view may not show them for a while."""
    launches = [
        intent.updated_at
        for intent in here.view.recent
        if isinstance(intent.action.request, LaunchInstance)
        and intent.action.request.volumes
        and intent.state not in WITHOUT_A_TRACE
    ]
    shown_by = max(launches, default=here.now) + here.case.desired.policy.consistency_window
    if not launches or here.now >= shown_by:
        return None
    summary = "the volumes of its last launch may not be shown yet"
    return here.rest(Bucket.WAITING, summary, next_check_at=shown_by)


def _launch(
    here: Situation,
    course: Course,
    reason: Reason,
    detail: str,
    *,
    zones: tuple[str, ...] | None = None,
    with_volumes: bool = False,
) -> Decision:
    """What is launched into an empty slot holds it from the start; where a superseded one lives, by its commit."""
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.REPLACEMENT if here.view.alive else Role.OCCUPANT,
        course=course,
        reason=reason,
        detail=detail,
        treated=here.view.highest_incarnation,
        zones=zones,
        with_volumes=with_volumes,
        down_since=None,
    )
    return Decision(view=here.view, summary=detail, rests_in=Bucket.WAITING, wish=wish)


def _gone(here: Situation) -> str:
    """Who is gone, in one clause."""
    if here.view.ending:
        last = here.view.ending[0]
        return f"{last.id} is {last.state}" + (
            f" ({last.state_reason})" if last.state_reason else ""
        )
    if here.view.missing:
        known, absence = here.view.missing[-1]
        return f"{known.id} is {'proved gone' if absence is Absence.PROVEN else 'gone'}"
    return "its instance is gone"
