"""Absence is not evidence: what must be true before something that we knew counts as gone (design rule 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from desired_state.model import SafetyPolicy
from providers.observed import Observation, Presence
from reconciler.planning.memory import KnownResource, Memory

MASS_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What absence is judged by: an observation, the policy's windows, and the instant."""

    observation: Observation
    policy: SafetyPolicy
    now: datetime


class Absence(StrEnum):
    """Why a known id is not among what the lists show as ours."""

    ENDED = "ended"
    """Read as terminated or deleted: positively gone."""
    PROVEN = "proven"
    """Absent twice, a consistency window apart, NotFound by id both times, while a neighbour answers."""
    UNPROVEN = "unproven"
    TAGS_REMOVED = "tags-removed"
    """It exists without our tags: an incident, never gone."""


def absence_of(resource: KnownResource, sight: Sight) -> Absence:
    """How far the absence of one known id from the lists is proved."""
    if resource.ended:
        return Absence.ENDED
    observation = sight.observation
    if resource.id in observation.instances or resource.id in observation.volumes:
        return Absence.TAGS_REMOVED
    match observation.by_id.get(resource.id):
        case Presence.FOUND:
            return Absence.TAGS_REMOVED
        case Presence.NOT_FOUND:
            seen_before = resource.absent_since is not None and (
                sight.now - resource.absent_since >= sight.policy.consistency_window
            )
            if seen_before and observation.complete and _neighbour_answers(resource, observation):
                return Absence.PROVEN
            return Absence.UNPROVEN
        case Presence.UNREADABLE | None:
            return Absence.UNPROVEN


def _neighbour_answers(resource: KnownResource, observation: Observation) -> bool:
    """Another id of the same zone is shown, so the zone itself is not what is missing."""
    return any(item.zone == resource.zone for item in observation.instances.values()) or any(
        item.zone == resource.zone for item in observation.volumes.values()
    )


def mass_disappearance(memory: Memory, sight: Sight) -> frozenset[str]:
    """The ids that vanished together in a sliding hour, without a terminated record, while any is unproved.

    At least 3 and 10 % of the cell is a fault of the view (design section 5); empty when it is fewer.
    """
    observation, policy = sight.observation, sight.policy
    alive = [item for item in memory.known.values() if not item.ended]
    absent = [
        item
        for item in alive
        if item.id not in observation.instances
        and item.id not in observation.volumes
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
