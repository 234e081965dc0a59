"""What counts against the limits: what is under way and lately done, plus what this plan lets through."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desired_state.model import Fleet
from providers.observed import SnapshotState
from providers.requests import (
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    LaunchInstance,
    Request,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.capabilities import BreakerState, Capabilities, CapabilityKind
from reconciler.health.verdict import Status, Verdict
from reconciler.planning.actions import Course, SlotRef, target_of
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.gates.baking import Bakes
from reconciler.planning.gates.deeds import Burst, bursts_by_hand
from reconciler.planning.gates.pace import Buckets
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.placing.held_specs import HeldSpecs
from reconciler.planning.placing.openings import Openings
from reconciler.planning.settling.launch_outcomes import died_with_its_zone
from reconciler.planning.slots.arranging import SlotView, World

HOUR = timedelta(hours=1)
REPAIRING = frozenset(
    {Course.REPAIR, Course.REPLACE, Course.KEEP_THE_DATA, Course.RESTORE, Course.UPDATE}
)
GUARDED = frozenset({Course.REPAIR, Course.RECLAIM})
"""Courses that take instances down on our own judgement; a commit or a person's word entails the others."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts by fleet, and what the journal says by slot, operation and instance."""

    case: Case
    fleets: Mapping[str, Fleet]
    repairing: defaultdict[str, set[SlotRef]]
    updating: defaultdict[str, set[SlotRef]]
    troubled: Counter[str]
    """Wanted slots that are not healthy."""
    not_serving: Counter[str]
    """Wanted slots that do not serve, and serving ones that this plan takes out."""
    live: int
    taken_down: dict[str, datetime]
    """Instances that we took down within the hour, with when that last began."""
    launches: Mapping[SlotRef, tuple[datetime, ...]]
    """When each slot's instances were launched anew at the latest, oldest first."""
    rejected: Mapping[str, Intent]
    """The last rejection of each operation family."""
    short: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """Zones and types that have no capacity now."""
    snapshotting: int = 0
    expiring: int = 0
    """Snapshots asked for, and what is deleted, in this plan and in calls whose answer is not known."""
    copying: Counter[str] = field(default_factory=Counter)
    """Copies under way by region, with those of this plan."""
    buckets: Buckets
    openings: Openings
    specs: HeldSpecs
    """What the pace leaves room for."""
    bursts: Mapping[str, Burst]
    """By fleet, what others took down by hand a moment ago."""
    bakes: Bakes
    """How far updates have come."""
    world: World
    _views: dict[SlotRef, SlotView] = field(default_factory=dict)

    def fleet_of(self, draft: Draft) -> Fleet | None:
        """The declared fleet of a draft's slot."""
        return self.fleets.get(draft.action.slot.fleet) if draft.action.slot else None

    def view_of(self, draft: Draft) -> SlotView | None:
        """The slot of a draft, whether or not its fleet is declared still."""
        if not self._views:
            self._views.update((view.ref, view) for view in self.world.slots)
            self._views.update((view.ref, view) for view in self.world.released)
        return self._views.get(draft.action.slot) if draft.action.slot else None

    def admit(self, draft: Draft) -> None:
        """Count what was let through."""
        self.buckets.take(draft)
        self.openings.take(draft)
        slot, course = draft.action.slot, draft.action.course
        if slot is None:
            return
        if course is Course.UPDATE:
            self.updating[slot.fleet].add(slot)
        elif course in REPAIRING:
            self.repairing[slot.fleet].add(slot)
        self._count_backup(draft.action.request)
        if draft.takes_out:
            self.not_serving[slot.fleet] += 1
        target = target_of(draft.action.request)
        if draft.guarded and target is not None:
            self.taken_down[target] = self.case.now

    def _count_backup(self, request: Request) -> None:
        if isinstance(request, CreateSnapshot | CreateSnapshots):
            self.snapshotting += 1
        elif isinstance(request, DeleteSnapshot | DeleteCopy | DeleteVolume):
            self.expiring += 1
        elif isinstance(request, CopySnapshot):
            self.copying[request.to_region] += 1

    def count_unanswered(self, intents: Iterable[Intent]) -> None:
        """Count backups that were begun and have no answer; copies until they are shown, and while they are pending."""
        for intent in intents:
            copying = isinstance(intent.action.request, CopySnapshot)
            if intent.state is IntentState.BEGUN or copying:
                self._count_backup(intent.action.request)
        for region, seen in self.case.observation.copies.items():
            states = Counter(item.state for item in seen.snapshots.values())
            self.copying[region] += states[SnapshotState.PENDING]


