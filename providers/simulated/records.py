"""Ground truth: what each resource is at one instant. Frozen; a change makes another record.

Instance, volume and attachment states are EC2's words as plain strings (`providers.observed` lists them).
`zone` is always a zone id. What EC2 never shows (`guest`, `io`, data) is here too: tests look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Guest(StrEnum):
    """How the inside of an instance is. EC2 sees `hung` and `unreachable`; a `dead` application it never sees."""

    WELL = "well"
    DEAD = "dead"
    """The application is gone, the machine is fine (gray failure)."""
    HUNG = "hung"
    """The operating system hangs: the instance check fails, a stop waits for it in vain."""
    MISJUDGED = "misjudged"
    """All is well, and the instance check fails nevertheless (gray failure the other way round)."""
    UNREACHABLE = "unreachable"
    """The host or its network is at fault: the system check fails."""
    OFFLINE = "offline"
    """Its network is not set up yet: nobody reaches it, and the checks wait."""


class Io(StrEnum):
    """How a volume serves reads and writes."""

    NORMAL = "normal"
    SLOW = "slow"
    STALLED = "stalled"
    DISABLED = "disabled"
    """Switched off by EBS for possibly inconsistent data, until its owner enables it."""
    FAILED = "failed"
    """State `error`: lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What is on a volume: whose data, and up to when it was written.

    `lineage` is the id of the empty volume that it all began with; a restored volume has its ancestor's.
    """

    lineage: str
    written_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A volume on an instance. `since` is when it was asked for."""

    volume_id: str
    instance_id: str
    device: str
    state: str
    since: datetime
    delete_on_termination: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance as it truly is."""

    id: str
    reservation_id: str
    state: str
    type: str
    image: str
    zone: str
    subnet: str
    private_ip: str | None
    security_groups: tuple[str, ...]
    profile: str | None
    launched_at: datetime
    root_device: str
    attachments: tuple[Attachment, ...]
    client_token: str | None
    tags: Mapping[str, str]
    user_data: str | None = None
    metadata_options: Mapping[str, object] = field(default_factory=dict)
    termination_protected: bool = False
    state_reason: tuple[str, str] | None = None
    """Code and message."""
    transition_reason: str = ""
    running_since: datetime | None = None
    """Its last boot; None while it does not run."""
    guest: Guest = Guest.WELL

    @property
    def alive(self) -> bool:
        """Neither ended nor on its irreversible way there."""
        return self.state not in ("shutting-down", "terminated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume as it truly is."""

    id: str
    state: str
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    encrypted: bool
    kms_key_id: str | None
    zone: str
    snapshot_id: str | None
    created_at: datetime
    attachment: Attachment | None
    client_token: str | None
    tags: Mapping[str, str]
    data: Data
    io: Io = Io.NORMAL
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot as it truly is. Its point in time is fixed when it is asked for."""

    id: str
    volume_id: str
    state: str
    size_gib: int
    encrypted: bool
    kms_key_id: str | None
    started_at: datetime
    completed_at: datetime | None
    description: str
    tags: Mapping[str, str]
    data: Data
    state_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The status checks of one instance as they are published; `failing_since` counts for every impaired one."""

    instance_id: str
    system: str = "initializing"
    instance: str = "initializing"
    attached_ebs: str = "initializing"
    failing_since: datetime | None = None
    events: tuple[ScheduledEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledEvent:
    """A maintenance event of an instance."""

    id: str
    code: str
    description: str
    not_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeStatus:
    """The status of one volume as it is published, which is later than its `io`."""

    volume_id: str
    status: str = "insufficient-data"
    io_enabled: str = "insufficient-data"
    io_performance: str = "not-applicable"
    initialized_percent: int | None = None
    """How much of it is filled from its snapshot; None of one that was made empty."""


Record = Instance | Volume | Snapshot | Checks | VolumeStatus


def identifier_of(record: Record) -> str:
    """The id under which a record is kept; checks and statuses are kept under their resource's."""
    match record:
        case Checks():
            return record.instance_id
        case VolumeStatus():
            return record.volume_id
        case Instance() | Volume() | Snapshot():
            return record.id
