"""Declared fleets for tests: the two examples of the design with sensible values, each field open to change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from desired_state.model import (
    Backup,
    Claim,
    Deadlines,
    DesiredState,
    Fleet,
    HealthSpec,
    HttpProbe,
    InstanceSpec,
    LadderStep,
    Mode,
    Placement,
    Probe,
    RepairSpec,
    ReplacementLimit,
    SafetyPolicy,
    ServeWhen,
    Share,
    SnapshotSchedule,
    SourcePosition,
    TcpProbe,
    UpdateStrategy,
    UserData,
)

ACCOUNT = "210987654321"
REGION = "us-east-1"
ZONES = ("use1-az1", "use1-az2", "use1-az4")
IMAGE = "ami-0abc1234def567890"

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def subnets_of(zones: Iterable[str]) -> Mapping[str, str]:
    """One subnet a zone: `use1-az4` has `subnet-az4`."""
    return {zone: f"subnet-{zone.partition('-')[2] or zone}" for zone in zones}


def user_data(text: str = "#!/bin/sh\n") -> UserData:
    """A boot script with its true hash."""
    return UserData(text=text, sha256=hashlib.sha256(text.encode()).hexdigest())


def instance_spec(**changes: Any) -> InstanceSpec:
    """What the example instances are launched with."""
    spec = InstanceSpec(
        image=IMAGE,
        types=("m6i.large", "m5.large"),
        subnets=subnets_of(ZONES),
        security_groups=("sg-service",),
        staging_security_groups=(),
        isolation=None,
        instance_profile=None,
        user_data=None,
        tags={"team": "shop"},
    )
    return replace(spec, **changes)


def snapshots_of(every: timedelta = 15 * MINUTE, **keep: timedelta) -> Backup:
    """Snapshots on a schedule, every 15 minutes and kept for a day unless told otherwise."""
    return Backup(
        snapshots=SnapshotSchedule(every=every, keep=keep or {"all": DAY}),
        archive=None,
        max_loss=2 * every + 15 * MINUTE,
        copy_to=None,
    )


def data_claim(name: str = "data", **changes: Any) -> Claim:
    """A 200 GiB gp3 volume without backups: what they do is told by tests about backups."""
    claim = Claim(
        name=name,
        device="/dev/sdf",
        size_gib=200,
        type="gp3",
        iops=None,
        throughput_mib_s=None,
        encrypted=True,
        kms_key_id=None,
        backup=None,
    )
    return replace(claim, **changes)


def tcp_probe(port: int = 5432) -> TcpProbe:
    """A probe at the documented defaults."""
    return TcpProbe(port=port, interval=15 * SECOND, timeout=2 * SECOND, threshold=3)


def http_probe(port: int = 8080, path: str = "/healthz") -> HttpProbe:
    """A probe at the documented defaults."""
    return HttpProbe(port=port, path=path, interval=15 * SECOND, timeout=2 * SECOND, threshold=3)


def health_spec(probe: Probe | None = None) -> HealthSpec:
    """The documented defaults of section 6."""
    return HealthSpec(
        startup_grace=10 * MINUTE,
        unhealthy_after=3 * MINUTE,
        recover_after=2 * MINUTE,
        probe=probe,
    )


def repair_spec(**changes: Any) -> RepairSpec:
    """The documented defaults of the repair ladder."""
    spec = RepairSpec(
        ladder=(LadderStep.REBOOT, LadderStep.RESTART, LadderStep.REPLACE),
        cutover_after=20 * MINUTE,
        max_unavailable=Share(count=1),
        max_replacements_per_slot=(
            ReplacementLimit(window=HOUR, count=2),
            ReplacementLimit(window=DAY, count=4),
        ),
    )
    return replace(spec, **changes)


def web_fleet(name: str = "web", *, replicas: int = 3, **changes: Any) -> Fleet:
    """A stateless fleet in mode auto over three zones, without a probe."""
    fleet = Fleet(
        name=name,
        tier=2,
        replicas=replicas,
        mode=Mode.AUTO,
        paused=False,
        placement=Placement(account=ACCOUNT, region=REGION, zones=ZONES),
        instance=instance_spec(),
        claims=(),
        health=health_spec(),
        repair=repair_spec(),
        serve=ServeWhen.BEFORE_COMMIT,
        update=UpdateStrategy.ON_REPLACE,
        source=SourcePosition(file=f"{name}.yaml", line=1, column=1),
    )
    return replace(fleet, **changes)


def postgres_fleet(name: str = "shared-postgres", *, replicas: int = 3, **changes: Any) -> Fleet:
    """A fleet whose every slot has a `data` volume; mode auto, so that tests of repair need no approval."""
    fleet = web_fleet(
        name,
        replicas=replicas,
        tier=1,
        instance=instance_spec(
            security_groups=("sg-postgres",),
            staging_security_groups=("sg-staging",),
            instance_profile="postgres",
            user_data=user_data(),
            tags={"team": "data"},
        ),
        claims=(data_claim(),),
        serve=ServeWhen.AFTER_COMMIT,
    )
    return replace(fleet, **changes)


def deadlines() -> Deadlines:
    """The deadlines of design section 7.4."""
    return Deadlines(
        pending=5 * MINUTE,
        start=10 * MINUTE,
        create=5 * MINUTE,
        attach=3 * MINUTE,
        detach=6 * MINUTE,
        stop=3 * MINUTE,
        stop_forced=2 * MINUTE,
        stop_unproven=6 * MINUTE,
        terminate=15 * MINUTE,
        reboot=5 * MINUTE,
        ambiguous=10 * MINUTE,
    )


def safety_policy(**changes: Any) -> SafetyPolicy:
    """The numbers of design section 7.4, as `policies/default.yaml` has them, without brakes and pace."""
    policy = SafetyPolicy(
        name="default",
        deadlines=deadlines(),
        consistency_window=5 * MINUTE,
        stopped_by_hand_for=4 * HOUR,
        mass_disappearance_count=3,
        mass_disappearance_percent=10,
        terminations_per_hour_count=2,
        terminations_per_hour_percent=20,
        repairs_at_once_count=2,
        repairs_at_once_percent=20,
        shrink_free_slots=2,
        shrink_free_percent=10,
        capacity_backoff=(MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE),
        capacity_forgotten_after=2 * HOUR,
        attached_ebs_unnamed_after=10 * MINUTE,
        orphan_grace=HOUR,
        plan_expires_after=MINUTE,
        approval_lasts=DAY,
        pause_lasts=4 * HOUR,
        pause_lasts_at_most=7 * DAY,
        override_lasts=HOUR,
        conditions=None,
        capabilities=None,
        pace=None,
    )
    return replace(policy, **changes)


def desired(*fleets: Fleet, policy: SafetyPolicy | None = None) -> DesiredState:
    """A desired state with its fleets in the order of their names, as the loader leaves them."""
    ordered = tuple(sorted(fleets, key=lambda fleet: fleet.name))
    return DesiredState(fleets=ordered, policy=policy or safety_policy())
