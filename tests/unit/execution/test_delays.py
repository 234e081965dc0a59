"""How long a rejection holds, by what came of the same call for the same slot before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.execution.delays import delay_after
from reconciler.planning.intents import Intent, IntentState
from tests.support.actions import launch
from tests.support.remembered import Remembered
from tests.support.resources import NOW

REJECTED, OBSERVED, DEAD = IntentState.REJECTED, IntentState.OBSERVED, IntentState.DEAD


@pytest.mark.parametrize(
    ("before", "delay_s"),
    [
        ((), 5),
        ((REJECTED,), 15),
        ((REJECTED, REJECTED), 60),
        ((REJECTED,) * 7, 300),
        ((REJECTED, REJECTED, OBSERVED), 5),
        ((REJECTED, REJECTED, DEAD, REJECTED), 15),
    ],
)
def test_rejections_count_since_the_call_last_worked(
    before: tuple[IntentState, ...], delay_s: int
) -> None:
    assert delay_after(launch("web/0"), history("web/0", *before)) == timedelta(seconds=delay_s)


def test_what_another_slot_did_meanwhile_counts_for_nothing() -> None:
    recent = history("web/0", REJECTED, REJECTED) + history("web/1", OBSERVED, REJECTED)

    assert delay_after(launch("web/0"), recent) == timedelta(seconds=60)
    assert delay_after(launch("web/1"), recent) == timedelta(seconds=15)


def history(slot: str, *ends: IntentState) -> tuple[Intent, ...]:
    """Launches for that slot that ended so, oldest first."""
    past = Remembered(NOW)
    for end in ends:
        past.began(launch(slot), state=end)
    return past.memory.recent_intents
