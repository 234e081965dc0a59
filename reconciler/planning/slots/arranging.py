"""Arranging what is observed and remembered into slots, by our tags (design sections 2 and 5).

Every instance and volume of ours lands in exactly one slot, among the released ones, or among the strays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from desired_state.model import DesiredState, Fleet
from providers.observed import Instance, Observation, Snapshot, Volume
from providers.observed_archives import ArchiveHistory
from reconciler.planning.actions import SlotRef
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.identity import Tag, incarnation_of, owner_of, slot_key
from reconciler.planning.intents import Intent
from reconciler.planning.memory import KnownResource, Memory
from reconciler.planning.slots.absence import Absence, Sight, absence_of, sight_of
from reconciler.planning.slots.archives import archive_of, highest_archived, histories_of
from reconciler.planning.slots.casting import Cast, cast, tag_doubts
from reconciler.planning.slots.claims import ClaimView, view_claims, with_archive
from reconciler.planning.slots.copied import Copies, copies, of_claims, with_copies
from reconciler.planning.slots.restore_points import Lineages, lineages, with_snapshots


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
    kept: tuple[Volume, ...] = ()
    """Volumes of the slot with a date until which they are kept, whether or not it can be read."""

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


def carries_its_volumes(view: SlotView, instance: Instance) -> bool:
    """Whether an instance was launched with volumes of its own for the slot's claims."""
    held = {claim.attachment.instance_id for claim in view.claims if claim.attachment is not None}
    devices = {item.device for item in instance.attachments if item.device != instance.root_device}
    claimed = {claim.claim.device for claim in view.claims}
    return bool(claimed) and instance.id not in held and devices >= claimed


_Key = tuple[str, int]
"""Fleet and ordinal: plain pairs are hashed and sorted faster than slots."""


class Belongings(NamedTuple):
    """All that the view of a slot is made of. A tuple: one is made of every slot in every pass, and compared."""

    fleet: Fleet | None
    shown: Sequence[Instance]
    volumes: Sequence[Volume]
    known: Sequence[KnownResource]
    begun: Sequence[Intent]
    recent: Sequence[Intent]
    launched_before: int
    """The highest incarnation that the journal knows to have been launched."""
    remembered: Sequence[KnownResource | None]
    """What is known of each shown instance, whichever slot it was of."""
    snapshots: Sequence[tuple[Snapshot, ...]] | None
    """Those of each claim; None when they were not read whole."""
    copies: Sequence[tuple[Snapshot, ...] | None] = ()
    """Of each claim in another region, None where they were not read whole; empty where no claim has any."""
    archives: Sequence[ArchiveHistory | None] = ()
    """Those of each claim."""
    absences: Sequence[Absence] = ()
    """Of all that is known and not shown as the slot's, in order: how far its absence is proved."""


_Made = tuple[tuple[Belongings, SlotView], ...]
KEPT = 2
"""Views of a slot, the newest first: while lists fail now and then, it is shown and not shown by turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything of ours in a cell, arranged.

    `slots` are those of declared fleets, wanted or surplus, sorted; `released` those of fleets no longer declared;
    `strays` are instances with our owner tag whose slot can't be read. `lasting` are the last views of each slot, which
    stay the same objects for as long as its belongings do.
    """

    slots: tuple[SlotView, ...]
    released: tuple[SlotView, ...]
    strays: tuple[Instance, ...]
    lasting: Mapping[_Key, _Made] = field(default_factory=dict)
    backups: Lineages | None = None
    """Snapshots by claim; None when they were not read whole."""
    copied: Copies | None = None
    """Copies in other regions by claim."""


@dataclass(frozen=True, slots=True)
class _Collected:
    """What belongs to each slot."""

    instances: defaultdict[_Key, list[Instance]] = field(default_factory=lambda: defaultdict(list))
    volumes: defaultdict[_Key, list[Volume]] = field(default_factory=lambda: defaultdict(list))
    known: defaultdict[_Key, list[KnownResource]] = field(default_factory=lambda: defaultdict(list))
    begun: defaultdict[_Key, list[Intent]] = field(default_factory=lambda: defaultdict(list))
    recent: defaultdict[_Key, list[Intent]] = field(default_factory=lambda: defaultdict(list))


def arrange(
    *,
    desired: DesiredState,
    observation: Observation,
    memory: Memory,
    owner: str,
    now: datetime,
    last: World | None = None,
) -> World:
    """The cell's things in slots; the order of observed items does not matter.

    A slot whose belongings are those of the `last` world has the same view.
    """
    collected = _Collected()
    strays = _collect_observed(collected, observation, owner)
    _collect_remembered(collected, memory)
    fleets = {fleet.name: fleet for fleet in fleets_here(desired, observation.cell)}
    keys: set[_Key] = {
        (fleet.name, ordinal) for fleet in fleets.values() for ordinal in range(fleet.replicas)
    }
    keys.update(collected.instances, collected.volumes, collected.known)
    keys.update(collected.begun, collected.recent)
    sight = sight_of(observation, desired.policy, now)
    backups = lineages(observation, memory, owner, last.backups if last else None)
    copied = copies(observation, owner, last.copied if last else None)
    before = last.lasting if last else {}
    views: list[SlotView] = []
    lasting: dict[_Key, _Made] = {}
    for key in sorted(keys):
        fleet = fleets.get(key[0])
        things = _belongings(
            key, collected, fleet, memory, backups=backups, sight=sight, copied=copied
        )
        made = _made(key, things, sight, before.get(key, ()))
        lasting[key] = made
        views.append(made[0][1])
    return World(
        slots=tuple([view for view in views if view.fleet is not None]),
        released=tuple([view for view in views if view.fleet is None and view.alive]),
        strays=tuple(sorted(strays, key=lambda item: item.id)),
        lasting=lasting,
        backups=backups,
        copied=copied,
    )


