"""Outcomes of calls for tests, told in minutes from the beginning of the trouble."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from reconciler.health.capabilities import (
    CallOutcome,
    CallResult,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.judging_capabilities import judge_capabilities
from tests.support.brakes import BREAKERS
from tests.support.resources import NOW

ZONE = "use1-az1"
ZONES = ("use1-az1", "use1-az2", "use1-az4")
LAUNCH = CapabilityKind.LAUNCH
PROVEN, FAILED, WAITING = CallResult.PROVEN, CallResult.FAILED, CallResult.WAITING

_numbers = count()


def at(minute: float) -> datetime:
    """So many minutes after the beginning."""
    return NOW + timedelta(minutes=minute)


def call(
    minute: float,
    result: CallResult,
    *,
    took: float = 0.0,
    zone: str = ZONE,
    kind: CapabilityKind | None = LAUNCH,
    **fields: Any,
) -> CallOutcome:
    """A call that turned out so at that minute; it had begun `took` minutes before."""
    return CallOutcome(
        kind=kind,
        zone=zone,
        result=result,
        began_at=at(minute - took),
        known_at=at(minute),
        operation_id=f"{next(_numbers):08}",
        said=f"launch of web/1: Unavailable at minute {minute:g}",
        **fields,
    )


def calls(results: str, *, every: float = 0.5, since: float = 0.0) -> list[CallOutcome]:
    """One call for each letter, P(roven) or F(ailed), at equal distances."""
    told = {"P": PROVEN, "F": FAILED}
    return [call(since + every * index, told[letter]) for index, letter in enumerate(results)]


def judged(outcomes: list[CallOutcome], minute: float, **fields: Any) -> Capabilities:
    """All breakers at that minute, with the numbers of the design."""
    return judge_capabilities(tuple(outcomes), {}, ZONES, BREAKERS, at(minute), **fields)


def launching(outcomes: list[CallOutcome], minute: float, **fields: Any) -> Capability:
    """The breaker of launches in the usual zone."""
    return judged(outcomes, minute, **fields).of(ZONE, LAUNCH)
