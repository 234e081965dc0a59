"""The census: which slots of a cell serve and which do not, and which volumes are stuck, counted by place.

Conditions are judged by it (design section 7.3). Facts alone; what they mean is judged elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.health.conditions import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """One slot. Where it was never in service, or was taken out by us, it counts nowhere.

    `unread` is one of which nothing speaks, neither for it nor against it: it does not serve as far as we know, and is
    no sign of trouble. `by_judgement`: nothing but our own eyes says so (a probe, a check of the users', missing data),
    not EC2. `ec2_fine`: EC2 says that all is well, of its volumes too.
    """

    slot: str
    fleet: str
    zone: str
    in_service: bool
    serving: bool
    unread: bool = False
    by_judgement: bool = False
    ec2_fine: bool = False

    @property
    def sick(self) -> bool:
        """In service, and something says that it does not serve."""
        return self.in_service and not self.serving and not self.unread

    @property
    def unseen(self) -> bool:
        """It does not answer, and EC2 says nothing against it."""
        return self.in_service and not self.serving and self.by_judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFacts:
    """One volume that fills a claim."""

    volume: str
    zone: str
    stuck: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many sick and so many unread of so many."""

    sick: int = 0
    unread: int = 0
    of: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            sick=self.sick + other.sick, unread=self.unread + other.unread, of=self.of + other.of
        )

    def named(self, what: str) -> Count:
        """The sick of them, for the reader."""
        return Count(what=what, sick=self.sick, of=self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneTally:
    """What is counted in one zone, apart: all instances, those of each fleet, volumes."""

    instances: Tally = Tally()
    volumes: Tally = Tally()
    fleets: Mapping[str, Tally] = field(default_factory=dict)

    def __add__(self, other: ZoneTally) -> ZoneTally:
        names = [*self.fleets, *(name for name in other.fleets if name not in self.fleets)]
        return ZoneTally(
            instances=self.instances + other.instances,
            volumes=self.volumes + other.volumes,
            fleets={
                name: self.fleets.get(name, Tally()) + other.fleets.get(name, Tally())
                for name in names
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """A cell, counted.

    `unseen` are the slots that fail our eyes alone; `failing_probes` counts in each fleet those that fail a probe while
    EC2 is fine.
    """

    region: str
    slots: tuple[SlotFacts, ...]
    volumes: tuple[VolumeFacts, ...]
    sentinel_answers: bool
    in_service: int
    unseen: Mapping[str, SlotFacts]
    zones: Mapping[str, ZoneTally]
    failing_probes: Mapping[str, Tally]
    quiet: bool
    """Every slot serves or counts nowhere, and no volume is stuck."""


def census_of(
    region: str,
    slots: Iterable[SlotFacts],
    volumes: Iterable[VolumeFacts] = (),
    *,
    sentinel_answers: bool = False,
) -> Census:
    """The census of these slots and volumes."""
    counted, held = tuple(slots), tuple(volumes)
    instances: defaultdict[tuple[str, str], list[SlotFacts]] = defaultdict(list)
    of_zones: defaultdict[str, list[VolumeFacts]] = defaultdict(list)
    for facts in counted:
        if facts.in_service:
            instances[facts.zone, facts.fleet].append(facts)
    for volume in held:
        of_zones[volume.zone].append(volume)
    zones: dict[str, ZoneTally] = {}
    failing: dict[str, Tally] = {}
    for (zone, fleet), members in sorted(instances.items()):
        down = [item for item in members if not item.serving]
        tally = _tally_of(down, len(members))
        zones[zone] = zones.get(zone, ZoneTally()) + ZoneTally(
            instances=tally, fleets={fleet: tally}
        )
        failing[fleet] = failing.get(fleet, Tally()) + _failing_probes(down, len(members))
    for zone, items in sorted(of_zones.items()):
        stuck = Tally(sick=sum(item.stuck for item in items), of=len(items))
        zones[zone] = zones.get(zone, ZoneTally()) + ZoneTally(volumes=stuck)
    return Census(
        region=region,
        slots=counted,
        volumes=held,
        sentinel_answers=sentinel_answers,
        in_service=sum(len(members) for members in instances.values()),
        unseen={facts.slot: facts for facts in counted if facts.unseen},
        zones=zones,
        failing_probes=failing,
        quiet=all(
            tally.instances.sick + tally.instances.unread + tally.volumes.sick == 0
            for tally in zones.values()
        ),
    )


def _tally_of(down: list[SlotFacts], of: int) -> Tally:
    unread = sum(item.unread for item in down)
    return Tally(sick=len(down) - unread, unread=unread, of=of)


def _failing_probes(down: list[SlotFacts], of: int) -> Tally:
    return Tally(
        sick=sum(item.by_judgement and item.ec2_fine and not item.unread for item in down),
        unread=sum(item.unread for item in down),
        of=of,
    )
