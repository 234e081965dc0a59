"""From `--override-brakes` to what it lifts: shown before it counts, for a reason, and for its time alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.load import default_policy
from desired_state.model import LadderStep
from reconciler.cli.confirmations import Confirmations, confirmed
from reconciler.cli.failures import Refused
from reconciler.cli.overriding import override_of
from reconciler.health.conditions import (
    Condition,
    Conditions,
    ConditionVerdict,
    Scope,
    ScopeKind,
)
from reconciler.health.verdict import Sign
from reconciler.loop.assess import Assessment, replay
from reconciler.planning.actions import Gate
from reconciler.planning.memory import Override
from tests.support.assessed import assessed
from tests.support.cases import Scene
from tests.support.fleets import REGION, repair_spec, web_fleet
from tests.support.resources import NOW

HOUR = timedelta(hours=1)


def in_a_critical_region() -> Assessment:
    """A server whose check fails, which may be rebooted and nothing else, while the region is critical."""
    fleet = web_fleet(repair=repair_spec(ladder=(LadderStep.REBOOT,)))
    scene = Scene(fleet, policy=replace(default_policy(), pace=None))
    scene.in_service()
    scene.sick("web/1", Sign.INSTANCE_CHECK)
    seen = assessed(scene)
    region = Scope(ScopeKind.REGION, REGION)
    critical = ConditionVerdict(
        scope=region, condition=Condition.CRITICAL, since=NOW, reason="half of it is down"
    )
    case = replace(seen.case, conditions=Conditions(verdicts={region: critical}))
    return replace(seen, case=case, plan=replay(case))


def wishes(override: Override | None) -> Confirmations:
    return Confirmations(shrink=False, retire=(), by="erin", lasts=HOUR, override=override)


def test_a_word_lasts_as_long_as_the_policy_says_and_names_who_gave_it() -> None:
    word = override_of(" I see them serve ", "erin", NOW, default_policy())
    assert word == Override(
        reason="I see them serve", given_at=NOW, expires_at=NOW + HOUR, given_by="erin"
    )
    assert override_of(None, "erin", NOW, default_policy()) is None


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_there_is_no_word(reason: str) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        override_of(reason, "erin", NOW, default_policy())


def test_what_conditions_hold_is_shown_as_it_will_be_once_the_word_counts() -> None:
    seen = in_a_critical_region()
    assert Gate.CONDITION in {item.gate for item in seen.plan.withheld}
    word = override_of("I see them serve", "erin", NOW, seen.case.desired.policy)
    plan, _ = confirmed(seen, wishes(word))
    assert Gate.CONDITION not in {item.gate for item in plan.withheld}


def test_a_word_that_has_expired_lifts_nothing() -> None:
    seen = in_a_critical_region()
    word = Override(reason="x", given_at=NOW - HOUR, expires_at=NOW, given_by="erin")
    plan, _ = confirmed(seen, wishes(word))
    assert Gate.CONDITION in {item.gate for item in plan.withheld}
