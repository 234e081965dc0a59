"""The words of deciding: slots, courses, actions, gates, and what is withheld."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from providers.requests import (
    AttachVolume,
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.alternatives import Alternative


@dataclass(frozen=True, slots=True, order=True)
class SlotRef:
    """A place in a fleet with a stable identity; written `shared-postgres/17`."""

    fleet: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.fleet}/{self.ordinal}"

    @staticmethod
    def parse(text: str) -> SlotRef:
        """The slot written as `fleet/ordinal`; ValueError when it is not one."""
        fleet, slash, ordinal = text.rpartition("/")
        if not slash or not fleet or not ordinal.isascii() or not ordinal.isdigit():
            raise ValueError(f"{text!r} is not a slot; write it as fleet/ordinal, e.g. web/3")
        return SlotRef(fleet, int(ordinal))


class Course(StrEnum):
    """What is going on for a slot, over the several actions that it takes.

    Approvals are for a course, so that a person is asked once and not for each call.
    """

    CREATE = "create"
    REPAIR = "repair"
    REPLACE = "replace"
    KEEP_THE_DATA = "keep-the-data"
    RESTORE = "restore"
    REATTACH = "reattach"
    UPDATE = "update"
    CORRECT = "correct"
    REMOVE = "remove"
    RECLAIM = "reclaim"
    BACK_UP = "back-up"


class Reason(StrEnum):
    """Why an action is planned. For explanation only; no behaviour depends on it."""

    NONE_EVER = "none-ever"
    GONE = "gone"
    SYSTEM_CHECK = "system-check-fails"
    INSTANCE_CHECK = "instance-check-fails"
    ATTACHED_EBS_CHECK = "attached-ebs-check-fails"
    PROBE = "probe-fails"
    USER_CHECK = "user-check-fails"
    STOPPED_BY_HAND = "stopped-by-hand"
    NEVER_STARTED = "never-started"
    RESTARTING = "restarting"
    REPLACEMENT_PROVEN = "replacement-proven"
    SUPERSEDED = "superseded"
    WRITE_FENCE = "write-fence"
    MOVE_DATA = "move-the-data"
    CLAIM_UNATTACHED = "claim-unattached"
    ATTACHMENT_HANGS = "attachment-hangs"
    CLAIM_LOST = "claim-lost"
    CLAIM_STUCK = "claim-stuck"
    CLAIM_OUT_OF_REACH = "claim-out-of-reach"
    SERVE_FENCE = "serve-fence"
    QUARANTINE = "quarantine"
    KEEP_VOLUME = "keep-volume-on-termination"
    REPLACEMENT_FAILED = "replacement-failed"
    ORIGINAL_RECOVERED = "original-recovered"
    COPY_OUTDATED = "copy-outdated"
    IN_SERVICE = "in-service"
    CLAIM_NAMED = "claim-named"
    DRIFT = "drift"
    UPDATE = "update"
    SURPLUS = "surplus"
    RETIRED = "retired"
    ORPHAN = "orphan"
    SNAPSHOT_DUE = "snapshot-due"
    SNAPSHOT_EXPIRED = "snapshot-expired"
    SNAPSHOT_FAILED = "snapshot-failed"
    LAST_SNAPSHOT = "last-snapshot"
    CARRIED_OVER = "carried-over"
    BY_HAND = "by-hand"
    COPY_DUE = "copy-due"
    FINAL_SNAPSHOT = "final-snapshot"
    QUARANTINE_OVER = "quarantine-over"


class Gate(StrEnum):
    """What holds an action back. Each has a section in the runbook."""

    OBSERVE = "mode-observe"
    APPROVE = "mode-approve"
    PAUSED = "paused"
    COLD = "cold"
    GAP = "gap"
    UNPROVEN_ABSENCE = "unproven-absence"
    MASS_DISAPPEARANCE = "mass-disappearance"
    MASS_TERMINATION = "mass-termination"
    CONFLICT = "conflict"
    CAPACITY = "capacity"
    ZONE = "zone"
    MAX_UNAVAILABLE = "max-unavailable"
    REPAIRS_AT_ONCE = "repairs-at-once"
    REPLACEMENT_LIMIT = "replacement-limit"
    SHRINK = "shrink"
    STOPPED_BY_HAND = "stopped-by-hand"
    THIRD_SIGN = "third-sign"
    SERVING = "still-serving"
    FENCE = "fence"
    RESTORE = "restore"
    TAGS_REMOVED = "tags-removed"
    RETRY = "retry-later"
    LAST_COPY = "last-copy"
    LADDER = "ladder-exhausted"
    ORPHAN = "orphan"
    RETIRE = "retire"
    SNAPSHOTS_AT_ONCE = "snapshots-at-once"
    CONDITION = "condition"
    """Disruptive work where a zone, the region or the fleet is in trouble, or was a moment ago."""
    FLEET_BREAKER = "fleet-breaker"
    BLIND = "blind"
    BY_HAND = "by-hand"
    HOUSEKEEPING = "housekeeping"
    BAKING = "baking"
    SPEC = "spec"
    """What was launched by this declaration failed, again and again, where launches work."""
    IRREPLACEABLE = "irreplaceable"
    CAPABILITY = "capability"
    PACE = "pace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field, as it is and as it will be; None where there is no value."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One mutating request with all that is needed to carry it out, journal it and explain it.

    `operation_id` is derived (planning.identity) and is the journal's key, the `operation` tag and, where EC2 takes
    one, the client token. `slot` is None only for an orphan without one.
    """

    operation_id: str
    family: str
    """`identity.operation_family`; `operation_id` is that of this family and attempt, which the store verifies."""
    slot: SlotRef | None
    incarnation: int
    claim: str | None
    attempt: int
    course: Course
    reason: Reason
    detail: str
    request: Request
    changes: tuple[Change, ...] = ()

    @property
    def disruptive(self) -> bool:
        """True for what can take something out of service."""
        return is_disruptive(self.request)

    @property
    def exclusive(self) -> bool:
        """True for what keeps its slot busy until it is resolved (design section 8)."""
        return is_exclusive(self.request)


