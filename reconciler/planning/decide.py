"""What one slot needs: the table of design section 7.1, read top-down.

decide                  conflicts, surplus, busy, gaps; then by whether the slot has an occupant
  without_occupant      none ever → launch; gone → launch (again, or to keep the data); else wait for proof
  with_occupant         by verdict: healthy → keep it so; else repair, move the data, or wait
"""

from __future__ import annotations

from providers.observed import GapSubject
from providers.requests import SetTags
from reconciler.health.verdict import Sign, Status, Verdict
from reconciler.planning.absence import Absence
from reconciler.planning.actions import Bucket, Change, Course, Gate, Reason
from reconciler.planning.claims import Standing
from reconciler.planning.decision import Decision, Draft, Hold, LaunchWish, Situation
from reconciler.planning.drift import Correction, drift_of, kept_volumes, named_claims
from reconciler.planning.identity import Role, Tag, incarnation_of
from reconciler.planning.intents import Intent
from reconciler.planning.losses import lost_claim
from reconciler.planning.moving import move_the_data
from reconciler.planning.phrases import clause_of, since_clause
from reconciler.planning.remove import remove_slot
from reconciler.planning.repair import repair
from reconciler.planning.replacing import advance_replacement, launch_update, reclaim
from reconciler.planning.slots import is_shutting_down


def decide(here: Situation) -> Decision:
    """What the slot needs now. The first line that fits decides."""
    if (conflict := _conflict(here)) is not None:
        return here.hold(f"conflict: {conflict}", _conflict_hold(here, conflict))
    if here.view.busy:
        return _wait_for(here, here.view.busy)
    if (gap := _gap(here)) is not None:
        return here.rest(Bucket.UNKNOWN, f"not seen: {gap}")
    if not here.view.wanted:
        return remove_slot(here, Reason.SURPLUS)
    if here.view.occupant is None:
        return _without_occupant(here)
    return _with_occupant(here)


# What stops every decision


def _conflict(here: Situation) -> str | None:
    view = here.view
    for resource, absence in view.missing:
        if absence is Absence.TAGS_REMOVED:
            return f"{resource.id} exists without our tags"
    committed = incarnation_of(view.occupant.tags) if view.occupant else 0
    twins = [item.id for item in view.extras if incarnation_of(item.tags) >= committed]
    doubtful = [
        item.id
        for item in view.extras
        if item.id in twins and item.tags.get(Tag.ROLE) != Role.REPLACEMENT
    ]
    if doubtful:
        return f"{', '.join(doubtful)} claims the slot as well"
    return next(
        (claim.detail for claim in view.claims if claim.standing is Standing.CONFLICT), None
    )


def _conflict_hold(here: Situation, conflict: str) -> Hold:
    removed = any(absence is Absence.TAGS_REMOVED for _, absence in here.view.missing)
    gate = Gate.TAGS_REMOVED if removed else Gate.CONFLICT
    advice = "put our tags back, or take it out of the slot" if removed else "leave one of them"
    return Hold(course=Course.REPAIR, gate=gate, reason=f"{conflict}; {advice}")


def _wait_for(here: Situation, intents: tuple[Intent, ...]) -> Decision:
    """An unresolved intent keeps its slot busy."""
    intent = intents[0]
    what = f"{intent.action.request.kind} {intent.state}"
    if intent.resource_id:
        what += f" as {intent.resource_id}"
    return here.rest(Bucket.WAITING, f"{what} {since_clause(intent.begun_at, here.now)}")


def _gap(here: Situation) -> str | None:
    """The gap that this slot's decision would rest on. An unseen occupant may be in any zone."""
    observation, occupant = here.case.observation, here.view.occupant
    zone = occupant.zone if occupant else None
    subjects = [GapSubject.INSTANCES, GapSubject.ZONES]
    subjects += [GapSubject.VOLUMES] if here.fleet.stateful else []
    for subject in subjects:
        if (gap := observation.lacks(subject, zone)) is not None:
            return f"{gap.subject} could not be read ({gap.code})"
    return None


# No occupant


