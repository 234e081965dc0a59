"""From a checked Fleet to the model: defaults that depend on other fields, units in names, order made stable."""

from __future__ import annotations

from desired_state.documents.fleet import FleetDocument
from desired_state.documents.health import HealthDocument, ProbeDocument
from desired_state.documents.instance import InstanceDocument, SsmImageDocument
from desired_state.documents.repair import RepairDocument, default_max_unavailable
from desired_state.documents.volume import BackupDocument, VolumeDocument
from desired_state.model import (
    Archive,
    Backup,
    Claim,
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
    ServeWhen,
    SnapshotSchedule,
    SourcePosition,
    SsmImage,
    TcpProbe,
    UpdateStrategy,
    UserData,
)


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
    if document.tcp is not None:
        return TcpProbe(
            port=document.tcp,
            interval=document.interval,
            timeout=document.timeout,
            threshold=document.threshold,
        )
    raise AssertionError("validation lets no probe through that has neither")


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
