"""Trouble of zones, regions, fleets and control planes, told to a scene."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import SafetyPolicy
from reconciler.health.capabilities import BreakerState, Capabilities, Capability, CapabilityKind
from reconciler.health.conditions import (
    Condition,
    Conditions,
    ConditionVerdict,
    Count,
    RememberedCondition,
    Scope,
    ScopeKind,
)
from reconciler.planning.memory import Override
from tests.support.brakes import BREAKERS, CONDITIONS
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, REGION, safety_policy
from tests.support.present import ALL_ZONES

EVERYWHERE = tuple(ALL_ZONES)


def both_brakes() -> SafetyPolicy:
    """Conditions and capabilities count; what is let through goes at once."""
    return safety_policy(conditions=CONDITIONS, capabilities=BREAKERS, pace=None)


def zone_is(scene: Scene, condition: Condition, *zones: str, ago: timedelta = 5 * MINUTE) -> None:
    """Those zones, or all of them, are so since then."""
    for zone in zones or EVERYWHERE:
        _is(scene, Scope(ScopeKind.ZONE, zone), condition, ago)


def region_is(scene: Scene, condition: Condition, *, ago: timedelta = 5 * MINUTE) -> None:
    """The region is so since then."""
    _is(scene, Scope(ScopeKind.REGION, REGION), condition, ago)


def _is(scene: Scene, scope: Scope, condition: Condition, ago: timedelta) -> None:
    verdict = ConditionVerdict(
        scope=scope,
        condition=condition,
        since=scene.now - ago,
        reason="5 of 12 instances do not serve",
        counts=(Count(what="instances", sick=5, of=12),),
        changes_at=scene.now + 15 * MINUTE,
    )
    verdicts = {**scene.conditions.verdicts, scope: verdict}
    scene.conditions = replace(scene.conditions, verdicts=verdicts)


def normal_again(scene: Scene, *, ago: timedelta) -> None:
    """Every zone was in trouble, and is normal since then."""
    remembered = RememberedCondition(
        condition=Condition.NORMAL,
        since=scene.now - ago,
        calm_since=scene.now - ago,
        normal_since=scene.now - ago,
    )
    scene.remembering(conditions={Scope(ScopeKind.ZONE, zone): remembered for zone in EVERYWHERE})


def broken(scene: Scene, name: str) -> None:
    """The fleet's breaker is open."""
    why = "probes of 3 of 12 fail while EC2 says they are well"
    _is(scene, Scope(ScopeKind.FLEET, name), Condition.CRITICAL, 5 * MINUTE)
    scene.conditions = replace(scene.conditions, broken_fleets={name: why})


def blinded(scene: Scene) -> None:
    """Nothing that we probe answers."""
    scene.conditions = replace(scene.conditions, blind="6 slots in 2 zones fail by probes alone")


def quiet(scene: Scene) -> None:
    """All is as it should be again."""
    scene.conditions = Conditions()


def opened(
    scene: Scene,
    *zones: str,
    kind: CapabilityKind = CapabilityKind.LAUNCH,
    ago: timedelta = 20 * MINUTE,
) -> None:
    """That capability is open in those zones, or in all of them."""
    found = dict(scene.capabilities.of_zones)
    for zone in zones or EVERYWHERE:
        found[zone, kind] = Capability(
            kind=kind,
            zone=zone,
            state=BreakerState.OPEN,
            since=scene.now - ago,
            next_probe_at=scene.now + 2 * MINUTE,
        )
    scene.capabilities = Capabilities(of_zones=found)


def overridden(scene: Scene, *, remaining: timedelta = HOUR) -> None:
    """A person lifted the brakes."""
    override = Override(
        reason="the deploy is meant",
        given_at=scene.now - MINUTE,
        expires_at=scene.now + remaining,
        given_by="erin",
    )
    scene.remembering(override=override)
