"""From checked documents to the model: defaults that depend on other fields, units in names, order made stable."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

from desired_state.documents.fleet import FleetDocument
from desired_state.documents.health import HealthDocument, ProbeDocument
from desired_state.documents.instance import InstanceDocument, SsmImageDocument
from desired_state.documents.policy import (
    CountAndShareDocument,
    DeadlinesDocument,
    SafetyPolicyDocument,
)
from desired_state.documents.repair import RepairDocument, default_max_unavailable
from desired_state.documents.volume import BackupDocument, VolumeDocument
from desired_state.model import (
    Archive,
    Backup,
    Claim,
    Deadlines,
    Fleet,
    HealthSpec,
    HttpProbe,
    InstanceSpec,
    Isolation,
    LadderStep,
    Mode,
    Placement,
    Probe,
    RepairSpec,
    ReplacementLimit,
    SafetyPolicy,
    ServeWhen,
    SnapshotSchedule,
    SourcePosition,
    SsmImage,
    TcpProbe,
    UpdateStrategy,
    UserData,
)

_Value = TypeVar("_Value")


def resolve_fleet(
    document: FleetDocument, *, user_data: UserData | None, source: SourcePosition
) -> Fleet:
    """The fleet that the core sees."""
    spec = document.spec
    default_mode = Mode.APPROVE if spec.volumes else Mode.AUTO
    return Fleet(
        name=document.metadata.name,
        tier=spec.tier,
        replicas=spec.replicas,
        mode=Mode(spec.mode) if spec.mode is not None else default_mode,
        paused=spec.paused,
        placement=Placement(
            account=spec.placement.account,
            region=spec.placement.region,
            zones=tuple(spec.placement.zones),
        ),
        instance=_instance(spec.instance, user_data),
        claims=tuple(_claim(volume) for volume in spec.volumes),
        health=_health(spec.health),
        repair=_repair(spec.repair, spec.replicas),
        serve=ServeWhen(spec.restore.serve),
        update=UpdateStrategy(spec.update.strategy),
        source=source,
    )


def _instance(document: InstanceDocument, user_data: UserData | None) -> InstanceSpec:
    image, isolation = document.image, document.isolation_security_groups
    return InstanceSpec(
        image=SsmImage(ssm=image.ssm) if isinstance(image, SsmImageDocument) else image,
        types=tuple(document.types),
        subnets=dict(sorted(document.subnets.items())),
        security_groups=tuple(document.security_groups),
        staging_security_groups=tuple(document.staging_security_groups),
        isolation=Isolation(untracked=isolation.untracked, empty=isolation.empty)
        if isolation
        else None,
        instance_profile=document.instance_profile,
        user_data=user_data,
        tags=dict(sorted(document.tags.items())),
    )


def _claim(document: VolumeDocument) -> Claim:
    return Claim(
        name=document.name,
        device=document.device,
        size_gib=document.size,
        type=document.type,
        iops=document.iops,
        throughput_mib_s=document.throughput,
        encrypted=document.encrypted,
        kms_key_id=document.kms_key_id,
        backup=None if document.backup == "none" else _backup(document.backup),
    )


def _backup(document: BackupDocument) -> Backup:
    snapshots, archive = document.snapshots, document.archive
    return Backup(
        snapshots=None
        if snapshots is None
        else SnapshotSchedule(every=snapshots.every, keep=dict(sorted(snapshots.keep.items()))),
        archive=None if archive is None else Archive(tool=archive.tool, url=archive.url),
        max_loss=document.max_loss,
        copy_to=document.copy_to,
    )


def _health(document: HealthDocument) -> HealthSpec:
    return HealthSpec(
        startup_grace=document.startup_grace,
        unhealthy_after=document.unhealthy_after,
        recover_after=document.recover_after,
        probe=None if document.probe is None else _probe(document.probe),
    )


def _probe(document: ProbeDocument) -> Probe:
    if document.http is not None:
        return HttpProbe(
            port=document.http.port,
            path=document.http.path,
            interval=document.interval,
            timeout=document.timeout,
            threshold=document.threshold,
        )
    return TcpProbe(
        port=_given(document.tcp),
        interval=document.interval,
        timeout=document.timeout,
        threshold=document.threshold,
    )


def _repair(document: RepairDocument, replicas: int) -> RepairSpec:
    limits = sorted(document.max_replacements_per_slot.items())
    return RepairSpec(
        ladder=tuple(LadderStep(step) for step in document.ladder),
        cutover_after=document.cutover_after,
        max_unavailable=default_max_unavailable(replicas)
        if document.max_unavailable is None
        else document.max_unavailable,
        max_replacements_per_slot=tuple(
            ReplacementLimit(window=window, count=count) for window, count in limits
        ),
    )


def resolve_policy(declared: SafetyPolicyDocument, default: SafetyPolicyDocument) -> SafetyPolicy:
    """The policy in force: what is declared over the default, which is complete."""
    ours, theirs = declared.spec, default.spec
    disappearance = _count_and_share(ours.mass_disappearance, theirs.mass_disappearance)
    terminations = _count_and_share(ours.terminations_per_hour, theirs.terminations_per_hour)
    repairs = _count_and_share(ours.repairs_at_once, theirs.repairs_at_once)
    shrink = _count_and_share(ours.shrink_free, theirs.shrink_free)
    return SafetyPolicy(
        name=declared.metadata.name,
        deadlines=_deadlines(ours.deadlines, theirs.deadlines),
        consistency_window=_given(ours.consistency_window, theirs.consistency_window),
        stopped_by_hand_for=_given(ours.stopped_by_hand_for, theirs.stopped_by_hand_for),
        mass_disappearance_count=disappearance[0],
        mass_disappearance_percent=disappearance[1],
        terminations_per_hour_count=terminations[0],
        terminations_per_hour_percent=terminations[1],
        repairs_at_once_count=repairs[0],
        repairs_at_once_percent=repairs[1],
        shrink_free_slots=shrink[0],
        shrink_free_percent=shrink[1],
        capacity_backoff=tuple(_given(ours.capacity_backoff, theirs.capacity_backoff)),
        capacity_forgotten_after=_given(
            ours.capacity_forgotten_after, theirs.capacity_forgotten_after
        ),
        attached_ebs_unnamed_after=_given(
            ours.attached_ebs_unnamed_after, theirs.attached_ebs_unnamed_after
        ),
        orphan_grace=_given(ours.orphan_grace, theirs.orphan_grace),
        plan_expires_after=_given(ours.plan_expires_after, theirs.plan_expires_after),
        approval_lasts=_given(ours.approval_lasts, theirs.approval_lasts),
        pause_lasts=_given(ours.pause_lasts, theirs.pause_lasts),
        pause_lasts_at_most=_given(ours.pause_lasts_at_most, theirs.pause_lasts_at_most),
    )


def _deadlines(ours: DeadlinesDocument, theirs: DeadlinesDocument) -> Deadlines:
    names = [field.name for field in fields(Deadlines)]
    return Deadlines(**{name: _given(getattr(ours, name), getattr(theirs, name)) for name in names})


def _count_and_share(
    ours: CountAndShareDocument, theirs: CountAndShareDocument
) -> tuple[int, float]:
    return _given(ours.count, theirs.count), _given(ours.share, theirs.share)


def _given(declared: _Value | None, default: _Value | None = None) -> _Value:
    """The declared value, else the default, of which there must be one."""
    value = declared if declared is not None else default
    if value is None:
        raise AssertionError("validation lets nothing through that has no value here")
    return value
