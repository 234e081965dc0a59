"""Judging how every place is: zones, the region, fleets, and whether we can see at all (design section 7.3).

Pure: the instant is an argument, and what is learnt is a result that the run stores and the dry run drops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from desired_state.safety import ConditionRules
from reconciler.health.capabilities import Capabilities
from reconciler.health.census import Census
from reconciler.health.conditions import Conditions, RememberedCondition, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedConditions:
    """How every place is, and what to remember of those that are not normal, or lately were not."""

    conditions: Conditions = field(default_factory=Conditions)
    remembered: Mapping[Scope, RememberedCondition] = field(default_factory=dict)


def judge_conditions(
    census: Census,
    remembered: Mapping[Scope, RememberedCondition],
    rules: ConditionRules | None,
    capabilities: Capabilities,
    now: datetime,
) -> JudgedConditions:
    """The condition of every place that is not normal, or was not lately. Without rules all is normal."""
    return JudgedConditions()
