"""How values are said to people: durations, instants, counts, slots in a row, reasons and gates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from reconciler.planning.actions import Bucket, Course, Gate, Reason, SlotRef

REASONS: dict[Reason, str] = {
    Reason.NONE_EVER: "a new slot",
    Reason.GONE: "its instance is gone",
    Reason.SYSTEM_CHECK: "EC2's system check fails",
    Reason.INSTANCE_CHECK: "EC2's instance check fails",
    Reason.ATTACHED_EBS_CHECK: "EC2's attached-EBS check fails",
    Reason.PROBE: "its probe fails",
    Reason.USER_CHECK: "a check of yours fails",
    Reason.STOPPED_BY_HAND: "left stopped for long",
    Reason.NEVER_STARTED: "it did not become healthy by its start deadline",
    Reason.RESTARTING: "restart",
    Reason.REPLACEMENT_PROVEN: "proven",
    Reason.SUPERSEDED: "superseded",
    Reason.WRITE_FENCE: "write fence",
    Reason.MOVE_DATA: "moving the data",
    Reason.CLAIM_UNATTACHED: "not attached",
    Reason.CLAIM_LOST: "its data is lost",
    Reason.CLAIM_STUCK: "its volume is stuck",
    Reason.CLAIM_OUT_OF_REACH: "its data is out of reach",
    Reason.SERVE_FENCE: "serve fence",
    Reason.QUARANTINE: "left behind by a restore",
    Reason.KEEP_VOLUME: "protection",
    Reason.REPLACEMENT_FAILED: "the replacement failed",
    Reason.ORIGINAL_RECOVERED: "recovered",
    Reason.COPY_OUTDATED: "its copies are outdated",
    Reason.IN_SERVICE: "in service",
    Reason.CLAIM_NAMED: "naming",
    Reason.DRIFT: "drift",
    Reason.UPDATE: "update",
    Reason.BY_HAND: "ordered by hand",
    Reason.SURPLUS: "surplus",
    Reason.RETIRED: "retired",
    Reason.ORPHAN: "it belongs to no slot",
    Reason.SNAPSHOT_DUE: "a snapshot is due",
    Reason.COPY_DUE: "a copy elsewhere is due",
    Reason.SNAPSHOT_EXPIRED: "it has had its time",
    Reason.SNAPSHOT_FAILED: "it failed and holds nothing",
    Reason.ATTACHMENT_HANGS: "its volume hangs on the way to it",
    Reason.LAST_SNAPSHOT: "its volume is well and can't be brought to the slot",
    Reason.CARRIED_OVER: "its data is carried over by snapshots",
    Reason.FINAL_SNAPSHOT: "the last one before its volume goes",
    Reason.QUARANTINE_OVER: "it was kept for its time",
}

COURSES: dict[Course, str] = {
    Course.CREATE: "create",
    Course.REPAIR: "repair",
    Course.REPLACE: "replace",
    Course.KEEP_THE_DATA: "keep the data",
    Course.RESTORE: "restore",
    Course.REATTACH: "reattach",
    Course.UPDATE: "update",
    Course.CORRECT: "correct",
    Course.REMOVE: "remove",
    Course.RECLAIM: "reclaim",
    Course.BACK_UP: "back up",
}

GATES: dict[Gate, str] = {
    Gate.OBSERVE: "declare mode approve or auto",
    Gate.APPROVE: "approve it, or declare mode auto",
    Gate.PAUSED: "`reconciler resume`, `paused: false`, or the end of the pause",
    Gate.COLD: "`reconciler resume --cold`, once the plan is what you expect",
    Gate.GAP: "a complete observation",
    Gate.UNPROVEN_ABSENCE: "reading it by id as terminated, or a second complete observation without it",
    Gate.MASS_DISAPPEARANCE: "proof by id that each is gone, or a person's approval",
    Gate.MASS_TERMINATION: "a quieter hour, or a person's approval",
    Gate.CONFLICT: "a person who ends the conflict",
    Gate.CAPACITY: "capacity for a declared type in a declared zone",
    Gate.ZONE: "a zone that works",
    Gate.MAX_UNAVAILABLE: "another slot of the fleet that serves again",
    Gate.REPAIRS_AT_ONCE: "a repair of the fleet that ends",
    Gate.REPLACEMENT_LIMIT: "a quieter window, or a person who looks at why it keeps failing",
    Gate.SHRINK: "`reconciler apply --confirm-shrink`",
    Gate.STOPPED_BY_HAND: "a person who starts it, or the end of the four hours",
    Gate.THIRD_SIGN: "a third sign that agrees, or a person's approval",
    Gate.SERVING: "its probe failing too, or a person's approval",
    Gate.FENCE: "proof that the old instance can no longer write",
    Gate.RESTORE: "a restore point, or a person who accepts the loss",
    Gate.TAGS_REMOVED: "our tags back on it, or its end",
    Gate.RETRY: "the end of its back-off",
    Gate.LAST_COPY: "a younger good copy of its data",
    Gate.LADDER: "a person: no step of the repair ladder is left",
    Gate.ORPHAN: "our tags put right on it, or its end",
    Gate.RETIRE: "`reconciler apply --retire FLEET`",
    Gate.SNAPSHOTS_AT_ONCE: "the next pass",
    Gate.CONDITION: "a quieter zone, region or fleet, and the end of its cool-down",
    Gate.FLEET_BREAKER: "probes of the fleet that pass again, or a person who says that it is real",
    Gate.BLIND: "a sentinel or any of the slots that answers, or a person who says that it is real",
    Gate.BY_HAND: "the end of ten quiet minutes",
    Gate.HOUSEKEEPING: "half an hour in which region and zone were normal",
    Gate.BAKING: "the end of its bake, or another declaration once one has failed",
    Gate.SPEC: "another declaration, or an instance of this one that becomes healthy",
    Gate.IRREPLACEABLE: "a proven replacement, or a zone where launches and volumes work",
    Gate.CAPABILITY: "a zone whose control plane works, or its turn to be tried",
    Gate.PACE: "its turn",
}
"""What opens each gate."""

BUCKETS: dict[Bucket, str] = {
    Bucket.HEALTHY: "healthy",
    Bucket.ACTING: "acted on now",
    Bucket.WAITING: "waiting for something under way",
    Bucket.WITHHELD: "held back",
    Bucket.UNKNOWN: "unknown: it cannot be seen, so nothing is done",
    Bucket.RELEASED: "released: no longer declared, left alone",
}


def duration(value: timedelta) -> str:
    """`12 s`, `9 min 20 s`, `4 min`, `3 h 20 min`, `2 d 4 h`: at most two units, seconds only below 10 minutes."""
    seconds = max(0, int(value.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 10:
        return _two(minutes, "min", rest, "s")
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return _two(hours, "h", rest, "min")
    days, rest = divmod(hours, 24)
    return _two(days, "d", rest, "h")


def instant(value: datetime) -> str:
    """UTC in ISO 8601 to the second: `2026-04-21T12:00:00Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ahead(value: datetime, now: datetime) -> str:
    """`2026-04-21T12:04:00Z, in 4 min`; `…, now due` when it has come."""
    if value <= now:
        return f"{instant(value)}, now due"
    return f"{instant(value)}, in {duration(value - now)}"


def ago(value: datetime, now: datetime) -> str:
    """`2026-04-21T11:56:00Z, 4 min ago`; `…, just now` within the second."""
    if now - value < timedelta(seconds=1):
        return f"{instant(value)}, just now"
    return f"{instant(value)}, {duration(now - value)} ago"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 slot`, `2 slots`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def listed(items: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = list(items) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def slots(refs: Sequence[SlotRef | None]) -> str:
    """Slots with neighbours drawn together: `web/0 … web/5, web/7`. An orphan has no slot and says so."""
    known = sorted({ref for ref in refs if ref is not None})
    texts = [_run(run) for run in _runs(known)]
    if any(ref is None for ref in refs):
        texts.append("no slot")
    return ", ".join(texts)


def _runs(refs: Sequence[SlotRef]) -> list[list[SlotRef]]:
    runs: list[list[SlotRef]] = []
    for ref in refs:
        if runs and runs[-1][-1] == SlotRef(ref.fleet, ref.ordinal - 1):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    return runs


def _run(run: Sequence[SlotRef]) -> str:
    if len(run) < 3:
        return ", ".join(str(ref) for ref in run)
    return f"{run[0]} … {run[-1]}"


def _two(first: int, unit: str, second: int, lesser: str) -> str:
    return f"{first} {unit} {second} {lesser}" if second else f"{first} {unit}"
