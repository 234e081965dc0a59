"""Finding a slot that was named on the command line among the cells that were looked at."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.loop.assess import Assessment
from reconciler.planning.actions import SlotRef
from reconciler.planning.slots.arranging import SlotView
from reconciler.surface.explain import UnknownSlot, outcome_of


def cell_of(slot: SlotRef, assessments: Sequence[Assessment]) -> Assessment:
    """The cell that has the slot. UnknownSlot, with what the likeliest cell knows, when none has."""
    faults = []
    for seen in assessments:
        try:
            outcome_of(seen.plan, slot)
        except UnknownSlot as fault:
            faults.append(fault)
        else:
            return seen
    of_its_fleet = [fault for fault in faults if f"{slot.fleet} has" in str(fault)]
    raise (of_its_fleet or faults)[0]


def view_of(slot: SlotRef, seen: Assessment) -> SlotView:
    """All that is known of a slot of that cell."""
    return next(view for view in (*seen.world.slots, *seen.world.released) if view.ref == slot)
