"""A plan narrowed to one fleet, for a reader who looks after that fleet alone. Never carried out as such."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

from reconciler.planning.actions import SlotRef
from reconciler.planning.outcome import Plan


class UnknownFleet(Exception):  # noqa: N818 - reads as what it is in "except UnknownFleet"
    """A fleet that no plan speaks of; says which there are."""


def of_fleet(plan: Plan, fleet: str) -> Plan:
    """What the plan says of that fleet; what belongs to no slot is left out, and so is the cell's next look."""
    return _narrowed(plan, fleet, lambda slot: slot.fleet == fleet)


def of_slot(plan: Plan, slot: SlotRef) -> Plan:
    """What the plan says of that slot, with the line of counts of its fleet."""
    return _narrowed(plan, slot.fleet, lambda other: other == slot)


def _narrowed(plan: Plan, fleet: str, meant: Callable[[SlotRef], bool]) -> Plan:
    def here(slot: SlotRef | None) -> bool:
        return slot is not None and meant(slot)

    slots = tuple(outcome for outcome in plan.slots if here(outcome.slot))
    of_others = {note for outcome in plan.slots if not here(outcome.slot) for note in outcome.notes}
    return replace(
        plan,
        actions=tuple(action for action in plan.actions if here(action.slot)),
        withheld=tuple(item for item in plan.withheld if here(item.slot)),
        slots=slots,
        fleets=tuple(item for item in plan.fleets if item.name == fleet),
        notes=tuple(note for note in plan.notes if note not in of_others),
        held_since={key: since for key, since in plan.held_since.items() if _of(key, meant)},
    )


def _of(key: str, meant: Callable[[SlotRef], bool]) -> bool:
    """Whether a key of `held_since` is of a slot that is meant."""
    try:
        return meant(SlotRef.parse(key.partition("|")[0]))
    except ValueError:
        return False


def require_fleet(fleet: str, plans: list[Plan]) -> None:
    """UnknownFleet, with a suggestion, when none of the plans speaks of that fleet."""
    known = sorted({item.name for plan in plans for item in plan.fleets})
    if fleet in known:
        return
    near = get_close_matches(fleet, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known) or 'none'}"
    raise UnknownFleet(f"there is no fleet {fleet}{hint}")
