"""The dry run, which is also the first half of the run: gather, settle, judge, plan, check (design rule 2).

`reconciler plan` prints exactly this, and the controller carries out exactly this. Nothing here changes anything:
what was learnt is returned, for the run to store and for the dry run to drop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from desired_state.model import DesiredState
from providers.port import Archives, Cloud, Prober, ProbeTarget
from providers.spare_calls import SpareCalls, Unbounded
from reconciler.execution.handlers import CheckHandler
from reconciler.loop.archive_rhythm import ArchiveRhythm, NotReached, with_archives
from reconciler.loop.copies_rhythm import CopiesRhythm, with_copies
from reconciler.loop.gathering import Gathered, ProbeRhythm, gather
from reconciler.loop.judging_brakes import JudgedBrakes, judge_brakes
from reconciler.loop.snapshot_rhythm import SnapshotRhythm, with_snapshots
from reconciler.loop.volume_rhythm import VolumeRhythm, with_volume_health
from reconciler.planning.case import Case
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.deciding import Decided, decide_all
from reconciler.planning.judging.instances import Judgement, judge_all
from reconciler.planning.judging.volumes import VolumeJudgement, judge_volumes
from reconciler.planning.learning import Lessons, learn_cold, learn_known
from reconciler.planning.memory import Memory
from reconciler.planning.outcome import Plan
from reconciler.planning.plan import plan, plan_of
from reconciler.planning.settling.settle import Settlement, memory_after, settle
from reconciler.planning.slots.arranging import World, arrange


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What a cell is seen with, and under whose name."""

    cloud: Cloud
    prober: Prober
    rhythm: ProbeRhythm
    checks: tuple[CheckHandler, ...]
    owner: str
    snapshots: SnapshotRhythm = field(default_factory=SnapshotRhythm)
    volumes: VolumeRhythm = field(default_factory=VolumeRhythm)
    copies: CopiesRhythm = field(default_factory=CopiesRhythm)
    archives: Archives = field(default_factory=NotReached)
    archive_rhythm: ArchiveRhythm = field(default_factory=ArchiveRhythm)
    sentinels: tuple[ProbeTarget, ...] = ()
    """Looked at beside the services, to tell a prober that can't see from services that are down."""
    spare: SpareCalls = field(default_factory=Unbounded)
    """What may be asked of the cloud beyond the constant work of a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is so, what follows, and what was learnt on the way."""

    case: Case
    plan: Plan
    settlements: tuple[Settlement, ...]
    lessons: Lessons
    world: World
    judgement: Judgement
    volume_judgement: VolumeJudgement
    brakes: JudgedBrakes
    decided: Decided


def assess(
    senses: Senses,
    desired: DesiredState,
    memory: Memory,
    now: datetime,
    last: Assessment | None = None,
) -> Assessment:
    """One look at a cell and the plan that follows from it. Mutates nothing.

    With the `last` assessment of the same cell, slots in which nothing changed are neither judged nor decided again;
    the result is the same without it.

    Raises CredentialsError, EndpointUnreachable and CloudError (a permission is missing) from the first look, and
    PlanViolationError when the plan breaks a safety rule.
    """
    gathered = _look(senses, desired, memory, now)
    observation, intents = gathered.observation, (*memory.open_intents, *memory.recent_intents)
    settlements = settle(intents, observation, desired.policy, now)
    memory = _with_this_look(memory_after(memory, settlements, now), gathered, senses.owner)
    world = arrange(
        desired=desired,
        observation=observation,
        memory=memory,
        owner=senses.owner,
        now=now,
        last=last.world if last else None,
    )
    judgement, volumes, brakes = _judge(world, desired, gathered, memory, now, last=last)
    case = Case(
        now=now,
        owner=senses.owner,
        desired=desired,
        observation=observation,
        verdicts=judgement.verdicts,
        memory=memory,
        volume_verdicts=volumes.verdicts,
        conditions=brakes.conditions.conditions,
        capabilities=brakes.capabilities,
    )
    decided = decide_all(case, world, last.decided if last else None)
    made = plan_of(case, world, decided)
    check_plan(made, case)
    return Assessment(
        case=case,
        plan=made,
        settlements=settlements,
        lessons=_lessons(case, gathered, judgement, volumes, made, brakes=brakes),
        world=world,
        judgement=judgement,
        volume_judgement=volumes,
        brakes=brakes,
        decided=decided,
    )


def _judge(
    world: World,
    desired: DesiredState,
    gathered: Gathered,
    memory: Memory,
    now: datetime,
    *,
    last: Assessment | None,
) -> tuple[Judgement, VolumeJudgement, JudgedBrakes]:
    """Instances, volumes, and what brakes the work on them."""
    observation = gathered.observation
    before = last.judgement if last else None
    judgement = judge_all(
        world, desired, observation, memory, now, reported=gathered.reported, last=before
    )
    volumes = judge_volumes(
        world, observation, memory, now, last=last.volume_judgement if last else None
    )
    brakes = judge_brakes(
        world,
        judgement,
        volumes,
        desired=desired,
        observation=observation,
        memory=memory,
        now=now,
        last=last.brakes if last else None,
    )
    return judgement, volumes, brakes


def replay(case: Case) -> Plan:
    """The plan of a recorded case, as it was or would have been made. Raises PlanViolationError."""
    made = plan(case)
    check_plan(made, case)
    return made


def _look(senses: Senses, desired: DesiredState, memory: Memory, now: datetime) -> Gathered:
    """One observation of the cell, with its backups and the health of its volumes in their own, slower rhythms."""
    gathered = gather(
        cloud=senses.cloud,
        prober=senses.prober,
        rhythm=senses.rhythm,
        checks=senses.checks,
        desired=desired,
        memory=memory,
        owner=senses.owner,
        now=now,
        sentinels=senses.sentinels,
        spare=senses.spare,
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
    observation = with_copies(
        observation,
        cloud=senses.cloud,
        rhythm=senses.copies,
        desired=desired,
        memory=memory,
        owner=senses.owner,
        now=now,
    )
    observation = with_volume_health(
        observation,
        cloud=senses.cloud,
        rhythm=senses.volumes,
        desired=desired,
        memory=memory,
        now=now,
    )
    observation = with_archives(
        observation,
        archives=senses.archives,
        rhythm=senses.archive_rhythm,
        desired=desired,
        memory=memory,
        now=now,
    )
    return replace(gathered, observation=observation)


def _with_this_look(memory: Memory, gathered: Gathered, owner: str) -> Memory:
    """Memory as it counts for this plan: a first look that was taken twice is on record; a strange cell is cold."""
    cold = learn_cold(memory, gathered.observation, owner)
    return replace(memory, passes=memory.passes + max(0, gathered.complete_looks - 1), cold=cold)


def _lessons(
    case: Case,
    gathered: Gathered,
    judgement: Judgement,
    volumes: VolumeJudgement,
    made: Plan,
    *,
    brakes: JudgedBrakes,
) -> Lessons:
    return Lessons(
        as_of=case.now,
        complete_looks=gathered.complete_looks,
        known=learn_known(case.memory, case.observation, case.owner, case.desired.policy, case.now),
        health=judgement.remembered,
        volumes=volumes.remembered,
        held_since=made.held_since,
        cold=case.memory.cold,
        conditions=brakes.conditions.remembered,
        reads=brakes.reads.remembered,
    )
