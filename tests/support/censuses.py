"""Censuses for tests, and how they are judged: so many slots of a zone that serve, and so many that do not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from reconciler.health.capabilities import Capabilities
from reconciler.health.census import Census, SlotFacts, VolumeFacts, census_of
from reconciler.health.conditions import RememberedCondition, Scope
from reconciler.health.judging_conditions import JudgedConditions, judge_conditions
from tests.support.brakes import CONDITIONS
from tests.support.fleets import REGION
from tests.support.resources import NOW

SERVES: dict[str, Any] = {"serving": True, "ec2_fine": True}
SICK: dict[str, Any] = {"serving": False}
"""EC2 says so."""
PROBE_FAILS: dict[str, Any] = {"serving": False, "by_judgement": True, "ec2_fine": True}
EVERYTHING_WORKS = Capabilities()
UNREAD: dict[str, Any] = {"serving": False, "by_judgement": True, "unread": True}


def slots(
    zone: str, count: int, *, sick: int = 0, how: dict[str, Any] = SICK, fleet: str = "web"
) -> list[SlotFacts]:
    """So many slots of that fleet in that zone, of which the first are sick that way."""
    return [
        SlotFacts(
            slot=f"{fleet}/{zone}/{number}",
            fleet=fleet,
            zone=zone,
            in_service=True,
            **(how if number < sick else SERVES),
        )
        for number in range(count)
    ]


def volumes(zone: str, count: int, *, stuck: int) -> list[VolumeFacts]:
    """So many volumes in that zone, of which the first are stuck."""
    return [
        VolumeFacts(volume=f"vol-{zone}-{number}", zone=zone, stuck=number < stuck)
        for number in range(count)
    ]


def census(
    *groups: Iterable[SlotFacts],
    of_volumes: Iterable[VolumeFacts] = (),
    sentinel_answers: bool = False,
) -> Census:
    """A census of all of them."""
    members = (facts for group in groups for facts in group)
    return census_of(REGION, members, of_volumes, sentinel_answers=sentinel_answers)


def judged(
    counted: Census,
    remembered: Mapping[Scope, RememberedCondition] | None = None,
    capabilities: Capabilities = EVERYTHING_WORKS,
    *,
    after: timedelta = timedelta(),
) -> JudgedConditions:
    """How the places of the census are so long after now, with what was remembered before."""
    return judge_conditions(counted, remembered or {}, CONDITIONS, capabilities, NOW + after)
