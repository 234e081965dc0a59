"""How launches turned out: an accepted one may die, come up late, or never (design section 7.3).

Pure: from the journal, what is remembered of health, and what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from desired_state.model import Fleet, SafetyPolicy
from providers.ec2.error_codes import RETRY_CLASSES
from providers.errors import RetryClass
from providers.observed import Instance, InstanceState, Observation
from providers.requests import LaunchInstance
from reconciler.health.verdict import Status
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling.specs import Proofs, Spec

UNANSWERED_FOR = timedelta(minutes=2)
"""A call that was begun so long ago and has no answer counts as failed (it is sent again all the while)."""
BY_A_PERSON = "Client.UserInitiated"
BY_THE_CLIENT = "Client."


class Fate(StrEnum):
    """How a launch turned out. Who is to blame differs: the zone, what was launched, or nobody."""

    PROVEN = "healthy"
    WAITING = "not proven yet"
    UNANSWERED = "no answer"
    SENT = "no answer yet"
    DIED = "accepted, then ended"
    LOST = "accepted, then not found"
    LATE = "not healthy by its deadline"
    ENDED_ITSELF = "ended by itself"
    REFUSED = "refused"
    INVALID = "refused as invalid"
    THROTTLED = "throttled"
    SHORT = "no capacity"
    ENDED = "ended"


SPECS_FAULT = frozenset({Fate.INVALID, Fate.ENDED_ITSELF})
"""Where a spec is not proven, so is being late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One launch and how it turned out, at `known_at`. `said` is for the reader."""

    intent: Intent
    spec: Spec
    zone: str
    type: str
    fate: Fate
    known_at: datetime
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What launches are judged by."""

    memory: Memory
    observation: Observation
    fleets: dict[str, Fleet]
    policy: SafetyPolicy
    proofs: Proofs
    now: datetime


def starts_of(intent: Intent, request: LaunchInstance, look: Look) -> tuple[Start, ...]:
    """How one launch turned out; what failed and came good later has two, the failure first."""
    slot = intent.action.slot
    fleet = slot.fleet if slot else ""
    spec = Spec.of_request(fleet, request)
    return tuple(
        Start(
            intent=intent,
            spec=spec,
            zone=request.zone,
            type=request.type,
            fate=fate,
            known_at=at,
            said=_said(intent, fate, at),
        )
        for fate, at in _fates(intent, look)
    )


def _said(intent: Intent, fate: Fate, at: datetime) -> str:
    what = intent.error_code or str(fate)
    return f"launch of {intent.action.slot}: {what} at {at:%Y-%m-%dT%H:%M:%SZ}"


def _fates(intent: Intent, look: Look) -> list[tuple[Fate, datetime]]:
    match intent.state:
        case IntentState.BEGUN:
            failed_at = intent.begun_at + UNANSWERED_FOR
            late = look.now >= failed_at
            return [(Fate.UNANSWERED, failed_at) if late else (Fate.SENT, intent.begun_at)]
        case IntentState.REJECTED:
            return [(_refusal(intent.error_code), intent.updated_at)]
        case IntentState.ABANDONED:
            return [(Fate.UNANSWERED, intent.begun_at + UNANSWERED_FOR)]
        case IntentState.LOST:
            if intent.resource_id is None:
                return [(Fate.UNANSWERED, intent.begun_at + UNANSWERED_FOR)]
            return [(Fate.LOST, intent.updated_at)]
        case IntentState.DEAD:
            return [(_death(intent, look), intent.updated_at)]
        case IntentState.ACCEPTED:
            return [*_belated(intent, look), (Fate.WAITING, intent.begun_at)]
        case IntentState.OBSERVED:
            return [*_belated(intent, look), *_came_up(intent, look)]
        case _:
            assert_never(intent.state)


def _refusal(code: str | None) -> Fate:
    match RETRY_CLASSES.get(code or ""):
        case RetryClass.THROTTLE:
            return Fate.THROTTLED
        case RetryClass.CAPACITY:
            return Fate.SHORT
        case RetryClass.INVALID:
            return Fate.INVALID
        case RetryClass.TRANSIENT:
            return Fate.UNANSWERED
        case _:
            return Fate.REFUSED


def died_with_its_zone(intent: Intent) -> bool:
    """Never found, or accepted and then ended by EC2: no person's doing, nor that of what was launched."""
    if intent.state is IntentState.DEAD:
        return BY_THE_CLIENT not in (intent.error_message or "")
    return intent.state is IntentState.LOST


def _death(intent: Intent, look: Look) -> Fate:
    """A person's doing is nobody's fault; what the instance did to itself is that of what was launched."""
    shown = look.observation.instances.get(intent.resource_id or "")
    said = f"{shown.state_reason if shown else ''} {intent.error_message or ''}"
    if BY_A_PERSON in said:
        return Fate.ENDED
    return Fate.ENDED_ITSELF if BY_THE_CLIENT in said else Fate.DIED


def _belated(intent: Intent, look: Look) -> list[tuple[Fate, datetime]]:
    """It was answered after it had counted as failed: that stays so."""
    shown = look.observation.instances.get(intent.resource_id or "")
    if shown is None or shown.launched_at < intent.begun_at + UNANSWERED_FOR:
        return []
    return [(Fate.UNANSWERED, intent.begun_at + UNANSWERED_FOR)]


def _came_up(intent: Intent, look: Look) -> list[tuple[Fate, datetime]]:
    """It runs, or ran: whether it was healthy, and by its deadline."""
    id_ = intent.resource_id or ""
    slot = intent.action.slot
    fleet = look.fleets.get(slot.fleet) if slot else None
    grace = fleet.health.startup_grace if fleet else timedelta()
    due_at = intent.begun_at + max(grace, look.policy.deadlines.start)
    if (healthy_at := look.proofs.healthy_at(id_)) is not None:
        # What waits for its data or replays a log takes its time; of the others the date tells.
        late = healthy_at > due_at and fleet is not None and not fleet.stateful
        proven = (Fate.PROVEN, healthy_at)
        return [(Fate.LATE, due_at), proven] if late else [proven]
    shown, remembered = look.observation.instances.get(id_), look.memory.health.get(id_)
    if _has_ended(shown) and remembered is None:
        ended_at = look.proofs.ended_at(id_)
        late = ended_at is not None and ended_at >= due_at
        return [(Fate.LATE, due_at) if late else (Fate.ENDED, intent.updated_at)]
    if remembered is not None and remembered.status in (Status.UNHEALTHY, Status.SUSPECT):
        late_at = max(due_at, remembered.status_since)
        if look.now >= late_at:
            return [(Fate.LATE, late_at)]
    return [(Fate.WAITING, intent.begun_at)]


def _has_ended(shown: Instance | None) -> bool:
    return shown is None or shown.state in (InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED)
