from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
    Count,
    Scope,
    ScopeKind,
)
from reconciler.planning.case import Case
from reconciler.planning.memory import Override
from reconciler.surface.condition_text import (
    condition_lines,
    conditions_around,
    conditions_document,
)
from reconciler.surface.layout import plain_text
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, web_fleet
from tests.support.resources import NOW, slot

HOUR = timedelta(hours=1)
ZONE = "use1-az1"
ELSEWHERE = "use1-az9"


def critical(scope: Scope) -> ConditionVerdict:
    """A place of which half is down for ten minutes."""
    return ConditionVerdict(
        scope=scope,
        condition=Condition.CRITICAL,
        since=NOW - 10 * MINUTE,
        reason="half of it does not serve",
        counts=(Count(what="instances", sick=6, of=12), Count(what="volumes", sick=0, of=4)),
        changes_at=NOW + 5 * MINUTE,
    )


def case_with(conditions: Conditions = Conditions(), **known: object) -> Case:  # noqa: B008 - frozen
    """A quiet cell, but for these."""
    capabilities = known.get("capabilities") or Capabilities()
    assert isinstance(capabilities, Capabilities)
    return replace(Scene(web_fleet()).case(), conditions=conditions, capabilities=capabilities)


def places(*scopes: Scope) -> Conditions:
    return Conditions(verdicts={scope: critical(scope) for scope in scopes})


def launch(zone: str, state: BreakerState, **fields: object) -> Capabilities:
    breaker = Capability(
        kind=CapabilityKind.LAUNCH,
        zone=zone,
        state=state,
        since=NOW - 2 * MINUTE,
        reason="3 of 4 calls failed",
        evidence=("launch of web/3: Unavailable", "launch of web/4: Unavailable"),
        next_probe_at=NOW + 30 * SECOND,
        waiting=1,
        level=2.0 if state is BreakerState.CLOSED else None,
    )
    return Capabilities(of_zones={(zone, CapabilityKind.LAUNCH): breaker}, **fields)  # type: ignore[arg-type]


def test_in_peace_nothing_is_said_of_places() -> None:
    normal = replace(critical(Scope(ScopeKind.ZONE, ZONE)), condition=Condition.NORMAL)
    assert condition_lines(case_with(), width=100) == []
    assert condition_lines(case_with(Conditions(verdicts={normal.scope: normal})), width=100) == []


def test_a_place_in_trouble_says_how_much_since_when_what_that_brakes_and_when_it_may_end() -> None:
    shown = plain_text(condition_lines(case_with(places(Scope(ScopeKind.ZONE, ZONE))), width=200))
    assert shown == (
        "Conditions\n"
        f"  zone {ZONE}  critical since 2026-04-21T11:50:00Z, 10 min ago: half of it does not serve; "
        "instances: 6 of 12; no disruptive work but commits and owed fences; changes at "
        "2026-04-21T12:05:00Z, in 5\n      min, if nothing else does\n"
    )


def test_a_breaker_says_on_what_it_rests_and_when_it_is_tried_again() -> None:
    shown = plain_text(
        condition_lines(case_with(capabilities=launch(ZONE, BreakerState.HALF_OPEN)), width=200)
    )
    assert f"launch in {ZONE}  half-open since 2026-04-21T11:58:00Z, 2 min ago" in shown
    assert "3 of 4 calls failed; launch of web/3: Unavailable" in shown
    assert "1 call not proven yet; tried again at 2026-04-21T12:00:30Z, in 30 s" in shown.replace(
        "\n     ", ""
    )


def test_a_breaker_that_closed_is_shown_while_its_use_grows() -> None:
    recovering = case_with(capabilities=launch(ZONE, BreakerState.CLOSED))
    assert "working again" in plain_text(condition_lines(recovering, width=200))
    assert "2 a round for now" in plain_text(condition_lines(recovering, width=200))


def test_blindness_trouble_of_the_api_and_broken_fleets_say_what_they_stop() -> None:
    conditions = Conditions(
        blind="9 slots in 2 zones fail by judgement alone",
        broken_fleets={"web": "4 of 12 probes fail while EC2 is fine"},
    )
    capabilities = Capabilities(api_trouble="9 of 10 calls failed", launch_open_everywhere="short")
    case = case_with(conditions, capabilities=capabilities)
    shown = plain_text(condition_lines(case, width=200))
    assert (
        "blind  9 slots in 2 zones fail by judgement alone; nothing is taken out on that" in shown
    )
    assert "API in trouble  9 of 10 calls failed; everything is slowed down" in shown
    assert "no launches  short" in shown
    assert "fleet web  breaker open: 4 of 12 probes fail while EC2 is fine" in shown


def test_an_override_is_loud_and_first_and_ends() -> None:
    word = Override(
        reason="the probes are wrong",
        given_at=NOW - MINUTE,
        expires_at=NOW + HOUR,
        given_by="erin",
    )
    scene = Scene(web_fleet())
    case = scene.case()
    case = replace(
        case,
        memory=replace(case.memory, override=word),
        conditions=places(Scope(ScopeKind.ZONE, ZONE)),
    )
    shown = plain_text(condition_lines(case, width=200)).splitlines()
    assert (
        "BRAKES OVERRIDDEN by erin until 2026-04-21T13:00:00Z, in 1 h: the probes are wrong"
        in (shown[1])
    )
    late = plain_text(condition_lines(replace(case, now=NOW + HOUR), width=200))
    assert "OVERRIDDEN" not in late


def test_a_slot_is_told_of_its_own_places_alone() -> None:
    here, elsewhere = Scope(ScopeKind.ZONE, ZONE), Scope(ScopeKind.ZONE, ELSEWHERE)
    other_fleet = Scope(ScopeKind.FLEET, "postgres")
    case = case_with(places(here, elsewhere, other_fleet))
    shown = plain_text(conditions_around(case, slot("web/0"), ZONE, width=200))
    assert ZONE in shown
    assert ELSEWHERE not in shown
    assert "postgres" not in shown


def test_the_document_holds_every_place_and_breaker_also_in_peace() -> None:
    normal = replace(critical(Scope(ScopeKind.ZONE, ZONE)), condition=Condition.NORMAL)
    case = case_with(
        Conditions(verdicts={normal.scope: normal}),
        capabilities=launch(ZONE, BreakerState.OPEN),
    )
    document = conditions_document(case)
    (place,) = document["places"]
    (breaker,) = document["capabilities"]
    assert (place["kind"], place["name"], place["condition"]) == ("zone", ZONE, "normal")
    assert (breaker["kind"], breaker["state"], breaker["waiting"]) == ("launch", "open", 1)
    assert document["override"] is None
