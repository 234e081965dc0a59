"""Taking the census of a cell: from slots and verdicts to the facts that conditions are judged by.

What is no sign of trouble is left out: a slot that was never in service, whose occupant has yet to come into service
after its launch or commit, that is surplus, or that we took out ourselves while it served.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from providers.observed import GapSubject, Instance, InstanceState, Observation, ProbeOutcome
from providers.requests import SetTags, StopInstance, TerminateInstance
from reconciler.health.census import Census, SlotFacts, VolumeFacts, census_of
from reconciler.health.verdict import RememberedHealth, Sign, Status, Verdict, Weight
from reconciler.health.volumes import LATCHING, RememberedVolume, VolumeCondition, VolumeVerdict
from reconciler.planning.actions import target_of
from reconciler.planning.identity import in_service_since, incarnation_of
from reconciler.planning.intents import WITHOUT_A_TRACE
from reconciler.planning.memory import KnownResource, Memory
from reconciler.planning.slots.absence import Absence
from reconciler.planning.slots.arranging import SlotView, World

BY_JUDGEMENT = frozenset({Sign.PROBE, Sign.NO_DATA, Sign.USER_CHECK})
"""Signs that are our own, or our users'; every other one is EC2's word."""
CHECKED = frozenset({Sign.SYSTEM_CHECK, Sign.INSTANCE_CHECK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that a census is taken from."""

    slots: tuple[SlotView, ...]
    verdicts: Mapping[str, Verdict]
    volume_verdicts: Mapping[str, VolumeVerdict]
    health: Mapping[str, RememberedHealth]
    volumes: Mapping[str, RememberedVolume]
    unread_zones: frozenset[str | None]
    """Where the list of volumes has a gap; None is everywhere."""
    sentinel_answers: bool
    region: str


class Occupied(NamedTuple):
    """The facts of a slot that an instance holds, and what they were found from."""

    view: SlotView
    verdict: Verdict
    remembered: RememberedHealth | None
    stuck: bool
    facts: SlotFacts

    def holds_for(
        self, view: SlotView, verdict: Verdict, remembered: RememberedHealth | None, *, stuck: bool
    ) -> bool:
        """Whether they would be found again."""
        same = view is self.view and verdict is self.verdict and remembered is self.remembered
        return same and stuck == self.stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenCensus:
    """A census, and what it was taken from."""

    census: Census
    sources: Sources
    occupied: Mapping[str, Occupied]
    """By the id of the occupant."""


def take_census(
    world: World,
    verdicts: Mapping[str, Verdict],
    volume_verdicts: Mapping[str, VolumeVerdict],
    memory: Memory,
    observation: Observation,
) -> Census:
    """The facts of every slot and of every volume that fills a claim."""
    return retake_census(world, verdicts, volume_verdicts, memory, observation).census


def retake_census(
    world: World,
    verdicts: Mapping[str, Verdict],
    volume_verdicts: Mapping[str, VolumeVerdict],
    memory: Memory,
    observation: Observation,
    *,
    last: TakenCensus | None = None,
) -> TakenCensus:
    """The census again; the `last` one where nothing changed that it was taken from."""
    sources = Sources(
        slots=world.slots,
        verdicts=verdicts,
        volume_verdicts=volume_verdicts,
        health=memory.health,
        volumes=memory.volumes,
        unread_zones=frozenset(
            gap.zone for gap in observation.gaps if gap.subject is GapSubject.VOLUMES
        ),
        sentinel_answers=any(look.outcome is ProbeOutcome.PASSED for look in observation.sentinels),
        region=observation.cell.region,
    )
    if last is not None and not sources.unread_zones and last.sources == sources:
        return last
    occupied = _occupied(sources, last.occupied if last else {})
    census = census_of(
        sources.region,
        (*(item.facts for item in occupied.values()), *_vacant(sources)),
        _volumes(sources, memory.known),
        sentinel_answers=sources.sentinel_answers,
    )
    return TakenCensus(census=census, sources=sources, occupied=occupied)


# Slots


def _occupied(sources: Sources, before: Mapping[str, Occupied]) -> dict[str, Occupied]:
    found: dict[str, Occupied] = {}
    for view in sources.slots:
        occupant = view.occupant
        verdict = sources.verdicts.get(occupant.id) if occupant else None
        if occupant is None or verdict is None:
            continue
        remembered = sources.health.get(occupant.id)
        stuck = bool(view.claims) and _has_stuck(view, sources)
        known = before.get(occupant.id)
        if known is None or not known.holds_for(view, verdict, remembered, stuck=stuck):
            facts = _facts(view, occupant, verdict, remembered, stuck=stuck)
            known = Occupied(view, verdict, remembered, stuck, facts)
        found[occupant.id] = known
    return found


def _facts(
    view: SlotView,
    occupant: Instance,
    verdict: Verdict,
    remembered: RememberedHealth | None,
    *,
    stuck: bool,
) -> SlotFacts:
    in_service = (
        view.wanted
        and _was_in_service(view, occupant, verdict, remembered)
        and not _taken_out(view, occupant.id, remembered)
    )
    bad, running = verdict.bad_signs, occupant.state is InstanceState.RUNNING
    ours_alone = running and bad <= BY_JUDGEMENT and not stuck
    unread = not bad and not stuck and verdict.status is Status.UNKNOWN
    return SlotFacts(
        slot=str(view.ref),
        fleet=view.ref.fleet,
        zone=occupant.zone,
        in_service=in_service,
        serving=_serves(verdict, remembered),
        unread=unread,
        by_judgement=ours_alone and (bool(bad) or unread),
        ec2_fine=ours_alone and _good(verdict) >= CHECKED,
    )


