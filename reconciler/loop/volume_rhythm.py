"""How the volumes of a cell serve reads and writes, looked at each minute (design section 7.4).

EC2 checks a volume every five minutes, CloudWatch each minute; to look more often would find the same. Metrics are
asked of suspects alone. A cell in which no fleet declares volumes is never asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState
from providers.observed import (
    CheckStatus,
    Instance,
    Observation,
    ProbeOutcome,
    Volume,
    VolumeIoList,
    VolumeStatusList,
)
from providers.observed_volumes import StatusOfVolume
from providers.port import Cloud
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.memory import Memory

READ_EVERY = timedelta(minutes=1)


@dataclass(slots=True)
class VolumeRhythm:
    """The last looks at a cell's volumes, and which volumes each of them was about."""

    status: VolumeStatusList | None = None
    status_of: frozenset[str] = field(default_factory=frozenset)
    metrics: VolumeIoList | None = None
    metrics_of: frozenset[str] = field(default_factory=frozenset)

    def is_status_due(self, volume_ids: Collection[str], now: datetime) -> bool:
        """Whether it is time to look again; at once for a new volume."""
        if self.status is None or not self.status_of.issuperset(volume_ids):
            return True
        return now - self.status.as_of >= READ_EVERY

    def are_metrics_due(self, suspects: Collection[str], now: datetime) -> bool:
        """Whether it is time to look again; at once for a new suspect."""
        if self.metrics is None or not self.metrics_of.issuperset(suspects):
            return True
        return now - self.metrics.as_of >= READ_EVERY


def with_volume_health(
    observation: Observation,
    *,
    cloud: Cloud,
    rhythm: VolumeRhythm,
    desired: DesiredState,
    memory: Memory,
    now: datetime,
) -> Observation:
    """The observation with the status of its volumes as last seen, and metrics of suspects. Raises as the port does."""
    if not (observation.volumes and _declares_volumes(desired, observation)):
        return observation
    calls = Counter(observation.calls)
    shown = observation.volumes.keys()
    if rhythm.is_status_due(shown, now):
        rhythm.status = cloud.observe_volume_status(volume_ids=shown, now=now)
        rhythm.status_of = frozenset(shown)
        calls.update(rhythm.status.calls)
    status = rhythm.status
    observation = replace(
        observation,
        volume_status=status.statuses if status else {},
        volume_status_as_of=status.as_of if status else None,
        gaps=(*observation.gaps, *status.gaps) if status and status.gaps else observation.gaps,
        calls=dict(calls),
    )
    return _with_metrics(observation, cloud, rhythm, memory, now)


def _with_metrics(
    observation: Observation, cloud: Cloud, rhythm: VolumeRhythm, memory: Memory, now: datetime
) -> Observation:
    suspects = frozenset(suspected(observation, memory))
    if not suspects:
        rhythm.metrics, rhythm.metrics_of = None, frozenset()
        return observation
    calls = Counter(observation.calls)
    if rhythm.are_metrics_due(suspects, now):
        rhythm.metrics, rhythm.metrics_of = (
            cloud.observe_volume_io(volume_ids=suspects, now=now),
            suspects,
        )
        calls.update(rhythm.metrics.calls)
    seen = rhythm.metrics
    if seen is None:
        return observation
    return replace(
        observation,
        volume_io={key: item for key, item in seen.readings.items() if key in suspects},
        gaps=(*observation.gaps, seen.gap) if seen.gap else observation.gaps,
        calls=dict(calls),
    )


def suspected(observation: Observation, memory: Memory) -> Iterable[str]:
    """Ids of the data volumes on instances about which, or about whose instance, something is not as it should be.

    A volume on no instance has no metrics.
    """
    for volume in observation.volumes.values():
        holders = _holders(volume, observation)
        if holders and (
            _is_remembered(volume.id, memory)
            or _status_speaks_against(volume.id, observation)
            or any(_is_in_trouble(holder, observation) for holder in holders)
        ):
            yield volume.id


def _holders(volume: Volume, observation: Observation) -> list[Instance]:
    """The instances that have it as data."""
    found = (
        (observation.instances.get(item.instance_id), item.device) for item in volume.attachments
    )
    return [holder for holder, device in found if holder and device != holder.root_device]


def _is_remembered(volume_id: str, memory: Memory) -> bool:
    known = memory.volumes.get(volume_id)
    return known is not None and (known.condition is not VolumeCondition.WELL or bool(known.since))


def _status_speaks_against(volume_id: str, observation: Observation) -> bool:
    status = observation.volume_status.get(volume_id)
    return status is not None and status.status is not StatusOfVolume.OK


def _is_in_trouble(instance: Instance, observation: Observation) -> bool:
    checks, probe = observation.checks.get(instance.id), observation.probes.get(instance.id)
    return (checks is not None and checks.attached_ebs.status is CheckStatus.IMPAIRED) or (
        probe is not None and probe.outcome is ProbeOutcome.FAILED
    )


def _declares_volumes(desired: DesiredState, observation: Observation) -> bool:
    return any(fleet.claims for fleet in fleets_here(desired, observation.cell))
