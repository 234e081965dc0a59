"""Both brakes of a look: what each zone's control plane can do, and how zones, the region and fleets are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import Observation
from reconciler.health.capabilities import Capabilities
from reconciler.health.judging_capabilities import Fold, capabilities_at, fold_outcomes
from reconciler.health.judging_conditions import JudgedConditions, judge_conditions
from reconciler.health.reads import JudgedReads, judge_reads
from reconciler.planning.judging.census import TakenCensus, retake_census
from reconciler.planning.judging.instances import Judgement
from reconciler.planning.judging.volumes import VolumeJudgement
from reconciler.planning.memory import Memory
from reconciler.planning.settling.call_outcomes import (
    Outcomes,
    recall_outcomes,
    usual_launches_per_minute,
)
from reconciler.planning.slots.arranging import World


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBrakes:
    """Both brakes, and what they were judged by, for the next pass."""

    outcomes: Outcomes
    calls: Fold | None
    reads: JudgedReads
    capabilities: Capabilities
    census: TakenCensus
    conditions: JudgedConditions


def judge_brakes(
    world: World,
    judgement: Judgement,
    volumes: VolumeJudgement,
    *,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
    now: datetime,
    last: JudgedBrakes | None,
) -> JudgedBrakes:
    """Capabilities by our own calls and reads, then conditions by the census of slots and volumes."""
    rules = desired.policy
    outcomes = Outcomes(all=())  # They are evidence of capabilities, and of nothing else.
    if rules.capabilities is not None:
        known = last.outcomes if last else None
        outcomes = recall_outcomes(memory, desired, observation, now, known)
    calls = fold_outcomes(
        outcomes.all,
        observation.zones,
        rules.capabilities,
        usual_launches_per_minute(desired, observation.cell),
        last.calls if last else None,
    )
    reads = judge_reads(observation.gaps, observation.zones, memory.reads, rules.capabilities, now)
    capabilities = capabilities_at(calls, reads.breakers, now)
    census = retake_census(
        world,
        judgement.verdicts,
        volumes.verdicts,
        memory,
        observation,
        last=last.census if last else None,
    )
    return JudgedBrakes(
        outcomes=outcomes,
        calls=calls,
        reads=reads,
        capabilities=capabilities,
        census=census,
        conditions=judge_conditions(
            census.census, memory.conditions, rules.conditions, capabilities, now
        ),
    )
