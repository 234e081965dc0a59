"""How an order is given: what would follow is shown, a person agrees, and it is written beside a running controller."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from reconciler.cli.actor import actor
from reconciler.cli.failures import Refused
from reconciler.cli.options import SLOT, cell_options
from reconciler.cli.ordering import Said, with_order
from reconciler.cli.output import print_lines, say, stdout_width
from reconciler.cli.overriding import override_of, override_option, with_override
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
from reconciler.surface.condition_text import override_clause
from reconciler.surface.layout import BLANK
from reconciler.surface.plan_text import plan_lines
from reconciler.surface.said_text import order_clause
from reconciler.surface.selection import of_slot

Decorated = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is typed with every order."""

    settings: Settings
    slot: SlotRef
    lasts: timedelta | None
    yes: bool
    withdraw: bool
    override_brakes: str | None


def order_options(function: Decorated) -> Decorated:
    """The options of every order; the command is called with them as `given`."""

    @wraps(function)
    def with_given(
        *,
        settings: Settings,
        slot: SlotRef,
        lasts: timedelta | None,
        yes: bool,
        withdraw: bool,
        override_brakes: str | None,
        **others: Any,
    ) -> Any:
        given = Given(
            settings=settings,
            slot=slot,
            lasts=lasts,
            yes=yes,
            withdraw=withdraw,
            override_brakes=override_brakes,
        )
        return function(given=given, **others)

    options = (
        cell_options,
        override_option,
        click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal."),
        click.option("--withdraw", is_flag=True, help="Take the order back."),
        click.option(
            "--for",
            "lasts",
            type=Duration(),
            metavar="DURATION",
            help="How long the order holds; 24h unless the policy says otherwise.",
        ),
        click.argument("slot", type=SLOT),
    )
    decorated: Decorated = with_given
    for option in options:
        decorated = option(decorated)
    return decorated


def give(
    given: Given,
    make: Callable[[Assessment, Said], Order],
    *,
    question: Callable[[Order], str],
    reason: str,
) -> int:
    """Show what would follow for the slot, ask, and write the order down. Refused when nobody agrees."""
    desired = declared(given.settings)
    with reaching(given.settings, read_only=True) as reach:
        seen = cell_of(given.slot, look(reach, desired))
    by, policy = actor(os.environ), desired.policy
    word = override_of(given.override_brakes, by, seen.case.now, policy)
    seen = replace(seen, case=with_override(seen.case, word))
    said = Said(by=by, at=seen.case.now, reason=reason, lasts=given.lasts or policy.approval_lasts)
    order = make(seen, said)
    plan = of_slot(with_order(seen, order), given.slot)
    print_lines([*plan_lines(seen.case, plan, width=stdout_width()), BLANK])
    _ask(question(order), yes=given.yes)
    with Store.open(given.settings.store) as store:
        cell = store.cell(seen.case.observation.cell)
        cell.order(order)
        if word is not None:
            cell.override(word)
    say(order_clause(order, seen.case.now))
    if word is not None:
        say(override_clause(word, seen.case.now))
    say(
        "a running `reconciler run` goes on with it in its next pass; `reconciler apply` does it now"
    )
    return 0


def withdraw(given: Given, *kinds: OrderKind) -> int:
    """Take orders back; without the cloud. Refused where there is none in force."""
    now, slot = SystemClock().now(), given.slot
    with Store.open(given.settings.store) as store:
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
