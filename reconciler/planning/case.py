"""A case: everything that planning may know. Serialisable, so that a recorded one is planned again offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import Observation, Volume
from reconciler.health.capabilities import Capabilities
from reconciler.health.conditions import Conditions
from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeCondition, VolumeVerdict
from reconciler.planning.memory import Memory

CASE_FORMAT = 1
"""Raised when a recorded case of an older format can no longer be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Desired state, observation, verdicts by instance id, memory, policy (within desired), owner and the instant."""

    now: datetime
    owner: str
    """The installation's unique name, as in the owner tag."""
    desired: DesiredState
    observation: Observation
    verdicts: Mapping[str, Verdict]
    memory: Memory
    volume_verdicts: Mapping[str, VolumeVerdict] = field(default_factory=dict)
    """By volume id, of every volume that fills a claim."""
    conditions: Conditions = field(default_factory=Conditions)
    capabilities: Capabilities = field(default_factory=Capabilities)
    format: int = CASE_FORMAT


def is_well(case: Case, volume: Volume) -> bool:
    """Whether the volume is known to serve reads and writes; one that was not judged is not."""
    verdict = case.volume_verdicts.get(volume.id)
    return verdict is not None and verdict.condition is VolumeCondition.WELL
