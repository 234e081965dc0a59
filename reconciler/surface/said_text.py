"""What people said that is in force, one clause each: who, what, and until when."""

from __future__ import annotations

from datetime import datetime

from reconciler.planning.actions import SlotRef
from reconciler.planning.memory import Approval, Memory
from reconciler.planning.orders import Order, OrderKind
from reconciler.surface import words

ORDERS: dict[OrderKind, str] = {
    OrderKind.REPLACE: "to be replaced",
    OrderKind.RESTORE: "to be restored",
    OrderKind.FENCE: "its owed fence to be tried again",
    OrderKind.FENCED: "what it left behind confirmed to serve no more",
}


def said_of(memory: Memory, slot: SlotRef, now: datetime) -> list[str]:
    """Everything in force that people said of one slot."""
    approvals = [
        approval_clause(item, now)
        for item in memory.approvals.values()
        if now < item.expires_at and item.id.startswith(f"{slot.fleet}-{slot.ordinal}-")
    ]
    orders = [
        order_clause(item, now)
        for item in memory.orders
        if now < item.expires_at and item.slot == slot
    ]
    return [*approvals, *orders]


def approval_clause(approval: Approval, now: datetime) -> str:
    """`web-1-a1b2c3 approved by erin (restore, for a loss of 3 h at most) until …`."""
    terms = f"{approval.gate.value}{_terms(approval)}"
    return f"{approval.id} approved by {approval.granted_by} ({terms}) until {words.ahead(approval.expires_at, now)}"


def _terms(approval: Approval) -> str:
    if approval.empty:
        return ", with an empty stand-in"
    if approval.max_loss is not None:
        return f", for a loss of {words.duration(approval.max_loss)} at most"
    return ""


def order_clause(order: Order, now: datetime) -> str:
    """`web/1 to be replaced, ordered by erin until …: its disk is slow`."""
    made_from = f" from {order.snapshot_id}" if order.snapshot_id else ""
    named = f" ({order.instance_id})" if order.instance_id else ""
    what = f"{order.slot} {ORDERS[order.kind]}{made_from}{named}"
    until = words.ahead(order.expires_at, now)
    return f"{what}, ordered by {order.given_by} until {until}: {order.reason}"
