"""Which slots are up, by the truth: an occupant runs, its service answers, and its volumes take reads and writes.

Followed from change to change; what time alone changes, the end of a boot, is looked at when it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from desired_state.model import DesiredState
from providers.simulated.changes import Change
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.records import Instance, Volume
from reconciler.planning.actions import SlotRef
from reconciler.planning.identity import slot_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A slot was down for a while; `until` None is to the end."""

    slot: str
    since: datetime
    until: datetime | None


class Service:
    """Listens to the world. Slots are those that are declared."""

    def __init__(self, cloud: SimulatedCloud, desired: DesiredState) -> None:
        self._cloud = cloud
        self._slots = {
            str(SlotRef(fleet.name, ordinal)): fleet.tier
            for fleet in desired.fleets
            for ordinal in range(fleet.replicas)
        }
        self._in_slot: dict[str, dict[str, None]] = {}
        self._down: dict[str, datetime] = {}
        self._ended: list[Outage] = []
        self.on_back: list[Callable[[str, datetime], None]] = []
        """Told of each slot that serves again, and since when it did not."""
        self._revision = cloud.plan.revision
        for instance in cloud.truth.instances.values():
            self._place(instance)
        for slot in self._slots:
            self._look(slot)
        cloud.world.on_change.append(self._hear)

    @property
    def tiers(self) -> Mapping[str, int]:
        """The tier of each slot."""
        return self._slots

    @property
    def down(self) -> Mapping[str, datetime]:
        """The slots that are down, and since when."""
        return self._down

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All there were and are, in the order of their beginnings."""
        lasting = (Outage(slot=slot, since=at, until=None) for slot, at in self._down.items())
        return tuple(sorted((*self._ended, *lasting), key=lambda item: (item.since, item.slot)))

    def is_up(self, slot: str) -> bool:
        """Whether it serves now."""
        return slot not in self._down

    def serving(self, slot: str) -> list[str]:
        """The ids of the instances that serve it now."""
        instances = self._cloud.truth.instances
        held = (instances.get(id_) for id_ in self._in_slot.get(slot, ()))
        return [item.id for item in held if item is not None and self._cloud.prober.serves(item)]

    def look_at_all(self) -> None:
        """Faults that change nothing in the world went on or off, or something else is declared."""
        if self._cloud.plan.revision != self._revision:
            self._revision = self._cloud.plan.revision
            for slot in self._slots:
                self._look(slot)

    def _hear(self, changes: Sequence[Change]) -> None:
        for slot in dict.fromkeys(self._touched(changes)):
            self._look(slot)

    def _touched(self, changes: Iterable[Change]) -> Iterable[str]:
        for change in changes:
            record = change.after or change.before
            if isinstance(record, Instance):
                yield from self._place(record)
            elif isinstance(record, Volume) and record.attachment is not None:
                holder = self._cloud.truth.instances.get(record.attachment.instance_id)
                yield from self._place(holder) if holder else ()

    def _place(self, instance: Instance) -> Iterable[str]:
        """The slot of an instance, if it is one of ours."""
        slot = str(slot_of(instance.tags))
        if slot not in self._slots:
            return ()
        held = self._in_slot.setdefault(slot, {})
        if instance.alive:
            held[instance.id] = None
        else:
            held.pop(instance.id, None)
        return (slot,)

    def _is_back(self, slot: str, since: datetime, now: datetime) -> None:
        if since < now:
            self._ended.append(Outage(slot=slot, since=since, until=now))
        for told in self.on_back:
            told(slot, since)

    def _look(self, slot: str) -> None:
        now = self._cloud.clock.now()
        if self.serving(slot):
            if (since := self._down.pop(slot, None)) is not None:
                self._is_back(slot, since, now)
            return
        self._down.setdefault(slot, now)
        for id_ in self._in_slot.get(slot, ()):
            instance = self._cloud.truth.instances.get(id_)
            boots_until = self._cloud.prober.boots_until(instance) if instance else None
            if boots_until is not None and boots_until > now:
                self._cloud.clock.at(boots_until, lambda: self._look(slot))
