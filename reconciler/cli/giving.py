"""How an order is given: what would follow is shown, a person agrees, and it is written beside a running controller."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from reconciler.cli.actor import actor
from reconciler.cli.failures import Refused
from reconciler.cli.options import SLOT, cell_options
from reconciler.cli.ordering import Said, with_order
from reconciler.cli.output import print_lines, say, stdout_width
from reconciler.cli.quantities import Duration
from reconciler.cli.seen_slots import cell_of
from reconciler.clock import SystemClock
from reconciler.loop.assess import Assessment
from reconciler.main import declared, look, reaching
from reconciler.planning.actions import SlotRef
from reconciler.planning.orders import Order, OrderKind
from reconciler.settings import Settings
from reconciler.store.store import Store
from reconciler.surface import words
from reconciler.surface.layout import BLANK
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.said_text import order_clause
from reconciler.surface.selection import of_slot

Decorated = Callable[..., Any]


def order_options(function: Decorated) -> Decorated:
    """The slot, and what every order takes: how long, whether to ask, and whether to take it back."""
    options = (
        cell_options,
        click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal."),
        click.option("--withdraw", "withdraw_it", is_flag=True, help="Take the order back."),
        click.option(
            "--for",
            "lasts",
            type=Duration(),
            metavar="DURATION",
            help="How long the order holds; 24h unless the policy says otherwise.",
        ),
        click.argument("slot", type=SLOT),
    )
    for option in options:
        function = option(function)
    return function


def give(
    settings: Settings,
    slot: SlotRef,
    make: Callable[[Assessment, Said], Order],
    *,
    question: Callable[[Order], str],
    reason: str,
    lasts: timedelta | None,
    yes: bool,
) -> int:
    """Show what would follow for the slot, ask, and write the order down. Refused when nobody agrees."""
    desired = declared(settings)
    with reaching(settings, read_only=True) as reach:
        seen = cell_of(slot, look(reach, desired))
    said = Said(
        by=actor(os.environ),
        at=seen.case.now,
        reason=reason,
        lasts=lasts or desired.policy.approval_lasts,
    )
    order = make(seen, said)
    plan = of_slot(with_order(seen, order), slot)
    print_lines([*plan_lines(seen.case, plan, width=stdout_width()), BLANK])
    _ask(question(order), yes=yes)
    with Store.open(settings.store) as store:
        store.cell(seen.case.observation.cell).order(order)
    say(order_clause(order, seen.case.now))
    say(
        "a running `reconciler run` goes on with it in its next pass; `reconciler apply` does it now"
    )
    return 0


def withdraw(settings: Settings, slot: SlotRef, *kinds: OrderKind) -> int:
    """Take orders back; without the cloud. Refused where there is none in force."""
    now = SystemClock().now()
    with Store.open(settings.store) as store:
        cells = [store.cell(identity) for identity in store.cells()]
        found = [
            (cell, order)
            for cell in cells
            for order in cell.memory(now).orders
            if order.slot == slot and order.kind in kinds
        ]
        for cell, order in found:
            cell.withdraw(slot, order.kind, now)
            say(f"withdrawn: {order_clause(order, now)}")
    if not found:
        raise Refused(
            f"no such order is in force for {slot}; `reconciler status` shows those that are"
        )
    return 0


def loss_clause(order: Order) -> str:
    """What the person takes with it, for the question."""
    if order.max_loss is None:
        return "what is written until the copy takes over"
    lost = words.duration(order.max_loss)
    return f"{lost} of writes, and what is written until the copy takes over"


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on, so nothing was ordered; use --yes")
    if not click.confirm(question, err=True):
        raise Refused("not confirmed; nothing was ordered")
