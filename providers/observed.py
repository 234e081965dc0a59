"""What is: immutable views of EC2's and EBS's things, in EC2's own words.

An item says what one reply said and nothing more; what it means for a slot is judged elsewhere.
Zones are always zone ids (`use1-az4`), since names differ from account to account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from providers.observed_archives import ArchiveHistory
from providers.observed_volumes import VolumeIo, VolumeStatus


class InstanceState(StrEnum):
    """EC2's instance states."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"


class VolumeState(StrEnum):
    """EBS's volume states."""

    CREATING = "creating"
    AVAILABLE = "available"
    IN_USE = "in-use"
    DELETING = "deleting"
    DELETED = "deleted"
    ERROR = "error"


class AttachmentState(StrEnum):
    """EBS's attachment states; `busy` is a detach that waits for the guest to let go."""

    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"
    DETACHED = "detached"
    BUSY = "busy"


class CheckStatus(StrEnum):
    """EC2's summary of a status check."""

    OK = "ok"
    IMPAIRED = "impaired"
    INSUFFICIENT_DATA = "insufficient-data"
    NOT_APPLICABLE = "not-applicable"
    INITIALIZING = "initializing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A volume on an instance, as either of the two reports it."""

    volume_id: str
    instance_id: str
    device: str
    state: AttachmentState
    delete_on_termination: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance as DescribeInstances shows it."""

    id: str
    owner_account: str
    state: InstanceState
    state_reason: str | None
    """Code of `StateReason`, e.g. `Server.InsufficientInstanceCapacity` or `Client.UserInitiatedShutdown`."""
    state_changed_at: datetime | None
    """From `StateTransitionReason` where EC2 writes the time into it; None where it does not."""
    type: str
    image: str
    zone: str
    subnet: str | None
    private_ip: str | None
    security_groups: tuple[str, ...]
    """Group ids, sorted."""
    instance_profile: str | None
    """The profile's name, i.e. what follows the last slash of its ARN."""
    launched_at: datetime
    root_device: str | None
    attachments: tuple[Attachment, ...]
    imds_v2_required: bool
    tags_in_metadata: bool
    client_token: str | None
    tags: Mapping[str, str]

    @property
    def alive(self) -> bool:
        """Neither ended nor on its irreversible way there; a stopped instance is alive."""
        return self.state not in (InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume as DescribeVolumes shows it."""

    id: str
    state: VolumeState
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    encrypted: bool
    kms_key_id: str | None
    zone: str
    snapshot_id: str | None
    created_at: datetime
    attachments: tuple[Attachment, ...]
    tags: Mapping[str, str]


class SnapshotState(StrEnum):
    """EBS's snapshot states. The point in time is fixed while it is pending; only a completed one can be used."""

    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"
    RECOVERABLE = "recoverable"
    """In the Recycle Bin."""
    RECOVERING = "recovering"


STANDARD_TIER = "standard"
"""The storage tier from which a volume can be made at once; an archived snapshot takes days to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot as DescribeSnapshots shows it. `volume_id` says nothing for a copy (EBS user guide)."""

    id: str
    volume_id: str
    owner_account: str
    state: SnapshotState
    state_message: str | None
    started_at: datetime
    """The point in time that it holds."""
    progress: str
    size_gib: int
    encrypted: bool
    kms_key_id: str | None
    storage_tier: str
    tags: Mapping[str, str]

    @property
    def usable(self) -> bool:
        """Whether a volume can be made from it now."""
        return self.state is SnapshotState.COMPLETED and self.storage_tier == STANDARD_TIER


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One status check and, where EC2 says so, since when it fails."""

    status: CheckStatus
    impaired_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledEvent:
    """A maintenance event; completed ones are left out."""

    code: str
    description: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChecks:
    """DescribeInstanceStatus of one instance."""

    instance_id: str
    system: Check
    instance: Check
    attached_ebs: Check
    events: tuple[ScheduledEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """An availability zone; `state` is EC2's word (`available`, `impaired`, `constrained`, …)."""

    id: str
    name: str
    state: str


class ProbeOutcome(StrEnum):
    """`unknown` is a probe that could not be carried out (no address, prober at fault): no evidence."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


SENTINEL = "sentinel "
"""What the `instance_id` of a sentinel's result begins with, as in `sentinel 10.0.0.2:53`; an instance's never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One look at one instance's service, or at a sentinel: a place outside of the fleets that should always answer."""

    instance_id: str
    outcome: ProbeOutcome
    detail: str
    at: datetime


class GapSubject(StrEnum):
    """What a complete observation would have held."""

    INSTANCES = "instances"
    STATUS_CHECKS = "status-checks"
    VOLUMES = "volumes"
    ZONES = "zones"
    PROBES = "probes"
    IMAGES = "images"
    SNAPSHOTS = "snapshots"
    VOLUME_STATUS = "volume-status"
    VOLUME_METRICS = "volume-metrics"
    ARCHIVES = "archives"
    COPIES = "copies"
    """Of snapshots, in another region, which is the gap's `zone`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of the cell that could not be read; nothing that rests on it is planned.

    `zone` None means everywhere. `code` is the provider's error code, for the reader.
    """

    subject: GapSubject
    zone: str | None
    code: str
    detail: str


class Presence(StrEnum):
    """What reading one known id said."""

    FOUND = "found"
    NOT_FOUND = "not-found"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellIdentity:
    """An account in a region through an endpoint, as verified with the provider itself."""

    account: str
    region: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotList:
    """One reading of the snapshots of a cell. With a `gap` it holds nothing."""

    as_of: datetime
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    gap: Gap | None = None
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeStatusList:
    """One reading of the status of a cell's volumes; `gaps` say where it holds nothing."""

    as_of: datetime
    statuses: Mapping[str, VolumeStatus] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeIoList:
    """One reading of the metrics of some volumes. With a `gap` it holds nothing."""

    as_of: datetime
    readings: Mapping[str, VolumeIo] = field(default_factory=dict)
    gap: Gap | None = None
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveList:
    """One reading of several archives, by the URL of their address; what is missing is told by a gap."""

    as_of: datetime
    archives: Mapping[str, ArchiveHistory] = field(default_factory=dict)
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """An immutable view of a cell: all that carries our owner tag, plus what was read by id.

    `by_id` holds what reading a known id said when the lists did not show it; an id that is not there was not asked.
    """

    as_of: datetime
    cell: CellIdentity
    instances: Mapping[str, Instance] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    checks: Mapping[str, StatusChecks] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    probes: Mapping[str, ProbeResult] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    by_id: Mapping[str, Presence] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    """Ours, and those of our volumes whoever made them; read in a slower rhythm of their own."""
    snapshots_as_of: datetime | None = None
    """When `snapshots` were last read whole; None when they never were."""
    copies: Mapping[str, SnapshotList] = field(default_factory=dict)
    """Ours in other regions, by region, as they were last read whole."""
    volume_status: Mapping[str, VolumeStatus] = field(default_factory=dict)
    """Of our volumes; read in a rhythm of their own."""
    volume_status_as_of: datetime | None = None
    """When `volume_status` was last read; None when it was not asked for."""
    volume_io: Mapping[str, VolumeIo] = field(default_factory=dict)
    """Of suspects alone."""
    archives: Mapping[str, ArchiveHistory] = field(default_factory=dict)
    """By the URL of their address, each as of its own last reading; one that was never read whole is not there."""

    def lacks(self, subject: GapSubject, zone: str | None = None) -> Gap | None:
        """The gap that covers this subject (in this zone), if there is one."""
        for gap in self.gaps:
            if gap.subject is subject and (zone is None or gap.zone is None or gap.zone == zone):
                return gap
        return None

    def copy(self, snapshot_id: str) -> Snapshot | None:
        """The snapshot of that id in another region."""
        lists = (seen.snapshots for seen in self.copies.values())
        return next((items[snapshot_id] for items in lists if snapshot_id in items), None)

    @property
    def sentinels(self) -> tuple[ProbeResult, ...]:
        """The looks at places outside of the fleets."""
        return tuple(look for key, look in self.probes.items() if key.startswith(SENTINEL))

    @property
    def complete(self) -> bool:
        """True when instances, volumes and zones were read whole."""
        return not any(
            gap.subject in (GapSubject.INSTANCES, GapSubject.VOLUMES, GapSubject.ZONES)
            for gap in self.gaps
        )

    def zone_id(self, written: str) -> str | None:
        """The id of a zone written as id or name; None when this account has no such zone."""
        if written in self.zones:
            return written
        return next((zone.id for zone in self.zones.values() if zone.name == written), None)
