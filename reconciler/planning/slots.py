"""Arranging what is observed and remembered into slots, by our tags (design sections 2 and 5).

Every instance and volume of ours lands in exactly one slot, among the released ones, or among the strays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from desired_state.model import DesiredState, Fleet
from providers.observed import Instance, Observation, Volume
from reconciler.planning.absence import Absence, Sight, absence_of, sight_of
from reconciler.planning.actions import SlotRef
from reconciler.planning.casting import cast, tag_doubts
from reconciler.planning.claims import ClaimView, view_claims
from reconciler.planning.identity import incarnation_of, owner_of, slot_of
from reconciler.planning.intents import Intent
from reconciler.planning.memory import KnownResource, Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """All that is known of one slot.

    `occupant` holds the slot, `replacement` is prepared to take it, `superseded` are live instances of a lower
    incarnation than the committed one, `extras` are live ones that fit nowhere. `missing` are known instances
    that the lists do not show, with how far their absence is proved.
    """

    ref: SlotRef
    fleet: Fleet | None
    wanted: bool
    occupant: Instance | None
    replacement: Instance | None
    superseded: tuple[Instance, ...]
    extras: tuple[Instance, ...]
    ending: tuple[Instance, ...]
    """Shutting down or terminated, as shown."""
    missing: tuple[tuple[KnownResource, Absence], ...]
    doubts: tuple[str, ...]
    """Live instances whose identity tags contradict what is known of them, in words."""
    claims: tuple[ClaimView, ...]
    busy: tuple[Intent, ...]
    """Open exclusive intents: while there is one, nothing exclusive is begun."""
    sharing: tuple[Intent, ...]
    """Open shared intents."""
    recent: tuple[Intent, ...]
    highest_incarnation: int

    @property
    def alive(self) -> tuple[Instance, ...]:
        """Every live instance of the slot."""
        if self.occupant and not (self.replacement or self.superseded or self.extras):
            return (self.occupant,)
        held = (self.occupant, self.replacement)
        return (*(item for item in held if item), *self.superseded, *self.extras)

    @property
    def never_occupied(self) -> bool:
        """No incarnation in the store or in any tag."""
        return self.highest_incarnation == 0 and not self.missing

    @property
    def unproven(self) -> tuple[KnownResource, ...]:
        """Known instances that are not shown and not proved gone: they may live."""
        return tuple(item for item, absence in self.missing if absence is Absence.UNPROVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything of ours in a cell, arranged.

    `slots` are those of declared fleets, wanted or surplus, sorted; `released` those of fleets no longer declared;
    `strays` are instances with our owner tag whose slot can't be read.
    """

    slots: tuple[SlotView, ...]
    released: tuple[SlotView, ...]
    strays: tuple[Instance, ...]


@dataclass(slots=True)
class _Gathered:
    """What belongs to one slot, while it is being collected."""

    instances: list[Instance] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    known: list[KnownResource] = field(default_factory=list)
    open_intents: list[Intent] = field(default_factory=list)
    recent: list[Intent] = field(default_factory=list)


_Collection = defaultdict[tuple[str, int], _Gathered]
"""By fleet and ordinal: plain pairs are hashed and sorted faster than slots."""


def arrange(
    *,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
    owner: str,
    now: datetime,
) -> World:
    """The cell's things in slots; the order of observed items does not matter."""
    gathered: _Collection = defaultdict(_Gathered)
    strays = _collect_observed(gathered, observation, owner)
    _collect_remembered(gathered, memory)
    fleets = {fleet.name: fleet for fleet in _fleets_here(desired, observation)}
    for fleet in fleets.values():
        for ordinal in range(fleet.replicas):
            _ = gathered[fleet.name, ordinal]
    sight = sight_of(observation, desired.policy, now)
    views = [
        _view(SlotRef(name, ordinal), gathered[name, ordinal], fleets.get(name), memory, sight)
        for name, ordinal in sorted(gathered)
    ]
    return World(
        slots=tuple(view for view in views if view.fleet is not None),
        released=tuple(view for view in views if view.fleet is None and view.alive),
        strays=tuple(sorted(strays, key=lambda item: item.id)),
    )


