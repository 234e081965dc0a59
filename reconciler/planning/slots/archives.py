"""The archives of a slot's claims: where they are, which of them counts, and how far it goes (design sections 4, 7.1).

An archive is written by an incarnation under its own number, so a replacement can never write into that of its parent.
What counts is the newest that is usable and was written by an instance that held the slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from desired_state.model import Claim, DesiredState, Fleet
from providers.observed import CellIdentity, Instance
from providers.observed_archives import ArchiveAddress, ArchiveHistory, ArchiveState
from reconciler.planning.actions import SlotRef
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.identity import Tag, incarnation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePoint:
    """The point in time that an archive can be replayed to, and whose archive it is."""

    url: str
    incarnation: int
    base: str
    recoverable_from: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimArchive:
    """The archives of one claim as they were last read; `as_of` None means never whole."""

    as_of: datetime | None
    incarnations: tuple[int, ...] = ()
    point: ArchivePoint | None = None
    why_not: str | None = None
    """Why there is no point, as a clause."""


def address_of(claim: Claim, slot: SlotRef) -> ArchiveAddress | None:
    """Where the archives of a slot's claim are; None when none are declared."""
    archive = claim.backup.archive if claim.backup else None
    if archive is None:
        return None
    url = archive.url.replace("{fleet}", slot.fleet).replace("{slot}", str(slot.ordinal))
    return ArchiveAddress(tool=archive.tool, url=url)


def addresses(desired: DesiredState, cell: CellIdentity) -> dict[SlotRef, list[ArchiveAddress]]:
    """The archives of every wanted slot of the cell that declares some."""
    found = {
        SlotRef(fleet.name, ordinal): _of_slot(fleet, ordinal)
        for fleet in fleets_here(desired, cell)
        if any(claim.backup and claim.backup.archive for claim in fleet.claims)
        for ordinal in range(fleet.replicas)
    }
    return {slot: of_slot for slot, of_slot in found.items() if of_slot}


def _of_slot(fleet: Fleet, ordinal: int) -> list[ArchiveAddress]:
    slot = SlotRef(fleet.name, ordinal)
    found = (address_of(claim, slot) for claim in fleet.claims)
    return [address for address in found if address is not None]


def histories_of(
    fleet: Fleet, slot: SlotRef, read: Mapping[str, ArchiveHistory]
) -> tuple[ArchiveHistory | None, ...]:
    """What was read of each claim's archives; None where there is none or it was not read."""
    found = (address_of(claim, slot) for claim in fleet.claims)
    return tuple(read.get(address.url) if address else None for address in found)


def archive_of(
    claim: Claim,
    history: ArchiveHistory | None,
    *,
    occupant: Instance | None,
    replacement: Instance | None,
) -> ClaimArchive | None:
    """What counts of a claim's archives; None when it declares none."""
    if claim.backup is None or claim.backup.archive is None:
        return None
    if history is None:
        return ClaimArchive(as_of=None, why_not="its archive was not read")
    held = [state for state in history.states if _held_the_slot(state, occupant, replacement)]
    point = next((_point(state, occupant) for state in held if state.usable), None)
    why_not = None
    if point is None:
        why_not = f"{held[0].url}: {held[0].why_not}" if held else "nothing was ever archived"
    return ClaimArchive(
        as_of=history.as_of, incarnations=history.incarnations, point=point, why_not=why_not
    )


def _held_the_slot(
    state: ArchiveState, occupant: Instance | None, replacement: Instance | None
) -> bool:
    """Only who held the slot had something to archive."""
    if occupant is not None:
        return state.incarnation <= incarnation_of(occupant.tags)
    return replacement is None or state.incarnation < incarnation_of(replacement.tags)


def _point(state: ArchiveState, occupant: Instance | None) -> ArchivePoint | None:
    """What a predecessor archived after the occupant was in service is not of this slot any more."""
    if state.base is None or state.recoverable_from is None or state.recoverable_until is None:
        return None
    point = ArchivePoint(
        url=state.url,
        incarnation=state.incarnation,
        base=state.base,
        recoverable_from=state.recoverable_from,
        until=state.recoverable_until,
    )
    if occupant is None or state.incarnation == incarnation_of(occupant.tags):
        return point
    served_since = _instant(occupant.tags.get(Tag.IN_SERVICE_SINCE)) or occupant.launched_at
    return replace(point, until=min(point.until, served_since))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def highest_archived(histories: Sequence[ArchiveHistory | None]) -> int:
    """The highest incarnation that has an archive of the slot: no launch may take its number again."""
    found = [item.incarnations[-1] for item in histories if item and item.incarnations]
    return max(found, default=0)
