"""The pace over any sequence of passes: never exceeded in any window, whatever changes and whoever restarts.

Passes come at random times. In each some drafts ask for room, what is let through is written into the journal, and the
API, the conditions and the number of slots may be others than before. Nothing but the journal goes from pass to pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from desired_state.safety import PaceRules, Rate
from providers.requests import RebootInstance
from reconciler.health.capabilities import Capabilities
from reconciler.health.conditions import Condition, Conditions, ConditionVerdict, Scope, ScopeKind
from reconciler.planning.actions import Action, Course, Reason
from reconciler.planning.case import Case
from reconciler.planning.checks.pace import pace_exceeded
from reconciler.planning.decision import Draft
from reconciler.planning.gates.pace import Buckets
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.nature import Nature
from tests.support.actions import action, launch
from tests.support.brakes import CONDITIONS, PACE
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, REGION, SECOND, ZONES, safety_policy, web_fleet
from tests.support.resources import NOW, instance_id

Draw = Callable[[st.SearchStrategy[Any]], Any]
thorough = settings(max_examples=60, deadline=None)

SLOTS = (3, 40, 600)
RATES = st.sampled_from([0.05, 0.5, 1.0, 2.5, 7.0])
ENDS = (IntentState.BEGUN, IntentState.OBSERVED, IntentState.REJECTED, IntentState.DEAD)


def rates(draw: Draw) -> Rate:
    least = draw(RATES)
    return Rate(percent=draw(st.sampled_from([0.25, 1.0])), least=least, most=max(least, 6.0))


@st.composite
def paces(draw: Draw) -> PaceRules:
    return replace(
        PACE,
        launches=rates(draw),
        restores=rates(draw),
        disruptive=rates(draw),
        zone_percent=draw(st.sampled_from([30, 60, 100])),
    )


def worlds(pace: PaceRules) -> dict[int, Case]:
    """The same cell with few and with many slots."""
    cases = {}
    for slots in SLOTS:
        scene = Scene(
            web_fleet(replicas=slots), policy=safety_policy(pace=pace, conditions=CONDITIONS)
        )
        for ordinal in range(6):
            scene.instance(f"web/{ordinal}", zone=ZONES[ordinal % 3])
        cases[slots] = scene.case()
    return cases


@dataclass
class Journal:
    """What was begun, with the state in which each ends; the counter makes the names distinct."""

    intents: list[Intent] = field(default_factory=list)

    def begin(self, begun: Action, at: datetime, state: IntentState) -> None:
        self.intents.append(Intent(action=begun, state=state, begun_at=at, updated_at=at))

    def as_read(self, case: Case, now: datetime, recorded_since: datetime) -> Case:
        recent = [item for item in self.intents if now - item.updated_at < DAY]
        memory = replace(
            case.memory,
            open_intents=tuple(item for item in recent if item.open),
            recent_intents=tuple(item for item in recent if not item.open),
            recorded_since=recorded_since,
        )
        return replace(case, now=now, memory=memory)


def told_of(draw: Draw, case: Case) -> Case:
    """Whatever slows down, by chance."""
    verdicts = {}
    places = [(ScopeKind.REGION, REGION), *((ScopeKind.ZONE, zone) for zone in ZONES)]
    for kind, name in places:
        scope = Scope(kind, name)
        how = draw(st.sampled_from(Condition))
        verdicts[scope] = ConditionVerdict(scope=scope, condition=how, since=NOW, reason="told")
    return replace(
        case,
        conditions=Conditions(verdicts=verdicts),
        capabilities=Capabilities(
            api_trouble=draw(st.sampled_from([None, None, "told"])),
            throttles=draw(st.integers(0, 3)),
        ),
    )


def wanted(draw: Draw) -> list[Action]:
    """Launches, restores and reboots, as many as there may be."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        text = f"web/{number % 6}"
        kind = draw(st.sampled_from(["launch", "restore", "reboot"]))
        if kind == "reboot":
            request = RebootInstance(instance_id=instance_id(text))
            found.append(action(text, request, course=Course.REPAIR, reason=Reason.SYSTEM_CHECK))
            continue
        course = Course.RESTORE if kind == "restore" else Course.REPLACE
        zone = draw(st.sampled_from(ZONES))
        found.append(launch(text, course=course, request={"zone": zone}))
    return found


