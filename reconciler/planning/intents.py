"""Intents: actions written down before they are done, and how they end (design section 8).

    begun ──> accepted ──> observed            the effect was seen in a complete observation
      │           ├─────> dead                 accepted, then terminated or error
      │           └─────> lost                 proved absent
      ├─────────> observed | dead | lost       the outcome was seen without an answer to the call
      ├─────────> rejected                     it had no effect
      └─────────> abandoned                    constructive, ambiguous past its window; still counted

An intent is open until it is observed, rejected, dead, lost or abandoned; an open exclusive intent keeps its slot busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.planning.actions import Action


class IntentState(StrEnum):
    """Where an intent stands."""

    BEGUN = "begun"
    ACCEPTED = "accepted"
    OBSERVED = "observed"
    REJECTED = "rejected"
    DEAD = "dead"
    LOST = "lost"
    ABANDONED = "abandoned"


OPEN_STATES = frozenset({IntentState.BEGUN, IntentState.ACCEPTED})

WITHOUT_EFFECT = frozenset({IntentState.DEAD, IntentState.LOST})
"""Ended at its deadline or proved absent: what was asked for did not come about."""

WITHOUT_A_TRACE = frozenset({IntentState.REJECTED, IntentState.LOST})
"""Had no effect at all; every other one may have left something behind."""

MOVES: dict[IntentState, frozenset[IntentState]] = {
    IntentState.BEGUN: frozenset(IntentState) - {IntentState.BEGUN},
    IntentState.ACCEPTED: frozenset({IntentState.OBSERVED, IntentState.DEAD, IntentState.LOST}),
    IntentState.OBSERVED: frozenset(),
    IntentState.REJECTED: frozenset(),
    IntentState.DEAD: frozenset(),
    IntentState.LOST: frozenset(),
    IntentState.ABANDONED: frozenset({IntentState.OBSERVED, IntentState.DEAD, IntentState.LOST}),
}
"""The declared graph; the store refuses any other move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An action in the journal. `resource_id` is what the call made or named, once that is known."""

    action: Action
    state: IntentState
    begun_at: datetime
    updated_at: datetime
    resource_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    retry_at: datetime | None = None
    first_missed_at: datetime | None = None
    """When a complete observation first lacked what the call should have made; for `lost`."""

    @property
    def open(self) -> bool:
        """True while its outcome is not settled."""
        return self.state in OPEN_STATES
