"""Asking a person about what a restore would lose, with the ways to choose between (design sections 7.1 and 10).

The word is for this incarnation of the slot and for the loss that was shown, whatever restore point it came from: one
that loses no more may take its place, one that loses more is asked about again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from providers.observed import Instance, Snapshot, SnapshotState
from reconciler.planning.actions import Course, Gate
from reconciler.planning.alternatives import Alternative
from reconciler.planning.decision import Decision, Hold, Situation
from reconciler.planning.identity import incarnation_of
from reconciler.planning.losses.lost import Trouble
from reconciler.planning.losses.restore_sets import RestoreSet
from reconciler.planning.phrases import span
from reconciler.planning.slots.claims import ClaimView

UNUSABLE_SHOWN = 3
"""Newer snapshots that can't be used now, at most: one may become usable while a person thinks."""
STAND_IN = Alternative(what="an empty stand-in", completion="ready at once", empty=True)


def too_great_a_loss(
    here: Situation, occupant: Instance | None, trouble: Trouble, found: RestoreSet
) -> Decision | None:
    """Holds a restore that would lose more than is declared; None once a person has taken a loss as large."""
    taken = trouble.order.max_loss if trouble.order else None
    allowed = span(taken or allowed_loss(here.view.claims))
    return here.ask(
        Gate.RESTORE,
        Course.RESTORE,
        treated_by(here, occupant),
        f"{trouble.why}; {loss_clause(found)}, {allowed} is allowed",
        loss=found.loss,
        alternatives=_alternatives(here.view.claims, trouble, found),
    )


def nothing_to_restore_from(
    here: Situation, occupant: Instance | None, trouble: Trouble
) -> Decision:
    """Holds a slot that nothing brings back but a person: by hand, or by an empty stand-in."""
    if not trouble.evident:
        why = f"{trouble.why}; there is nothing that it could be restored from as ordered"
        return here.hold(why, Hold(course=Course.RESTORE, gate=Gate.RESTORE, reason=why))
    id_, _ = here.word(Gate.RESTORE, Course.RESTORE, treated_by(here, occupant))
    why = (
        f"{trouble.why}; no restore point is known: attach a volume restored by hand, tagged for this slot,"
        " or let an empty one stand in"
    )
    hold = Hold(
        course=Course.RESTORE,
        gate=Gate.RESTORE,
        reason=why,
        approval_id=id_,
        alternatives=_alternatives(here.view.claims, trouble, None),
    )
    return here.hold(why, hold)


def stand_in_approved(here: Situation, occupant: Instance | None) -> bool:
    """Whether a person let empty volumes stand in for this incarnation's data."""
    _, approval = here.word(Gate.RESTORE, Course.RESTORE, treated_by(here, occupant))
    return approval is not None and approval.lets_stand_in(here.now)


def treated_by(here: Situation, occupant: Instance | None) -> int:
    """The incarnation that a restore is about: that of the occupant; of an empty slot, the newest there was."""
    return incarnation_of(occupant.tags) if occupant else here.view.highest_incarnation


def allowed_loss(claims: Sequence[ClaimView]) -> timedelta:
    """The least of the claims' objectives; a claim without backups allows none."""
    return min(
        (view.claim.backup.max_loss if view.claim.backup else timedelta() for view in claims),
        default=timedelta(),
    )


def loss_clause(found: RestoreSet) -> str:
    """`from snap-1 of 2026-04-21T11:40:00Z, which loses 18 min of writes`."""
    reaching = "up to" if found.archive else "of"
    at = f"{found.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"from {found.named} {reaching} {at}, which loses {span(found.loss)} of writes"


def _alternatives(
    claims: Sequence[ClaimView], trouble: Trouble, found: RestoreSet | None
) -> tuple[Alternative, ...]:
    """What would be taken, what would be better and can't be used now, and a stand-in for what is in trouble."""
    taken = [_of_set(found)] if found else []
    unusable = _not_usable_now(claims, trouble, found.taken_at if found else None)
    return (*taken, *unusable, *([STAND_IN] if trouble.evident else []))


def _of_set(found: RestoreSet) -> Alternative:
    return Alternative(
        what=found.named, completion="complete", taken_at=found.taken_at, loss=found.loss
    )


def _not_usable_now(
    claims: Sequence[ClaimView], trouble: Trouble, newer_than: datetime | None
) -> list[Alternative]:
    unusable = [
        item
        for view in claims
        for item in view.snapshots or ()
        if not item.usable
        and item.state is not SnapshotState.ERROR
        and item.started_at < trouble.since
        and (newer_than is None or item.started_at > newer_than)
    ]
    unusable.sort(key=lambda item: item.started_at, reverse=True)
    return [
        Alternative(
            what=item.id,
            completion=_completion(item),
            taken_at=item.started_at,
            loss=trouble.since - item.started_at,
        )
        for item in unusable[:UNUSABLE_SHOWN]
    ]


def _completion(snapshot: Snapshot) -> str:
    """Why it can't be used now, and how far it is."""
    match snapshot.state:
        case SnapshotState.PENDING:
            return f"pending, {snapshot.progress or 'progress not known'}"
        case SnapshotState.RECOVERABLE | SnapshotState.RECOVERING:
            return f"{snapshot.state} from the Recycle Bin"
        case SnapshotState.COMPLETED:
            return f"in the {snapshot.storage_tier} tier"
        case SnapshotState.ERROR:
            return "failed"
