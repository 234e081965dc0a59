"""Absence is not evidence: what must be true before something that we knew counts as gone (design rule 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from desired_state.model import SafetyPolicy
from providers.observed import InstanceState, Observation, Presence, VolumeState
from providers.requests import DeleteVolume
from reconciler.planning.memory import KnownResource, Memory

MASS_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What absence is judged by: an observation, the policy's windows, and the instant.

    `answering` are the zones in which anything of ours is shown, `holding` the instances that a shown volume is
    attached to. Both are only looked up where an id was not found.
    """

    observation: Observation
    policy: SafetyPolicy
    now: datetime
    answering: frozenset[str]
    holding: frozenset[str]


def sight_of(observation: Observation, policy: SafetyPolicy, now: datetime) -> Sight:
    """How this observation lets absence be judged."""
    zones: set[str] = set()
    holders: set[str] = set()
    if Presence.NOT_FOUND in observation.by_id.values():
        zones.update(item.zone for item in observation.instances.values())
        for volume in observation.volumes.values():
            zones.add(volume.zone)
            holders.update(item.instance_id for item in volume.attachments)
    return Sight(
        observation=observation,
        policy=policy,
        now=now,
        answering=frozenset(zones),
        holding=frozenset(holders),
    )


class Absence(StrEnum):
    """Why a known id is not among what the lists show as ours."""

    ENDED = "ended"
    """Read as terminated or deleted, or proved gone before: positively gone."""
    PROVEN = "proven"
    """Absent twice, a consistency window apart, NotFound by id both times, while a neighbour answers and no volume
    names it as its holder."""
    UNPROVEN = "unproven"
    TAGS_REMOVED = "tags-removed"
    """It exists without our tags: an incident, never gone."""


def absence_of(resource: KnownResource, sight: Sight) -> Absence:
    """How far the absence of one known id from the lists of what is ours is proved."""
    observation = sight.observation
    shown = observation.instances.get(resource.id) or observation.volumes.get(resource.id)
    if shown is not None:
        # EC2 takes the tags off what has ended before it forgets it.
        ended = shown.state in (InstanceState.TERMINATED, VolumeState.DELETED)
        return Absence.ENDED if ended else Absence.TAGS_REMOVED
    if resource.ended:
        return Absence.ENDED
    match observation.by_id.get(resource.id):
        case Presence.FOUND:
            return Absence.TAGS_REMOVED
        case Presence.NOT_FOUND:
            proven = is_missed_twice(resource, sight) and why_doubted(resource, sight) is None
            return Absence.PROVEN if proven else Absence.UNPROVEN
        case Presence.UNREADABLE | None:
            return Absence.UNPROVEN


def is_missed_twice(resource: KnownResource, sight: Sight) -> bool:
    """It was missed before, a consistency window ago, and reading its id says so again."""
    since = resource.absent_since
    refuted = sight.observation.by_id.get(resource.id) is Presence.NOT_FOUND
    return refuted and since is not None and sight.now - since >= sight.policy.consistency_window


def why_doubted(resource: KnownResource, sight: Sight) -> str | None:
    """What stands against believing that it is gone; None when nothing does."""
    if not sight.observation.complete:
        return "not everything could be read"
    if resource.id in sight.holding:
        return "a volume is still shown as attached to it"
    if resource.zone not in sight.answering:
        return f"nothing else in {resource.zone} is shown either"
    return None


def _deleted_by_us(memory: Memory) -> frozenset[str]:
    """Volumes that we asked to be deleted: that they vanish is what was meant."""
    return frozenset(
        intent.action.request.volume_id
        for intent in (*memory.open_intents, *memory.recent_intents)
        if isinstance(intent.action.request, DeleteVolume)
    )


def mass_disappearance(memory: Memory, sight: Sight) -> frozenset[str]:
    """The ids that vanished together in a sliding hour, without a terminated record, while any is unproved.

    At least 3 and 10 % of the cell is a fault of the view (design section 5); empty when it is fewer.
    """
    observation, policy = sight.observation, sight.policy
    alive = [item for item in memory.known.values() if not item.ended]
    deleted = _deleted_by_us(memory)
    absent = [
        item
        for item in alive
        if item.id not in observation.instances
        and item.id not in observation.volumes
        and item.id not in deleted
        and observation.by_id.get(item.id) is not Presence.FOUND
        and sight.now - (item.absent_since or sight.now) <= MASS_WINDOW
    ]
    if len(absent) < policy.mass_disappearance_count:
        return frozenset()
    if len(absent) * 100 < policy.mass_disappearance_percent * len(alive):
        return frozenset()
    if all(absence_of(item, sight) is Absence.PROVEN for item in absent):
        return frozenset()
    return frozenset(item.id for item in absent)