def let_through(case: Case, asked: list[Action]) -> list[Action]:
    """What has room, one after the other; each pass begins with new buckets, as after a restart."""
    buckets, passed = Buckets(case), []
    for item in asked:
        draft = Draft(action=item, treated=1, nature=Nature.CONSTRUCTIVE)
        if buckets.room(draft) is None:
            buckets.take(draft)
            passed.append(item)
    return passed


def how_many(item: Action, case: Case) -> int:
    """How many like this one there is room for."""
    return len(let_through(case, [item] * 20))


def most_in(window: timedelta, per_minute: float) -> float:
    """A full bucket, and what flows in meanwhile."""
    return max(1.0, per_minute) + per_minute * (window / MINUTE) + 1e-3


def windows(times: list[datetime]) -> list[tuple[int, timedelta]]:
    """How many there are from each to each later one."""
    return [
        (last - first + 1, times[last] - times[first])
        for first in range(len(times))
        for last in range(first, len(times))
    ]


@thorough
@given(st.data())
def test_no_window_holds_more_than_the_pace_allows_whatever_changes(data: Any) -> None:
    draw = data.draw
    pace = draw(paces())
    cases, journal, now = worlds(pace), Journal(), NOW
    most_slots = 0
    for _ in range(draw(st.integers(2, 12))):
        now += draw(st.sampled_from([SECOND, 15 * SECOND, MINUTE, 7 * MINUTE, 50 * MINUTE]))
        slots = draw(st.sampled_from(SLOTS))
        case = told_of(draw, journal.as_read(cases[slots], now, NOW))
        asked = wanted(draw)
        passed = let_through(case, asked)
        most_slots = max(most_slots, slots) if passed else most_slots
        assert list(pace_exceeded(passed, case)) == []
        for item in passed:
            journal.begin(item, now, draw(st.sampled_from(ENDS)))
    for is_paced, rate in (
        (lambda i: i.request.kind == "launch", pace.launches),
        (lambda i: i.course is Course.RESTORE, pace.restores),
        (lambda i: i.request.kind == "reboot", pace.disruptive),
    ):
        times = [item.begun_at for item in journal.intents if is_paced(item.action)]
        for count, window in windows(times):
            assert count <= most_in(window, rate.per_minute(most_slots))


@thorough
@given(st.data())
def test_worse_never_means_faster(data: Any) -> None:
    """More throttles, worse conditions, trouble of the API: there is never room for more."""
    draw = data.draw
    cases, journal = worlds(draw(paces())), Journal()
    for item in wanted(draw):
        ago = draw(st.sampled_from([SECOND, 20 * SECOND, MINUTE, 10 * MINUTE, HOUR]))
        journal.begin(item, NOW - ago, IntentState.OBSERVED)
    better = told_of(draw, journal.as_read(cases[40], NOW, NOW - DAY))
    worse = worsened(draw, better)
    for item in wanted(draw):
        assert how_many(item, worse) <= how_many(item, better)


SEVERITY = (Condition.NORMAL, Condition.RECOVERING, Condition.DEGRADED, Condition.CRITICAL)


def worsened(draw: Draw, case: Case) -> Case:
    verdicts = {
        scope: replace(
            item,
            condition=draw(st.sampled_from(SEVERITY[SEVERITY.index(item.condition) :])),
        )
        for scope, item in case.conditions.verdicts.items()
    }
    capabilities = replace(
        case.capabilities,
        throttles=case.capabilities.throttles + draw(st.integers(0, 3)),
        api_trouble=case.capabilities.api_trouble or draw(st.sampled_from([None, "told"])),
    )
    return replace(
        case,
        conditions=replace(case.conditions, verdicts=verdicts),
        capabilities=capabilities,
    )


@thorough
@given(st.data())
def test_a_journal_that_forgot_its_beginning_never_lets_more_through(data: Any) -> None:
    draw = data.draw
    cases, journal = worlds(draw(paces())), Journal()
    for item in wanted(draw):
        ago = draw(st.sampled_from([SECOND, MINUTE, 10 * MINUTE]))
        journal.begin(item, NOW - ago, IntentState.OBSERVED)
    since = draw(st.sampled_from([timedelta(), SECOND, MINUTE, 30 * MINUTE]))
    whole = journal.as_read(cases[40], NOW, NOW - DAY)
    young = journal.as_read(cases[40], NOW, NOW - since)
    for item in wanted(draw):
        assert how_many(item, young) <= how_many(item, whole)
