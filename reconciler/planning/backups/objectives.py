"""What each claim would lose if its volume stuck now, held against what was declared. Pure; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from providers.observed import Snapshot, SnapshotState
from reconciler.planning.actions import SlotRef
from reconciler.planning.slots.archives import ArchivePoint
from reconciler.planning.slots.arranging import SlotView
from reconciler.planning.slots.claims import ClaimView, Standing
from reconciler.planning.slots.copied import Elsewhere, elsewhere_of


class Protection(StrEnum):
    """How a claim is protected, worst first."""

    UNPROTECTED = "unprotected"
    """A backup is declared, and there is nothing that it could be restored from."""
    LATE = "late"
    """More would be lost than `maxLoss`."""
    UNKNOWN = "unknown"
    """Its snapshots or its archive were not read."""
    NOT_DECLARED = "not-declared"
    """The document says `none`: what is lost stays lost."""
    GOOD = "good"


OUTSIDE = frozenset({Protection.UNPROTECTED, Protection.LATE, Protection.UNKNOWN})
"""Not shown to be within its objective."""
_ORDER = list(Protection)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBackup:
    """A claim with its newest restore point, and what would be lost; None where there is none."""

    slot: SlotRef
    claim: str
    protection: Protection
    restore_point: Snapshot | ArchivePoint | None
    archive_why_not: str | None
    """Why its archive is no restore point, as a clause; None where it is, or none is declared."""
    pending: Snapshot | None
    """A younger one that is not complete yet."""
    loss: timedelta | None
    max_loss: timedelta | None
    elsewhere: Elsewhere | None = None
    """None where it names no other region."""


def claim_backups(views: Iterable[SlotView], now: datetime) -> tuple[ClaimBackup, ...]:
    """Every claim that a volume has ever filled; those outside their objective first, the greatest loss first."""
    found = [
        _backup_of(view, claim, now)
        for view in views
        for claim in view.claims
        if claim.standing is not Standing.NEVER_FILLED
    ]
    return tuple(sorted(found, key=_urgency))


def _backup_of(view: SlotView, claim: ClaimView, now: datetime) -> ClaimBackup:
    snapshot = next((item for item in claim.snapshots or () if item.usable), None)
    archived = claim.archive.point if claim.archive else None
    newest = max((item for item in (snapshot, archived) if item), key=reaches, default=None)
    loss = max(now - reaches(newest), timedelta()) if newest else None
    return ClaimBackup(
        slot=view.ref,
        claim=claim.claim.name,
        protection=_protection(claim, loss),
        restore_point=newest,
        archive_why_not=claim.archive.why_not if claim.archive else None,
        pending=_pending(claim, snapshot),
        loss=loss,
        max_loss=claim.claim.backup.max_loss if claim.claim.backup else None,
        elsewhere=elsewhere_of(claim, now),
    )


def reaches(point: Snapshot | ArchivePoint) -> datetime:
    """The instant whose data it holds; an archive's is by the archive's own clock."""
    return point.until if isinstance(point, ArchivePoint) else point.started_at


def _protection(claim: ClaimView, loss: timedelta | None) -> Protection:
    backup = claim.claim.backup
    if backup is None:
        return Protection.NOT_DECLARED
    if loss is not None and loss <= backup.max_loss:
        return Protection.GOOD
    if not claim.backups_read:
        return Protection.UNKNOWN
    return Protection.UNPROTECTED if loss is None else Protection.LATE


def _pending(claim: ClaimView, newest: Snapshot | None) -> Snapshot | None:
    for item in claim.snapshots or ():
        if item.state is SnapshotState.PENDING:
            return item if newest is None or item.started_at > newest.started_at else None
    return None


def _urgency(item: ClaimBackup) -> tuple[int, float, SlotRef, str]:
    seconds = item.loss.total_seconds() if item.loss is not None else 0.0
    return _ORDER.index(item.protection), -seconds, item.slot, item.claim