def _without_occupant(here: Situation) -> Decision:
    view = here.view
    if (waiting := _absence_hold(here)) is not None:
        return waiting
    if view.replacement is not None:
        return advance_replacement(here, view.replacement)
    if is_shutting_down(view):
        return here.rest(Bucket.WAITING, f"{view.ending[0].id} is shutting down")
    if view.never_occupied and here.case.memory.passes < 1:
        reason = "none was seen, once; a second complete observation decides"
        hold = Hold(course=Course.CREATE, gate=Gate.UNPROVEN_ABSENCE, reason=reason)
        return here.hold(reason, hold)
    if here.fleet.stateful:
        return _launch_with_claims(here)
    if view.never_occupied:
        return _launch(here, Course.CREATE, Reason.NONE_EVER, "no instance yet")
    return _launch(here, Course.REPLACE, Reason.GONE, _gone(here))


def _absence_hold(here: Situation) -> Decision | None:
    """Absence is not evidence: an instance that is merely not shown holds its slot."""
    unproven = [item for item, absence in here.view.missing if absence is Absence.UNPROVEN]
    vanished = [item for item, _ in here.view.missing if item.id in here.surroundings.vanished]
    if not unproven and not vanished:
        return None
    known = (vanished or unproven)[0]
    window = here.case.desired.policy.consistency_window
    since = known.absent_since or here.now
    if vanished:
        gate, why = (
            Gate.MASS_DISAPPEARANCE,
            (
                f"{len(here.surroundings.vanished)} resources vanished together without a terminated "
                "record: that looks like a fault of the view"
            ),
        )
    else:
        gate, why = Gate.UNPROVEN_ABSENCE, f"{known.id} is not shown; not yet proved gone"
    treated = here.view.highest_incarnation
    if vanished and here.approved(gate, Course.REPLACE, treated):
        return None
    hold = Hold(
        course=Course.REPLACE,
        gate=gate,
        reason=why,
        earliest_release=since + window,
        approval_id=here.approval_id(gate, Course.REPLACE, treated) if vanished else None,
    )
    return here.hold(why, hold)


def _launch_with_claims(here: Situation) -> Decision:
    """A slot with claims: empty volumes the first time, its own volumes ever after."""
    standings = {claim.standing for claim in here.view.claims}
    if Standing.UNPROVEN in standings:
        why = next(c.detail for c in here.view.claims if c.standing is Standing.UNPROVEN)
        hold = Hold(course=Course.RESTORE, gate=Gate.UNPROVEN_ABSENCE, reason=why)
        return here.hold(why, hold)
    if standings == {Standing.NEVER_FILLED}:
        return _launch(here, Course.CREATE, Reason.NONE_EVER, "no instance yet", with_volumes=True)
    if (lost := lost_claim(here)) is not None:
        return lost
    zones = {claim.volume.zone for claim in here.view.claims if claim.volume is not None}
    if len(zones) > 1:
        why = f"its volumes are in several zones: {', '.join(sorted(zones))}"
        hold = Hold(course=Course.KEEP_THE_DATA, gate=Gate.CONFLICT, reason=why)
        return here.hold(why, hold)
    detail = (
        f"{_gone(here)}; {', '.join(c.volume.id for c in here.view.claims if c.volume)} is kept"
    )
    return _launch(here, Course.KEEP_THE_DATA, Reason.GONE, detail, zones=tuple(zones))


