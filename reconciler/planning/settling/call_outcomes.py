"""What became of our own calls, read from the journal: the evidence of capabilities (design section 7.3).

outcomes_of
  launches     proven when the instance is healthy; dead, lost and late ones failed         launch_outcomes
               what is launched with volumes says something of volumes too
  starts       proven when the instance runs
  volumes      attached, detached and deleted
  snapshots
  the others   say something of the API alone

An accepted call is no success: what it made may die or never come up. So an outcome may turn out late. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from desired_state.model import DesiredState
from providers.ec2.error_codes import RETRY_CLASSES
from providers.errors import RetryClass
from providers.observed import CellIdentity, Observation, VolumeState
from providers.requests import (
    AttachVolume,
    CreateSnapshot,
    CreateSnapshots,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    LaunchInstance,
    StartInstance,
)
from reconciler.health.capabilities import CallOutcome, CallResult, CapabilityKind
from reconciler.planning.actions import named_ids, other_region
from reconciler.planning.declared_here import replicas_here
from reconciler.planning.identity import Tag
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling.launch_outcomes import (
    UNANSWERED_FOR,
    Fate,
    Look,
    Start,
    starts_of,
)
from reconciler.planning.settling.specs import Proofs

FROM_A_SNAPSHOT = 2
"""A volume that is made from a snapshot may take twice as long (design section 7.4)."""
ENDINGS = frozenset({IntentState.REJECTED, IntentState.DEAD, IntentState.LOST})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """The outcomes of a pass. `all` is the same tuple for as long as it would be equal."""

    all: tuple[CallOutcome, ...]
    recent: tuple[Intent, ...] = ()
    begun: tuple[Intent, ...] = ()
    settled: Mapping[str, tuple[Intent, tuple[CallOutcome, ...]]] | None = None
    """By operation: outcomes that nothing but the journal can change any more."""


def outcomes_of(
    memory: Memory, desired: DesiredState, observation: Observation, now: datetime
) -> tuple[CallOutcome, ...]:
    """The outcome of every call of the last 24 hours, in the order of the journal."""
    return recall_outcomes(memory, desired, observation, now).all


def recall_outcomes(
    memory: Memory,
    desired: DesiredState,
    observation: Observation,
    now: datetime,
    last: Outcomes | None = None,
) -> Outcomes:
    """The same, looking again only into what may have changed since `last`."""
    known = (last.settled or {}) if last else {}
    intents = (*memory.recent_intents, *memory.open_intents)
    if last is not None and len(known) == len(intents) and _are_the_same(memory, last):
        return last
    look = Look(
        memory=memory,
        observation=observation,
        fleets={fleet.name: fleet for fleet in desired.fleets},
        policy=desired.policy,
        proofs=Proofs(intents, memory, observation),
        now=now,
    )
    settled: dict[str, tuple[Intent, tuple[CallOutcome, ...]]] = {}
    found: list[CallOutcome] = []
    for intent in intents:
        id_ = intent.action.operation_id
        before = known.get(id_)
        if before is not None and _is_the_same(before[0], intent):
            settled[id_] = before
            found += before[1]
            continue
        own = _outcomes_of(intent, look)
        found += own
        if _is_settled(intent, own):
            settled[id_] = (intent, own)
    told = tuple(found)
    return Outcomes(
        all=last.all if last is not None and last.all == told else told,
        recent=memory.recent_intents,
        begun=memory.open_intents,
        settled=settled,
    )


def usual_launches_per_minute(desired: DesiredState, cell: CellIdentity) -> float | None:
    """The pace of launches in this region; None where it is not bounded."""
    if desired.policy.pace is None:
        return None
    return desired.policy.pace.launches.per_minute(replicas_here(desired, cell))


def _are_the_same(memory: Memory, last: Outcomes) -> bool:
    return memory.recent_intents is last.recent and memory.open_intents is last.begun


def _is_the_same(before: Intent, intent: Intent) -> bool:
    return before is intent or (before.state, before.updated_at) == (
        intent.state,
        intent.updated_at,
    )


def _is_settled(intent: Intent, own: tuple[CallOutcome, ...]) -> bool:
    """Proven, or ended without anything that could still turn out otherwise."""
    if intent.open or intent.state is IntentState.ABANDONED:
        return False
    launched = isinstance(intent.action.request, LaunchInstance)
    if not launched or intent.state in ENDINGS:
        return True
    return bool(own) and all(item.result is CallResult.PROVEN and item.kind for item in own)


def _outcomes_of(intent: Intent, look: Look) -> tuple[CallOutcome, ...]:
    request = intent.action.request
    if other_region(request) is not None:
        return ()
    if isinstance(request, LaunchInstance):
        starts = starts_of(intent, request, look)
        launched = tuple(_of_start(start, look) for start in starts)
        return (*launched, *_of_its_volumes(intent, request, starts[-1], look))
    kind = _kind_of(intent)
    zone = _zone_of(intent, look)
    return (_of_call(intent, kind if zone else None, zone or "", look.now),)


# Launches


def _of_start(start: Start, look: Look) -> CallOutcome:
    result, blamed = _judged(start, look)
    return CallOutcome(
        kind=CapabilityKind.LAUNCH if blamed else None,
        zone=start.zone,
        result=result,
        began_at=start.intent.begun_at,
        known_at=start.known_at,
        operation_id=start.intent.action.operation_id,
        said=start.said,
        throttled=start.fate is Fate.THROTTLED,
        short=start.fate is Fate.SHORT,
        fault=start.fate is Fate.UNANSWERED,
        unanswered=start.intent.state is IntentState.BEGUN,
        type=start.type,
    )


def _judged(start: Start, look: Look) -> tuple[CallResult, bool]:
    """How it counts, and whether it says anything of the zone."""
    match start.fate:
        case Fate.PROVEN:
            return CallResult.PROVEN, True
        case Fate.WAITING | Fate.SENT:
            return CallResult.WAITING, True
        case Fate.UNANSWERED | Fate.DIED | Fate.LOST | Fate.THROTTLED | Fate.SHORT:
            return CallResult.FAILED, True
        case Fate.LATE:
            # What never came up anywhere may be what is wrong itself: then the spec is held, and no zone.
            return CallResult.FAILED, look.proofs.is_proven(start.spec, start.known_at)
        case Fate.REFUSED | Fate.INVALID | Fate.ENDED | Fate.ENDED_ITSELF:
            return CallResult.PROVEN, False


def _of_its_volumes(
    intent: Intent, request: LaunchInstance, start: Start, look: Look
) -> tuple[CallOutcome, ...]:
    """Volumes that came along: proven with the instance, failed when they hang in creation."""
    if not request.volumes or start.fate not in (Fate.PROVEN, Fate.WAITING, Fate.LATE):
        return ()
    operation = intent.action.operation_id
    deadline = look.policy.deadlines.create
    if any(item.snapshot_id for item in request.volumes):
        deadline *= FROM_A_SNAPSHOT
    result, known_at = CallResult.WAITING, intent.begun_at
    if start.fate is Fate.PROVEN:
        result, known_at = CallResult.PROVEN, start.known_at
    elif look.now >= intent.begun_at + deadline and _is_creating(operation, look):
        result, known_at = CallResult.FAILED, intent.begun_at + deadline
    said = f"volumes of {intent.action.slot}: in creation for too long"
    return (
        CallOutcome(
            kind=CapabilityKind.VOLUME,
            zone=request.zone,
            result=result,
            began_at=intent.begun_at,
            known_at=known_at,
            operation_id=operation,
            said=said,
        ),
    )


def _is_creating(operation: str, look: Look) -> bool:
    return any(
        volume.state is VolumeState.CREATING and volume.tags.get(Tag.OPERATION) == operation
        for volume in look.observation.volumes.values()
    )


# All other calls


def _kind_of(intent: Intent) -> CapabilityKind | None:
    match intent.action.request:
        case StartInstance():
            return CapabilityKind.LAUNCH
        case AttachVolume() | DetachVolume() | DeleteVolume():
            return CapabilityKind.VOLUME
        case CreateSnapshot() | CreateSnapshots() | DeleteSnapshot():
            return CapabilityKind.SNAPSHOT
        case _:
            return None


def _zone_of(intent: Intent, look: Look) -> str | None:
    """Where the first of the named things is, or was."""
    for id_ in named_ids(intent.action.request):
        shown = look.observation.instances.get(id_) or look.observation.volumes.get(id_)
        known = look.memory.known.get(id_)
        if shown is not None or known is not None:
            return shown.zone if shown is not None else known.zone if known else None
    return None


def _of_call(intent: Intent, kind: CapabilityKind | None, zone: str, now: datetime) -> CallOutcome:
    result, known_at, said = _result_of(intent, now)
    retry = RETRY_CLASSES.get(intent.error_code or "")
    refused = intent.state is IntentState.REJECTED
    blamed = not refused or retry in (
        RetryClass.THROTTLE,
        RetryClass.CAPACITY,
        RetryClass.TRANSIENT,
    )
    what = f"{intent.action.request.kind} of {intent.action.slot or intent.resource_id}"
    return CallOutcome(
        kind=kind if blamed else None,
        zone=zone,
        result=result if blamed else CallResult.PROVEN,
        began_at=intent.begun_at,
        known_at=known_at,
        operation_id=intent.action.operation_id,
        said=f"{what}: {said} at {known_at:%Y-%m-%dT%H:%M:%SZ}",
        throttled=refused and retry is RetryClass.THROTTLE,
        short=refused and retry is RetryClass.CAPACITY,
        fault=result is CallResult.FAILED
        and (intent.state is IntentState.BEGUN or retry is RetryClass.TRANSIENT),
        unanswered=intent.state is IntentState.BEGUN,
    )


def _result_of(intent: Intent, now: datetime) -> tuple[CallResult, datetime, str]:
    match intent.state:
        case IntentState.OBSERVED:
            return CallResult.PROVEN, intent.updated_at, "done"
        case IntentState.ACCEPTED:
            return CallResult.WAITING, intent.begun_at, "accepted"
        case IntentState.BEGUN if now < intent.begun_at + UNANSWERED_FOR:
            return CallResult.WAITING, intent.begun_at, "no answer yet"
        case IntentState.BEGUN | IntentState.ABANDONED:
            return CallResult.FAILED, intent.begun_at + UNANSWERED_FOR, "no answer"
        case IntentState.DEAD | IntentState.LOST | IntentState.REJECTED:
            what = intent.error_code or ("no effect in time")
            return CallResult.FAILED, intent.updated_at, what
