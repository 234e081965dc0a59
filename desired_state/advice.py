"""What is legal and unwise: told as warnings, with a place, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from desired_state.documents.document import Problem
from desired_state.model import Claim, Fleet, SnapshotSchedule, UserData
from desired_state.reading.quantities import format_duration, format_percent

SNAPSHOT_REQUESTS_PER_SECOND = 5.0
"""EC2 refills its bucket of CreateSnapshot requests so fast, per account and region (EC2 developer guide)."""
SNAPSHOTS_PER_REGION = 100_000
"""The default quota "Snapshots per Region" of an account."""
WARN_ABOVE = 0.8
"""Of a quota or a rate: what is left is needed for restores, and for whatever else the account does."""

_GRAINS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLoad:
    """What schedules ask of EC2: requests a second, and snapshots that exist at one time."""

    per_second: float
    kept: float


def fleet_advice(fleet: Fleet) -> Iterator[Problem]:
    """What is unwise about one fleet; `at` counts from the root of its document."""
    if len(fleet.placement.zones) == 1:
        yield Problem(
            message="names one zone: when that is in trouble, so is the whole fleet",
            at=("spec", "placement", "zones"),
        )
    yield from _probe_advice(fleet)
    if fleet.replicas > 0 and fleet.repair.max_unavailable.of(fleet.replicas) == 0:
        share = fleet.repair.max_unavailable
        written = "0" if share.percent is None else format_percent(share.percent)
        yield Problem(
            message=f"comes to 0 of {fleet.replicas} slots ({written}, rounded down): "
            "no serving slot is ever taken out for repair or update",
            at=("spec", "repair", "maxUnavailable"),
        )
    if fleet.instance.user_data is not None:
        yield from _user_data_advice(fleet.instance.user_data)
    for index, claim in enumerate(fleet.claims):
        yield from _backup_advice(claim, at=("spec", "volumes", index, "backup"))


def _probe_advice(fleet: Fleet) -> Iterator[Problem]:
    health, probe = fleet.health, fleet.health.probe
    if probe is None:
        yield Problem(
            message="has no `probe`: an instance that runs and does not serve counts as healthy",
            at=("spec", "health"),
        )
    elif probe.interval * probe.threshold > health.unhealthy_after:
        needed = format_duration(probe.interval * probe.threshold)
        yield Problem(
            message=f"needs {needed} for {probe.threshold} failures in a row, longer than "
            f"`unhealthyAfter`, {format_duration(health.unhealthy_after)}",
            at=("spec", "health", "probe"),
        )


def _user_data_advice(user_data: UserData) -> Iterator[Problem]:
    at = ("spec", "instance", "userData")
    if not user_data.text.startswith(("#!", "#cloud-config", "#include", "Content-Type:", "MIME-")):
        yield Problem(
            message="begins with neither `#!` nor `#cloud-config`: cloud-init ignores it", at=at
        )
    elif "\r\n" in user_data.text:
        yield Problem(message="has Windows line ends: the interpreter is not found", at=at)


def _backup_advice(claim: Claim, at: tuple[str | int, ...]) -> Iterator[Problem]:
    if claim.backup is None:
        yield Problem(message="is `none`: what is lost with the volume stays lost", at=at)
    elif claim.backup.copy_to is None:
        yield Problem(
            message="has no `copyTo`: no copy leaves the region, whose control plane fails as one",
            at=at,
        )


def snapshot_load(fleets: Sequence[Fleet]) -> SnapshotLoad:
    """The sum over all slots and claims of the fleets."""
    per_second = kept = 0.0
    for fleet in fleets:
        for claim in fleet.claims:
            if claim.backup is not None and claim.backup.snapshots is not None:
                schedule = claim.backup.snapshots
                per_second += fleet.replicas / schedule.every.total_seconds()
                kept += fleet.replicas * snapshots_kept(schedule)
    return SnapshotLoad(per_second=per_second, kept=kept)


def snapshots_kept(schedule: SnapshotSchedule) -> float:
    """How many snapshots of one volume exist at a time: each grain thins out what the finer one leaves."""
    kept, covered = 0.0, timedelta(0)
    for grain, period in _periods(schedule).items():
        duration = schedule.keep.get(grain)
        if duration is not None and duration > covered:
            kept += (duration - covered) / max(period, schedule.every)
            covered = duration
    return kept


def _periods(schedule: SnapshotSchedule) -> Mapping[str, timedelta]:
    return {"all": schedule.every, **_GRAINS}


def cell_advice(region: str, fleets: Sequence[Fleet]) -> Iterator[tuple[Fleet, Problem]]:
    """What is unwise about all fleets of one account and region together, told at the one with the greatest part."""
    load = snapshot_load(fleets)
    if load.per_second > WARN_ABOVE * SNAPSHOT_REQUESTS_PER_SECOND:
        message = (
            f"brings all schedules in {region} to {load.per_second:.1f} snapshots a second; EC2 takes "
            f"{SNAPSHOT_REQUESTS_PER_SECOND:.0f}, and restores need some of them"
        )
        greatest = max(fleets, key=lambda fleet: snapshot_load([fleet]).per_second)
        yield greatest, Problem(message=message, at=_schedule_path(greatest, "every"))
    if load.kept > WARN_ABOVE * SNAPSHOTS_PER_REGION:
        message = (
            f"brings all schedules in {region} to {load.kept:,.0f} snapshots kept; "
            f"the default quota is {SNAPSHOTS_PER_REGION:,}"
        )
        greatest = max(fleets, key=lambda fleet: snapshot_load([fleet]).kept)
        yield greatest, Problem(message=message, at=_schedule_path(greatest, "keep"))


def _schedule_path(fleet: Fleet, field: str) -> tuple[str | int, ...]:
    """The path of the most frequent schedule of the fleet."""
    scheduled = {
        index: claim.backup.snapshots.every
        for index, claim in enumerate(fleet.claims)
        if claim.backup is not None and claim.backup.snapshots is not None
    }
    index = min(scheduled, key=lambda candidate: scheduled[candidate])
    return ("spec", "volumes", index, "backup", "snapshots", field)
