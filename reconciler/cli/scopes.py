"""What a pause can be about, checked against what is declared and what the store knows, since a typing error in a pause
would leave something running that a person believes to be still.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from desired_state.load import DesiredStateError, default_policy, load
from desired_state.model import DesiredState, SafetyPolicy
from providers.observed import CellIdentity
from reconciler.cli.failures import Refused
from reconciler.cli.output import say
from reconciler.planning.actions import SlotRef
from reconciler.planning.declared_here import fleets_here
from reconciler.settings import Settings
from reconciler.store.store import Store

EVERYTHING = "*"


def said(scope: str) -> str:
    """A scope in words."""
    return "everything" if scope == EVERYTHING else scope


def known_cells(settings: Settings) -> tuple[CellIdentity, ...]:
    """The cells that the store knows; it is not made where it is missing. Refused when there is none."""
    with Store.open(settings.store, read_only=True) as store:
        cells = store.cells()
    if not cells:
        raise Refused(
            f"the store {settings.store} knows no cell yet: no pass was ever recorded in it. Name the right one with "
            "--store, or declare `paused: true`"
        )
    return cells


def policy_in_force(settings: Settings) -> SafetyPolicy:
    """The declared policy, or the default one where nothing usable is declared: a pause must not wait for a file."""
    desired = _declared(settings)
    return desired.policy if desired is not None else default_policy()


def require_scope(
    settings: Settings,
    store: Store,
    cells: Sequence[CellIdentity],
    scope: str,
    now: datetime,
) -> list[CellIdentity]:
    """The cells that the scope is about. Refused for a fleet or slot that is neither declared nor known."""
    if scope == EVERYTHING:
        return list(cells)
    try:
        slot = SlotRef.parse(scope) if "/" in scope else None
    except ValueError as error:
        raise Refused(str(error)) from error
    fleet = slot.fleet if slot else scope
    desired = _declared(settings)
    found = []
    fleets: set[str] = set()
    for identity in cells:
        known = store.cell(identity).memory(now).known.values()
        slots = {item.slot for item in known if item.slot is not None}
        slots |= set(_declared_slots(desired, identity))
        fleets |= {item.fleet for item in slots}
        if slot in slots if slot else fleet in {item.fleet for item in slots}:
            found.append(identity)
    if not found:
        there = ", ".join(sorted(fleets)) or "no fleet at all"
        raise Refused(f"there is no {scope}: the desired state and the store know {there}")
    return found


def _declared(settings: Settings) -> DesiredState | None:
    if not settings.desired:
        return None
    try:
        return load(settings.desired)
    except DesiredStateError:
        say(
            "warning: the desired state is not usable; going by the store and the default policy alone"
        )
        return None


def _declared_slots(desired: DesiredState | None, cell: CellIdentity) -> Iterable[SlotRef]:
    for fleet in fleets_here(desired, cell) if desired is not None else ():
        yield from (SlotRef(fleet.name, ordinal) for ordinal in range(fleet.replicas))