def _fleets_here(desired: DesiredState, observation: Observation) -> Iterable[Fleet]:
    cell = observation.cell
    return (
        fleet
        for fleet in desired.fleets
        if (fleet.placement.account, fleet.placement.region) == (cell.account, cell.region)
    )


def _collect_observed(
    gathered: _Collection, observation: Observation, owner: str
) -> list[Instance]:
    strays = []
    for instance in observation.instances.values():
        if owner_of(instance.tags) != owner:
            continue
        ref = slot_of(instance.tags)
        if ref is not None:
            gathered[ref.fleet, ref.ordinal].instances.append(instance)
        elif instance.alive:
            strays.append(instance)
    for volume in observation.volumes.values():
        ref = slot_of(volume.tags)
        if ref is not None and owner_of(volume.tags) == owner:
            gathered[ref.fleet, ref.ordinal].volumes.append(volume)
    return strays


def _collect_remembered(gathered: _Collection, memory: Memory) -> None:
    for resource in memory.known.values():
        if (slot := resource.slot) is not None:
            gathered[slot.fleet, slot.ordinal].known.append(resource)
    for intent in memory.open_intents:
        if (slot := intent.action.slot) is not None:
            gathered[slot.fleet, slot.ordinal].open_intents.append(intent)
    for intent in memory.recent_intents:
        if (slot := intent.action.slot) is not None:
            gathered[slot.fleet, slot.ordinal].recent.append(intent)


def _view(
    ref: SlotRef,
    gathered: _Gathered,
    fleet: Fleet | None,
    memory: Memory,
    sight: Sight,
) -> SlotView:
    shown = gathered.instances
    if len(shown) > 1:
        shown = sorted(shown, key=lambda item: (-incarnation_of(item.tags), item.id))
    recent, begun = tuple(gathered.recent), gathered.open_intents
    parts = cast(shown, (*recent, *begun))
    return SlotView(
        ref=ref,
        fleet=fleet,
        wanted=fleet is not None and ref.ordinal < fleet.replicas,
        occupant=parts.occupant,
        replacement=parts.replacement,
        superseded=parts.superseded,
        extras=parts.extras,
        ending=tuple([item for item in shown if not item.alive]),
        missing=_missing(gathered.known, shown, sight),
        doubts=tag_doubts(shown, memory.known),
        claims=()
        if fleet is None or not fleet.claims
        else view_claims(
            fleet.claims,
            occupant=parts.occupant,
            slot_instances=shown,
            volumes=gathered.volumes,
            known=gathered.known,
            recent=recent,
            sight=sight,
        ),
        busy=tuple([item for item in begun if item.action.exclusive]) if begun else (),
        sharing=tuple([item for item in begun if not item.action.exclusive]) if begun else (),
        recent=recent,
        highest_incarnation=_highest_incarnation(ref, gathered, memory),
    )


def _highest_incarnation(ref: SlotRef, gathered: _Gathered, memory: Memory) -> int:
    """In the store, in any tag of the slot's things, or remembered of one of them."""
    highest = memory.highest_incarnations.get(ref, 0)
    for instance in gathered.instances:
        highest = max(highest, incarnation_of(instance.tags))
    for volume in gathered.volumes:
        highest = max(highest, incarnation_of(volume.tags))
    for resource in gathered.known:
        highest = max(highest, resource.incarnation)
    return highest


def _missing(
    known: Iterable[KnownResource], shown: Iterable[Instance], sight: Sight
) -> tuple[tuple[KnownResource, Absence], ...]:
    """Known instances of the slot that are not shown as its own, oldest incarnation first."""
    ids = [item.id for item in shown]
    missing = [item for item in known if item.id not in ids and item.kind == "instance"]
    if not missing:
        return ()
    missing.sort(key=lambda item: (item.incarnation, item.id))
    return tuple([(item, absence_of(item, sight)) for item in missing])
