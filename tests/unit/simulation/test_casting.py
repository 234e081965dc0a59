"""Scenarios on a desired state: which zone is which, another size, another time, and what is declared meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import desired_state.load as loading
from desired_state.load import load
from desired_state.model import DesiredState
from providers.simulated.faults import When, ZonePartitioned
from providers.simulated.outages import StuckShare, VolumesStuck
from reconciler.simulation.casting import NoSuchFleetError, changed, scaled, zone_roles
from reconciler.simulation.scenario import DeclaredChange, load_scenario
from tests.support.fleets import desired, postgres_fleet, web_fleet

HOUR = timedelta(hours=1)
PLATFORM = load([Path(loading.__file__).parent / "examples" / "platform"])


def fleets_with(*counts: tuple[int, tuple[str, ...]]) -> DesiredState:
    """Stateless fleets with so many slots in those zones."""
    made = []
    for index, (replicas, zones) in enumerate(counts):
        fleet = web_fleet(replicas=replicas)
        placement = replace(fleet.placement, zones=zones)
        made.append(replace(fleet, name=f"web-{index}", placement=placement))
    return desired(*made)


def test_a_is_the_zone_with_most_slots_and_so_on_down() -> None:
    state = fleets_with((10, ("z1", "z2")), (9, ("z3", "z2", "z4")))
    assert zone_roles(state) == {"A": "z2", "B": "z1", "C": "z3", "D": "z4"}


def test_zones_with_as_many_slots_are_as_they_are_declared() -> None:
    assert zone_roles(PLATFORM) == {
        "A": "use1-az1",
        "B": "use1-az2",
        "C": "use1-az4",
        "D": "use1-az6",
    }


def test_a_fifth_zone_has_no_role() -> None:
    assert len(zone_roles(fleets_with((10, ("z1", "z2", "z3", "z4", "z5"))))) == 4


def test_a_cast_scenario_is_later_and_in_the_zones_of_the_account() -> None:
    scenario = replace(
        load_scenario("zone-partition"),
        faults=(
            ZonePartitioned(when=When(since=HOUR, until=2 * HOUR, zones=frozenset("AD"))),
            ZonePartitioned(when=When(since=HOUR, zones=frozenset("D"))),
            VolumesStuck(
                when=When(until=HOUR),
                curve=(StuckShare(at=HOUR / 2, share=0.5),),
            ),
        ),
        declared_changes=(DeclaredChange(at=HOUR, fleet="web", image="ami-1"),),
    )
    cast = scenario.cast(roles={"A": "z1", "B": "z2"}, begins=10 * HOUR, seed=7)
    assert cast.faults == (
        ZonePartitioned(when=When(since=11 * HOUR, until=12 * HOUR, zones=frozenset({"z1"}))),
        VolumesStuck(
            when=When(since=10 * HOUR, until=11 * HOUR),
            curve=(StuckShare(at=10.5 * HOUR, share=0.5),),
            draw="7/2",
        ),
    )
    assert [phase.since - 10 * HOUR for phase in cast.phases] == [
        phase.since for phase in scenario.phases
    ]
    assert [change.at for change in cast.declared_changes] == [11 * HOUR]


def replicas(state: DesiredState) -> dict[str, int]:
    return {fleet.name: fleet.replicas for fleet in state.fleets}


def test_a_fifth_of_the_platform_has_a_fifth_of_each_fleet() -> None:
    assert replicas(scaled(PLATFORM, 200)) == {
        "dedicated-postgres": 40,
        "git": 8,
        "routers": 20,
        "shared-postgres": 12,
        "web": 120,
    }
    assert scaled(PLATFORM, 1000) == PLATFORM


@settings(deadline=None)
@given(st.integers(1, 3000))
def test_any_size_is_met_and_no_fleet_vanishes(slots: int) -> None:
    counts = replicas(scaled(PLATFORM, slots))
    assert min(counts.values()) >= 1
    assert sum(counts.values()) == max(slots, len(PLATFORM.fleets))
    for fleet in PLATFORM.fleets:
        assert abs(counts[fleet.name] - fleet.replicas * slots / 1000) <= 4


def test_a_declared_image_reaches_the_largest_stateless_fleet_alone() -> None:
    state = desired(web_fleet(replicas=3), postgres_fleet(replicas=9))
    after = changed(state, DeclaredChange(at=HOUR, fleet="largest-stateless", image="ami-0bad"))
    images = {fleet.name: fleet.instance.image for fleet in after.fleets}
    before = {fleet.name: fleet.instance.image for fleet in state.fleets}
    web = next(fleet.name for fleet in state.fleets if not fleet.stateful)
    assert images == before | {web: "ami-0bad"}


def test_a_fleet_is_changed_by_its_name_or_as_the_largest() -> None:
    state = desired(web_fleet(replicas=3), postgres_fleet(replicas=9))
    for name in ("largest", next(fleet.name for fleet in state.fleets if fleet.stateful)):
        after = changed(state, DeclaredChange(at=HOUR, fleet=name, user_data="exit 1"))
        touched = [
            now.instance.user_data
            for now, then in zip(after.fleets, state.fleets, strict=True)
            if now != then
        ]
        assert [item.text for item in touched if item] == ["exit 1"]


def test_a_fleet_that_is_not_declared_can_t_be_changed() -> None:
    state = desired(postgres_fleet(replicas=9))
    with pytest.raises(NoSuchFleetError, match="largest-stateless"):
        changed(state, DeclaredChange(at=HOUR, fleet="largest-stateless", image="ami-0bad"))
