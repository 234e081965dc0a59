"""How open intents end: what an observation proves about calls that were, or may have been, made (design section 8).

Pure. `settle` says for each intent whether it has ended, is to be sent again, was missed for the first time, or waits;
the executor journals that and sends. A positive sighting ends an intent; absence ends one only in two complete
observations a consistency window apart; a gap, or a view older than the call, ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from desired_state.model import SafetyPolicy
from providers.observed import GapSubject, Instance, InstanceState, Observation, Presence
from providers.requests import (
    AttachVolume,
    DeleteVolume,
    DetachVolume,
    LaunchInstance,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import is_disruptive, target_of
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling.effects import Effect, Sighting, by_operation, sighting_of
from reconciler.planning.settling.snapshot_effects import (
    BackupRequest,
    Taken,
    backup_sighting,
    list_for,
)

TOKEN_IS_KNOWN_FOR = timedelta(hours=1)
"""How long a launch may be sent once more. EC2 remembers client tokens for far longer; it does not say how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The intent has ended, or a launch without an answer was found: the state it moves to, and why."""

    operation_id: str
    state: IntentState
    resource_id: str | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """No answer is known and the same request may be sent again, verbatim."""

    operation_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A complete observation lacked the effect for the first time; remembered, nothing concluded yet."""

    operation_id: str
    first_missed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nothing can be concluded yet. `until` is when that changes by time alone; None when only a look can tell."""

    operation_id: str
    why: str
    until: datetime | None


Settlement = Settled | Resend | Missing | Waiting


def settle(
    intents: Iterable[Intent], observation: Observation, policy: SafetyPolicy, now: datetime
) -> tuple[Settlement, ...]:
    """One settlement for each open or abandoned intent, in their order; other closed ones are passed over.

    Hand over `memory.open_intents` and `memory.recent_intents`: an abandoned one may still turn up or prove lost.
    """
    pending = [item for item in intents if item.open or item.state is IntentState.ABANDONED]
    abandoned = {item.action.slot for item in pending if item.state is IntentState.ABANDONED}
    launched, taken = by_operation(observation) if pending else {}, Taken()
    return tuple(
        _settle_one(
            _View(
                intent=item,
                observation=observation,
                policy=policy,
                now=now,
                launched=launched,
                taken=taken,
                may_be_abandoned=item.action.slot not in abandoned,
            )
        )
        for item in pending
    )


def memory_after(memory: Memory, settlements: Iterable[Settlement], now: datetime) -> Memory:
    """Memory as it will be once the settlements are journaled, so that a dry run plans on what the run would know."""
    by_id = {item.operation_id: item for item in settlements}
    if not by_id:
        return memory

    def after(intent: Intent) -> Intent:
        match by_id.get(intent.action.operation_id):
            case Settled(state=state, resource_id=resource_id):
                return replace(intent, state=state, resource_id=resource_id, updated_at=now)
            case Missing(first_missed_at=first_missed_at):
                return replace(intent, first_missed_at=first_missed_at)
            case _:
                return intent

    open_before = tuple(after(intent) for intent in memory.open_intents)
    return replace(
        memory,
        open_intents=tuple(intent for intent in open_before if intent.open),
        recent_intents=(
            *(after(intent) for intent in memory.recent_intents),
            *(intent for intent in open_before if not intent.open),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What one intent is judged by. `may_be_abandoned` is False when its slot has an abandoned one: at most one."""

    intent: Intent
    observation: Observation
    policy: SafetyPolicy
    now: datetime
    launched: Mapping[str, Instance]
    taken: Taken
    may_be_abandoned: bool

    @property
    def window_ends_at(self) -> datetime | None:
        """When absence may count: a window after the first miss and after our own last write; None before a miss."""
        if self.intent.first_missed_at is None:
            return None
        since = max(self.intent.first_missed_at, self.intent.updated_at)
        return since + self.policy.consistency_window

    def settled(
        self, state: IntentState, detail: str, *, resource_id: str | None = None
    ) -> Settled:
        return Settled(
            operation_id=self.intent.action.operation_id,
            state=state,
            resource_id=resource_id or self.intent.resource_id,
            detail=detail,
        )

    def waiting(self, why: str, until: datetime | None = None) -> Waiting:
        return Waiting(operation_id=self.intent.action.operation_id, why=why, until=until)

    def resend(self, why: str) -> Resend:
        return Resend(operation_id=self.intent.action.operation_id, why=why)

    @property
    def seen_at(self) -> datetime:
        """When that was read which would show the effect."""
        request = self.intent.action.request
        seen = list_for(request, self.observation) if isinstance(request, BackupRequest) else None
        return seen.as_of if seen is not None else self.observation.as_of

    def missed(self, proven: Settled) -> Settlement:
        """The effect is not there: remember the first miss, wait a window, then conclude."""
        ends_at = self.window_ends_at
        if ends_at is None:
            return Missing(operation_id=proven.operation_id, first_missed_at=self.seen_at)
        if self.seen_at < ends_at:
            return self.waiting("not seen; looked at again after the consistency window", ends_at)
        return proven


