"""On which terms a person's word is given for what waits, and why not for some of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from reconciler.planning.actions import Gate, Withheld
from reconciler.surface import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was typed: the largest loss to take, None for the one that is shown; and whether empty volumes may do."""

    max_loss: timedelta | None = None
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an approval will be for."""

    max_loss: timedelta | None = None
    empty: bool = False


def terms_of(item: Withheld, wishes: Wishes, *, named: bool) -> Terms | str:
    """The terms on which it is approved, or in a clause why it is not.

    What is `named` by its id is approved for the loss that is shown with it. Of what merely waits in a fleet, nothing
    beyond an objective is approved without a largest loss, and with one nothing that is not about a loss.
    """
    if wishes.empty:
        if not item.offers_stand_in:
            return "an empty stand-in is not among its ways"
        return Terms(empty=True)
    if item.only_stand_in:
        return "there is nothing to restore it from: give its id and --empty for an empty stand-in"
    if item.loss is None:
        if wishes.max_loss is not None and not named:
            return "it is not about a loss: give its id"
        return Terms()
    if wishes.max_loss is not None and item.loss > wishes.max_loss:
        lost, most = words.duration(item.loss), words.duration(wishes.max_loss)
        return f"it would lose {lost} of writes, and {most} at most was approved"
    if wishes.max_loss is None and not named and item.gate is Gate.RESTORE:
        return f"it would lose {words.duration(item.loss)} of writes: give its id, or --max-loss"
    return Terms(max_loss=item.loss if wishes.max_loss is None else wishes.max_loss)


def terms_clause(terms: Terms) -> str:
    """What was granted beside the course, as a clause that follows it."""
    if terms.empty:
        return " with empty volumes"
    if terms.max_loss is not None:
        return f" for a loss of {words.duration(terms.max_loss)} at most"
    return ""
