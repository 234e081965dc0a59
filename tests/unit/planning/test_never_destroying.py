"""Nothing is destroyed that can't be replaced: on every path, by every order, whatever a person lifts (section 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from providers.observed import InstanceState
from reconciler.health.capabilities import CapabilityKind
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Gate
from reconciler.planning.identity import Role
from reconciler.planning.orders import OrderKind
from tests.support.backed_up import DATABASE as BACKED_UP
from tests.support.backed_up import backed_up
from tests.support.cases import Scene
from tests.support.databases import DATABASE, committed
from tests.support.fleets import HOUR, MINUTE, web_fleet
from tests.support.plans import done, held, planned, the_hold
from tests.support.resources import instance_id
from tests.support.restored import prepared
from tests.support.troubled import both_brakes, opened, overridden
from tests.support.verdicts import failing


def failed_replacement() -> Scene:
    """Neither the occupant nor what was prepared for it is well."""
    scene = Scene(web_fleet())
    scene.policy = both_brakes()
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=HOUR)
    since = scene.now - 30 * MINUTE
    scene.judged(instance_id("web/0", 2), failing(Sign.INSTANCE_CHECK, since=since))
    return scene


def failed_copy() -> Scene:
    """What was prepared with copies of a lost volume is not well either."""
    scene = prepared()
    scene.policy = both_brakes()
    since = scene.now - 30 * MINUTE
    scene.judged(instance_id(DATABASE, 2), failing(Sign.INSTANCE_CHECK, since=since))
    return scene


@pytest.mark.parametrize("told", [failed_replacement, failed_copy])
def test_it_is_kept_where_no_zone_of_its_fleet_can_launch(told: Callable[[], Scene]) -> None:
    scene = told()
    assert len(done(scene)) == 1
    opened(scene)
    assert done(scene) == []
    hold = the_hold(scene)
    assert hold.gate is Gate.IRREPLACEABLE
    assert "launch in use1-az2 is open since 11:40Z" in hold.reason
    assert hold.earliest_release == scene.now + 2 * MINUTE


def test_one_zone_that_works_is_enough() -> None:
    scene = failed_replacement()
    opened(scene, "use1-az1", "use1-az2")
    assert done(scene) == ["terminate web/0"]


def test_launches_that_fail_everywhere_leave_no_zone() -> None:
    scene = failed_replacement()
    scene.capabilities = replace(
        scene.capabilities, launch_open_everywhere="throttled and short in 3 zones"
    )
    assert held(scene) == ["irreplaceable web/0"]


def test_a_zone_without_capacity_is_none_where_another_can_be_had() -> None:
    scene = failed_replacement()
    opened(scene, "use1-az1", "use1-az2")
    for type_ in ("m6i.large", "m5.large"):
        scene.no_capacity("use1-az4", type_)
    assert held(scene) == ["irreplaceable web/0"]


def test_a_slot_that_needs_volumes_may_go_only_where_volumes_can_be_made() -> None:
    scene = failed_copy()
    opened(scene, "use1-az1", "use1-az2", kind=CapabilityKind.VOLUME)
    assert done(scene) == [f"tag {DATABASE}"]
    opened(scene, kind=CapabilityKind.VOLUME)
    assert held(scene) == [f"irreplaceable {DATABASE}"]


def test_neither_an_order_nor_an_override_opens_it() -> None:
    scene = failed_replacement()
    opened(scene)
    overridden(scene)
    scene.ordered("web/0", OrderKind.REPLACE)
    assert held(scene) == ["irreplaceable web/0"]


def test_a_policy_without_breakers_keeps_it_where_no_zone_has_capacity() -> None:
    scene = failed_replacement()
    scene.policy = replace(both_brakes(), conditions=None, capabilities=None, pace=None)
    assert done(scene) == ["terminate web/0"]
    for zone in ("use1-az1", "use1-az2", "use1-az4"):
        for type_ in ("m6i.large", "m5.large"):
            scene.no_capacity(zone, type_)
    assert held(scene) == ["irreplaceable web/0"]


def test_a_failed_replacement_goes_where_the_original_is_well() -> None:
    scene = Scene(web_fleet())
    scene.policy = both_brakes()
    scene.in_service()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=HOUR)
    opened(scene)
    assert done(scene) == ["terminate web/0"]


def test_what_has_a_proven_replacement_is_fenced_and_let_go_of() -> None:
    scene = committed()
    scene.policy = both_brakes()
    opened(scene)
    assert done(scene) == [f"stop {DATABASE}"]
    scene = committed(original=InstanceState.STOPPED)
    scene.policy = both_brakes()
    opened(scene)
    assert done(scene) == [f"detach {DATABASE}"]


def test_what_is_not_wanted_needs_no_replacement() -> None:
    scene = Scene(web_fleet())
    scene.policy = both_brakes()
    scene.in_service()
    scene.declare(web_fleet(replicas=2))
    opened(scene)
    assert done(scene) == ["terminate web/2"]


def test_a_backup_destroys_nothing() -> None:
    scene = backed_up()
    scene.policy = both_brakes()
    opened(scene)
    assert [str(item.slot) for item in planned(scene).actions] == [BACKED_UP]