def _settle_one(view: _View) -> Settlement:
    request = view.intent.action.request
    if isinstance(request, LaunchInstance):
        return _settle_launch(view, request)
    if isinstance(request, BackupRequest):
        return _settle_backup(view, request)
    sighting = sighting_of(request, view.observation)
    if sighting.effect is Effect.LEAVES_NO_TRACE:
        return view.settled(IntentState.OBSERVED, sighting.detail)
    if view.observation.as_of < view.intent.updated_at:
        return view.waiting("the observation is older than the call")
    return _settle_named(view, sighting)


def _settle_launch(view: _View, request: LaunchInstance) -> Settlement:
    intent = view.intent
    instance = view.observation.instances.get(intent.resource_id or "")
    instance = instance or view.launched.get(intent.action.operation_id)
    if instance is None:
        return _settle_unseen_launch(view, request)
    if view.observation.lacks(GapSubject.INSTANCES, instance.zone):
        return view.waiting(f"{instance.zone} could not be read whole")
    match instance.state:
        case InstanceState.RUNNING | InstanceState.STOPPING | InstanceState.STOPPED:
            detail = f"{instance.id} is {instance.state}"
            return view.settled(IntentState.OBSERVED, detail, resource_id=instance.id)
        case InstanceState.SHUTTING_DOWN | InstanceState.TERMINATED:
            why = instance.state_reason or "no reason given"
            detail = f"{instance.id} is {instance.state}: {why}"
            return view.settled(IntentState.DEAD, detail, resource_id=instance.id)
        case InstanceState.PENDING:
            return _settle_pending_launch(view, instance.id, instance.launched_at)
        case _:
            assert_never(instance.state)


def _settle_pending_launch(view: _View, instance_id: str, launched_at: datetime) -> Settlement:
    deadline = launched_at + view.policy.deadlines.pending
    if view.observation.as_of >= deadline:
        detail = f"{instance_id} is still pending after {view.policy.deadlines.pending}"
        return view.settled(IntentState.DEAD, detail, resource_id=instance_id)
    if view.intent.state is IntentState.BEGUN:
        detail = f"{instance_id} was found by its operation tag"
        return view.settled(IntentState.ACCEPTED, detail, resource_id=instance_id)
    return view.waiting(f"{instance_id} is pending", deadline)


def _settle_unseen_launch(view: _View, request: LaunchInstance) -> Settlement:
    intent, observation = view.intent, view.observation
    ambiguous_until = intent.begun_at + view.policy.deadlines.ambiguous
    if intent.state is IntentState.BEGUN and (
        view.now < ambiguous_until or _was_interrupted(view, ambiguous_until)
    ):
        return view.resend(
            "no answer is known; the client token makes the same call its own look-up"
        )
    if observation.lacks(GapSubject.INSTANCES, request.zone):
        return view.waiting(f"{request.zone} could not be read whole")
    if observation.as_of < intent.updated_at:
        return view.waiting("the observation is older than the call")
    if intent.state is IntentState.BEGUN:
        if not view.may_be_abandoned:
            return view.waiting(
                "the slot has an abandoned launch already; it must prove lost first"
            )
        detail = f"no answer within {view.policy.deadlines.ambiguous}, and no instance carries its operation tag"
        return view.missed(view.settled(IntentState.ABANDONED, detail))
    if intent.resource_id and observation.by_id.get(intent.resource_id) is not Presence.NOT_FOUND:
        return view.waiting(
            f"the lists do not show {intent.resource_id}, and its id was not refuted"
        )
    return view.missed(view.settled(IntentState.LOST, "no instance carries its operation tag"))


