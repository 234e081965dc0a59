"""From what was typed and what is there to an order, or to why there can be none. Nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers.observed import Instance
from reconciler.cli.failures import Refused
from reconciler.cli.seen_slots import view_of
from reconciler.loop.assess import Assessment, replay
from reconciler.planning.actions import Gate, SlotRef, Withheld
from reconciler.planning.identity import incarnation_of
from reconciler.planning.orders import Order, OrderKind
from reconciler.planning.outcome import Plan
from reconciler.planning.slots.arranging import SlotView
from reconciler.surface import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who gives an order, when, why and for how long."""

    by: str
    at: datetime
    reason: str
    lasts: timedelta


def replacement(seen: Assessment, slot: SlotRef, said: Said) -> Order:
    """The order to replace a slot's occupant. Refused where there is none."""
    return _order(slot, OrderKind.REPLACE, _occupant(seen, slot), said)


def restoration(seen: Assessment, slot: SlotRef, said: Said, snapshot_id: str | None) -> Order:
    """The order to restore a slot, with the loss that it would have now. Refused where nothing can be restored."""
    view, occupant = view_of(slot, seen), _occupant(seen, slot)
    if not view.claims:
        raise Refused(f"{slot} has no volumes to restore; `reconciler replace {slot}` replaces it")
    if snapshot_id is not None:
        _require_restore_point(view, snapshot_id)
    order = replace(_order(slot, OrderKind.RESTORE, occupant, said), snapshot_id=snapshot_id)
    held = [item for item in with_order(seen, order).withheld if item.slot == slot]
    return replace(order, max_loss=_loss(slot, held))


def another_try(seen: Assessment, slot: SlotRef, said: Said) -> Order:
    """The order to try an owed fence again. Refused where none is owed."""
    _owed(seen, slot)
    return _order(slot, OrderKind.FENCE, _occupant(seen, slot), said)


def confirmation(seen: Assessment, slot: SlotRef, said: Said) -> Order:
    """A person's word for the instance whose serve fence is owed. Refused where none is, or a word is not enough."""
    owed = _owed(seen, slot)
    if owed.confirmable_id is None:
        raise Refused(
            f"a volume of {slot} is to move, which needs proof that nothing writes to it, and nobody's word: "
            "stop or terminate the old instance until EC2 shows it so"
        )
    order = _order(slot, OrderKind.FENCED, _occupant(seen, slot), said)
    return replace(order, instance_id=owed.confirmable_id)


def with_order(seen: Assessment, order: Order) -> Plan:
    """The plan as it will be once the order counts; it is not given yet."""
    memory = seen.case.memory
    others = [item for item in memory.orders if (item.slot, item.kind) != (order.slot, order.kind)]
    return replay(replace(seen.case, memory=replace(memory, orders=(*others, order))))


def _order(slot: SlotRef, kind: OrderKind, occupant: Instance, said: Said) -> Order:
    return Order(
        slot=slot,
        kind=kind,
        incarnation=incarnation_of(occupant.tags),
        reason=said.reason,
        given_at=said.at,
        expires_at=said.at + said.lasts,
        given_by=said.by,
    )


def _occupant(seen: Assessment, slot: SlotRef) -> Instance:
    view = view_of(slot, seen)
    if view.fleet is None:
        raise Refused(f"{slot.fleet} is no longer declared, so nothing is done for it")
    if view.occupant is None:
        raise Refused(
            f"nothing holds {slot} now; `reconciler explain {slot}` shows how it is filled"
        )
    return view.occupant


def _require_restore_point(view: SlotView, snapshot_id: str) -> None:
    """One of the slot's own lineage that can be used now."""
    own = [item for claim in view.claims for item in claim.snapshots or ()]
    if any(item.id == snapshot_id and item.usable for item in own):
        return
    if any(item.id == snapshot_id for item in own):
        raise Refused(f"{snapshot_id} can't be used now; `reconciler backups` shows what can")
    usable = [item.id for item in own if item.usable]
    there = words.listed(usable) if usable else "none that is known"
    raise Refused(f"{snapshot_id} is no restore point of {view.ref}; there is {there}")


def _loss(slot: SlotRef, held: Sequence[Withheld]) -> timedelta | None:
    """What the restore would lose beyond what needs no word; None where it loses no more than that.

    Refused where it waits for something that no order changes.
    """
    for item in held:
        if item.gate is Gate.RESTORE and item.loss is not None:
            return item.loss
        if item.gate in (Gate.RESTORE, Gate.GAP):
            raise Refused(f"{slot} can't be restored now: {item.reason}")
    return None


def _owed(seen: Assessment, slot: SlotRef) -> Withheld:
    """The fence that is withheld until it is tried again; a detach that hangs is none."""
    _occupant(seen, slot)
    withheld = [i for i in seen.plan.withheld if i.slot == slot and i.gate is Gate.FENCE]
    owed = [item for item in withheld if item.earliest_release is not None]
    if not owed:
        raise Refused(
            f"no fence is owed for {slot}; `reconciler explain {slot}` shows how it stands"
        )
    return owed[0]
