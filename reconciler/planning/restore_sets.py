"""From what a slot's claims would be restored, and what that would lose (design section 7.1). Pure arithmetic.

All claims of a slot are restored together from one consistent set: for one claim its newest usable snapshot, for
several the newest that one call took of all of them. A snapshot must be older than the trouble: what was taken of a
volume that had stopped answering may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.observed import Snapshot
from reconciler.planning.claims import ClaimView
from reconciler.planning.identity import Tag

OPERATION = Tag.OPERATION.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSet:
    """A snapshot for each claim by its name, all of one moment, and the time whose writes would be lost."""

    snapshots: Mapping[str, Snapshot]
    taken_at: datetime
    loss: timedelta


def best_set(claims: Sequence[ClaimView], trouble_since: datetime) -> RestoreSet | None:
    """The set with the least loss; None when no snapshot of every claim is complete, usable and old enough.

    What nobody could write any more after `trouble_since` is not lost.
    """
    usable = {
        view.claim.name: [
            item for item in view.snapshots or () if item.usable and item.started_at < trouble_since
        ]
        for view in claims
    }
    if len(usable) == 1:
        ((name, snapshots),) = usable.items()
        sets = [{name: snapshots[0]}] if snapshots else []
    else:
        sets = _taken_together(usable)
    best = max(sets, key=_taken_at, default=None)
    if best is None:
        return None
    taken_at = _taken_at(best)
    return RestoreSet(snapshots=best, taken_at=taken_at, loss=trouble_since - taken_at)


def _taken_together(usable: Mapping[str, Sequence[Snapshot]]) -> list[dict[str, Snapshot]]:
    """The sets that one call took of all claims: they carry its operation."""
    by_operation: dict[str, dict[str, Snapshot]] = {}
    for name, snapshots in usable.items():
        for item in snapshots:
            if (operation := item.tags.get(OPERATION)) is not None:
                by_operation.setdefault(operation, {}).setdefault(name, item)
    return [found for found in by_operation.values() if len(found) == len(usable)]


def _taken_at(found: Mapping[str, Snapshot]) -> datetime:
    return min(item.started_at for item in found.values())