def take_tally(case: Case, world: World) -> Tally:
    """Count what is under way before this plan."""
    intents = tuple(
        intent
        for intent in (*case.memory.recent_intents, *case.memory.open_intents)
        if intent.state is not IntentState.REJECTED
    )
    tally = Tally(
        case=case,
        fleets={fleet.name: fleet for fleet in case.desired.fleets},
        repairing=defaultdict(set),
        updating=defaultdict(set),
        troubled=Counter(),
        not_serving=Counter(),
        live=sum(len(view.alive) for view in world.slots),
        taken_down=_taken_down(intents, case.now),
        launches=_launches(intents, case.capabilities),
        rejected=_rejected(case.memory.recent_intents),
        short=frozenset(
            (item.zone, item.type) for item in case.memory.capacity if case.now < item.until
        ),
        buckets=Buckets(case),
        openings=Openings(case),
        specs=HeldSpecs(case),
        bursts=bursts_by_hand(case),
        bakes=Bakes(case, world),
        world=world,
    )
    tally.count_unanswered(case.memory.open_intents)
    for view in world.slots:
        verdict = case.verdicts.get(view.occupant.id) if view.occupant else None
        _count(tally, view, verdict)
    return tally


def _count(tally: Tally, view: SlotView, verdict: Verdict | None) -> None:
    fleet = view.ref.fleet
    healthy = verdict is not None and verdict.status is Status.HEALTHY
    if _is_under_way(view, verdict, tally.case):
        (tally.updating if healthy else tally.repairing)[fleet].add(view.ref)
    if view.wanted and not healthy:
        tally.troubled[fleet] += 1
    if view.wanted and not (verdict is not None and verdict.serving):
        tally.not_serving[fleet] += 1


def _is_under_way(view: SlotView, verdict: Verdict | None, case: Case) -> bool:
    """A replacement lives, a step is open, or a step was taken and shows yet whether it helped."""
    if view.replacement is not None:
        return True
    if any(intent.action.course in REPAIRING for intent in view.busy):
        return True
    if view.occupant is None or verdict is None or not view.recent:
        return False
    if verdict.status in (Status.HEALTHY, Status.UNHEALTHY):
        return False
    remembered = case.memory.health.get(view.occupant.id)
    began = remembered.trouble_since if remembered else None
    return began is not None and any(
        intent.action.course is Course.REPAIR and intent.begun_at >= began for intent in view.recent
    )


def _taken_down(intents: Iterable[Intent], now: datetime) -> dict[str, datetime]:
    return {
        intent.action.request.instance_id: intent.begun_at
        for intent in intents
        if isinstance(intent.action.request, TerminateInstance | StopInstance)
        and intent.action.course in GUARDED
        and now - intent.begun_at < HOUR
    }


def _launches(
    intents: Iterable[Intent], capabilities: Capabilities
) -> dict[SlotRef, tuple[datetime, ...]]:
    """By the last that is known of each: one without an answer for long may have had its effect at the end.

    What was lost or died at EC2's hands where launches do not work, or come back, is the zone's doing: its breaker
    bounds that, and the slot is not to be the one that pays for having been the first in the queue.
    """
    launches: defaultdict[SlotRef, list[datetime]] = defaultdict(list)
    for intent in intents:
        slot = intent.action.slot
        launched = isinstance(intent.action.request, LaunchInstance)
        launched = launched and not _was_its_zones_doing(intent, capabilities)
        if slot is not None and launched and intent.action.course is not Course.CREATE:
            launches[slot].append(intent.updated_at)
    return {slot: tuple(sorted(times)) for slot, times in launches.items()}


def _was_its_zones_doing(intent: Intent, capabilities: Capabilities) -> bool:
    request = intent.action.request
    if not isinstance(request, LaunchInstance) or not died_with_its_zone(intent):
        return False
    known = capabilities.of(request.zone, CapabilityKind.LAUNCH)
    return known.state is not BreakerState.CLOSED or known.level is not None


def _rejected(intents: Iterable[Intent]) -> dict[str, Intent]:
    return {
        intent.action.family: intent for intent in intents if intent.state is IntentState.REJECTED
    }
