"""Passes that can change nothing are passed over, and count as if they had been made.

A pass finds what the last one found, and does as little, when
- the last one did nothing, learnt nothing and saw the whole cell, and nothing that it planned or judged is due before;
- since its beginning nobody wrote to the store or declared anything else, and no fault went on or off;
- nothing in the world has changed since then but what is read in rhythms of its own and was read since; what follows
  changes by time alone, boots and the metrics of volumes that are measured, has had its time;
- no fault that is on hits reads by chance or lets them lag, and the control plane refuses none for lack of room.

What it reads is counted, takes its time, and moves its rhythms on; archives and metrics, which go on, are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState
from providers.observed import Observation, ProbeOutcome
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.faults import (
    Brownout,
    ErrorAfterEffect,
    Fault,
    ListShort,
    NotFoundForExisting,
    PageLost,
    ReadsGoBack,
    RequestLost,
    ResponseLost,
    StaleReads,
    Throttled,
    TransitionsMissed,
    ZoneDisrupted,
)
from providers.simulated.gate import READING
from providers.simulated.outages import OperationsOff
from providers.simulated.records import Snapshot
from providers.simulated.timelines import Collection
from reconciler.execution.retrying import RetryBudget
from reconciler.loop.archive_rhythm import Wanted
from reconciler.loop.assess import Assessment
from reconciler.loop.cells import Cell
from reconciler.loop.reconcile import PassResult
from reconciler.loop.sentinels import LOOKED_AT_EVERY
from reconciler.loop.snapshot_rhythm import SnapshotRhythm
from reconciler.loop.volume_rhythm import with_volume_health
from reconciler.planning.actions import Bucket, is_backup
from reconciler.planning.identity import slot_key
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling.launch_outcomes import UNANSWERED_FOR
from reconciler.planning.settling.settle import Waiting

MEASURED_WITHIN = timedelta(minutes=6)
"""The longest that metrics of a volume go on changing by time alone after it has changed."""
READ_FAULTS = (
    Brownout,
    ErrorAfterEffect,
    ListShort,
    NotFoundForExisting,
    PageLost,
    ReadsGoBack,
    RequestLost,
    ResponseLost,
    StaleReads,
    Throttled,
    TransitionsMissed,
    ZoneDisrupted,
    OperationsOff,
)
"""What may come between a read and the truth; all others touch calls that change something, or the world itself."""
OF_S3 = ("ListObjectsV2", "GetObject")
RESTS = (Bucket.HEALTHY, Bucket.WAITING, Bucket.WITHHELD, Bucket.RELEASED)
Revisions = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What a pass that came to rest rested on. `until` is when something is due; None when nothing is."""

    assessment: Assessment
    desired: DesiredState
    memory: Memory
    faults: int
    revisions: Revisions
    until: datetime | None
    calls: Mapping[str, int]
    """What every pass reads; that of the rhythms is not among it."""
    archives: Wanted
    probed: Mapping[str, timedelta]
    """How often each service is probed, by instance id."""