def _launch(
    here: Situation,
    course: Course,
    reason: Reason,
    detail: str,
    *,
    zones: tuple[str, ...] | None = None,
    with_volumes: bool = False,
) -> Decision:
    """Nobody else lives in the slot, so what is launched holds it from the start."""
    wish = LaunchWish(
        slot=here.view.ref,
        incarnation=here.view.highest_incarnation + 1,
        role=Role.OCCUPANT,
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
        return f"{last.id} is terminated" + (f" ({last.state_reason})" if last.state_reason else "")
    if here.view.missing:
        known, absence = here.view.missing[-1]
        return f"{known.id} is {'terminated' if absence is Absence.ENDED else 'proved gone'}"
    return "its instance is gone"


# An occupant


def _with_occupant(here: Situation) -> Decision:
    occupant = here.view.occupant
    assert occupant is not None  # noqa: S101 - the caller asked
    verdict = here.verdict(occupant)
    moving = move_the_data(here, occupant)
    if moving is not None:
        return moving
    match verdict.status:
        case Status.HEALTHY:
            return _keep_healthy(here)
        case Status.UNHEALTHY:
            return lost_claim(here) or repair(here, occupant, verdict)
        case Status.STARTING | Status.SUSPECT:
            return _watch(here, verdict)
        case Status.UNKNOWN:
            return here.rest(Bucket.UNKNOWN, f"unknown: {clause_of(verdict)}")


def _watch(here: Situation, verdict: Verdict) -> Decision:
    """Not healthy, not unhealthy: wait for what comes first. A stop by hand is somebody's wish, for a while."""
    summary = f"{verdict.status}: {clause_of(verdict)}"
    occupant = here.view.occupant
    if Sign.STOPPED in verdict.bad_signs and occupant is not None:
        hold = Hold(
            course=Course.REPAIR,
            gate=Gate.STOPPED_BY_HAND,
            reason=f"{occupant.id} was stopped by somebody else; left alone for now",
            earliest_release=verdict.changes_at,
        )
        return here.hold(summary, hold)
    if verdict.status is Status.STARTING and (lost := lost_claim(here)) is not None:
        return lost
    decision = here.rest(Bucket.WAITING, summary, next_check_at=verdict.changes_at)
    corrections = _safe_corrections(here)
    return here.act(summary, *corrections) if corrections else decision


def _keep_healthy(here: Situation) -> Decision:
    """A healthy occupant: record its service, let go of what it replaced, mend drift, update."""
    occupant = here.view.occupant
    assert occupant is not None  # noqa: S101 - the caller asked
    drift = drift_of(here.fleet, occupant, here.view.claims, here.case.observation)
    if (ended := _let_go(here)) is not None:
        return ended
    if here.view.replacement is not None and not drift.by_launch:
        return reclaim(
            here,
            here.view.replacement,
            Reason.ORIGINAL_RECOVERED,
            f"{occupant.id} is healthy again",
        )
    if here.view.replacement is not None:
        return advance_replacement(here, here.view.replacement)
    drafts = [*_safe_corrections(here), *_in_service(here)]
    drafts += [_correct(here, item) for item in drift.corrections]
    drafts = _not_open(here, drafts)
    if drafts:
        return here.act("; ".join(sorted({d.action.detail for d in drafts})), *drafts)
    if here.view.sharing:
        return _wait_for(here, here.view.sharing)
    summary = f"healthy {since_clause(here.verdict(occupant).since, here.now)}"
    if drift.by_launch:
        return launch_update(here, occupant, summary, drift)
    return here.rest(Bucket.HEALTHY, summary, notes=drift.notes)


def _let_go(here: Situation) -> Decision | None:
    """A healthy occupant needs neither what it replaced nor what fits nowhere."""
    for instance in here.view.superseded:
        detail = (
            f"{here.view.occupant.id if here.view.occupant else ''} holds the slot and is healthy"
        )
        return reclaim(here, instance, Reason.SUPERSEDED, detail, continuation=True)
    grace = here.case.desired.policy.orphan_grace
    for instance in here.view.extras:
        if here.now - instance.launched_at >= grace:
            return reclaim(here, instance, Reason.ORPHAN, "no part of the slot")
    return None


def _safe_corrections(here: Situation) -> list[Draft]:
    """What protects data and identity is done whatever the health: names of claims, volumes kept."""
    corrections = [*named_claims(here.view.claims)]
    for instance in here.view.alive:
        corrections += kept_volumes(instance)
    return _not_open(here, [_correct(here, item) for item in corrections])


def _correct(here: Situation, correction: Correction) -> Draft:
    occupant = here.view.occupant or here.view.alive[0]
    return here.draft(
        occupant,
        correction.request,
        course=Course.CORRECT,
        reason=correction.reason,
        detail=correction.detail,
        claim=correction.claim,
        changes=correction.changes,
        continuation=correction.reason is not Reason.DRIFT,
    )


def _in_service(here: Situation) -> list[Draft]:
    """The date of service is kept in a tag, so that losing the store does not lose it."""
    occupant = here.view.occupant
    if occupant is None or Tag.IN_SERVICE_SINCE in occupant.tags:
        return []
    stamp = f"{here.now:%Y-%m-%dT%H:%M:%SZ}"
    return [
        here.draft(
            occupant,
            SetTags(resource_id=occupant.id, tags={Tag.IN_SERVICE_SINCE: stamp}),
            course=Course.CREATE,
            reason=Reason.IN_SERVICE,
            detail="healthy for the first time",
            changes=(Change(field=Tag.IN_SERVICE_SINCE, old=None, new=stamp),),
            continuation=True,
        )
    ]


def _not_open(here: Situation, drafts: list[Draft]) -> list[Draft]:
    """A shared action that is already under way is not begun again."""
    families = {intent.action.family for intent in here.view.sharing}
    return [draft for draft in drafts if draft.action.family not in families]
