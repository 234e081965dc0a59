"""The dry run, which is also the first half of the run: gather, settle, judge, plan, check (design rule 2).

`reconciler plan` prints exactly this, and the controller carries out exactly this. Nothing here changes anything:
what was learnt is returned, for the run to store and for the dry run to drop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import Observation
from providers.port import Cloud, Prober
from reconciler.execution.handlers import CheckHandler
from reconciler.loop.gathering import Gathered, ProbeRhythm, gather
from reconciler.loop.snapshot_rhythm import SnapshotRhythm, with_snapshots
from reconciler.planning.case import Case
from reconciler.planning.check import check_plan
from reconciler.planning.judging import judge_all
from reconciler.planning.learning import Lessons, learn_cold, learn_known
from reconciler.planning.memory import Memory
from reconciler.planning.outcome import Plan
from reconciler.planning.plan import plan, plan_arranged
from reconciler.planning.settling import Settlement, memory_after, settle
from reconciler.planning.slots import World, arrange


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What a cell is seen with, and under whose name."""

    cloud: Cloud
    prober: Prober
    rhythm: ProbeRhythm
    checks: tuple[CheckHandler, ...]
    owner: str
    snapshots: SnapshotRhythm = field(default_factory=SnapshotRhythm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is so, what follows, and what was learnt on the way."""

    case: Case
    plan: Plan
    settlements: tuple[Settlement, ...]
    lessons: Lessons


def assess(senses: Senses, desired: DesiredState, memory: Memory, now: datetime) -> Assessment:
    """One look at a cell and the plan that follows from it. Mutates nothing.

    Raises CredentialsError, EndpointUnreachable and CloudError (a permission is missing) from the first look, and
    PlanViolationError when the plan breaks a safety rule.
    """
    gathered = gather(
        cloud=senses.cloud,
        prober=senses.prober,
        rhythm=senses.rhythm,
        checks=senses.checks,
        desired=desired,
        memory=memory,
        owner=senses.owner,
        now=now,
    )
    observation = with_snapshots(
        gathered.observation,
        cloud=senses.cloud,
        rhythm=senses.snapshots,
        desired=desired,
        memory=memory,
        owner=senses.owner,
        now=now,
    )
    gathered = replace(gathered, observation=observation)
    intents = (*memory.open_intents, *memory.recent_intents)
    settlements = settle(intents, observation, desired.policy, now)
    memory = _with_this_look(memory_after(memory, settlements, now), gathered, senses.owner)
    case, world, lessons = _judge(desired, gathered, memory, senses.owner, now)
    made = plan_arranged(case, world)
    check_plan(made, case)
    return Assessment(
        case=case,
        plan=made,
        settlements=settlements,
        lessons=replace(lessons, held_since=made.held_since),
    )


def replay(case: Case) -> Plan:
    """The plan of a recorded case, as it was or would have been made. Raises PlanViolationError."""
    made = plan(case)
    check_plan(made, case)
    return made


def _with_this_look(memory: Memory, gathered: Gathered, owner: str) -> Memory:
    """Memory as it counts for this plan: a first look that was taken twice is on record; a strange cell is cold."""
    cold = learn_cold(memory, gathered.observation, owner)
    return replace(memory, passes=memory.passes + max(0, gathered.complete_looks - 1), cold=cold)


def _judge(
    desired: DesiredState, gathered: Gathered, memory: Memory, owner: str, now: datetime
) -> tuple[Case, World, Lessons]:
    observation: Observation = gathered.observation
    world = arrange(desired=desired, observation=observation, memory=memory, owner=owner, now=now)
    verdicts, remembered = judge_all(
        world, desired, observation, memory, now, reported=gathered.reported
    )
    case = Case(
        now=now,
        owner=owner,
        desired=desired,
        observation=observation,
        verdicts=verdicts,
        memory=memory,
    )
    lessons = Lessons(
        as_of=now,
        complete_looks=gathered.complete_looks,
        known=learn_known(memory, observation, owner, desired.policy, now),
        health=remembered,
        held_since={},
        cold=memory.cold,
    )
    return case, world, lessons
