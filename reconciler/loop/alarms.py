"""What of a cell's surroundings a person should hear of once: how it began, how it went on, and that it is over.

Pure: the difference between two looks. What needs a person's eyes at once is an `error`, by which pagers go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.health.capabilities import BreakerState
from reconciler.health.conditions import Condition
from reconciler.loop import events
from reconciler.loop.assess import Assessment
from reconciler.planning.actions import Gate
from reconciler.planning.braked import override_in_force


class Level(StrEnum):
    """How urgent it is, by the names of the log's methods."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One line for the log: something began, changed, or is over."""

    level: Level
    event: str
    subject: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    level: Level
    event: str
    state: str
    reason: str


def alarms(before: Assessment | None, after: Assessment) -> Iterator[Alarm]:
    """What is different from the last look; of a first one, all that is in trouble."""
    then = _troubles(before) if before else {}
    now = _troubles(after)
    for subject, trouble in now.items():
        if subject not in then or then[subject].state != trouble.state:
            yield Alarm(
                level=trouble.level,
                event=trouble.event,
                subject=subject,
                state=trouble.state,
                reason=trouble.reason,
            )
    for subject, trouble in then.items():
        if subject not in now:
            yield Alarm(
                level=Level.INFO,
                event=trouble.event,
                subject=subject,
                state="over",
                reason=f"it was {trouble.state}: {trouble.reason}",
            )


def _troubles(look: Assessment) -> Mapping[str, _Trouble]:
    """By its subject, in a fixed order."""
    return dict(
        (
            *_of_the_cell(look),
            *_of_places(look),
            *_of_breakers(look),
            *_by_hand(look),
        )
    )


def _of_the_cell(look: Assessment) -> Iterator[tuple[str, _Trouble]]:
    case = look.case
    if (word := override_in_force(case)) is not None:
        reason = f"{word.given_by}: {word.reason}"
        yield "brakes", _trouble(Level.ERROR, events.BRAKES_OVERRIDDEN, "overridden", reason)
    if case.conditions.blind is not None:
        yield "sight", _trouble(Level.ERROR, events.BLIND, "blind", case.conditions.blind)
    if case.capabilities.launch_open_everywhere is not None:
        why = case.capabilities.launch_open_everywhere
        yield "launches", _trouble(Level.ERROR, events.CAPABILITY_CHANGED, "open everywhere", why)
    if case.capabilities.api_trouble is not None:
        trouble = case.capabilities.api_trouble
        yield "API", _trouble(Level.WARNING, events.API_TROUBLE, "in trouble", trouble)


def _of_places(look: Assessment) -> Iterator[tuple[str, _Trouble]]:
    for scope, verdict in sorted(look.case.conditions.verdicts.items()):
        if verdict.condition is Condition.NORMAL:
            continue
        critical = verdict.condition is Condition.CRITICAL
        level = Level.ERROR if critical else Level.WARNING
        yield (
            str(scope),
            _trouble(level, events.CONDITION_CHANGED, verdict.condition, verdict.reason),
        )


def _of_breakers(look: Assessment) -> Iterator[tuple[str, _Trouble]]:
    """Half-open comes and goes with each try, so it is told as open."""
    for (zone, kind), item in sorted(look.case.capabilities.of_zones.items()):
        if item.state is not BreakerState.CLOSED:
            why = item.reason
            yield (
                f"{kind} in {zone}",
                _trouble(Level.WARNING, events.CAPABILITY_CHANGED, "open", why),
            )


def _by_hand(look: Assessment) -> Iterator[tuple[str, _Trouble]]:
    for item in look.plan.withheld:
        if item.gate is Gate.BY_HAND and item.slot is not None:
            yield (
                f"fleet {item.slot.fleet} by hand",
                _trouble(Level.ERROR, events.BY_HAND, "held", item.reason),
            )


def _trouble(level: Level, event: str, state: str, reason: str) -> _Trouble:
    return _Trouble(level=level, event=event, state=state, reason=reason)
