"""The rule of the last look that holds a plan to the pace, by its own reckoning (design section 7.3).

Where the pace counts what is in a bucket, this follows the instant at which the bucket was last empty; and of what
slows us down it knows the trouble of the API alone. It forbids what no bucket can have held, whatever else slowed it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from desired_state.safety import PaceRules, Rate
from providers.requests import (
    LaunchInstance,
    RebootInstance,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.capabilities import BreakerState, CapabilityKind
from reconciler.planning.actions import Action, Course, named_ids
from reconciler.planning.case import Case
from reconciler.planning.declared_here import replicas_here

MINUTE = timedelta(minutes=1)

SLACK = 0.001
"""Of a token, for sums of fractions."""

LAUNCHES, RESTORES, STEPS = "launches", "restores", "steps of repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """Something begun, or about to be, that is paced; the zone is None where it is not known any more."""

    at: datetime
    kind: str
    zone: str | None


def pace_exceeded(actions: Iterable[Action], case: Case) -> Iterable[tuple[str, str]]:
    """Where, and what is too much there: launches, restores and steps of repair, with those of the journal."""
    rules = case.desired.policy.pace
    planned = [item for action in actions for item in _paced(action, case.now, case)]
    if rules is None or not planned:
        return
    intents = (*case.memory.recent_intents, *case.memory.open_intents)
    begun = [item for it in intents for item in _paced(it.action, min(it.begun_at, case.now), case)]
    begun.sort(key=lambda item: item.at)
    for kind, zone in sorted(_places(planned), key=lambda place: (place[0], place[1] or "")):
        per_minute = _per_minute(kind, zone, rules, case)
        count = sum(1 for item in planned if item.kind == kind and zone in (None, item.zone))
        before = [i.at for i in begun if i.kind == kind and zone in (None, i.zone or zone)]
        if not _holds(count, before, per_minute, case):
            where = zone or case.observation.cell.region
            yield where, f"{count} {kind} are planned, {per_minute:.3g} a minute may be begun"


def _places(planned: Sequence[_Done]) -> Iterable[tuple[str, str | None]]:
    return Counter((item.kind, zone) for item in planned for zone in {None, item.zone})


def _paced(action: Action, at: datetime, case: Case) -> list[_Done]:
    request, course = action.request, action.course
    if isinstance(request, LaunchInstance):
        kinds = [LAUNCHES, RESTORES] if course is Course.RESTORE else [LAUNCHES]
        first = course is Course.CREATE
        return [_Done(at=at, kind=kind, zone=request.zone) for kind in kinds if not first]
    if isinstance(request, StartInstance):
        return [_Done(at=at, kind=LAUNCHES, zone=_zone_of(action, case))]
    steps = isinstance(request, RebootInstance | StopInstance | TerminateInstance)
    if steps and course is Course.REPAIR:
        return [_Done(at=at, kind=STEPS, zone=_zone_of(action, case))]
    return []


def _zone_of(action: Action, case: Case) -> str | None:
    for id_ in named_ids(action.request):
        thing = case.observation.instances.get(id_) or case.memory.known.get(id_)
        if thing is not None:
            return thing.zone
    return None


def _per_minute(kind: str, zone: str | None, rules: PaceRules, case: Case) -> float:
    rates: dict[str, Rate] = {
        LAUNCHES: rules.launches,
        RESTORES: rules.restores,
        STEPS: rules.disruptive,
    }
    slots = replicas_here(case.desired, case.observation.cell)
    of_region = rates[kind].per_minute(slots)
    of_zone = max(of_region * rules.zone_percent / 100, min(of_region, 1.0))
    per_minute = of_region if zone is None else of_zone
    if kind != STEPS:
        per_minute += sum(max(0.0, more - of_zone) for more in _recovering(zone, case))
    trouble = case.capabilities.api_trouble is not None
    return per_minute * (rules.trouble_percent / 100 if trouble else 1.0)


def _recovering(zone: str | None, case: Case) -> list[float]:
    """Launches a minute that zones were found to bear since they recover."""
    breakers = case.desired.policy.capabilities
    return [
        item.level / (breakers.ramp_round / MINUTE)
        for item in case.capabilities.of_zones.values()
        if breakers is not None
        and item.kind is CapabilityKind.LAUNCH
        and item.state is BreakerState.CLOSED
        and item.level is not None
        and zone in (None, item.zone)
    ]


def _holds(count: int, before: Sequence[datetime], per_minute: float, case: Case) -> bool:
    """Whether the bucket held so many: it fills from when it was empty, and is full a minute or one token later."""
    if per_minute <= 0 or case.memory.recorded_since is None:
        return False
    a_token = MINUTE / per_minute
    full = max(MINUTE, a_token)
    empty_at = case.memory.recorded_since
    for at in (item for item in before if item > case.memory.recorded_since):
        empty_at = min(at, max(empty_at, at - full) + a_token)
    return max(empty_at, case.now - full) + (count - SLACK) * a_token <= case.now
