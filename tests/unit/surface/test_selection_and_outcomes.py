from __future__ import annotations

import pytest

from reconciler.execution.outcomes import Outcome, Result
from reconciler.planning.actions import Bucket, Course, Gate, Withheld
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.surface.layout import plain_text
from reconciler.surface.outcome_text import RESULT_STYLES, outcome_lines
from reconciler.surface.selection import UnknownFleet, of_fleet, of_slot, require_fleet
from tests.support.actions import launch
from tests.support.resources import NOW, slot


def two_fleets() -> Plan:
    """A plan in which `web` and `web-admin` both have something."""
    names = ("web", "web-admin")
    return Plan(
        made_at=NOW,
        actions=tuple(launch(f"{name}/0") for name in names),
        withheld=tuple(
            Withheld(slot=slot(f"{name}/1"), course=Course.REPAIR, gate=Gate.PAUSED, reason="")
            for name in names
        ),
        slots=tuple(
            SlotOutcome(
                slot=slot(f"{name}/0"), bucket=Bucket.ACTING, summary="", notes=(f"of {name}",)
            )
            for name in names
        ),
        fleets=tuple(
            FleetSummary(name=name, declared=True, replicas=2, tier=2, counts={}) for name in names
        ),
        notes=("of the cell", "of web", "of web-admin"),
        held_since={"web/1|paused": NOW, "web-admin/1|paused": NOW},
    )


def test_a_plan_narrowed_to_a_fleet_holds_nothing_of_another_with_a_longer_name() -> None:
    plan = of_fleet(two_fleets(), "web")
    assert [item.slot for item in plan.actions] == [slot("web/0")]
    assert [item.slot for item in plan.withheld] == [slot("web/1")]
    assert [item.slot for item in plan.slots] == [slot("web/0")]
    assert [item.name for item in plan.fleets] == ["web"]
    assert plan.notes == ("of the cell", "of web")
    assert set(plan.held_since) == {"web/1|paused"}


def test_a_plan_narrowed_to_a_slot_holds_nothing_of_its_neighbours() -> None:
    plan = of_slot(two_fleets(), slot("web/1"))
    assert plan.actions == ()
    assert [item.slot for item in plan.withheld] == [slot("web/1")]
    assert [item.name for item in plan.fleets] == ["web"]
    assert set(plan.held_since) == {"web/1|paused"}


def test_a_fleet_that_is_not_there_is_answered_with_a_suggestion() -> None:
    with pytest.raises(UnknownFleet, match=r"there is no fleet wob; did you mean web\?"):
        require_fleet("wob", [two_fleets()])


def test_a_fleet_like_no_other_is_answered_with_those_that_are_there() -> None:
    with pytest.raises(UnknownFleet, match="there are web, web-admin"):
        require_fleet("zzz", [two_fleets()])


def test_what_was_accepted_names_what_it_made() -> None:
    outcome = Outcome(
        action=launch("web/1"), result=Result.ACCEPTED, message="accepted", resource_id="i-0a"
    )
    assert plain_text(outcome_lines([outcome], width=100)) == (
        "  + web/1  launch m6i.large in use1-az2 (i-0a): accepted\n"
    )


def test_what_was_refused_says_what_the_cloud_said() -> None:
    outcome = Outcome(
        action=launch("web/1"), result=Result.REJECTED, message="RunInstances: no capacity"
    )
    shown = plain_text(outcome_lines([outcome], width=100))
    assert shown == "  + web/1  launch m6i.large in use1-az2: rejected RunInstances: no capacity\n"


def test_every_result_has_a_style() -> None:
    assert set(RESULT_STYLES) == set(Result)
