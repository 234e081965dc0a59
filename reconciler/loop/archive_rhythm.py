"""The archives of a cell's databases, looked at in their own rhythm (design section 5).

One archive takes a few calls, so a pass reads again only so many, the longest unread first, and each at its own time.
A slot in trouble is looked at more often and before others: what its archive holds since then decides what is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState
from providers.observed import ArchiveList, Gap, GapSubject, Instance, Observation
from providers.observed_archives import ArchiveAddress, ArchiveHistory
from providers.port import Archives
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.actions import SlotRef
from reconciler.planning.identity import Role, role_of, slot_of
from reconciler.planning.memory import Memory
from reconciler.planning.slots.archives import addresses

READ_EVERY = timedelta(minutes=5)
IN_TROUBLE_EVERY = timedelta(minutes=1)
READ_AGAIN_AT_ONCE = 40
"""In one pass; 800 archives are each read every five minutes so. Those that were never read are read at once."""


@dataclass(frozen=True, slots=True)
class NotReached:
    """Implements providers.port.Archives for a cell from which no object store is reached: each archive is a gap."""

    def observe_archives(
        self, addresses: Iterable[ArchiveAddress], *, now: datetime
    ) -> ArchiveList:
        """Nothing but gaps."""
        gaps = {address.url: _not_reached(address) for address in addresses}
        return ArchiveList(as_of=now, gaps=gaps)


def _not_reached(address: ArchiveAddress) -> Gap:
    detail = f"{address.url}: no object store is reached from here"
    return Gap(subject=GapSubject.ARCHIVES, zone=None, code="NotReached", detail=detail)


Wanted = tuple[tuple[ArchiveAddress, bool], ...]
"""Addresses, and whether the slot of each is in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    of: tuple[object, ...]
    wanted: Wanted


@dataclass(slots=True)
class ArchiveRhythm:
    """The last look at each archive, and the last that could be read, by the URL of its address."""

    looked_at: dict[str, datetime] = field(default_factory=dict)
    read: dict[str, ArchiveHistory] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    _told: _Told | None = None

    def wanted(self, observation: Observation, desired: DesiredState, memory: Memory) -> Wanted:
        """The addresses to look at, told once for as long as nothing changes by which they are told."""
        of = (observation.instances, desired, memory.health, memory.volumes)
        if self._told is None or any(
            new is not old for new, old in zip(of, self._told.of, strict=True)
        ):
            self._told = _Told(of=of, wanted=wanted_archives(observation, desired, memory))
        return self._told.wanted

    def due(
        self, wanted: Iterable[tuple[ArchiveAddress, bool]], now: datetime
    ) -> list[ArchiveAddress]:
        """What to look at now, of the addresses and whether their slot is in trouble."""
        fresh: list[ArchiveAddress] = []
        again: list[tuple[bool, datetime, ArchiveAddress]] = []
        for address, in_trouble in wanted:
            at = self.looked_at.get(address.url)
            if at is None:
                fresh.append(address)
            elif now - at >= (IN_TROUBLE_EVERY if in_trouble else READ_EVERY):
                again.append((not in_trouble, at, address))
        again.sort(key=lambda item: (item[0], item[1], item[2].url))
        return [*fresh, *(address for _, _, address in again[:READ_AGAIN_AT_ONCE])]

    def keep(self, asked: Iterable[ArchiveAddress], seen: ArchiveList) -> None:
        """Remember a look at these."""
        for address in asked:
            url = address.url
            self.looked_at[url] = seen.as_of
            self.gaps.pop(url, None)
            if url in seen.archives:
                self.read[url] = seen.archives[url]
            elif url in seen.gaps:
                self.gaps[url] = seen.gaps[url]

    def forget_all_but(self, urls: set[str]) -> None:
        """What is no longer declared is no longer known."""
        for kept in (self.looked_at, self.read, self.gaps):
            for url in [url for url in kept if url not in urls]:
                del kept[url]


def with_archives(
    observation: Observation,
    *,
    archives: Archives,
    rhythm: ArchiveRhythm,
    desired: DesiredState,
    memory: Memory,
    now: datetime,
) -> Observation:
    """The observation with the archives as last read, looked at anew where that is due. Raises as the port does."""
    wanted = rhythm.wanted(observation, desired, memory)
    if not wanted:
        return observation
    calls = Counter(observation.calls)
    if due := rhythm.due(wanted, now):
        seen = archives.observe_archives(due, now=now)
        rhythm.keep(due, seen)
        calls.update(seen.calls)
    rhythm.forget_all_but({address.url for address, _ in wanted})
    return replace(
        observation,
        archives=dict(rhythm.read),
        gaps=(*observation.gaps, *rhythm.gaps.values()) if rhythm.gaps else observation.gaps,
        calls=dict(calls),
    )


def wanted_archives(observation: Observation, desired: DesiredState, memory: Memory) -> Wanted:
    """The addresses that the fleets here declare, and whether the slot of each is in trouble."""
    declared = addresses(desired, observation.cell)
    if not declared:
        return ()
    quiet = _quiet(observation, memory)
    return tuple(
        (address, slot not in quiet) for slot, of_slot in declared.items() for address in of_slot
    )


def _quiet(observation: Observation, memory: Memory) -> set[SlotRef]:
    """Slots whose one instance is not known to be in trouble, nor are its volumes."""
    holding: dict[SlotRef, list[Instance]] = {}
    for instance in observation.instances.values():
        slot = slot_of(instance.tags)
        if slot is not None and instance.alive:
            holding.setdefault(slot, []).append(instance)
    return {
        slot
        for slot, instances in holding.items()
        if len(instances) == 1 and _is_quiet(instances[0], memory)
    }


def _is_quiet(instance: Instance, memory: Memory) -> bool:
    health = memory.health.get(instance.id)
    if role_of(instance.tags) is not Role.OCCUPANT or (health and health.trouble_since):
        return False
    volumes = (memory.volumes.get(item.volume_id) for item in instance.attachments)
    return all(item is None or item.condition is VolumeCondition.WELL for item in volumes)
