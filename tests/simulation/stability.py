"""What a converged fleet may still send: nothing but due snapshots, their expiry, and the end of what was kept for its
time (design section 12).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from providers.simulated.changes import Cause
from providers.simulated.records import Snapshot, Volume
from providers.simulated.world import Truth
from tests.simulation.oracles.ledger import SentCall
from tests.simulation.oracles.tags import BACKUP_CALLS, COPIED_FROM, QUARANTINE_UNTIL
from tests.simulation.seeds import DrawnFleet, DrawnSnapshots

AT_THE_EDGES = 2
"""More than the window holds whole intervals: one that was late at its beginning, and one at its end."""


def not_due(
    calls: Sequence[SentCall],
    fleets: Iterable[DrawnFleet],
    *,
    truth: Truth,
    lasted: timedelta,
) -> str | None:
    """What of these calls, all within `lasted`, a converged fleet must not send; None when all of them were due.

    Of snapshots those count that were truly taken: one that is due and refused is asked for again.
    """
    schedules = [fleet.snapshots for fleet in fleets if fleet.snapshots is not None]
    for call in calls:
        if call.operation == "DeleteVolume":
            due = _had_its_time(call, truth)
        else:
            due = call.operation in BACKUP_CALLS and bool(schedules)
        if not due:
            return f"converged, and then sent {call.operation} {dict(call.parameters)}"
    calls = [call for call in calls if call.operation != "DeleteVolume"]
    if not calls:
        return None
    too_often = _too_often(truth, schedules, since=calls[0].at, lasted=lasted)
    return too_often or _copied_twice(calls, truth) or _too_early(calls, schedules, truth)


def _had_its_time(call: SentCall, truth: Truth) -> bool:
    """The volume was kept until a date, which is over."""
    key = call.parameters["VolumeId"]
    records = (change.before for change in truth.changes if change.resource_id == key)
    known = [item for item in (*records, truth.volumes.get(key)) if isinstance(item, Volume)]
    date = known[-1].tags.get(QUARANTINE_UNTIL) if known else None
    return date is not None and datetime.fromisoformat(date) <= call.at


def _too_often(
    truth: Truth, schedules: Iterable[DrawnSnapshots], *, since: datetime, lasted: timedelta
) -> str | None:
    most = max(lasted // item.every for item in schedules) + AT_THE_EDGES
    taken = Counter(
        change.after.volume_id
        for change in truth.changes
        if change.at >= since
        and change.cause is Cause.CALL
        and change.before is None
        and isinstance(change.after, Snapshot)
        and not change.what.startswith("copy")
    )
    for volume, count in taken.items():
        if count > most:
            return f"converged, and then took {count} snapshots of {volume} within {lasted}"
    return None


def _copied_twice(calls: Iterable[SentCall], truth: Truth) -> str | None:
    """Of each snapshot one copy is enough, unless it failed."""
    copies = [item for found in truth.elsewhere.values() for item in found.values()]
    failed = {item.tags.get(COPIED_FROM) for item in copies if item.state == "error"}
    asked = Counter(
        call.parameters["SourceSnapshotId"] for call in calls if call.operation == "CopySnapshot"
    )
    for source, count in asked.items():
        if count > 1 and source not in failed:
            return f"converged, and then copied {source} {count} times"
    return None


def _too_early(
    calls: Iterable[SentCall], schedules: Iterable[DrawnSnapshots], truth: Truth
) -> str | None:
    """One that failed may go at once."""
    soonest = min(min(item.keep.values()) for item in schedules)
    gone = {
        change.resource_id: change.before
        for change in truth.changes
        if change.what == "snapshot deleted"
    }
    for call in calls:
        if call.operation != "DeleteSnapshot":
            continue
        key = call.parameters["SnapshotId"]
        snapshot = truth.snapshots.get(key) or gone.get(key)
        if not isinstance(snapshot, Snapshot) or snapshot.state == "error":
            continue
        if (age := call.at - snapshot.started_at) < soonest:
            return f"converged, and then deleted {key} after {age}, kept are {soonest}"
    return None
