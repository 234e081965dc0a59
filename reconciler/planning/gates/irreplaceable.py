"""Never destroy what can't be replaced: on every path, for every order, and whatever a person lifts (section 7.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from providers.observed import InstanceState
from providers.requests import DetachVolume, SetTags, StopInstance, TerminateInstance
from reconciler.health.capabilities import BreakerState, CapabilityKind
from reconciler.health.verdict import Status
from reconciler.planning.actions import Gate
from reconciler.planning.case import Case, is_well
from reconciler.planning.decision import Draft
from reconciler.planning.gates.tally import Tally
from reconciler.planning.identity import incarnation_of
from reconciler.planning.nature import Nature
from reconciler.planning.placing.placement import AVAILABLE
from reconciler.planning.refusal import Refusal
from reconciler.planning.slots.arranging import SlotView


def irreplaceable(draft: Draft, tally: Tally) -> Refusal | None:
    """Holds the end, the stop and the detach of what nothing has taken the place of, unless another can be had."""
    instance_id = _given_up(draft, tally.case)
    view = tally.view_of(draft) if instance_id is not None else None
    if view is None or instance_id is None or not view.wanted:
        return None
    if _is_replaced(view, instance_id, tally.case):
        return None
    zones = tuple(_zones(view, tally.case))
    lacking = [_lack(zone, view, tally.case) for zone in zones]
    if not all(lacking):
        return None
    said = ", ".join(item for item in lacking if item) or "no zone of its fleet is known"
    reason = f"nothing has taken the place of {instance_id}, and none can be had: {said}"
    return Refusal(
        gate=Gate.IRREPLACEABLE, reason=reason, earliest_release=_tried_next_at(zones, tally.case)
    )


def _tried_next_at(zones: Iterable[str], case: Case) -> datetime | None:
    """When the first of the zones is tried again."""
    known = (
        case.capabilities.of(zone, kind).next_probe_at
        for zone in zones
        for kind in (CapabilityKind.LAUNCH, CapabilityKind.VOLUME)
    )
    return min((at for at in known if at is not None and at > case.now), default=None)


def _given_up(draft: Draft, case: Case) -> str | None:
    """The instance that this ends, stops, bereaves of its data, or gives up: what carries a date never takes over."""
    match draft.action.request:
        case TerminateInstance() | StopInstance() | DetachVolume() as request:
            return request.instance_id
        case SetTags(resource_id=id_) if draft.nature is Nature.UNDOING:
            volume = case.observation.volumes.get(id_)
            return next((item.instance_id for item in volume.attachments), None) if volume else None
        case _:
            return None


def _is_replaced(view: SlotView, instance_id: str, case: Case) -> bool:
    """Another holds the slot, by a commit or because it is well; or there is nothing left to be destroyed."""
    instance = case.observation.instances.get(instance_id)
    if instance is not None and instance.state is InstanceState.TERMINATED:
        return True
    occupant = view.occupant
    if instance is None or occupant is None or occupant.id == instance_id:
        return False
    if incarnation_of(instance.tags) < incarnation_of(occupant.tags):
        return True
    verdict = case.verdicts.get(occupant.id)
    return verdict is not None and verdict.status is Status.HEALTHY


def _zones(view: SlotView, case: Case) -> Iterable[str]:
    """The zones where the slot may go that are there at all."""
    declared = view.fleet.placement.zones if view.fleet else ()
    for name in declared:
        zone = case.observation.zone_id(name)
        if zone is not None and case.observation.zones[zone].state == AVAILABLE:
            yield zone


def _lack(zone: str, view: SlotView, case: Case) -> str | None:
    """What the slot would lack there; None where another can be launched."""
    if (everywhere := case.capabilities.launch_open_everywhere) is not None:
        return f"launches fail everywhere: {everywhere}"
    needed = [CapabilityKind.LAUNCH]
    if not all(
        claim.volume is not None and claim.volume.zone == zone and is_well(case, claim.volume)
        for claim in view.claims
    ):
        needed.append(CapabilityKind.VOLUME)
    for kind in needed:
        known = case.capabilities.of(zone, kind)
        if known.state is not BreakerState.CLOSED:
            since = f" since {known.since:%H:%M}Z" if known.since else ""
            return f"{kind} in {zone} is {known.state}{since}"
    return _short(zone, view, case)


def _short(zone: str, view: SlotView, case: Case) -> str | None:
    types = view.fleet.instance.types if view.fleet else ()
    passed_over = {
        item.type for item in case.memory.capacity if item.zone == zone and case.now < item.until
    }
    return f"{zone} has no capacity" if passed_over.issuperset(types) else None
