"""Whether the volumes of a slot can be brought to an instance of it, where they are (design section 7.1).

They can't where a detach hangs, nor where their zone has had no room for an instance for half an hour and others have.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from providers.observed import Attachment, Instance, InstanceState
from providers.requests import DetachVolume
from reconciler.health.capabilities import BreakerState, CapabilityKind
from reconciler.health.verdict import Status
from reconciler.planning.decision import Situation
from reconciler.planning.intents import IntentState
from reconciler.planning.phrases import span
from reconciler.planning.placing.placement import AVAILABLE

WITHOUT_ROOM_FOR = timedelta(minutes=30)
"""After which the zone of the volumes is no longer waited for (design section 7.1)."""


def why_not_brought(here: Situation, occupant: Instance | None) -> str | None:
    """Why the slot's volumes, which nothing writes to, can't be brought to an instance of it; None where they can."""
    if (hangs := detach_hangs(here, occupant)) is not None:
        return hangs
    stopped = occupant is not None and occupant.state is InstanceState.STOPPED
    if occupant is None or (stopped and here.verdict(occupant).status is Status.UNHEALTHY):
        return without_room(here)
    return None


def detach_hangs(here: Situation, occupant: Instance | None) -> str | None:
    """Which volume does not leave the instance that had it, and since when."""
    for view in here.view.claims:
        attachment = view.attachment
        if attachment is None or (occupant and attachment.instance_id == occupant.id):
            continue
        if (since := hangs_since(here, attachment)) is not None:
            return f"{view.detail}; its detach hangs since {since:%H:%M}Z"
    return None


def hangs_since(here: Situation, attachment: Attachment) -> datetime | None:
    """When our last detach of this volume from this instance began, if it ended at its deadline without effect."""
    detaches = [
        intent
        for intent in here.view.recent
        if isinstance(intent.action.request, DetachVolume)
        and intent.action.request.volume_id == attachment.volume_id
        and intent.action.request.instance_id == attachment.instance_id
    ]
    if not detaches or detaches[-1].state is not IntentState.DEAD:
        return None
    return detaches[-1].begun_at


def zones_of_claims(here: Situation) -> tuple[str, ...]:
    """The zones of the slot's volumes, sorted."""
    return tuple(sorted({claim.volume.zone for claim in here.view.claims if claim.volume}))


def without_room(here: Situation) -> str | None:
    """Nothing could be launched in the zone of the volumes for long, and it can elsewhere, as far as is known."""
    zones = zones_of_claims(here)
    why = _why_not_there(here, zones[0]) if len(zones) == 1 else None
    if why is None:
        return None
    others = (here.blueprint.zones or frozenset()) - set(zones)
    if all(_lacks_all(here, zone) for zone in others):
        return None
    return why


def _why_not_there(here: Situation, zone: str) -> str | None:
    if _is_short(here, zone):
        return f"{zone} has had no capacity for {span(WITHOUT_ROOM_FOR)}"
    launch = here.case.capabilities.of(zone, CapabilityKind.LAUNCH)
    if launch.state is BreakerState.CLOSED or launch.since is None:
        return None
    if here.now - launch.since < WITHOUT_ROOM_FOR:
        return None
    return f"launches in {zone} have failed for {span(WITHOUT_ROOM_FOR)}"


def _lacks_all(here: Situation, zone: str) -> bool:
    shown = here.case.observation.zones.get(zone)
    passed_over = {
        item.type
        for item in here.case.memory.capacity
        if item.zone == zone and here.now < item.until
    }
    works = shown is not None and shown.state == AVAILABLE
    for kind in (CapabilityKind.LAUNCH, CapabilityKind.VOLUME):
        works = works and here.case.capabilities.works(zone, kind)
    return not works or passed_over.issuperset(here.fleet.instance.types)


def _is_short(here: Situation, zone: str) -> bool:
    """Every declared type has been refused in that zone for long enough, time after time, and is passed over now."""
    backoff = here.case.desired.policy.capacity_backoff
    memory = {item.type: item for item in here.case.memory.capacity if item.zone == zone}
    for type_ in here.fleet.instance.types:
        item = memory.get(type_)
        if item is None or here.now >= item.until:
            return False
        steps = [backoff[min(n, len(backoff) - 1)] for n in range(item.failures - 1)]
        waited = sum(steps, timedelta()) + (here.now - item.last_failed_at)
        if waited < WITHOUT_ROOM_FOR:
            return False
    return True
