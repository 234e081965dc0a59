"""Fleets of every kind, generated, and how people would write them: for the properties of reading."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

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
    RepairSpec,
    ReplacementLimit,
    ServeWhen,
    Share,
    SnapshotSchedule,
    SourcePosition,
    SsmImage,
    TcpProbe,
    UpdateStrategy,
)
from desired_state.reading.quantities import format_duration, format_percent, format_size
from desired_state.user_data import hashed

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
DURATIONS = st.builds(
    lambda number, unit: timedelta(**{unit: number}),
    st.integers(1, 99),
    st.sampled_from(["seconds", "minutes", "hours", "days"]),
)
ZONES = st.lists(
    st.sampled_from(["use1-az1", "use1-az2", "use1-az4", "use1-az6"]), min_size=1, unique=True
)
TAG_KEYS = st.from_regex(r"[A-Za-z0-9+\-=,_@]{1,30}", fullmatch=True)
TAG_VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=30)
SCRIPTS = TAG_VALUES.map(lambda line: f"#!/bin/sh\n# {line}\n")


def probes() -> st.SearchStrategy[TcpProbe | HttpProbe]:
    seconds = st.integers(2, 30).map(lambda number: timedelta(seconds=number))
    timing = {
        "port": st.integers(1, 65535),
        "interval": seconds,
        "timeout": st.just(timedelta(seconds=2)),
        "threshold": st.integers(1, 5),
    }
    return st.builds(TcpProbe, kind=st.just("tcp"), **timing) | st.builds(
        HttpProbe, kind=st.just("http"), path=st.sampled_from(["/", "/healthz?deep=1"]), **timing
    )


@st.composite
def backups(draw: st.DrawFn, claim: str) -> Backup:
    every = timedelta(minutes=draw(st.integers(5, 600)))
    keep = {"all": 2 * every, "daily": timedelta(days=draw(st.integers(2, 90)))}
    archive = Archive(tool="wal-g", url=f"s3://backups/{{fleet}}/{claim}/{{slot}}/{{incarnation}}")
    return Backup(
        snapshots=SnapshotSchedule(every=every, keep=keep),
        archive=draw(st.sampled_from([None, archive])),
        max_loss=2 * every + timedelta(minutes=draw(st.integers(10, 60))),
        copy_to=draw(st.sampled_from([None, "us-west-2"])),
    )


@st.composite
def claims(draw: st.DrawFn, index: int) -> Claim:
    iops = draw(st.none() | st.integers(3000, 80000))
    return Claim(
        name=f"claim-{index}",
        device=f"/dev/sd{'fghijklmnop'[index]}",
        size_gib=draw(st.integers(200, 65536)),
        type="gp3",
        iops=iops,
        throughput_mib_s=draw(st.none() | st.integers(125, min(2000, (iops or 3000) // 4))),
        encrypted=draw(st.booleans()),
        kms_key_id=None,
        backup=draw(st.none() | backups(f"claim-{index}")),
    )


@st.composite
def instances(draw: st.DrawFn, zones: Sequence[str]) -> InstanceSpec:
    return InstanceSpec(
        image=draw(st.just("ami-0abc1234def567890") | st.just(SsmImage(ssm="/fleet/image"))),
        types=draw(st.sampled_from([("m6i.large",), ("m6i.large", "m5.large")])),
        subnets={zone: f"subnet-{number}" for number, zone in enumerate(sorted(zones))},
        security_groups=("sg-1", "sg-2"),
        staging_security_groups=draw(st.sampled_from([(), ("sg-3",)])),
        isolation=draw(st.sampled_from([None, Isolation(untracked="sg-4", empty="sg-5")])),
        instance_profile=draw(st.sampled_from([None, "postgres"])),
        user_data=draw(st.none() | SCRIPTS.map(hashed)),
        tags=dict(sorted(draw(st.dictionaries(TAG_KEYS, TAG_VALUES, max_size=5)).items())),
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    zones = draw(ZONES)
    return Fleet(
        name=draw(NAMES),
        tier=draw(st.integers(0, 2)),
        replicas=draw(st.integers(0, 5000)),
        mode=draw(st.sampled_from(Mode)),
        paused=draw(st.booleans()),
        placement=Placement(
            account=draw(st.from_regex(r"[0-9]{12}", fullmatch=True)),
            region="us-east-1",
            zones=tuple(zones),
        ),
        instance=draw(instances(zones)),
        claims=tuple(draw(claims(index)) for index in range(draw(st.integers(0, 3)))),
        health=HealthSpec(
            startup_grace=draw(DURATIONS),
            unhealthy_after=draw(DURATIONS),
            recover_after=draw(DURATIONS),
            probe=draw(st.none() | probes()),
        ),
        repair=RepairSpec(
            ladder=tuple(step for step in LadderStep if draw(st.booleans())) or tuple(LadderStep),
            cutover_after=draw(DURATIONS),
            max_unavailable=draw(
                st.sampled_from([Share(count=0), Share(count=3), Share(percent=12.5)])
            ),
            max_replacements_per_slot=(
                ReplacementLimit(window=timedelta(hours=1), count=draw(st.integers(1, 3))),
                ReplacementLimit(window=timedelta(days=2), count=draw(st.integers(3, 9))),
            ),
        ),
        serve=draw(st.sampled_from(ServeWhen)),
        update=draw(st.sampled_from(UpdateStrategy)),
        source=SourcePosition(file="", line=0, column=0),
    )


def written(fleet: Fleet) -> dict[str, Any]:
    """The fleet as a document, with every field that is set."""
    image, limits = fleet.instance.image, fleet.repair.max_replacements_per_slot
    budget, isolation = fleet.repair.max_unavailable, fleet.instance.isolation
    instance = {
        "image": {"ssm": image.ssm} if isinstance(image, SsmImage) else image,
        "types": fleet.instance.types,
        "subnets": fleet.instance.subnets,
        "securityGroups": fleet.instance.security_groups,
        "stagingSecurityGroups": fleet.instance.staging_security_groups,
        "isolationSecurityGroups": isolation
        and {"untracked": isolation.untracked, "empty": isolation.empty},
        "instanceProfile": fleet.instance.instance_profile,
        "userData": fleet.instance.user_data and {"text": fleet.instance.user_data.text},
        "tags": fleet.instance.tags,
    }
    health = {
        "startupGrace": format_duration(fleet.health.startup_grace),
        "unhealthyAfter": format_duration(fleet.health.unhealthy_after),
        "recoverAfter": format_duration(fleet.health.recover_after),
        "probe": fleet.health.probe and written_probe(fleet.health.probe),
    }
    repair = {
        "ladder": fleet.repair.ladder,
        "cutoverAfter": format_duration(fleet.repair.cutover_after),
        "maxUnavailable": budget.count
        if budget.percent is None
        else format_percent(budget.percent),
        "maxReplacementsPerSlot": {format_duration(limit.window): limit.count for limit in limits},
    }
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Fleet",
        "metadata": {"name": fleet.name},
        "spec": {
            "tier": fleet.tier,
            "replicas": fleet.replicas,
            "mode": fleet.mode,
            "paused": fleet.paused,
            "placement": {
                "account": fleet.placement.account,
                "region": fleet.placement.region,
                "zones": fleet.placement.zones,
            },
            "instance": set_fields(instance),
            "volumes": [written_claim(claim) for claim in fleet.claims],
            "health": set_fields(health),
            "repair": repair,
            "restore": {"serve": fleet.serve},
            "update": {"strategy": fleet.update},
        },
    }


def written_probe(probe: TcpProbe | HttpProbe) -> dict[str, Any]:
    target: dict[str, Any] = {"tcp": probe.port}
    if isinstance(probe, HttpProbe):
        target = {"http": {"port": probe.port, "path": probe.path}}
    return target | {
        "interval": format_duration(probe.interval),
        "timeout": format_duration(probe.timeout),
        "threshold": probe.threshold,
    }


def written_claim(claim: Claim) -> dict[str, Any]:
    return set_fields(
        {
            "name": claim.name,
            "device": claim.device,
            "size": format_size(claim.size_gib),
            "type": claim.type,
            "iops": claim.iops,
            "throughput": claim.throughput_mib_s,
            "encrypted": claim.encrypted,
            "backup": "none" if claim.backup is None else written_backup(claim.backup),
        }
    )


def written_backup(backup: Backup) -> dict[str, Any]:
    assert backup.snapshots is not None
    keep = {grain: format_duration(kept) for grain, kept in backup.snapshots.keep.items()}
    return set_fields(
        {
            "snapshots": {"every": format_duration(backup.snapshots.every), "keep": keep},
            "archive": backup.archive and {"tool": backup.archive.tool, "url": backup.archive.url},
            "maxLoss": format_duration(backup.max_loss),
            "copyTo": backup.copy_to,
        }
    )


def set_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def as_json(fleet: Fleet) -> str:
    """JSON is YAML, and quotes what needs quotes."""
    return json.dumps(written(fleet), ensure_ascii=False)
