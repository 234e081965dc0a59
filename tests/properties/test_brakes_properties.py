"""Worse is never faster: where everything is at least as bad, no more is disturbed (design section 7.3)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.requests import DetachVolume, RebootInstance, StopInstance, TerminateInstance
from reconciler.health.capabilities import BreakerState, Capabilities, Capability, CapabilityKind
from reconciler.health.conditions import Condition, Conditions, ConditionVerdict, Scope, ScopeKind
from reconciler.health.verdict import Sign
from reconciler.planning.case import Case
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.plan import plan
from tests.properties.random_scenes import cases
from tests.support.brakes import BREAKERS, CONDITIONS
from tests.support.cases import Scene
from tests.support.fleets import HOUR, REGION, postgres_fleet, web_fleet
from tests.support.troubled import EVERYWHERE, both_brakes

ORDER = (Condition.NORMAL, Condition.RECOVERING, Condition.DEGRADED, Condition.CRITICAL)
PLACES = (
    Scope(ScopeKind.REGION, REGION),
    *(Scope(ScopeKind.ZONE, zone) for zone in EVERYWHERE),
    Scope(ScopeKind.FLEET, "web"),
)
KINDS = (CapabilityKind.LAUNCH, CapabilityKind.VOLUME)
STATES = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)
SLOTS = tuple(f"web/{n}" for n in range(6)) + tuple(f"shared-postgres/{n}" for n in range(3))
SIGNS = (Sign.SYSTEM_CHECK, Sign.INSTANCE_CHECK)

severities = st.tuples(*(st.integers(0, 3) for _ in PLACES))
breakers = st.tuples(*(st.integers(0, 2) for _ in EVERYWHERE for _ in KINDS))
Trouble = tuple[tuple[int, ...], tuple[int, ...]]
"""How bad each place is, and each breaker; 0 is well."""

thorough = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def fleet_in_trouble(sick: dict[str, Sign], smaller: int) -> Scene:
    scene = Scene(web_fleet(replicas=6), postgres_fleet())
    scene.policy = both_brakes()
    scene.in_service()
    for text, sign in sick.items():
        scene.sick(text, sign, lasting=HOUR)
    scene.declare(web_fleet(replicas=6 - smaller))
    return scene


def troubled(case: Case, trouble: Trouble, *, blind: bool) -> Case:
    severity, breaker = trouble
    verdicts = {
        scope: ConditionVerdict(scope=scope, condition=ORDER[level], since=case.now, reason="told")
        for scope, level in zip(PLACES, severity, strict=True)
        if level
    }
    broken = {"web": "told"} if severity[-1] == len(ORDER) - 1 else {}
    of_zones = {
        (zone, kind): Capability(kind=kind, zone=zone, state=STATES[level])
        for (zone, kind), level in zip(
            [(zone, kind) for zone in EVERYWHERE for kind in KINDS], breaker, strict=True
        )
    }
    return replace(
        case,
        conditions=Conditions(
            verdicts=verdicts, broken_fleets=broken, blind="told" if blind else None
        ),
        capabilities=Capabilities(of_zones=of_zones),
    )


def disturbed(case: Case) -> int:
    """How many are rebooted, stopped, ended or bereft of their data; by a plan that breaks no rule."""
    made = plan(case)
    check_plan(made, case)
    kinds = RebootInstance | StopInstance | TerminateInstance | DetachVolume
    return sum(1 for action in made.actions if isinstance(action.request, kinds))


@thorough
@given(
    sick=st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(SIGNS), max_size=5),
    smaller=st.integers(0, 2),
    better=st.tuples(severities, breakers),
    added=st.tuples(severities, breakers),
    blind=st.booleans(),
)
def test_worse_never_disturbs_more(
    sick: dict[str, Sign], smaller: int, better: Trouble, added: Trouble, *, blind: bool
) -> None:
    case = fleet_in_trouble(sick, smaller).case()
    worse = (_worse(better[0], added[0]), _worse(better[1], added[1]))
    before = disturbed(troubled(case, better, blind=False))
    assert disturbed(troubled(case, worse, blind=blind)) <= before


def _worse(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(pair) for pair in zip(one, other, strict=True))


@thorough
@given(case=cases(), trouble=st.tuples(severities, breakers), blind=st.booleans())
def test_whatever_is_in_trouble_no_plan_breaks_a_rule_of_its_own_check(
    case: Case, trouble: Trouble, *, blind: bool
) -> None:
    policy = replace(case.desired.policy, conditions=CONDITIONS, capabilities=BREAKERS)
    braked = replace(case, desired=replace(case.desired, policy=policy))
    disturbed(troubled(braked, trouble, blind=blind))