def _was_interrupted(view: _View, ambiguous_until: datetime) -> bool:
    """A pause of ours is no ambiguity that was lived through: after one the launch is sent until there is an answer.

    Whoever paused may have died again right after sending it, so that a single time more would prove nothing. Once it
    is looked for instead of asked for, a pause changes nothing.
    """
    intent = view.intent
    if intent.first_missed_at is not None:
        return False
    paused = view.now >= intent.updated_at + view.policy.consistency_window
    after_a_pause = intent.updated_at >= ambiguous_until
    return (paused or after_a_pause) and view.now < intent.begun_at + TOKEN_IS_KNOWN_FOR


def _settle_named(view: _View, sighting: Sighting) -> Settlement:
    match sighting.effect:
        case Effect.SEEN:
            return view.settled(IntentState.OBSERVED, sighting.detail)
        case Effect.IMPOSSIBLE:
            return view.settled(IntentState.DEAD, sighting.detail)
        case Effect.BLIND:
            return view.waiting(sighting.detail)
        case Effect.UNDER_WAY:
            return _settle_by_deadline(view, sighting)
        case Effect.NOT_SEEN:
            if view.intent.state is IntentState.BEGUN or sighting.refutes:
                return _settle_without_effect(view, sighting)
            return _settle_by_deadline(view, sighting)
        case Effect.RESOURCE_UNSEEN:
            return _settle_unseen_resource(view)
        case Effect.LEAVES_NO_TRACE:
            return view.settled(IntentState.OBSERVED, sighting.detail)
        case _:
            assert_never(sighting.effect)


def _settle_by_deadline(view: _View, sighting: Sighting) -> Settlement:
    """Accepted or visibly under way: it may take its time, and then the slot escalates."""
    deadline = view.intent.updated_at + _deadline_of(view)
    if view.observation.as_of < deadline:
        return view.waiting(sighting.detail, deadline)
    return view.settled(IntentState.DEAD, f"{sighting.detail}, past its deadline")


def _settle_without_effect(view: _View, sighting: Sighting) -> Settlement:
    """No answer is known and no effect is seen. Sent again while what was decided is still fresh; an attach never,
    since it has no token. A disruptive call is decided afresh once its plan has expired.
    """
    request, policy = view.intent.action.request, view.policy
    fresh_for = policy.plan_expires_after if is_disruptive(request) else policy.deadlines.ambiguous
    resendable = view.intent.state is IntentState.BEGUN and not isinstance(request, AttachVolume)
    if resendable and view.now < view.intent.begun_at + fresh_for:
        return view.resend(sighting.detail)
    return view.missed(view.settled(IntentState.LOST, sighting.detail))


def _settle_unseen_resource(view: _View) -> Settlement:
    request = view.intent.action.request
    target = target_of(request)
    if target is None or view.observation.by_id.get(target) is not Presence.NOT_FOUND:
        return view.waiting(f"the lists do not show {target}, and its id was not refuted")
    ends_with_the_resource = isinstance(
        request, TerminateInstance | StopInstance | DetachVolume | DeleteVolume
    )
    state = IntentState.OBSERVED if ends_with_the_resource else IntentState.LOST
    return view.missed(view.settled(state, f"{target} is gone"))


def _settle_backup(view: _View, request: BackupRequest) -> Settlement:
    """By the list of snapshots, which has a rhythm of its own. Nothing is sent again: there is no token, and whether it
    is still due is decided afresh.
    """
    sighting, snapshot_id = backup_sighting(view.intent, request, view.observation, view.taken)
    match sighting.effect:
        case Effect.SEEN:
            state = IntentState.OBSERVED
            return view.settled(state, sighting.detail, resource_id=snapshot_id)
        case Effect.IMPOSSIBLE:
            return view.settled(IntentState.DEAD, sighting.detail, resource_id=snapshot_id)
        case Effect.NOT_SEEN:
            return view.missed(view.settled(IntentState.LOST, sighting.detail))
        case _:
            return view.waiting(sighting.detail)


def _deadline_of(view: _View) -> timedelta:
    deadlines = view.policy.deadlines
    match view.intent.action.request:
        case TerminateInstance():
            return deadlines.terminate
        case StopInstance(forced=forced):
            return deadlines.stop_forced if forced else deadlines.stop
        case StartInstance():
            return deadlines.pending
        case AttachVolume():
            return deadlines.attach
        case DetachVolume():
            return deadlines.detach
        case _:
            return deadlines.ambiguous
