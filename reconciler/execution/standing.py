"""What people have said that stands against finishing what was begun. Pure."""

from __future__ import annotations

from desired_state.model import Mode
from reconciler.planning.actions import SlotRef
from reconciler.planning.case import Case


def standing_against(slot: SlotRef | None, case: Case) -> str | None:
    """Why nothing may be sent for this slot, not even again; None when nothing stands against it.

    What was begun before a pause stays begun until the pause ends or an observation settles it.
    """
    cold = case.memory.cold
    if cold and not cold.released:
        return "the cell is cold: release it with `reconciler resume --cold`"
    if any(pause.scope == "*" and case.now < pause.expires_at for pause in case.memory.pauses):
        return "the cell is paused"
    if slot is None:
        return None
    fleet = case.desired.fleet(slot.fleet)
    if fleet is None:
        return f"fleet {slot.fleet} is no longer declared"
    if fleet.paused or any(
        pause.covers(slot.fleet, slot, case.now) for pause in case.memory.pauses
    ):
        return f"{slot} is paused"
    if fleet.mode is Mode.OBSERVE:
        return f"fleet {slot.fleet} is only observed"
    return None
