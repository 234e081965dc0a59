"""From the outcomes of our own calls to breakers: what each zone's control plane can do (design section 7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from desired_state.safety import BreakerRules
from reconciler.health.capabilities import CallOutcome, Capabilities, Capability


def judge_capabilities(
    outcomes: tuple[CallOutcome, ...],
    reads: Mapping[str, Capability],
    zones: Iterable[str],
    rules: BreakerRules | None,
    now: datetime,
    *,
    usual_per_minute: float | None = None,
) -> Capabilities:
    """Every breaker of the cell. `reads` are the `describe` breakers by zone; without rules everything works.

    `usual_per_minute` is the usual pace of launches, None where it is not bounded.
    """
    return Capabilities()
