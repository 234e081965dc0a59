"""When an action that was rejected may be tried again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from reconciler.planning.actions import Action
from reconciler.planning.intents import Intent, IntentState

DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=15),
    timedelta(seconds=60),
    timedelta(seconds=300),
)
"""After the first, second, third and every later rejection in a row of the same kind of call for the same slot."""


def delay_after(action: Action, recent: Sequence[Intent]) -> timedelta:
    """How long to wait after this action is rejected; `recent` are closed intents, oldest first."""
    in_a_row = 0
    for intent in reversed(recent):
        if intent.action.slot != action.slot or intent.action.request.kind != action.request.kind:
            continue
        if intent.state is not IntentState.REJECTED:
            break
        in_a_row += 1
    return DELAYS[min(in_a_row, len(DELAYS) - 1)]
