"""The rules of the last look about archives; each returns what is wrong with one action, or None."""

from __future__ import annotations

from collections.abc import Callable

from providers.observed_archives import ArchiveHistory
from providers.requests import LaunchInstance
from reconciler.planning.actions import Action
from reconciler.planning.checks.actions import Facts
from reconciler.planning.identity import Tag, incarnation_of
from reconciler.planning.slots.archives import address_of


def _nobody_writes_into_anothers_archive(action: Action, facts: Facts) -> str | None:
    """An instance archives under its incarnation: that is above every one that has an archive of the slot.

    The first instance of a slot is launched only when it is known that none was ever written.
    """
    request, histories = action.request, _histories(action, facts)
    if not isinstance(request, LaunchInstance) or not histories:
        return None
    incarnation = incarnation_of(request.tags)
    if incarnation != action.incarnation:
        return f"it would archive under {incarnation}, its incarnation is {action.incarnation}"
    for url, history in histories:
        if history is None and incarnation == 1:
            return f"{url} was not read: the slot may have an archive of incarnation 1"
        if history is not None and any(item >= incarnation for item in history.incarnations):
            written = max(history.incarnations)
            return f"incarnation {written} has an archive at {url}, {incarnation} would write there too"
    return None


def _only_the_slots_own_archive_is_replayed(action: Action, facts: Facts) -> str | None:
    """Of a lower incarnation, usable as it was last read, and with the volumes to replay it onto."""
    request = action.request
    if not isinstance(request, LaunchInstance) or Tag.RESTORE_FROM not in request.tags:
        return None
    text = request.tags[Tag.RESTORE_FROM]
    parent = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < parent < action.incarnation:
        return f"{action.incarnation} can't be restored from the archive of {text}"
    if not request.volumes:
        return "an archive is replayed onto volumes of the launch, and it has none"
    histories = [history for _, history in _histories(action, facts)]
    if not histories or not all(_is_usable(history, parent) for history in histories):
        return f"the archive of incarnation {parent} is not known to be usable"
    return None


def _histories(action: Action, facts: Facts) -> list[tuple[str, ArchiveHistory | None]]:
    """What was read of each archive that the slot's claims declare."""
    fleet, slot = facts.fleet_of(action), action.slot
    if fleet is None or slot is None:
        return []
    found = (address_of(claim, slot) for claim in fleet.claims)
    archives = facts.case.observation.archives
    return [(address.url, archives.get(address.url)) for address in found if address]


def _is_usable(history: ArchiveHistory | None, incarnation: int) -> bool:
    states = history.states if history else ()
    return any(state.incarnation == incarnation and state.usable for state in states)


ARCHIVE_RULES: tuple[Callable[[Action, Facts], str | None], ...] = (
    _nobody_writes_into_anothers_archive,
    _only_the_slots_own_archive_is_replayed,
)