class Resting:
    """Told when each pass begins and how it ended; asked whether the next one can be passed over."""

    def __init__(self, cloud: SimulatedCloud, cell: Cell, budget: RetryBudget) -> None:
        self._cloud = cloud
        self._cell = cell
        self._budget = budget
        self._begun: tuple[int, Revisions] = (0, ())
        self._seen: Revisions = ()
        self._looked_at = self._moved_at = cloud.clock.now()
        self._volume_moved_at: dict[str, datetime] = {}
        self._mark: _Mark | None = None

    def begins(self) -> None:
        """A pass is about to be made."""
        self._mark = None
        self._begun = (self._cloud.plan.revision, self._revisions())
        self._look_for_movement()

    def ended(self, result: PassResult, desired: DesiredState) -> None:
        """It was made, against that."""
        self._look_for_movement()
        seen = result.assessment
        if result.outcomes or not _rests(seen) or not _learnt_nothing(seen):
            return
        faults, revisions = self._begun
        self._mark = _Mark(
            assessment=seen,
            desired=desired,
            memory=self._cell.store.memory(self._cloud.clock.now()),
            faults=faults,
            revisions=revisions,
            until=_due_at(seen),
            calls=self._every_time(seen.case.observation),
            archives=self._cell.senses.archive_rhythm.wanted(
                seen.case.observation, desired, seen.case.memory
            ),
            probed=_probed(seen.case.observation, desired),
        )

    def pass_over(self, desired: DesiredState) -> Assessment | None:
        """The assessment that the pass would come to, once its reads are counted; None when it has to be made."""
        self._look_for_movement()
        mark, now = self._mark, self._cloud.clock.now()
        if mark is None or not self._holds(mark, desired, now):
            self._mark = None
            return None
        calls = Counter(mark.calls)
        self._move_probes(mark, now)
        calls.update(self._move_lists(now))
        self._count(calls)
        calls.update(self._read_what_goes_on(mark, now))
        observation = replace(mark.assessment.case.observation, calls=dict(calls))
        case = replace(mark.assessment.case, now=now, observation=observation)
        return replace(mark.assessment, case=case)

    # Whether it holds.

    def _holds(self, mark: _Mark, desired: DesiredState, now: datetime) -> bool:
        return (
            (mark.until is None or now < mark.until)
            and mark.desired is desired
            and mark.faults == self._cloud.plan.revision
            and mark.revisions == self._revisions()
            and self._has_settled(now)
            and self._snapshots_are_old_news(mark, now)
            and not any(_hits_reads(fault) for fault in self._faults())
            and self._cloud.control_plane.has_room
            and mark.memory is self._cell.store.memory(now)
        )

    def _faults(self) -> tuple[Fault, ...]:
        return tuple(fault for kind in READ_FAULTS for fault in self._cloud.plan.on(kind))

    def _revisions(self) -> Revisions:
        """Of all that every pass reads."""
        world = self._cloud.world
        return (
            world.instances.revision,
            world.volumes.revision,
            world.checks.revision,
            world.volume_statuses.revision,
        )

    def _look_for_movement(self) -> None:
        revisions, now = self._revisions(), self._cloud.clock.now()
        if revisions != self._seen:
            self._seen, self._moved_at = revisions, now
            for id_ in self._cloud.world.volumes.changed_since(self._looked_at):
                self._volume_moved_at[id_] = now
        self._looked_at = now

    def _has_settled(self, now: datetime) -> bool:
        """Whether what has moved goes on changing by time alone no more."""
        boots = timedelta(seconds=max(self._cloud.world.durations.boot_s))
        if now - self._moved_at <= boots:
            return False
        measured = self._cell.senses.volumes.metrics_of
        moved = (self._volume_moved_at.get(id_) for id_ in measured)
        return all(at is None or now - at >= MEASURED_WITHIN for at in moved)

    def _snapshots_are_old_news(self, mark: _Mark, now: datetime) -> bool:
        """Their lists, here and elsewhere, are not due, or would be what they were and nobody waits for them.

        A call without an answer does: that a new list does not show its snapshot is news too.
        """
        senses, world = self._cell.senses, self._cloud.world
        awaited = any(item.state is IntentState.BEGUN for item in mark.memory.open_intents)
        lists = [(senses.snapshots, world.snapshots)]
        lists += [
            (rhythm, world.region(region)) for region, rhythm in senses.copies.by_region.items()
        ]
        due = [item for item in lists if item[0].last is not None and item[0].is_due(now)]
        return not (due and awaited) and not any(_is_news(*item) for item in due)

    # What is read all the same.

    def _every_time(self, observation: Observation) -> Mapping[str, int]:
        """The calls of an observation without those of the rhythms."""
        senses, calls = self._cell.senses, Counter(observation.calls)
        rhythms = [senses.snapshots.last, senses.volumes.status, senses.volumes.metrics]
        rhythms += [rhythm.last for rhythm in senses.copies.by_region.values()]
        for seen in rhythms:
            if seen is not None and seen.as_of == observation.as_of:
                calls.subtract(seen.calls)
        return {name: count for name, count in calls.items() if count > 0 and name not in OF_S3}

    def _move_probes(self, mark: _Mark, now: datetime) -> None:
        rhythm = self._cell.senses.rhythm
        for id_, at in rhythm.looked_at.items():
            if now - at >= mark.probed.get(id_, LOOKED_AT_EVERY):
                rhythm.looked_at[id_] = now
                last = rhythm.last[id_]
                if last.outcome is not ProbeOutcome.PASSED:
                    rhythm.last[id_] = replace(last, at=now)

    def _move_lists(self, now: datetime) -> Counter[str]:
        """The lists that are due, which would be the same again; the calls that they take."""
        senses, calls = self._cell.senses, Counter[str]()
        calls.update(_moved(senses.snapshots, now))
        copies = senses.copies
        for region, rhythm in copies.by_region.items():
            if moved := _moved(rhythm, now):
                calls.update(moved)
                if rhythm.whole is not None:
                    copies.whole = {**copies.whole, region: replace(rhythm.whole, calls={})}
        volumes = senses.volumes
        if volumes.status is not None and volumes.is_status_due(volumes.status_of, now):
            calls.update(volumes.status.calls)
            volumes.status = replace(volumes.status, as_of=now)
        return calls

    def _read_what_goes_on(self, mark: _Mark, now: datetime) -> Counter[str]:
        """Archives that are written meanwhile, and the metrics of suspects."""
        senses, calls = self._cell.senses, Counter[str]()
        case = mark.assessment.case
        if due := senses.archive_rhythm.due(mark.archives, now):
            seen = senses.archives.observe_archives(due, now=now)
            senses.archive_rhythm.keep(due, seen)
            calls.update(seen.calls)
        volumes = senses.volumes
        if volumes.metrics is not None and volumes.are_metrics_due(volumes.metrics_of, now):
            with_volume_health(
                case.observation,
                cloud=senses.cloud,
                rhythm=volumes,
                desired=mark.desired,
                memory=case.memory,
                now=now,
            )
            calls.update(volumes.metrics.calls)
        return calls

    def _count(self, calls: Mapping[str, int]) -> None:
        for operation, count in calls.items():
            for _ in range(count):
                self._budget.count_call(self._cloud.clock.monotonic_s())
                self._cloud.gate.pass_over(operation)


