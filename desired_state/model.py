"""What is wanted, resolved: the only form of the desired state that the core sees.

Everything here is frozen and free of I/O. Durations are `timedelta`, sizes carry their unit in the name.
The documents that people write live in `desired_state.documents`; `desired_state.load` turns one into the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from desired_state.safety import BreakerRules, ConditionRules, PaceRules


class Mode(StrEnum):
    """How far the controller may go by itself for a fleet."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class LadderStep(StrEnum):
    """A step of the repair ladder, mildest first."""

    REBOOT = "reboot"
    RESTART = "restart"
    REPLACE = "replace"


class UpdateStrategy(StrEnum):
    """When a changed launch field reaches the instances: at their next replacement, or slot by slot."""

    ON_REPLACE = "onReplace"
    ROLLING = "rolling"


class ServeWhen(StrEnum):
    """Whether a replacement with volumes may serve before its commit (design section 7.2)."""

    AFTER_COMMIT = "afterCommit"
    BEFORE_COMMIT = "beforeCommit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePosition:
    """Where in the files a thing was declared; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A count, or a share of a whole, e.g. `maxUnavailable: 20%`. Exactly one is set."""

    count: int | None = None
    percent: float | None = None

    def of(self, whole: int) -> int:
        """The count this comes to; shares round down (design section 7.3, budget)."""
        if self.count is not None:
            return self.count
        return math.floor(whole * (self.percent or 0.0) / 100 + 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a fleet lives. `zones` are zone ids or names as written; observation maps them to ids."""

    account: str
    region: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SsmImage:
    """An image named by an SSM parameter; resolved while gathering, pinned in each launch."""

    ssm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """The boot script: text for the launch call, hash for everything that is stored or shown."""

    text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Two security groups that cut an instance off whose stop hangs, one after the other.

    `untracked` lets everything in and out, so that EC2 tracks no connection any more; `empty` lets nothing through.
    A group change alone leaves tracked connections open (EC2 user guide, security group connection tracking).
    """

    untracked: str
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSpec:
    """What each instance of a fleet is launched with. `subnets` maps a zone as written to a subnet id."""

    image: str | SsmImage
    types: tuple[str, ...]
    subnets: Mapping[str, str]
    security_groups: tuple[str, ...]
    staging_security_groups: tuple[str, ...]
    isolation: Isolation | None
    instance_profile: str | None
    user_data: UserData | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSchedule:
    """Snapshots every so often; `keep` maps `all`, `hourly`, `daily`, … to how long that grain is kept."""

    every: timedelta
    keep: Mapping[str, timedelta]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A continuous backup in S3. `url` holds `{fleet}`, `{slot}` and `{incarnation}` as placeholders."""

    tool: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """How a claim is kept restorable, and the loss that needs no person's approval."""

    snapshots: SnapshotSchedule | None
    archive: Archive | None
    max_loss: timedelta
    copy_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A volume that the fleet declares for every slot. `backup` is None only where the document says `none`."""

    name: str
    device: str
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    encrypted: bool
    kms_key_id: str | None
    backup: Backup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Healthy when a TCP connection to the instance's private address opens in time."""

    port: int
    interval: timedelta
    timeout: timedelta
    threshold: int
    kind: str = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Healthy when a GET answers with a status from 200 to 399 in time."""

    port: int
    path: str
    interval: timedelta
    timeout: timedelta
    threshold: int
    kind: str = "http"


Probe = TcpProbe | HttpProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSpec:
    """How long signs must last before they count (design section 6)."""

    startup_grace: timedelta
    unhealthy_after: timedelta
    recover_after: timedelta
    probe: Probe | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementLimit:
    """At most `count` replacements of one slot in any `window`."""

    window: timedelta
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairSpec:
    """How a slot is repaired, and how many serving slots may be taken out at once."""

    ladder: tuple[LadderStep, ...]
    cutover_after: timedelta
    max_unavailable: Share
    max_replacements_per_slot: tuple[ReplacementLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A declared group of alike instances."""

    name: str
    tier: int
    replicas: int
    mode: Mode
    paused: bool
    placement: Placement
    instance: InstanceSpec
    claims: tuple[Claim, ...]
    health: HealthSpec
    repair: RepairSpec
    serve: ServeWhen
    update: UpdateStrategy
    source: SourcePosition

    @property
    def stateful(self) -> bool:
        """Volumes are all that tells the two kinds of fleet apart (design section 4)."""
        return bool(self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long an action may take before its slot escalates (design section 7.4)."""

    pending: timedelta
    start: timedelta
    create: timedelta
    attach: timedelta
    detach: timedelta
    stop: timedelta
    stop_forced: timedelta
    stop_unproven: timedelta
    terminate: timedelta
    reboot: timedelta
    ambiguous: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPolicy:
    """The numbers that keep the controller from making things worse (design section 7.4)."""

    name: str
    deadlines: Deadlines
    consistency_window: timedelta
    """Two complete observations this far apart, both without it, before absence counts (rule 6)."""
    stopped_by_hand_for: timedelta
    mass_disappearance_count: int
    mass_disappearance_percent: float
    terminations_per_hour_count: int
    terminations_per_hour_percent: float
    """The larger of count and share of live instances; more in a sliding hour waits for a person."""
    repairs_at_once_count: int
    repairs_at_once_percent: float
    """The larger of count and share of a fleet's slots is repaired at once."""
    shrink_free_slots: int
    shrink_free_percent: float
    """A scale-down beyond either needs `--confirm-shrink`."""
    capacity_backoff: tuple[timedelta, ...]
    capacity_forgotten_after: timedelta
    attached_ebs_unnamed_after: timedelta
    orphan_grace: timedelta
    plan_expires_after: timedelta
    approval_lasts: timedelta
    pause_lasts: timedelta
    pause_lasts_at_most: timedelta
    override_lasts: timedelta
    conditions: ConditionRules | None
    """None: no place is ever braked."""
    capabilities: BreakerRules | None
    """None: whatever a zone's control plane says, it is asked again."""
    pace: PaceRules | None
    """None: unlimited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """Everything declared: fleets by name, in the order of their names, and the policy in force."""

    fleets: tuple[Fleet, ...]
    policy: SafetyPolicy
    warnings: tuple[str, ...] = ()

    def fleet(self, name: str) -> Fleet | None:
        """The fleet of that name, if it is declared."""
        return next((fleet for fleet in self.fleets if fleet.name == name), None)
