from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.health.capabilities import (
    BreakerState,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.conditions import (
    Condition,
    Conditions,
    ConditionVerdict,
    Scope,
    ScopeKind,
)
from reconciler.loop import events
from reconciler.loop.alarms import alarms
from reconciler.loop.assess import Assessment
from reconciler.planning.actions import Course, Gate, Withheld
from reconciler.planning.memory import Override
from tests.support.assessed import assessed
from tests.support.cases import Scene
from tests.support.fleets import web_fleet
from tests.support.resources import NOW, slot

ZONE = Scope(ScopeKind.ZONE, "use1-az1")


def peace() -> Assessment:
    scene = Scene(web_fleet())
    scene.in_service()
    return assessed(scene)


def with_case(look: Assessment, **changes: Any) -> Assessment:
    return replace(look, case=replace(look.case, **changes))


def zone_is(condition: Condition, reason: str = "6 of 12 do not serve") -> Assessment:
    verdict = ConditionVerdict(scope=ZONE, condition=condition, since=NOW, reason=reason)
    return with_case(peace(), conditions=Conditions(verdicts={ZONE: verdict}))


def launch_is(state: BreakerState) -> Assessment:
    breaker = Capability(kind=CapabilityKind.LAUNCH, zone=ZONE.name, state=state, reason="3 failed")
    known = Capabilities(of_zones={(ZONE.name, CapabilityKind.LAUNCH): breaker})
    return with_case(peace(), capabilities=known)


def test_in_peace_nobody_hears_of_anything() -> None:
    assert list(alarms(None, peace())) == []
    assert list(alarms(peace(), peace())) == []


def test_trouble_is_told_when_it_begins_and_when_it_is_over_and_not_in_between() -> None:
    (began,) = alarms(peace(), zone_is(Condition.DEGRADED))
    assert (began.level, began.event) == (logging.WARNING, events.CONDITION_CHANGED)
    assert (began.subject, began.state) == ("zone use1-az1", "degraded")
    same = zone_is(Condition.DEGRADED, reason="7 of 12 do not serve")
    assert list(alarms(zone_is(Condition.DEGRADED), same)) == []
    (ended,) = alarms(same, peace())
    assert (ended.level, ended.state) == (logging.INFO, "over")
    assert ended.reason == "it was degraded: 7 of 12 do not serve"


def test_what_is_critical_pages_and_so_does_its_coming_back() -> None:
    (worse,) = alarms(zone_is(Condition.DEGRADED), zone_is(Condition.CRITICAL))
    assert (worse.level, worse.state) == (logging.ERROR, "critical")
    (better,) = alarms(zone_is(Condition.CRITICAL), zone_is(Condition.RECOVERING))
    assert (better.level, better.state) == (logging.WARNING, "recovering")


def test_a_first_look_tells_of_all_that_is_in_trouble() -> None:
    assert [item.state for item in alarms(None, zone_is(Condition.CRITICAL))] == ["critical"]


def test_a_breaker_is_told_as_open_however_often_it_is_tried() -> None:
    (opened,) = alarms(peace(), launch_is(BreakerState.OPEN))
    assert (opened.subject, opened.state) == ("launch in use1-az1", "open")
    tried = launch_is(BreakerState.HALF_OPEN)
    assert list(alarms(launch_is(BreakerState.OPEN), tried)) == []
    assert [item.state for item in alarms(tried, launch_is(BreakerState.CLOSED))] == ["over"]


def test_blindness_and_trouble_of_the_whole_api_are_told() -> None:
    capabilities = Capabilities(api_trouble="9 of 10 failed", launch_open_everywhere="all short")
    look = with_case(
        peace(), conditions=Conditions(blind="9 slots silent"), capabilities=capabilities
    )
    told = {item.event: (item.level, item.reason) for item in alarms(peace(), look)}
    assert told == {
        events.BLIND: (logging.ERROR, "9 slots silent"),
        events.CAPABILITY_CHANGED: (logging.ERROR, "all short"),
        events.API_TROUBLE: (logging.WARNING, "9 of 10 failed"),
    }


def test_an_override_pages_with_who_gave_it_and_why_until_it_ends() -> None:
    word = Override(
        reason="I see them",
        given_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        given_by="erin",
    )
    quiet = peace()
    lifted = with_case(quiet, memory=replace(quiet.case.memory, override=word))
    (began,) = alarms(quiet, lifted)
    assert (began.level, began.reason) == (logging.ERROR, "erin: I see them")
    expired = with_case(lifted, now=NOW + timedelta(hours=1))
    assert [item.state for item in alarms(lifted, expired)] == ["over"]


def test_a_hold_after_deeds_of_others_pages_once_for_its_fleet() -> None:
    held = [
        Withheld(slot=slot(f"web/{n}"), course=Course.REPAIR, gate=Gate.BY_HAND, reason="3 of 3")
        for n in range(3)
    ]
    look = peace()
    look = replace(look, plan=replace(look.plan, withheld=tuple(held)))
    (told,) = alarms(peace(), look)
    assert (told.level, told.event, told.subject) == (
        logging.ERROR,
        events.BY_HAND,
        "fleet web by hand",
    )