def _was_in_service(
    view: SlotView,
    occupant: Instance,
    verdict: Verdict,
    remembered: RememberedHealth | None,
) -> bool:
    """As the occupant: what made a replacement healthy before its commit says nothing of its service after it."""
    if verdict.status is Status.HEALTHY or in_service_since(occupant.tags) is not None:
        return True
    if remembered is None or remembered.healthy_at is None:
        return False
    return not any(
        isinstance(intent.action.request, SetTags)
        and intent.action.request.commit
        and intent.action.request.resource_id == occupant.id
        for intent in (*view.recent, *view.busy)
    )


def _taken_out(view: SlotView, instance_id: str, remembered: RememberedHealth | None) -> bool:
    """We stopped or ended it ourselves, before anything was wrong with it."""
    trouble = remembered.trouble_since if remembered else None
    return any(
        trouble is None or intent.begun_at <= trouble
        for intent in (*view.recent, *view.busy)
        if isinstance(intent.action.request, StopInstance | TerminateInstance)
        and target_of(intent.action.request) == instance_id
        and intent.state not in WITHOUT_A_TRACE
    )


def _serves(verdict: Verdict, remembered: RememberedHealth | None) -> bool:
    """A probe that failed fewer times than its threshold says nothing yet of what was in order before."""
    if verdict.serving:
        return True
    undecided = verdict.status is Status.SUSPECT and not verdict.bad_signs
    return undecided and not (remembered and remembered.status is Status.UNHEALTHY)


def _good(verdict: Verdict) -> frozenset[Sign]:
    return frozenset(item.sign for item in verdict.evidence if item.weight is Weight.GOOD)


def _has_stuck(view: SlotView, sources: Sources) -> bool:
    return any(
        claim.volume is not None and _is_stuck(claim.volume.id, sources) for claim in view.claims
    )


def _vacant(sources: Sources) -> Iterator[SlotFacts]:
    """Its last instance is gone, or is not shown; it counts where that one was, if that one had been in service."""
    for view in sources.slots:
        if view.occupant is not None or not view.wanted:
            continue
        gone = _last_to_serve(view, sources.health)
        if gone is None or _taken_out(view, gone.id, sources.health.get(gone.id)):
            continue
        yield SlotFacts(
            slot=str(view.ref),
            fleet=view.ref.fleet,
            zone=gone.zone,
            in_service=True,
            serving=False,
            unread=gone.unproven,
            by_judgement=gone.unproven,
            ec2_fine=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gone:
    """An instance that held the slot. `unproven`: nobody said that it ended."""

    id: str
    zone: str
    incarnation: int
    unproven: bool


def _last_to_serve(view: SlotView, health: Mapping[str, RememberedHealth]) -> _Gone | None:
    """Known by its tags while EC2 shows its end; by what is remembered while it is merely not shown."""
    shown = [
        _Gone(id=item.id, zone=item.zone, incarnation=incarnation_of(item.tags), unproven=False)
        for item in view.ending
        if in_service_since(item.tags) is not None or _was_healthy(item.id, health)
    ]
    missed = [
        _Gone(
            id=item.id,
            zone=item.zone,
            incarnation=item.incarnation,
            unproven=absence is Absence.UNPROVEN,
        )
        for item, absence in view.missing
        if _was_healthy(item.id, health)
    ]
    return max([*shown, *missed], key=lambda item: (item.incarnation, item.id), default=None)


def _was_healthy(instance_id: str, health: Mapping[str, RememberedHealth]) -> bool:
    known = health.get(instance_id)
    return known is not None and known.healthy_at is not None


# Volumes


def _volumes(sources: Sources, known: Mapping[str, KnownResource]) -> Iterator[VolumeFacts]:
    """Every volume that fills a claim; and those that were stuck when they were last shown, where nothing is read."""
    shown: set[str] = set()
    for view in sources.slots:
        for claim in view.claims if view.wanted else ():
            volume = claim.volume
            if volume is not None and volume.id in sources.volume_verdicts:
                shown.add(volume.id)
                stuck = _is_stuck(volume.id, sources)
                yield VolumeFacts(volume=volume.id, zone=volume.zone, stuck=stuck)
    if sources.unread_zones:
        yield from _stuck_unseen(sources, known, shown)


def _stuck_unseen(
    sources: Sources, known: Mapping[str, KnownResource], shown: Iterable[str]
) -> Iterator[VolumeFacts]:
    for id_, remembered in sources.volumes.items():
        resource = known.get(id_)
        if resource is None or resource.ended or id_ in shown:
            continue
        blind = sources.unread_zones & {None, resource.zone}
        if blind and remembered.condition in LATCHING:
            yield VolumeFacts(volume=id_, zone=resource.zone, stuck=True)


def _is_stuck(volume_id: str, sources: Sources) -> bool:
    """What can't be judged now is as it was: silence is no recovery."""
    verdict = sources.volume_verdicts.get(volume_id)
    if verdict is None:
        return False
    if verdict.condition is VolumeCondition.UNKNOWN:
        remembered = sources.volumes.get(volume_id)
        return remembered is not None and remembered.condition in LATCHING
    return verdict.condition in LATCHING
