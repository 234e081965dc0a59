"""What people have said or done since that stands against finishing what was begun. Pure."""

from __future__ import annotations

from desired_state.model import Mode
from reconciler.planning.actions import Action, SlotRef, named_ids
from reconciler.planning.case import Case
from reconciler.planning.identity import owner_of


def standing_against(action: Action, case: Case) -> str | None:
    """Why what was begun may not be sent again; None when nothing stands against it.

    What was begun before a pause stays begun until the pause ends or an observation settles it.
    """
    cold = case.memory.cold
    if cold and not cold.released:
        return "the cell is cold: release it with `reconciler resume --cold`"
    if any(pause.scope == "*" and case.now < pause.expires_at for pause in case.memory.pauses):
        return "the cell is paused"
    return _said_of_slot(action.slot, case) or _taken_from_us(action, case)


def _said_of_slot(slot: SlotRef | None, case: Case) -> str | None:
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


def _taken_from_us(action: Action, case: Case) -> str | None:
    """It was ours when the call was decided on; most calls that can be taken back are sent without reading it again."""
    observation = case.observation
    for id_ in named_ids(action.request):
        shown = observation.instances.get(id_) or observation.volumes.get(id_)
        if shown is not None and owner_of(shown.tags) != case.owner:
            return f"{id_} does not carry our owner tag any more"
    return None