def is_disruptive(request: Request) -> bool:
    """Reboot, stop, detach, terminate, delete (design section 2)."""
    return isinstance(
        request,
        RebootInstance
        | StopInstance
        | DetachVolume
        | TerminateInstance
        | DeleteSnapshot
        | DeleteCopy
        | DeleteVolume,
    )


def is_backup(request: Request) -> bool:
    """True for snapshots and copies of them, and for the end of these and of kept volumes: shared, and no part of how a
    slot stands.
    """
    return isinstance(
        request,
        CreateSnapshot
        | CreateSnapshots
        | DeleteSnapshot
        | CopySnapshot
        | DeleteCopy
        | DeleteVolume,
    )


def other_region(request: Request) -> str | None:
    """The region that a request is sent to, where that is not the cell's own."""
    match request:
        case CopySnapshot(to_region=region) | DeleteCopy(region=region):
            return region
        case _:
            return None


def is_exclusive(request: Request) -> bool:
    """Launch, stop, start, reboot, terminate, attach, detach and the commit are one at a time per slot."""
    match request:
        case (
            LaunchInstance()
            | TerminateInstance()
            | StopInstance()
            | StartInstance()
            | RebootInstance()
            | AttachVolume()
            | DetachVolume()
        ):
            return True
        case SetTags(commit=commit):
            return commit
        case (
            SetSecurityGroups()
            | KeepVolumeOnTermination()
            | SetMetadataOptions()
            | ResizeVolume()
            | CreateSnapshot()
            | CreateSnapshots()
            | DeleteSnapshot()
            | CopySnapshot()
            | DeleteCopy()
            | DeleteVolume()
        ):
            return False
        case _:
            assert_never(request)


def target_of(request: Request) -> str | None:
    """The id that a request names first: what is acted on. None for a launch."""
    match request:
        case LaunchInstance():
            return None
        case AttachVolume() | DetachVolume() | ResizeVolume() | CreateSnapshot() | DeleteVolume():
            return request.volume_id
        case SetTags():
            return request.resource_id
        case DeleteSnapshot() | CopySnapshot() | DeleteCopy():
            return request.snapshot_id
        case (
            TerminateInstance()
            | StopInstance()
            | StartInstance()
            | RebootInstance()
            | SetSecurityGroups()
            | KeepVolumeOnTermination()
            | SetMetadataOptions()
            | CreateSnapshots()
        ):
            return request.instance_id
        case _:
            assert_never(request)


def named_ids(request: Request) -> tuple[str, ...]:
    """Every id that a request names."""
    match request:
        case LaunchInstance():
            return ()
        case AttachVolume() | DetachVolume() | KeepVolumeOnTermination():
            return (request.volume_id, request.instance_id)
        case ResizeVolume() | CreateSnapshot():
            return (request.volume_id,)
        case CreateSnapshots():
            return (request.instance_id, *request.volume_ids)
        case CopySnapshot():
            return (request.snapshot_id,)
        case DeleteSnapshot() | DeleteCopy():
            id_, other = request.snapshot_id, request.restore_point_id
            return (id_,) if other is None else (id_, other)
        case DeleteVolume():
            final = request.final_snapshot_id
            held = () if final is None else (final,)
            return (request.volume_id, *held, *request.restore_point_ids)
        case SetTags():
            return (request.resource_id,)
        case (
            TerminateInstance()
            | StopInstance()
            | StartInstance()
            | RebootInstance()
            | SetSecurityGroups()
            | SetMetadataOptions()
        ):
            return (request.instance_id,)
        case _:
            assert_never(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """An action that is due and held back: by which gate, why, since when, its place, and when it may go.

    `action` is None where what would be done is not known until the gate opens (e.g. a conflict).
    `approval_id` is set where a person can release it with `reconciler approve`; `loss` is what would be lost by it,
    None where nothing is; `alternatives` are what a person may choose between, the one that would be taken first.
    `confirmable_id` is the instance whose fence is owed, where a person's word about it releases it as well.
    """

    slot: SlotRef | None
    course: Course
    gate: Gate
    reason: str
    action: Action | None = None
    since: datetime | None = None
    place: int | None = None
    earliest_release: datetime | None = None
    approval_id: str | None = None
    loss: timedelta | None = None
    alternatives: tuple[Alternative, ...] = ()
    confirmable_id: str | None = None

    @property
    def offers_stand_in(self) -> bool:
        """Whether an approval may be for empty volumes."""
        return any(item.empty for item in self.alternatives)

    @property
    def only_stand_in(self) -> bool:
        """Whether there is nothing else that an approval could be for."""
        return self.offers_stand_in and self.loss is None


class Bucket(StrEnum):
    """Where a slot stands; every slot is in exactly one."""

    HEALTHY = "healthy"
    ACTING = "acting"
    WAITING = "waiting"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"
    RELEASED = "released"
