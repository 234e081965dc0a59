"""Where disruptive work is braked now: what the conditions of a case say of a place, and a person's word above them."""

from __future__ import annotations

from reconciler.health.conditions import Condition, ConditionVerdict, Scope, ScopeKind
from reconciler.planning.actions import Gate
from reconciler.planning.case import Case
from reconciler.planning.memory import Override

LIFTABLE = frozenset(
    {
        Gate.CONDITION,
        Gate.FLEET_BREAKER,
        Gate.BLIND,
        Gate.BY_HAND,
        Gate.HOUSEKEEPING,
        Gate.BAKING,
    }
)
"""The gates that `--override-brakes` opens, and no others."""


def override_in_force(case: Case) -> Override | None:
    """A person's word that lifts the brakes of the cell, as long as it lasts."""
    override = case.memory.override
    return override if override is not None and case.now < override.expires_at else None


def critical_place(case: Case, zone: str | None) -> ConditionVerdict | None:
    """The zone or the region, where it is critical. A fleet's own trouble is its breaker's."""
    scopes = [Scope(ScopeKind.REGION, case.observation.cell.region)]
    if zone is not None:
        scopes.insert(0, Scope(ScopeKind.ZONE, zone))
    found = (case.conditions.verdicts.get(scope) for scope in scopes)
    return next(
        (item for item in found if item is not None and item.condition is Condition.CRITICAL), None
    )


def said_of(verdict: ConditionVerdict) -> str:
    """`zone use1-az1 is critical since 12:00Z: 5 of 12 instances do not serve`."""
    why = f": {verdict.reason}" if verdict.reason else ""
    return f"{verdict.scope} is {verdict.condition} since {verdict.since:%H:%M}Z{why}"


def holds_steps_in_place(case: Case, zone: str, fleet: str) -> bool:
    """Whether a reboot or a restart there would be held, so that the ladder goes on to a replacement elsewhere.

    Not where only our own eyes are doubted: a replacement would be seen no better.
    """
    if override_in_force(case) is not None:
        return False
    return critical_place(case, zone) is not None or fleet in case.conditions.broken_fleets
