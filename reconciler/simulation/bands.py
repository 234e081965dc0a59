"""Over which times places and capabilities were not normal, as the controller judged them pass after pass."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.health.capabilities import BreakerState
from reconciler.health.conditions import Condition
from reconciler.planning.case import Case
from reconciler.simulation.record import Band

BLIND, API, REGION_LAUNCH = "sight", "API", "launch in the region"


class Bands:
    """Told of each pass; what stays as it is goes on."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._open: dict[str, tuple[str, timedelta]] = {}
        self._ended: list[Band] = []

    def note(self, case: Case) -> None:
        """What this pass judged."""
        now = case.now - self._began
        states = _states(case)
        for what, (state, since) in list(self._open.items()):
            if states.get(what) != state:
                del self._open[what]
                self._ended.append(Band(what=what, state=state, since=since, until=now))
        for what, state in states.items():
            self._open.setdefault(what, (state, now))

    def until(self, end: timedelta) -> tuple[Band, ...]:
        """All bands, those that still last up to that end."""
        lasting = (
            Band(what=what, state=state, since=since, until=end)
            for what, (state, since) in self._open.items()
        )
        return tuple(sorted((*self._ended, *lasting), key=lambda item: (item.what, item.since)))


def _states(case: Case) -> dict[str, str]:
    """Of everything that is not normal now."""
    conditions, capabilities = case.conditions, case.capabilities
    states = {
        str(scope): str(verdict.condition)
        for scope, verdict in conditions.verdicts.items()
        if verdict.condition is not Condition.NORMAL
    }
    states |= {f"fleet {name}": "breaker" for name in conditions.broken_fleets}
    states |= {
        f"{kind} in {zone}": str(found.state)
        for (zone, kind), found in capabilities.of_zones.items()
        if found.state is not BreakerState.CLOSED
    }
    if conditions.blind is not None:
        states[BLIND] = "blind"
    if capabilities.api_trouble is not None:
        states[API] = "trouble"
    if capabilities.launch_open_everywhere is not None:
        states[REGION_LAUNCH] = str(BreakerState.OPEN)
    return states
