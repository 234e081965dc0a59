"""What the brakes hold, of every kind of work and in every condition; and what they never hold (design section 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from desired_state.model import LadderStep
from reconciler.health.conditions import Condition
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Gate
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.kept import left_behind, undone_copy
from tests.support.kinds_of_work import (
    commit,
    detach,
    drift,
    end_of_a_kept_instance,
    end_of_the_superseded,
    exchange_by_order,
    fence,
    orphan,
    reboot,
    replacement,
    restart,
    sick,
    smaller_number,
    snapshot,
    thinning,
    undoing,
    unseen,
    update,
    webs,
)
from tests.support.plans import done, held, planned, the_hold
from tests.support.troubled import (
    blinded,
    both_brakes,
    broken,
    normal_again,
    overridden,
    region_is,
    zone_is,
)

# The conditions


def all_quiet(_: Scene) -> None:
    pass


def zone_critical(scene: Scene) -> None:
    zone_is(scene, Condition.CRITICAL)


def region_critical(scene: Scene) -> None:
    region_is(scene, Condition.CRITICAL)


def zone_degraded(scene: Scene) -> None:
    zone_is(scene, Condition.DEGRADED)


def region_recovering(scene: Scene) -> None:
    region_is(scene, Condition.RECOVERING)


def breaker_open(scene: Scene) -> None:
    broken(scene, *scene.fleets)


def blind(scene: Scene) -> None:
    blinded(scene)


def just_normal(scene: Scene) -> None:
    normal_again(scene, ago=29 * MINUTE)


IN: tuple[Callable[[Scene], None], ...] = (
    all_quiet,
    zone_critical,
    region_critical,
    zone_degraded,
    region_recovering,
    breaker_open,
    blind,
    just_normal,
)
C, F, B, H = Gate.CONDITION, Gate.FLEET_BREAKER, Gate.BLIND, Gate.HOUSEKEEPING
TABLE: dict[Callable[[], Scene], tuple[Gate | None, ...]] = {
    # in:                 quiet zone region degraded recovering breaker blind just normal
    reboot: (None, C, C, None, None, F, B, None),
    restart: (None, C, C, None, None, F, None, None),
    exchange_by_order: (None, C, C, None, None, F, None, None),
    replacement: (None,) * 8,
    commit: (None,) * 8,
    undoing: (None,) * 8,
    end_of_the_superseded: (None,) * 8,
    fence: (None,) * 8,
    detach: (None,) * 8,
    snapshot: (None,) * 8,
    smaller_number: (None, H, H, H, H, F, None, H),
    drift: (None, H, H, H, H, F, None, H),
    update: (None, H, H, H, H, F, None, H),
    end_of_a_kept_instance: (None, H, H, H, H, F, None, H),
    left_behind: (None, H, H, H, H, None, None, H),
    undone_copy: (None, H, H, H, H, None, None, H),
    orphan: (None, H, H, H, H, F, None, H),
    thinning: (None, H, H, H, H, None, None, H),
}
ROWS = [
    pytest.param(kind, trouble, gate, id=f"{kind.__name__}-{trouble.__name__}")
    for kind, gates in TABLE.items()
    for trouble, gate in zip(IN, gates, strict=True)
]


@pytest.mark.parametrize(("kind", "trouble", "gate"), ROWS)
def test_what_is_held(
    kind: Callable[[], Scene], trouble: Callable[[Scene], None], gate: Gate | None
) -> None:
    scene = kind()
    scene.policy = both_brakes()
    expected = done(scene)
    assert expected, "without trouble it is done"
    trouble(scene)
    if gate is None:
        assert done(scene) == expected
        assert held(scene) == []
    else:
        assert done(scene) == []
        assert {item.gate for item in planned(scene).withheld} == {gate}


@pytest.mark.parametrize(("kind", "trouble", "gate"), [row for row in ROWS if row.values[2]])
def test_a_person_lifts_it_and_each_action_says_so(
    kind: Callable[[], Scene], trouble: Callable[[Scene], None], gate: Gate
) -> None:
    scene = kind()
    scene.policy = both_brakes()
    expected = done(scene)
    trouble(scene)
    overridden(scene)
    plan = planned(scene)
    assert [f"{item.request.kind} {item.slot}" for item in plan.actions] == expected
    for action in plan.actions:
        assert f"{gate} overridden by erin: the deploy is meant" in action.detail


def test_an_override_ends_by_itself() -> None:
    scene = restart()
    scene.policy = both_brakes()
    zone_critical(scene)
    overridden(scene, remaining=timedelta(0))
    assert held(scene) == ["condition web/0"]


def test_what_nothing_is_held_by_says_nothing_of_an_override() -> None:
    scene = restart()
    scene.policy = both_brakes()
    overridden(scene)
    (action,) = planned(scene).actions
    assert "overridden" not in action.detail


def test_what_is_held_says_where_since_when_why_and_when_it_may_go() -> None:
    scene = restart()
    scene.policy = both_brakes()
    zone_is(scene, Condition.CRITICAL, "use1-az1")
    hold = the_hold(scene)
    assert hold.reason == ("zone use1-az1 is critical since 11:55Z: 5 of 12 instances do not serve")
    assert hold.earliest_release == scene.now + 15 * MINUTE


def test_a_zones_trouble_brakes_no_other_zone() -> None:
    scene = restart()
    scene.policy = both_brakes()
    zone_is(scene, Condition.CRITICAL, "use1-az2", "use1-az4")
    assert done(scene) == ["stop web/0"]


def test_housekeeping_goes_on_after_half_an_hour_of_peace() -> None:
    scene = drift()
    scene.policy = both_brakes()
    normal_again(scene, ago=30 * MINUTE)
    assert done(scene) == ["tag web/0"]


def test_housekeeping_does_not_begin_in_the_very_look_in_which_a_place_becomes_normal() -> None:
    scene = drift()
    scene.policy = both_brakes()
    zone_is(scene, Condition.NORMAL, ago=timedelta())
    assert held(scene) == ["housekeeping web/0"]


def test_housekeeping_says_when_there_was_peace_for_long_enough() -> None:
    scene = drift()
    scene.policy = both_brakes()
    normal_again(scene, ago=10 * MINUTE)
    hold = the_hold(scene)
    assert hold.earliest_release == scene.now + 20 * MINUTE
    assert hold.reason == (
        "waits for peace: zone use1-az1 is normal since 11:50Z, 30 min are asked for"
    )


# The ladder


def test_where_it_is_critical_a_sick_slot_is_replaced_in_another_zone_without_waiting() -> None:
    scene = sick()
    scene.policy = both_brakes()
    assert done(scene) == ["stop web/0"]
    zone_is(scene, Condition.CRITICAL, "use1-az1")
    (action,) = planned(scene).actions
    assert action.request.kind == "launch"
    assert action.request.zone != "use1-az1"


def test_a_fleet_whose_breaker_is_open_is_replaced_slot_by_slot_and_nothing_is_taken_down() -> None:
    scene = unseen()
    scene.policy = both_brakes()
    breaker_open(scene)
    assert done(scene) == ["launch web/0"]


def test_while_we_may_be_blind_nothing_is_replaced_for_what_we_see_alone() -> None:
    for scene in (unseen(), unseen(LadderStep.REPLACE)):
        scene.policy = both_brakes()
        blinded(scene)
        assert held(scene) == ["blind web/0"]
        assert done(scene) == []


def test_an_override_lets_the_ladder_begin_where_it_usually_begins() -> None:
    scene = sick()
    scene.policy = both_brakes()
    zone_critical(scene)
    overridden(scene)
    assert done(scene) == ["stop web/0"]


def test_what_is_stopped_is_started_where_it_is_critical() -> None:
    scene = webs()
    scene.policy = both_brakes()
    scene.stopped("web/0", ago=5 * HOUR)
    zone_is(scene, Condition.CRITICAL, "use1-az1")
    assert done(scene) == ["start web/0"]


def test_two_slots_down_are_both_repaired_with_one_unavailable_allowed() -> None:
    scene = webs()
    scene.policy = both_brakes()
    for text in ("web/0", "web/1"):
        scene.sick(text, Sign.SYSTEM_CHECK, lasting=HOUR)
    assert done(scene) == ["stop web/0", "stop web/1"]
    zone_critical(scene)
    assert done(scene) == ["launch web/0", "launch web/1"]
