"""What of a cell's surroundings a person should hear of once: how it began, how it went on, and that it is over.

Pure: the difference between two looks. What needs a person's eyes at once is an `error`, by which pagers go.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.health.capabilities import BreakerState
from reconciler.health.conditions import Condition
from reconciler.loop import events
from reconciler.loop.assess import Assessment
from reconciler.planning.actions import Gate
from reconciler.planning.braked import override_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One line for the log: something began, changed, or is over."""

    level: int
    """How urgent it is, as `logging` has it."""
    event: str
    subject: str
    state: str
    reason: str


def alarms(before: Assessment | None, after: Assessment) -> Iterator[Alarm]:
    """What is different from the last look; of a first one, all that is in trouble."""
    then = _troubles(before) if before else {}
    now = _troubles(after)
    for subject, trouble in now.items():
        if subject not in then or then[subject].state != trouble.state:
            yield trouble
    for subject, trouble in then.items():
        if subject not in now:
            reason = f"it was {trouble.state}: {trouble.reason}"
            yield replace(trouble, level=logging.INFO, state="over", reason=reason)


def _troubles(look: Assessment) -> Mapping[str, Alarm]:
    """By its subject, in a fixed order."""
    found = (*_of_the_cell(look), *_of_places(look), *_of_breakers(look), *_by_hand(look))
    return {alarm.subject: alarm for alarm in found}


def _of_the_cell(look: Assessment) -> Iterator[Alarm]:
    case = look.case
    if (word := override_in_force(case)) is not None:
        yield Alarm(
            level=logging.ERROR,
            event=events.BRAKES_OVERRIDDEN,
            subject="brakes",
            state="overridden",
            reason=f"{word.given_by}: {word.reason}",
        )
    if case.conditions.blind is not None:
        yield Alarm(
            level=logging.ERROR,
            event=events.BLIND,
            subject="sight",
            state="blind",
            reason=case.conditions.blind,
        )
    if case.capabilities.launch_open_everywhere is not None:
        yield Alarm(
            level=logging.ERROR,
            event=events.CAPABILITY_CHANGED,
            subject="launches",
            state="open everywhere",
            reason=case.capabilities.launch_open_everywhere,
        )
    if case.capabilities.api_trouble is not None:
        yield Alarm(
            level=logging.WARNING,
            event=events.API_TROUBLE,
            subject="API",
            state="in trouble",
            reason=case.capabilities.api_trouble,
        )


def _of_places(look: Assessment) -> Iterator[Alarm]:
    for scope, verdict in sorted(look.case.conditions.verdicts.items()):
        if verdict.condition is Condition.NORMAL:
            continue
        critical = verdict.condition is Condition.CRITICAL
        yield Alarm(
            level=logging.ERROR if critical else logging.WARNING,
            event=events.CONDITION_CHANGED,
            subject=str(scope),
            state=verdict.condition,
            reason=verdict.reason,
        )


def _of_breakers(look: Assessment) -> Iterator[Alarm]:
    """Half-open comes and goes with each try, so it is told as open."""
    for (zone, kind), item in sorted(look.case.capabilities.of_zones.items()):
        if item.state is not BreakerState.CLOSED:
            yield Alarm(
                level=logging.WARNING,
                event=events.CAPABILITY_CHANGED,
                subject=f"{kind} in {zone}",
                state="open",
                reason=item.reason,
            )


def _by_hand(look: Assessment) -> Iterator[Alarm]:
    for item in look.plan.withheld:
        if item.gate is Gate.BY_HAND and item.slot is not None:
            yield Alarm(
                level=logging.ERROR,
                event=events.BY_HAND,
                subject=f"fleet {item.slot.fleet} by hand",
                state="held",
                reason=item.reason,
            )
