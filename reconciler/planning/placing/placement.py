"""Where launches go: a zone with room that works, and the first declared type that capacity errors do not rule out.

Wishes are placed one after the other, each seeing the ones before it, so that a bring-up spreads over the zones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from desired_state.model import Claim, Fleet
from providers.observed import Observation
from providers.requests import LaunchInstance, LaunchVolume
from reconciler.health.conditions import Condition, ScopeKind
from reconciler.health.volumes import VolumeCondition, VolumeSign
from reconciler.planning.actions import Action, Course, Gate
from reconciler.planning.blueprint import Blueprint
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft, Hold, LaunchWish, launch_identity
from reconciler.planning.identity import Role, Tag
from reconciler.planning.placing.held_specs import HeldSpecs
from reconciler.planning.placing.openings import Openings, Standing
from reconciler.planning.slots.arranging import SlotView, World

AVAILABLE = "available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A zone and type that a launch may use now."""

    zone: str
    subnet: str
    type: str


class Rooms:
    """How many instances each fleet has in each zone: those that live, those that may live without being shown, and
    launches as they are placed.
    """

    def __init__(self, world: World) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        for view in world.slots:
            self._counts.update((view.ref.fleet, zone) for zone in _zones_taken(view))

    def of(self, fleet: str, zone: str) -> int:
        """Live and placed instances of the fleet in the zone."""
        return self._counts[fleet, zone]

    def take(self, fleet: str, zone: str) -> None:
        """One more is placed there."""
        self._counts[fleet, zone] += 1


def _zones_taken(view: SlotView) -> list[str]:
    """The zone of each instance that a slot has, or may have."""
    if not view.busy and not view.missing:
        return [item.zone for item in view.alive]
    shown = {item.id for item in (*view.alive, *view.ending)}
    unshown = {item.id: item.zone for item in view.unproven}
    zones = [item.zone for item in view.alive]
    for intent in view.busy:
        if isinstance(intent.action.request, LaunchInstance) and intent.resource_id not in shown:
            unshown[intent.resource_id or intent.action.operation_id] = intent.action.request.zone
    return [*zones, *unshown.values()]


class Grounds:
    """What launches are placed by, each seeing those before it."""

    def __init__(self, case: Case, world: World) -> None:
        self.case = case
        self.rooms = Rooms(world)
        self.openings = Openings(case)
        self.specs = HeldSpecs(case)

    @cached_property
    def stuck_in(self) -> frozenset[str]:
        """Zones with a volume that is there and stuck: another one there may well stick too."""
        volumes = self.case.observation.volumes
        return frozenset(
            volumes[id_].zone
            for id_, verdict in self.case.volume_verdicts.items()
            if verdict.condition is VolumeCondition.STUCK
            and id_ in volumes
            and VolumeSign.STATE not in verdict.bad_signs
        )


def place(wish: LaunchWish, blueprint: Blueprint, grounds: Grounds) -> Draft | Hold:
    """The launch of a wish with zone and type chosen, or why there is no place for it.

    Where no zone may be asked now, it is placed where it will be tried first: the gates hold it there and say why.
    """
    fleet, case = blueprint.fleet, grounds.case
    image, said = grounds.specs.image_for(blueprint, wish.course)
    if image is None:
        why = f"image parameter {_parameter(fleet)} could not be resolved"
        return Hold(course=wish.course, gate=Gate.GAP, reason=why)
    offers, refusal = _offers(wish, fleet, case)
    if refusal is not None:
        return refusal
    offer = _best(offers, wish, grounds)
    grounds.rooms.take(fleet.name, offer.zone)
    grounds.openings.placed(offer.zone, wish)
    wish = replace(wish, detail=wish.detail + said)
    return Draft(
        action=_launch(wish, blueprint, case, offer, image),
        treated=wish.treated,
        nature=wish.nature,
        zone=offer.zone,
        by_judgement=wish.by_judgement,
        agreed=wish.agreed,
        loss=wish.loss,
        down_since=wish.down_since,
    )


def _best(offers: list[Offer], wish: LaunchWish, grounds: Grounds) -> Offer:
    """Where launches work, and there where the fleet has fewest; else where one is tried first. A copy goes away from
    where volumes are stuck, if it can.
    """

    def order(offer: Offer) -> tuple[object, ...]:
        standing, until = grounds.openings.standing(offer.zone, wish)
        return (
            standing >= Standing.TO_BE_TRIED,
            _is_critical(offer.zone, grounds.case),
            wish.course is Course.RESTORE and offer.zone in grounds.stuck_in,
            standing,
            until,
            grounds.rooms.of(wish.slot.fleet, offer.zone),
        )

    return min(offers, key=order)


def _is_critical(zone: str, case: Case) -> bool:
    """A zone in trouble takes launches as long as its control plane works, and only what no other zone can take."""
    return case.conditions.of(ScopeKind.ZONE, zone) is Condition.CRITICAL


