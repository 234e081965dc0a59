"""A rolling update bakes: one slot, a quarter of an hour to see how it does, then two more, four more (design 7.3).

How far it has come is told by who is shown with what is declared, and since when; whether it failed, by the journal:
the first slot that fails with it stops it. What is repaired meanwhile gets what is proven (`held_specs`). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from desired_state.model import Fleet
from providers.observed import Instance
from providers.requests import (
    LaunchInstance,
    RebootInstance,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Status
from reconciler.planning.actions import Course, Gate, SlotRef
from reconciler.planning.blueprint import Blueprint, blueprint_of, user_data_tag
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.identity import in_service_since
from reconciler.planning.intents import WITHOUT_A_TRACE, Intent, IntentState
from reconciler.planning.phrases import clause_of
from reconciler.planning.refusal import Refusal
from reconciler.planning.slots.arranging import SlotView, World
from reconciler.planning.slots.drift import launch_fields

BAKES_FOR = timedelta(minutes=15)
"""How long each step is watched before the next one (design section 7.3)."""
BLAMED_FOR = 2 * BAKES_FOR
"""A sickness takes a while to be sure of: what begins within this time of a commit is put down to the update."""
REMEMBERED_FOR = timedelta(days=1)
"""As long as the journal is at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The first slot that failed with what is declared, and what became of it."""

    said: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """How far the update of one fleet has come: who has what is declared, and who of them for long enough."""

    having: frozenset[SlotRef]
    baked: frozenset[SlotRef]
    next_at: datetime | None
    """When the next of them has had its time."""
    failure: Failure | None

    @property
    def allowed(self) -> int:
        """How many may have it now: one, then two and four more, each step after the one before."""
        return int(2 ** ((len(self.baked) + 1).bit_length()) - 1)


class Bakes:
    """The bake of each fleet; looked up when something asks."""

    def __init__(self, case: Case, world: World) -> None:
        self._case = case
        self._world = world
        self._known: dict[str, Bake] = {}

    def refusal(self, draft: Draft, updating: set[SlotRef]) -> Refusal | None:
        """Holds an update beyond the present step; `updating` are under way or let through."""
        slot, course = draft.action.slot, draft.action.course
        if (
            slot is None
            or course is not Course.UPDATE
            or self._case.desired.policy.conditions is None
        ):
            return None
        fleet = self._case.desired.fleet(slot.fleet)
        if fleet is None or not isinstance(draft.action.request, LaunchInstance):
            return None
        bake = self._of(fleet)
        if bake.failure is not None:
            reason = f"the update stopped: {bake.failure.said}"
            return Refusal(
                gate=Gate.BAKING,
                reason=reason,
                earliest_release=bake.failure.at + REMEMBERED_FOR,
            )
        begun = len(bake.having | (updating - {slot}))
        if begun < bake.allowed:
            return None
        reason = f"{begun} of {fleet.replicas} have what is declared, {len(bake.baked)} for 15 min"
        return Refusal(gate=Gate.BAKING, reason=reason, earliest_release=bake.next_at)

    def _of(self, fleet: Fleet) -> Bake:
        if fleet.name not in self._known:
            self._known[fleet.name] = _bake_of(fleet, self._case, self._world)
        return self._known[fleet.name]


def _bake_of(fleet: Fleet, case: Case, world: World) -> Bake:
    blueprint = blueprint_of(fleet, case.observation)
    having: set[SlotRef] = set()
    baked: set[SlotRef] = set()
    times: list[datetime] = []
    failures: list[Failure] = []
    for view in world.slots:
        if view.ref.fleet != fleet.name or not view.wanted:
            continue
        failures += _failures(view, blueprint, case)
        occupant = view.occupant
        if occupant is None or launch_fields(blueprint, occupant):
            continue
        having.add(view.ref)
        done_at = (in_service_since(occupant.tags) or case.now) + BAKES_FOR
        if case.now < done_at:
            times.append(done_at)
        elif _is_healthy(occupant, case):
            baked.add(view.ref)
    return Bake(
        having=frozenset(having),
        baked=frozenset(baked),
        next_at=min(times, default=None),
        failure=min(failures, key=lambda item: item.at, default=None),
    )


def _is_healthy(instance: Instance, case: Case) -> bool:
    verdict = case.verdicts.get(instance.id)
    return verdict is not None and verdict.status is Status.HEALTHY


# Whether it failed


def _failures(view: SlotView, blueprint: Blueprint, case: Case) -> list[Failure]:
    """What became of the slot's launches for this very update."""
    if not view.recent:
        return []
    intents = (*view.recent, *view.busy)
    return [
        failure
        for intent in intents
        if intent.action.course is Course.UPDATE
        and isinstance(intent.action.request, LaunchInstance)
        and _is_of(intent.action.request, blueprint)
        and (failure := _failure(view, intent, intents, case)) is not None
    ]


def _is_of(request: LaunchInstance, blueprint: Blueprint) -> bool:
    """Whether it was launched by what is declared now."""
    spec = blueprint.fleet.instance
    return (
        request.image == blueprint.image
        and user_data_tag(request.user_data_sha256) == blueprint.user_data
        and request.instance_profile == spec.instance_profile
        and request.type in spec.types
    )


def _failure(
    view: SlotView, launch: Intent, intents: tuple[Intent, ...], case: Case
) -> Failure | None:
    if launch.state is IntentState.DEAD:
        why = launch.error_message or "its instance died"
        return Failure(said=f"{view.ref}: {why}", at=launch.updated_at)
    id_ = launch.resource_id
    effective = [item for item in intents if item.state not in WITHOUT_A_TRACE]
    committed_at = next((item.begun_at for item in effective if _commits(item, id_)), None)
    if committed_at is None:
        ended = next((item for item in effective if _ends(item, id_)), None)
        said = f"{view.ref}: {id_} was given up before it took over"
        return Failure(said=said, at=ended.begun_at) if ended else None
    until = committed_at + BLAMED_FOR
    occupant = view.occupant
    verdict = case.verdicts.get(occupant.id) if occupant and occupant.id == id_ else None
    if verdict and verdict.status is Status.UNHEALTHY and verdict.since < until:
        return Failure(said=f"{view.ref}: {id_}: {clause_of(verdict)}", at=verdict.since)
    for item in effective:
        if _repairs(item) and committed_at <= item.begun_at < until:
            said = f"{view.ref}: {id_} fell sick after it took over"
            return Failure(said=said, at=item.begun_at)
    return None


def _commits(intent: Intent, instance_id: str | None) -> bool:
    request = intent.action.request
    return isinstance(request, SetTags) and request.commit and request.resource_id == instance_id


def _ends(intent: Intent, instance_id: str | None) -> bool:
    request = intent.action.request
    return isinstance(request, TerminateInstance) and request.instance_id == instance_id


def _repairs(intent: Intent) -> bool:
    """Steps of a ladder; not what an update entails."""
    request, course = intent.action.request, intent.action.course
    if isinstance(request, LaunchInstance):
        return course is not Course.UPDATE
    return course is Course.REPAIR and isinstance(request, RebootInstance | StopInstance)
