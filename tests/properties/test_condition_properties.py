"""Worse never means faster: whatever is remembered, more trouble never makes a place milder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.health.capabilities import (
    BreakerState,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.census import Census, SlotFacts, VolumeFacts, census_of
from reconciler.health.conditions import Condition, RememberedCondition, Scope, ScopeKind
from reconciler.health.judging_conditions import JudgedConditions, judge_conditions
from reconciler.health.trouble import SEVERITY
from tests.support.brakes import CONDITIONS
from tests.support.censuses import PROBE_FAILS, SERVES, SICK, UNREAD
from tests.support.fleets import REGION
from tests.support.resources import NOW

ZONES, FLEETS = ("use1-az1", "use1-az2", "use1-az4"), ("db", "web")
WAYS: tuple[dict[str, Any], ...] = (SERVES, UNREAD, PROBE_FAILS, SICK)
STATES = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)
SIGHT = Scope(ScopeKind.SIGHT, REGION)
PLACES = (
    Scope(ScopeKind.REGION, REGION),
    *(Scope(ScopeKind.ZONE, name) for name in ZONES),
    *(Scope(ScopeKind.FLEET, name) for name in FLEETS),
)


@dataclass(frozen=True)
class Cell:
    """What is seen of a cell at one instant."""

    slots: tuple[SlotFacts, ...]
    volumes: tuple[VolumeFacts, ...]
    sentinel_answers: bool
    launches: tuple[BreakerState, ...]

    @property
    def census(self) -> Census:
        return census_of(REGION, self.slots, self.volumes, sentinel_answers=self.sentinel_answers)

    @property
    def capabilities(self) -> Capabilities:
        kind = CapabilityKind.LAUNCH
        return Capabilities(
            of_zones={
                (zone, kind): Capability(zone=zone, kind=kind, state=state)
                for zone, state in zip(ZONES, self.launches, strict=True)
            }
        )


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Groups of slots of a fleet in a zone, a share of which do not serve."""
    members: list[SlotFacts] = []
    for zone in ZONES:
        for fleet in FLEETS:
            of, amiss = draw(st.integers(0, 12)), draw(st.integers(0, 12))
            way = draw(st.sampled_from(WAYS))
            members += [
                SlotFacts(
                    slot=f"{fleet}/{zone}/{number}",
                    fleet=fleet,
                    zone=zone,
                    in_service=True,
                    **(way if number < amiss else SERVES),
                )
                for number in range(of)
            ]
    held = [
        VolumeFacts(volume=f"vol-{zone}-{number}", zone=zone, stuck=number < stuck)
        for zone in ZONES
        for stuck in [draw(st.integers(0, 6))]
        for number in range(10)
    ]
    launches = tuple(draw(st.sampled_from(STATES)) for _ in ZONES)
    return Cell(tuple(members), tuple(held), draw(st.booleans()), launches)


@st.composite
def worse_cells(draw: st.DrawFn) -> tuple[Cell, Cell]:
    """A cell, and the same in which more fails, for whatever reason, and nothing works better."""
    cell = draw(cells())
    way = draw(st.sampled_from(WAYS))
    hit = draw(st.integers(1, 4))
    slots = tuple(
        replace(item, **{"ec2_fine": False, **way}) if item.serving and number % hit == 0 else item
        for number, item in enumerate(cell.slots)
    )
    more = draw(st.integers(1, 5))
    volumes = tuple(
        replace(item, stuck=item.stuck or number % more == 0)
        for number, item in enumerate(cell.volumes)
    )
    launches = tuple(
        max(state, draw(st.sampled_from(STATES)), key=STATES.index) for state in cell.launches
    )
    answers = cell.sentinel_answers and draw(st.booleans())
    return cell, Cell(slots, volumes, answers, launches)


minutes_ago = st.integers(0, 500).map(lambda minutes: NOW - timedelta(minutes=minutes))
remembered = st.builds(
    RememberedCondition,
    condition=st.sampled_from(Condition),
    since=minutes_ago,
    calm_since=st.none() | minutes_ago,
    below_since=st.none() | minutes_ago,
    relapses=st.integers(0, 6),
    trouble_began_at=st.none() | minutes_ago,
    normal_since=st.none() | minutes_ago,
)
sights = st.builds(
    RememberedCondition,
    condition=st.sampled_from((Condition.NORMAL, Condition.CRITICAL)),
    since=minutes_ago,
    calm_since=st.none() | minutes_ago,
    set_off_by=st.lists(
        st.builds(
            "{}/{}/{}".format, st.sampled_from(FLEETS), st.sampled_from(ZONES), st.integers(0, 11)
        ),
        min_size=1,
        max_size=8,
        unique=True,
    ).map(tuple),
)
memories = st.builds(
    lambda places, sight: {**places, **({SIGHT: sight} if sight else {})},
    st.dictionaries(st.sampled_from(PLACES), remembered),
    st.none() | sights,
)


def judged(cell: Cell, memory: dict[Scope, RememberedCondition]) -> JudgedConditions:
    return judge_conditions(cell.census, memory, CONDITIONS, cell.capabilities, NOW)


def severities(found: JudgedConditions) -> list[int]:
    """How bad every place is, the breakers of the fleets among them, and whether we are blind."""
    of = found.conditions.of
    return [
        *(SEVERITY[of(scope.kind, scope.name)] for scope in PLACES),
        *(int(name in found.conditions.broken_fleets) for name in FLEETS),
        int(found.conditions.blind is not None),
    ]


@settings(max_examples=400, deadline=None)
@given(worse_cells(), memories)
def test_what_is_worse_in_every_respect_is_no_milder_anywhere(
    both: tuple[Cell, Cell], memory: dict[Scope, RememberedCondition]
) -> None:
    better, worse = both
    pairs = zip(severities(judged(better, memory)), severities(judged(worse, memory)), strict=True)
    assert all(mild <= bad for mild, bad in pairs)


@settings(max_examples=300, deadline=None)
@given(cells(), memories.filter(lambda memory: SIGHT not in memory))
def test_memory_that_is_lost_makes_no_place_milder_than_what_is_seen(
    cell: Cell, memory: dict[Scope, RememberedCondition]
) -> None:
    """What is seen now counts without any memory; memory only ever adds to it."""
    pairs = zip(severities(judged(cell, {})), severities(judged(cell, memory)), strict=True)
    assert all(seen <= known for seen, known in pairs)


@settings(max_examples=200, deadline=None)
@given(cells(), memories)
def test_looking_twice_at_the_same_instant_learns_nothing_new(
    cell: Cell, memory: dict[Scope, RememberedCondition]
) -> None:
    once = judged(cell, memory)
    assert severities(judged(cell, dict(once.remembered))) == severities(once)
