"""What one pass teaches: which ids are known, since when any is absent, and whether the cell is cold.

Pure. The run stores what is learnt; the dry run drops it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.model import SafetyPolicy
from providers.observed import (
    Instance,
    InstanceState,
    Observation,
    Presence,
    Volume,
    VolumeState,
)
from reconciler.health.conditions import RememberedCondition, Scope
from reconciler.health.reads import RememberedReads
from reconciler.health.verdict import RememberedHealth
from reconciler.health.volumes import RememberedVolume
from reconciler.planning.actions import named_ids
from reconciler.planning.identity import Tag, incarnation_of, slot_of
from reconciler.planning.memory import ColdStart, KnownResource, Memory
from reconciler.planning.slots.absence import Absence, absence_of, sight_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What one pass teaches the store, written in one go: the whole new memory of these subjects."""

    as_of: datetime
    complete_looks: int
    known: Mapping[str, KnownResource]
    health: Mapping[str, RememberedHealth]
    volumes: Mapping[str, RememberedVolume]
    held_since: Mapping[str, datetime]
    cold: ColdStart | None
    conditions: Mapping[Scope, RememberedCondition] = field(default_factory=dict)
    reads: Mapping[str, RememberedReads] = field(default_factory=dict)


FORGET_ENDED_INSTANCES_AFTER = timedelta(hours=24)


def learn_known(
    memory: Memory, observation: Observation, owner: str, policy: SafetyPolicy, now: datetime
) -> Mapping[str, KnownResource]:
    """The known ids after this observation. Volumes are never forgotten: they tell whether a claim was filled."""
    known = {
        id_: resource for id_, resource in memory.known.items() if not _forgettable(resource, now)
    }
    roots = _root_volumes(observation)
    for item in _ours(observation, owner):
        if item.id not in roots:
            known[item.id] = _seen(item, known.get(item.id), now)
    sight = sight_of(observation, policy, now)
    for id_, resource in known.items():
        shown = observation.instances.get(id_) or observation.volumes.get(id_)
        if shown is None or shown.tags.get(Tag.OWNER) != owner:
            gone = absence_of(resource, sight) in (Absence.ENDED, Absence.PROVEN)
            known[id_] = _ended(resource) if gone else _missed(resource, observation, now)
    return known


def _root_volumes(observation: Observation) -> frozenset[str]:
    """What an instance boots from comes and goes with it; it fills no claim."""
    return frozenset(
        attachment.volume_id
        for instance in observation.instances.values()
        for attachment in instance.attachments
        if attachment.device == instance.root_device
    )


def missing_ids(memory: Memory, observation: Observation) -> tuple[tuple[str, str], ...]:
    """Known ids, with their kind, that the lists lack and that are worth reading by id: what is not known to have
    ended, and what an open intent is about, which may not have been told of that end yet.
    """
    awaited = {id_ for item in memory.open_intents for id_ in named_ids(item.action.request)}
    return tuple(
        (resource.id, resource.kind)
        for resource in sorted(memory.known.values(), key=lambda item: item.id)
        if (not resource.ended or resource.id in awaited)
        and resource.id not in observation.instances
        and resource.id not in observation.volumes
    )


def learn_cold(memory: Memory, observation: Observation, owner: str) -> ColdStart | None:
    """A cell of which nothing is on record, in which resources of ours are there, is cold until it is released."""
    cold = memory.cold
    if cold is None:
        # However many looks are on record: lists may have come back empty in all of them.
        unrecorded = not memory.known and not memory.highest_attempts
        if unrecorded and _has_ours(observation, owner):
            return ColdStart(
                since=observation.as_of, complete_observations=int(observation.complete)
            )
        return None
    enough = cold.released and cold.complete_observations >= 2
    if enough or not observation.complete:
        return cold
    return replace(cold, complete_observations=cold.complete_observations + 1)


def _has_ours(observation: Observation, owner: str) -> bool:
    """Snapshots count: a list may show them where those of instances and volumes come back empty."""
    snapshots = observation.snapshots.values()
    return any(True for _ in _ours(observation, owner)) or any(
        item.tags.get(Tag.OWNER) == owner for item in snapshots
    )


def _ours(observation: Observation, owner: str) -> Iterable[Instance | Volume]:
    items: tuple[Instance | Volume, ...] = (
        *observation.instances.values(),
        *observation.volumes.values(),
    )
    return (item for item in items if item.tags.get(Tag.OWNER) == owner)


def _seen(item: Instance | Volume, before: KnownResource | None, now: datetime) -> KnownResource:
    ended = item.state in (InstanceState.TERMINATED, VolumeState.DELETED)
    claim = item.tags.get(Tag.CLAIM) or (before.claim if before else None)
    if before is not None and _is_steady(before, claim, ended=ended):
        return before
    return KnownResource(
        id=item.id,
        kind="instance" if isinstance(item, Instance) else "volume",
        # Slot and incarnation once known stay known: an edited tag is an incident, not a move.
        slot=(before.slot if before else None) or slot_of(item.tags),
        claim=claim,
        incarnation=(before.incarnation if before else 0) or incarnation_of(item.tags),
        zone=item.zone,
        last_seen_at=now,
        ended=ended,
    )


def _is_steady(before: KnownResource, claim: str | None, *, ended: bool) -> bool:
    """An item that did not change keeps its dates, so that a steady cell leaves its memory as it is."""
    return (
        before.absent_since is None
        and before.ended == ended
        and before.claim == claim
        and before.slot is not None
        and before.incarnation > 0
    )


def _ended(resource: KnownResource) -> KnownResource:
    return resource if resource.ended else replace(resource, ended=True)


def _missed(resource: KnownResource, observation: Observation, now: datetime) -> KnownResource:
    """Absent counts only together with NotFound by id; being found starts over, being unreadable says nothing."""
    presence = observation.by_id.get(resource.id)
    if presence is Presence.FOUND:
        return replace(resource, absent_since=None, absent_checks=0)
    if presence is not Presence.NOT_FOUND or not observation.complete:
        return resource
    return replace(
        resource,
        absent_since=resource.absent_since or now,
        absent_checks=resource.absent_checks + 1,
    )


def _forgettable(resource: KnownResource, now: datetime) -> bool:
    return (
        resource.kind == "instance"
        and resource.ended
        and now - resource.last_seen_at >= FORGET_ENDED_INSTANCES_AFTER
    )
