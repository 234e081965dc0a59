"""A healthy occupant: let go of what it replaced, mend drift in place, record its service, update it (section 7.1)."""

from __future__ import annotations

from desired_state.model import UpdateStrategy
from providers.observed import Instance
from providers.requests import SetTags
from reconciler.planning.actions import Bucket, Change, Course, Reason, is_backup
from reconciler.planning.courses.by_hand import order_for
from reconciler.planning.courses.leaving import is_quarantined, unfenced
from reconciler.planning.courses.replacing import (
    advance_replacement,
    keep_copies,
    launch_replacement,
    let_go_of_superseded,
    reclaim_orphan,
    replace_as_ordered,
    undo_replacement,
)
from reconciler.planning.courses.written import just_written
from reconciler.planning.decision import Decision, Draft, Situation
from reconciler.planning.identity import Tag
from reconciler.planning.nature import Nature
from reconciler.planning.orders import OrderKind
from reconciler.planning.slots.claims import Standing
from reconciler.planning.slots.drift import (
    Correction,
    Drift,
    drift_of,
    kept_volumes,
    launch_fields,
    named_claims,
    security_groups,
)

IN_SERVICE_SINCE = Tag.IN_SERVICE_SINCE.value


def keep_healthy(here: Situation, occupant: Instance) -> Decision:
    """The first of these that is due."""
    drift = drift_of(here.blueprint, occupant, here.view.claims)
    if (ended := _let_go(here, occupant)) is not None:
        return ended
    if (order := order_for(here, OrderKind.REPLACE, occupant)) is not None:
        return replace_as_ordered(here, occupant, order)
    if here.view.replacement is not None:
        return _finish_or_undo(here, occupant, here.view.replacement, drift)
    drafts = [*safe_corrections(here), *_in_service(here, occupant)]
    drafts += [_correct(here, occupant, item, _of_drift(item)) for item in drift.corrections]
    drafts = here.not_open(drafts)
    if drafts:
        said = "; ".join(sorted({draft.action.detail for draft in drafts}))
        return here.act(said, *drafts, notes=drift.notes)
    if drift.by_launch:
        return _update(here, occupant, drift)
    # Snapshots take their time beside whatever else there is, and nothing waits for them.
    sharing = [item for item in here.view.sharing if not is_backup(item.action.request)]
    if sharing:
        kinds = ", ".join(sorted({intent.action.request.kind for intent in sharing}))
        return here.rest(Bucket.WAITING, f"{kinds} under way", notes=drift.notes)
    if IN_SERVICE_SINCE not in occupant.tags:
        summary = "healthy; its date of service is not shown yet"
        return here.rest(Bucket.WAITING, summary, notes=drift.notes)
    return here.rest(Bucket.HEALTHY, "healthy", notes=drift.notes)


def _let_go(here: Situation, occupant: Instance) -> Decision | None:
    """It needs neither what it replaced nor what fits nowhere."""
    for instance in here.view.superseded:
        if not is_quarantined(here, instance):
            return let_go_of_superseded(here, instance, occupant)
    grace = here.case.desired.policy.orphan_grace
    for instance in here.view.extras:
        if here.now - instance.launched_at >= grace:
            return reclaim_orphan(here, instance)
    return None


def _finish_or_undo(
    here: Situation, occupant: Instance, replacement: Instance, drift: Drift
) -> Decision:
    """A healthy original stays, unless it is being updated to what is still declared."""
    updating = here.fleet.update is UpdateStrategy.ROLLING and drift.by_launch
    if not updating:
        detail = f"{occupant.id} is healthy and stays"
        return keep_copies(here, replacement) or undo_replacement(
            here, replacement, Reason.ORIGINAL_RECOVERED, detail, nature=Nature.HOUSEKEEPING
        )
    outdated = launch_fields(here.blueprint, replacement)
    if outdated:
        fields = ", ".join(change.field for change in outdated)
        detail = f"it was launched before {fields} changed again"
        return undo_replacement(
            here, replacement, Reason.UPDATE, detail, nature=Nature.HOUSEKEEPING
        )
    return advance_replacement(here, replacement)


def _update(here: Situation, occupant: Instance, drift: Drift) -> Decision:
    """Fields that only a launch sets: at the next replacement, or slot by slot."""
    if here.fleet.update is UpdateStrategy.ON_REPLACE:
        changes = "; ".join(f"{c.field} {c.old} → {c.new}" for c in drift.by_launch)
        note = f"{here.view.ref}: changes at its next replacement: {changes}"
        return here.rest(Bucket.HEALTHY, "healthy", notes=(*drift.notes, note))
    detail = f"{', '.join(change.field for change in drift.by_launch)} changed"
    return launch_replacement(here, occupant, Reason.UPDATE, detail, course=Course.UPDATE)


def _in_service(here: Situation, occupant: Instance) -> list[Draft]:
    """The date of service is kept in a tag, so that losing the store does not lose it. It is the first one that counts:
    a view that does not show yet what was just written is no reason to write another.
    """
    key = Tag.IN_SERVICE_SINCE
    if key in occupant.tags or just_written(here, occupant.id, key):
        return []
    stamp = f"{here.now:%Y-%m-%dT%H:%M:%SZ}"
    return [
        here.draft(
            occupant,
            SetTags(resource_id=occupant.id, tags={key.value: stamp}),
            nature=Nature.CONSTRUCTIVE,
            course=Course.CREATE,
            reason=Reason.IN_SERVICE,
            detail="healthy for the first time",
            changes=(Change(field=key, old=None, new=stamp),),
            continuation=True,
        )
    ]


# Whatever the health


def safe_corrections(here: Situation) -> list[Draft]:
    """What protects data and identity is done whatever the health: names of claims, volumes kept."""
    drafts = []
    for instance in here.view.alive:
        if instance.attachments:
            drafts += [_correct(here, instance, item) for item in kept_volumes(instance)]
    if here.view.claims and here.view.occupant is not None:
        named = named_claims(here.view.claims)
        drafts += [_correct(here, here.view.occupant, item) for item in named]
    return here.not_open(drafts)


def let_in(here: Situation, occupant: Instance) -> list[Draft]:
    """The service's groups, once it has its data and nobody serves the slot's older data (section 7.2): whoever
    lacks them can't be seen to serve.
    """
    if any(claim.standing is not Standing.ATTACHED for claim in here.view.claims):
        return []
    if unfenced(here, occupant):
        return []
    correction = security_groups(here.blueprint, occupant)
    if correction is None:
        return []
    return here.not_open([_correct(here, occupant, correction)])


def is_staged(here: Situation, occupant: Instance) -> bool:
    """Whether the occupant still has the groups in which it waited for its commit."""
    return occupant.security_groups == here.blueprint.staged_groups != ()


def _of_drift(correction: Correction) -> Nature:
    """To let in a service that waited is no drift, and nothing that can wait."""
    drifted = correction.reason is Reason.DRIFT
    return Nature.HOUSEKEEPING if drifted else Nature.CONSTRUCTIVE


def _correct(
    here: Situation,
    instance: Instance,
    correction: Correction,
    nature: Nature = Nature.CONSTRUCTIVE,
) -> Draft:
    return here.draft(
        instance,
        correction.request,
        nature=nature,
        course=Course.CORRECT,
        reason=correction.reason,
        detail=correction.detail,
        claim=correction.claim,
        changes=correction.changes,
        continuation=correction.reason is not Reason.DRIFT,
    )
