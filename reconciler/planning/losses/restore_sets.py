"""From what a slot's claims would be restored, and what that would lose (design section 7.1). Pure arithmetic.

All claims of a slot are restored together from one consistent set: for one claim its newest usable snapshot, for
several the newest that one call took of all of them. A snapshot must be older than the trouble: what was taken of a
volume that had stopped answering may hold anything. An archive is replayed to its end, onto a snapshot that was taken
after its base backup was finished, or onto an empty volume, for which the base is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.observed import Snapshot
from reconciler.planning.slots.archives import ArchivePoint
from reconciler.planning.slots.claims import ClaimView
from reconciler.planning.slots.restore_points import moment_of, taken_together


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSet:
    """A snapshot for each claim by its name, all of one moment, and the time whose writes would be lost.

    With an `archive` that is replayed onto them; there may be no snapshots then. `taken_at` is what is reached.
    """

    snapshots: Mapping[str, Snapshot]
    taken_at: datetime
    loss: timedelta
    archive: ArchivePoint | None = None

    @property
    def named(self) -> str:
        """What it is restored from: `snap-1`, or `the archive s3://backups/a/0/1 onto snap-1`."""
        ids = ", ".join(sorted(item.id for item in self.snapshots.values()))
        if self.archive is None:
            return ids
        return f"the archive {self.archive.url} onto {ids or 'an empty volume'}"


def best_set(claims: Sequence[ClaimView], trouble_since: datetime) -> RestoreSet | None:
    """The set with the least loss; None when nothing that every claim can be restored from is complete and usable.

    What nobody could write any more after `trouble_since` is not lost. An archive has to be worth its replay: it is
    chosen where less is lost by it.
    """
    snapshots = _best_snapshots(claims, trouble_since)
    archived = _archived(claims, snapshots, trouble_since)
    if archived is not None and (snapshots is None or archived.loss < snapshots.loss):
        return archived
    return snapshots


def _archived(
    claims: Sequence[ClaimView], snapshots: RestoreSet | None, trouble_since: datetime
) -> RestoreSet | None:
    """The archives of all claims, when one incarnation wrote them; of a claim without one nothing would be replayed."""
    points = [view.archive.point for view in claims if view.archive and view.archive.point]
    if not points or len(points) < len(claims) or len({item.incarnation for item in points}) > 1:
        return None
    point = min(points, key=lambda item: item.until)
    finished = max(item.recoverable_from for item in points)
    reached = finished <= snapshots.taken_at <= point.until if snapshots else False
    return RestoreSet(
        snapshots=snapshots.snapshots if snapshots and reached else {},
        taken_at=point.until,
        loss=max(trouble_since - point.until, timedelta()),
        archive=point,
    )


def _best_snapshots(claims: Sequence[ClaimView], trouble_since: datetime) -> RestoreSet | None:
    """The newest snapshots of all claims that are consistent, usable and older than the trouble."""
    for snapshots in taken_together(claims):
        if all(item.usable and item.started_at < trouble_since for item in snapshots):
            by_claim = {view.claim.name: item for view, item in zip(claims, snapshots, strict=True)}
            at = moment_of(snapshots)
            return RestoreSet(snapshots=by_claim, taken_at=at, loss=trouble_since - at)
    return None
