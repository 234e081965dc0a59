"""What people order for a slot, as deciding takes it into account (design section 10).

An order is for the occupant that there was when it was given. Once a higher incarnation holds the slot it has been
carried out and means nothing any more, so that it can never begin a second time what it was for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from providers.observed import Instance
from reconciler.planning.actions import Reason
from reconciler.planning.decision import Decision, Situation
from reconciler.planning.identity import incarnation_of
from reconciler.planning.losses.asking import allowed_loss
from reconciler.planning.losses.lost import Trouble
from reconciler.planning.orders import Order, OrderKind
from reconciler.planning.slots.claims import ClaimView
from reconciler.planning.slots.restore_points import taken_together


def order_for(here: Situation, kind: OrderKind, occupant: Instance) -> Order | None:
    """The order of that kind that is in force for this occupant."""
    return next(
        (
            order
            for order in here.case.memory.orders
            if order.slot == here.view.ref
            and order.kind is kind
            and here.now < order.expires_at
            and incarnation_of(occupant.tags) <= order.incarnation
        ),
        None,
    )


def is_confirmed(here: Situation, occupant: Instance, instance: Instance) -> bool:
    """Whether a person said of this instance that it serves and writes no more. No volume moves for that."""
    order = order_for(here, OrderKind.FENCED, occupant)
    return order is not None and order.instance_id == instance.id


def with_orders_told(here: Situation, decision: Decision) -> Decision:
    """The decision with every order that is in force for the slot among its notes."""
    occupant = here.view.occupant
    if occupant is None or not here.case.memory.orders:
        return decision
    found = (order_for(here, kind, occupant) for kind in OrderKind)
    notes = tuple(f"{order.slot}: {order.note}" for order in found if order is not None)
    return replace(decision, notes=(*decision.notes, *notes)) if notes else decision


def trouble_or_order(
    here: Situation, occupant: Instance, trouble: Trouble | None
) -> Trouble | None:
    """The trouble of a slot, with the order to restore it if there is one; or such an order alone."""
    order = order_for(here, OrderKind.RESTORE, occupant) if here.case.memory.orders else None
    if order is None or not here.view.claims:
        return trouble
    if trouble is not None:
        return replace(trouble, why=f"{trouble.why}; {order.said}", order=order)
    why = f"{order.said}; what is written until the copy takes over is lost"
    return Trouble(
        reason=Reason.BY_HAND,
        why=why,
        since=order.given_at,
        gone=False,
        order=order,
        evident=False,
    )


def loss_taken(claims: Sequence[ClaimView], trouble: Trouble) -> timedelta:
    """The loss that needs no further word: what is declared, or what the person who ordered it was shown."""
    shown = (trouble.order.max_loss if trouble.order else None) or timedelta()
    return max(shown, allowed_loss(claims)) if trouble.evident else shown


def with_what_was_chosen(here: Situation, trouble: Trouble) -> Situation:
    """The situation as if there were nothing to restore from but the snapshot that was ordered, and its set."""
    chosen = trouble.order.snapshot_id if trouble.order else None
    if chosen is None:
        return here
    of_set = _taken_with(here.view.claims, chosen)
    claims = tuple(
        view
        if view.snapshots is None
        else replace(
            view,
            snapshots=tuple(item for item in view.snapshots if item.id in of_set),
            archive=None,
        )
        for view in here.view.claims
    )
    return replace(here, view=replace(here.view, claims=claims))


def _taken_with(claims: Sequence[ClaimView], snapshot_id: str) -> frozenset[str]:
    """That snapshot, and those that the same call took of other claims."""
    for snapshots in taken_together(claims):
        ids = frozenset(item.id for item in snapshots)
        if snapshot_id in ids:
            return ids
    return frozenset({snapshot_id})