def _is_news(rhythm: SnapshotRhythm, collection: Collection[Snapshot]) -> bool:
    """Whether its list, which is due, may show something else than when it was last read."""
    if rhythm.last is None or rhythm.last.gap or rhythm.whole is None:
        return True
    return bool(collection.changed_since(rhythm.whole.as_of))


def _rests(seen: Assessment) -> bool:
    """Nothing to do, nothing unseen, and nothing under way but snapshots, of which their list alone tells more."""
    plan, case = seen.plan, seen.case
    return (
        not plan.actions
        and all(isinstance(item, Waiting) for item in seen.settlements)
        and all(is_backup(intent.action.request) for intent in case.memory.open_intents)
        and case.observation.complete
        and not case.observation.gaps
        and all(slot.bucket in RESTS for slot in plan.slots)
    )


def _learnt_nothing(seen: Assessment) -> bool:
    lessons, memory = seen.lessons, seen.case.memory
    return (
        lessons.known == memory.known
        and lessons.health == memory.health
        and lessons.volumes == memory.volumes
        and lessons.held_since == memory.held_since
        and lessons.conditions == memory.conditions
        and lessons.reads == memory.reads
        and lessons.cold == memory.cold
    )


def _due_at(seen: Assessment) -> datetime | None:
    """The first instant at which something that was planned or judged changes by itself."""
    capabilities = seen.case.capabilities.of_zones.values()
    found = (
        seen.plan.next_check_at,
        *(item.until for item in seen.settlements if isinstance(item, Waiting)),
        *(item.earliest_release for item in seen.plan.withheld),
        *(item.changes_at for item in seen.case.conditions.verdicts.values()),
        *(item.next_probe_at for item in capabilities),
        *(item.round_ends_at for item in capabilities),
        *(
            item.begun_at + UNANSWERED_FOR
            for item in seen.case.memory.open_intents
            if item.state is IntentState.BEGUN
        ),
    )
    # What was due by then, this pass has taken into account.
    return min((at for at in found if at is not None and at > seen.case.now), default=None)


def _probed(observation: Observation, desired: DesiredState) -> Mapping[str, timedelta]:
    """By instance, of which all that run alike are probed alike."""
    by_fleet = {
        fleet.name: fleet.health.probe.interval
        for fleet in desired.fleets
        if fleet.health.probe is not None
    }
    found = {}
    for id_ in observation.probes:
        instance = observation.instances.get(id_)
        slot = slot_key(instance.tags) if instance else None
        if slot is not None and slot[0] in by_fleet:
            found[id_] = by_fleet[slot[0]]
    return found


def _moved(rhythm: SnapshotRhythm, now: datetime) -> Mapping[str, int]:
    """As if its list had been read again; its calls, none when it was not due."""
    if rhythm.last is None or rhythm.whole is None or not rhythm.is_due(now):
        return {}
    rhythm.last = replace(rhythm.last, as_of=now)
    rhythm.whole = replace(rhythm.whole, as_of=now)
    return rhythm.last.calls


def _hits_reads(fault: Fault) -> bool:
    operations = fault.when.operations
    return operations is None or any(name.startswith(READING) for name in operations)