def _parameter(fleet: Fleet) -> str:
    image = fleet.instance.image
    return image if isinstance(image, str) else image.ssm


def _offers(wish: LaunchWish, fleet: Fleet, case: Case) -> tuple[list[Offer], Hold | None]:
    """One offer for each zone that works, in the order declared, with the best type there."""
    observation = case.observation
    declared = {observation.zone_id(zone): zone for zone in fleet.placement.zones}
    wanted = [zone for zone in declared if zone and (wish.zones is None or zone in wish.zones)]
    unknown = [written for id_, written in declared.items() if id_ is None]
    if not wanted:
        where = ", ".join(wish.zones or ()) or ", ".join(unknown)
        why = f"zone {where} is not among the fleet's zones, or unknown to this account"
        return [], Hold(course=wish.course, gate=Gate.ZONE, reason=why)
    working = [zone for zone in wanted if observation.zones[zone].state == AVAILABLE]
    if not working:
        states = ", ".join(f"{zone} is {observation.zones[zone].state}" for zone in wanted)
        return [], Hold(course=wish.course, gate=Gate.ZONE, reason=states)
    offers = []
    blocked: list[tuple[datetime, str]] = []
    for zone in working:
        subnet = fleet.instance.subnets[declared[zone]]
        short = _short_until(case, zone)
        free = [type_ for type_ in fleet.instance.types if type_ not in short]
        if free:
            offers.append(Offer(zone=zone, subnet=subnet, type=free[0]))
        else:
            blocked.append((min(short[type_] for type_ in fleet.instance.types), zone))
    if offers:
        return offers, None
    until = min(at for at, _ in blocked)
    why = f"no capacity for {', '.join(fleet.instance.types)} in {', '.join(z for _, z in blocked)}"
    return [], Hold(course=wish.course, gate=Gate.CAPACITY, reason=why, earliest_release=until)


def _short_until(case: Case, zone: str) -> dict[str, datetime]:
    """Types that lately had no capacity in the zone, with the instant until which they are passed over."""
    return {
        item.type: item.until
        for item in case.memory.capacity
        if item.zone == zone and case.now < item.until
    }


def _launch(wish: LaunchWish, blueprint: Blueprint, case: Case, offer: Offer, image: str) -> Action:
    family, operation, attempt = launch_identity(
        case.observation.cell, case.memory.highest_attempts, wish.slot, wish.incarnation
    )
    spec = blueprint.fleet.instance
    staged = blueprint.staged_groups if wish.role is Role.REPLACEMENT else ()
    identity: dict[str, str] = {
        Tag.OWNER: case.owner,
        Tag.FLEET: wish.slot.fleet,
        Tag.SLOT: str(wish.slot.ordinal),
        Tag.INCARNATION: str(wish.incarnation),
        Tag.OPERATION: operation,
    }
    boot: dict[str, str] = {Tag.USER_DATA: blueprint.user_data} if blueprint.user_data else {}
    if wish.restore_from is not None:
        boot[Tag.RESTORE_FROM] = str(wish.restore_from)
    request = LaunchInstance(
        client_token=operation,
        image=image,
        type=offer.type,
        zone=offer.zone,
        subnet=offer.subnet,
        security_groups=staged or blueprint.groups,
        instance_profile=spec.instance_profile,
        user_data_sha256=spec.user_data.sha256 if spec.user_data else None,
        tags=_plain({**spec.tags, **identity, Tag.ROLE: wish.role, **boot}),
        volume_tags=_plain(identity) if wish.with_volumes else {},
        volumes=tuple(
            _volume(claim, wish.snapshots.get(claim.name)) for claim in blueprint.fleet.claims
        )
        if wish.with_volumes
        else (),
    )
    return Action(
        operation_id=operation,
        family=family,
        slot=wish.slot,
        incarnation=wish.incarnation,
        claim=None,
        attempt=attempt,
        course=wish.course,
        reason=wish.reason,
        detail=wish.detail,
        request=request,
    )


def _plain(tags: dict[str, str]) -> dict[str, str]:
    """Plain strings, sorted: a request is compared and journaled."""
    return {str(key): str(value) for key, value in sorted(tags.items())}


def _volume(claim: Claim, snapshot_id: str | None) -> LaunchVolume:
    return LaunchVolume(
        device=claim.device,
        size_gib=claim.size_gib,
        type=claim.type,
        iops=claim.iops,
        throughput_mib_s=claim.throughput_mib_s,
        encrypted=claim.encrypted,
        kms_key_id=claim.kms_key_id,
        snapshot_id=snapshot_id,
    )


def unknown_zones(fleets: Iterable[Fleet], observation: Observation) -> tuple[str, ...]:
    """Notes about declared zones that the account does not have."""
    return tuple(
        f"{fleet.name}: this account has no zone {zone}"
        for fleet in fleets
        for zone in fleet.placement.zones
        if observation.zones and observation.zone_id(zone) is None
    )