def _collect_observed(
    collected: _Collected, observation: Observation, owner: str
) -> list[Instance]:
    strays = []
    for instance in observation.instances.values():
        if owner_of(instance.tags) != owner:
            continue
        key = slot_key(instance.tags)
        if key is not None:
            collected.instances[key].append(instance)
        elif instance.alive:
            strays.append(instance)
    for volume in observation.volumes.values():
        key = slot_key(volume.tags)
        if key is not None and owner_of(volume.tags) == owner:
            collected.volumes[key].append(volume)
    return strays


def _collect_remembered(collected: _Collected, memory: Memory) -> None:
    for resource in memory.known.values():
        if (slot := resource.slot) is not None:
            collected.known[slot.fleet, slot.ordinal].append(resource)
    for intent in memory.open_intents:
        if (slot := intent.action.slot) is not None:
            collected.begun[slot.fleet, slot.ordinal].append(intent)
    for intent in memory.recent_intents:
        if (slot := intent.action.slot) is not None:
            collected.recent[slot.fleet, slot.ordinal].append(intent)


def _belongings(
    key: _Key,
    collected: _Collected,
    fleet: Fleet | None,
    memory: Memory,
    *,
    backups: Lineages | None,
    sight: Sight,
    copied: Copies | None,
) -> Belongings:
    claims, observation = fleet.claims if fleet is not None else (), sight.observation
    shown: Sequence[Instance] = collected.instances.get(key, ())
    if len(shown) > 1:
        shown = sorted(shown, key=lambda item: (-incarnation_of(item.tags), item.id))
    ref, snapshots = SlotRef(*key), None
    if backups is not None and fleet is not None:
        snapshots = [backups.by_claim.get((*key, claim.name), ()) for claim in claims]
    volumes, known = collected.volumes.get(key, ()), collected.known.get(key, ())
    return Belongings(
        fleet=fleet,
        shown=shown,
        volumes=volumes,
        known=known,
        begun=collected.begun.get(key, ()),
        recent=tuple(collected.recent.get(key, ())),
        launched_before=memory.highest_incarnations.get(ref, 0),
        remembered=[memory.known.get(item.id) for item in shown],
        snapshots=snapshots,
        copies=of_claims(claims, key, copied, observation) if copied is not None and fleet else (),
        archives=(
            histories_of(fleet, ref, observation.archives)
            if observation.archives and fleet is not None and claims
            else ()
        ),
        absences=_absences(known, shown, volumes, sight),
    )


def _absences(
    known: Sequence[KnownResource],
    shown: Sequence[Instance],
    volumes: Sequence[Volume],
    sight: Sight,
) -> Sequence[Absence]:
    ids = [item.id for item in shown]
    ids += [item.id for item in volumes]
    return [absence_of(item, sight) for item in known if item.id not in ids]


def _made(key: _Key, things: Belongings, sight: Sight, before: _Made) -> _Made:
    """The last views of a slot, that of these belongings first."""
    if before and before[0][0] == things:
        return before
    known = next((item for item in before if item[0] == things), None)
    known = known or (things, _view(key, things, sight))
    return (known, *[item for item in before if item is not known][: KEPT - 1])


def _view(key: _Key, things: Belongings, sight: Sight) -> SlotView:
    ref, fleet, shown = SlotRef(*key), things.fleet, things.shown
    intents = (*things.recent, *things.begun)
    parts = cast(shown, intents)
    claims: tuple[ClaimView, ...] = ()
    if fleet is not None and fleet.claims:
        claims = view_claims(
            fleet.claims,
            occupant=parts.occupant,
            slot_instances=shown,
            volumes=things.volumes,
            known=things.known,
            intents=intents,
            sight=sight,
            snapshot_ids=frozenset(item.id for own in things.snapshots or () for item in own),
        )
        if things.snapshots is not None:
            claims = with_snapshots(claims, things.snapshots)
        if things.copies:
            claims = with_copies(claims, things.copies)
        claims = _with_archives(claims, things, parts)
    return SlotView(
        ref=ref,
        fleet=fleet,
        wanted=fleet is not None and ref.ordinal < fleet.replicas,
        occupant=parts.occupant,
        replacement=parts.replacement,
        superseded=parts.superseded,
        extras=parts.extras,
        ending=tuple([item for item in shown if not item.alive]),
        missing=_missing(things.known, shown, sight),
        doubts=tag_doubts(shown, things.remembered),
        claims=claims,
        busy=tuple([item for item in things.begun if item.action.exclusive]),
        sharing=tuple([item for item in things.begun if not item.action.exclusive]),
        recent=tuple(things.recent),
        highest_incarnation=max(
            things.launched_before,
            max([incarnation_of(item.tags) for item in shown], default=0),
            max([incarnation_of(item.tags) for item in things.volumes], default=0),
            max([item.incarnation for item in things.known], default=0),
            max([incarnation_of(i.tags) for own in things.snapshots or () for i in own], default=0),
            highest_archived(things.archives),
        ),
        kept=tuple([item for item in things.volumes if Tag.QUARANTINE_UNTIL in item.tags]),
    )


def _with_archives(
    claims: tuple[ClaimView, ...], things: Belongings, parts: Cast
) -> tuple[ClaimView, ...]:
    """The claims, each with its archive. One that anything was archived of was filled before."""
    histories = things.archives or (None,) * len(claims)
    found = [
        archive_of(view.claim, history, occupant=parts.occupant, replacement=parts.replacement)
        for view, history in zip(claims, histories, strict=True)
    ]
    if not any(found):
        return claims
    return tuple(with_archive(view, own) for view, own in zip(claims, found, strict=True))


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
