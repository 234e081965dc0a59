"""Taking the census of a cell: from slots and verdicts to facts that conditions are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.observed import Observation
from reconciler.health.census import Census, census_of
from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeVerdict
from reconciler.planning.memory import Memory
from reconciler.planning.slots import World


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenCensus:
    """A census, and what it was taken from."""

    census: Census


def take_census(
    world: World,
    verdicts: Mapping[str, Verdict],
    volume_verdicts: Mapping[str, VolumeVerdict],
    memory: Memory,
    observation: Observation,
) -> Census:
    """The facts of every slot and of every volume that fills a claim."""
    return census_of(observation.cell.region, ())


def retake_census(
    world: World,
    verdicts: Mapping[str, Verdict],
    volume_verdicts: Mapping[str, VolumeVerdict],
    memory: Memory,
    observation: Observation,
    *,
    last: TakenCensus | None = None,
) -> TakenCensus:
    """The census again; the `last` one where nothing changed that it was taken from."""
    return TakenCensus(census=take_census(world, verdicts, volume_verdicts, memory, observation))
