"""Drawn fleets as the YAML that a person would write, and as what the oracles need to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from desired_state.load import load
from desired_state.model import DesiredState
from desired_state.reading.quantities import format_duration
from tests.simulation.oracles.disclosure import CANARY
from tests.simulation.oracles.ledger import DeclaredFleet
from tests.simulation.seeds import HOUR, DrawnFleet, DrawnSnapshots

ACCOUNT = "210987654321"
DEVICE, LOG_DEVICE = "/dev/sdf", "/dev/sdg"
CLAIMS = {DEVICE: "data", LOG_DEVICE: "log"}
"""By device, the claim that an instance has there."""
GROUP = "sg-0a1b2c3d4e5f60010"
SUBNETS = {
    "subnet-0a1b2c3d4e5f60001": "use1-az1",
    "subnet-0a1b2c3d4e5f60002": "use1-az2",
    "subnet-0a1b2c3d4e5f60004": "use1-az4",
}
BOOT_SCRIPT = f"#!/bin/sh\n# {CANARY}\nexec /usr/local/bin/serve\n"

_FLEET = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {{name: {name}}}
spec:
  tier: {tier}
  replicas: {replicas}
  mode: auto
  placement:
    account: "{account}"
    region: us-east-1
    zones: [{zones}]
  instance:
    image: ami-0abc1234def567890
    types: [{types}]
    subnets: {{{subnets}}}
    securityGroups: [{group}]
    userData: {{file: boot.sh}}
    tags: {{team: {name}}}
  health:
    startupGrace: 6m
    unhealthyAfter: 90s
    recoverAfter: 60s
{probe}  repair:
    ladder: [{ladder}]
    cutoverAfter: {cutover}
    maxUnavailable: 1
    maxReplacementsPerSlot: {{1h: {hour}, 24h: {day}}}
  update: {{strategy: {strategy}}}
{volumes}"""

_VOLUME = """\
    - name: {name}
      device: {device}
      size: 20GiB
      type: gp3
      backup: {backup}
"""
_SNAPSHOTS = "snapshots: {{every: {every}, keep: {{{keep}}}}}"
_ARCHIVE = 'archive: {tool: wal-g, url: "s3://backups/{fleet}/{slot}/{incarnation}"}'
_COPIED = "copyTo: eu-west-1"
LOSS_OF_AN_ARCHIVE = 4 * HOUR
"""More than any run's faults last: where nothing else is there, nobody is there to be asked either."""
LOSS_BEYOND_TWO = timedelta(minutes=10)
"""`maxLoss` must be at least two intervals and this."""


def declared(fleets: Iterable[DrawnFleet], folder: Path) -> DesiredState:
    """Write the fleets down and load them as the controller does. Raises DesiredStateError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boot.sh").write_text(BOOT_SCRIPT)
    for fleet in fleets:
        (folder / f"{fleet.name}.yaml").write_text(_document(fleet))
    return load([folder])


def known(fleets: Iterable[DrawnFleet]) -> Mapping[str, DeclaredFleet]:
    """What the oracles need, by name."""
    return {
        fleet.name: DeclaredFleet(
            replicas=fleet.replicas,
            stateful=fleet.stateful,
            devices=devices_of(fleet),
            probed=fleet.probe,
            launches_per_hour=fleet.launches_per_hour,
            launches_per_day=fleet.launches_per_day,
            max_loss=_max_loss(fleet),
        )
        for fleet in fleets
    }


def _document(fleet: DrawnFleet) -> str:
    steps = ["reboot"] * fleet.reboots + ["restart"] * fleet.restarts + ["replace"]
    return _FLEET.format(
        name=fleet.name,
        tier=1 if fleet.stateful else 2,
        replicas=fleet.replicas,
        account=ACCOUNT,
        zones=", ".join(fleet.zones),
        types=", ".join(fleet.types),
        subnets=", ".join(
            f"{zone}: {subnet}" for subnet, zone in SUBNETS.items() if zone in fleet.zones
        ),
        group=GROUP,
        probe="    probe: {tcp: 5432}\n" if fleet.probe else "",
        ladder=", ".join(steps),
        cutover=format_duration(fleet.cutover_after),
        hour=fleet.launches_per_hour,
        day=fleet.launches_per_day,
        strategy="rolling" if fleet.rolling else "onReplace",
        volumes=_volumes(fleet),
    )


def devices_of(fleet: DrawnFleet) -> tuple[str, ...]:
    """Under which devices an instance of it has its claims."""
    if not fleet.stateful:
        return ()
    return (DEVICE, LOG_DEVICE) if fleet.twofold else (DEVICE,)


def _volumes(fleet: DrawnFleet) -> str:
    backup = _backup(fleet)
    claims = [
        _VOLUME.format(name=CLAIMS[device], device=device, backup=backup)
        for device in devices_of(fleet)
    ]
    return "".join(["  volumes:\n", *claims]) if claims else ""


def _backup(fleet: DrawnFleet) -> str:
    if not fleet.backed_up:
        return "none"
    snapshots = fleet.snapshots
    parts = [_schedule(snapshots)] if snapshots else []
    parts += [_ARCHIVE] if fleet.archived else []
    parts += [f"maxLoss: {format_duration(_max_loss(fleet))}"]
    parts += [_COPIED] if snapshots and snapshots.copied else []
    return f"{{{', '.join(parts)}}}"


def _max_loss(fleet: DrawnFleet) -> timedelta:
    if not fleet.backed_up:
        return timedelta()
    return 2 * fleet.snapshots.every + LOSS_BEYOND_TWO if fleet.snapshots else LOSS_OF_AN_ARCHIVE


def _schedule(snapshots: DrawnSnapshots) -> str:
    return _SNAPSHOTS.format(
        every=format_duration(snapshots.every),
        keep=", ".join(
            f"{grain}: {format_duration(kept)}" for grain, kept in snapshots.keep.items()
        ),
    )
