"""The numbers of design section 7.4 for tests of brakes, capabilities and pace, whatever the shipped policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import DesiredState, SafetyPolicy
from desired_state.safety import BreakerRules, ConditionRules, PaceRules, Rate, Threshold

MINUTE = timedelta(minutes=1)

CONDITIONS = ConditionRules(
    zone_degraded=Threshold(
        count=3,
        percent=10,
        all_of=None,
        leave_count=2,
        leave_percent=5,
        leave_after=10 * MINUTE,
    ),
    zone_critical=Threshold(
        count=5,
        percent=30,
        all_of=3,
        leave_count=None,
        leave_percent=15,
        leave_after=15 * MINUTE,
    ),
    volumes_degraded=Threshold(
        count=2,
        percent=2,
        all_of=None,
        leave_count=1,
        leave_percent=1,
        leave_after=10 * MINUTE,
    ),
    volumes_critical=Threshold(
        count=5,
        percent=10,
        all_of=3,
        leave_count=None,
        leave_percent=5,
        leave_after=15 * MINUTE,
    ),
    region_degraded=Threshold(
        count=3,
        percent=10,
        all_of=None,
        leave_count=2,
        leave_percent=5,
        leave_after=10 * MINUTE,
    ),
    region_critical=Threshold(
        count=5,
        percent=30,
        all_of=None,
        leave_count=None,
        leave_percent=15,
        leave_after=15 * MINUTE,
    ),
    region_critical_zones=2,
    fleet_breaker=Threshold(
        count=2,
        percent=20,
        all_of=None,
        leave_count=None,
        leave_percent=10,
        leave_after=10 * MINUTE,
    ),
    degraded_percent=10,
    cool_down=15 * MINUTE,
    cool_down_longest=60 * MINUTE,
    relapse_within=timedelta(hours=6),
    housekeeping_after=30 * MINUTE,
    blind_slots=5,
    blind_zones=2,
    blind_all_of=3,
    by_hand_count=3,
    by_hand_percent=5,
    by_hand_within=15 * MINUTE,
    by_hand_hold=10 * MINUTE,
)

BREAKERS = BreakerRules(
    window=10 * MINUTE,
    failures=3,
    percent=50,
    failures_in_a_row=2,
    proven_in_a_row=2,
    probes=(timedelta(seconds=30), MINUTE, 2 * MINUTE, 3 * MINUTE),
    probe_jitter_percent=20,
    probes_in_region=2,
    ramp_round=2 * MINUTE,
    ramp_most=4,
    ramp_bucket_percent=50,
)

PACE = PaceRules(
    launches=Rate(percent=1, least=2, most=60),
    restores=Rate(percent=1, least=2, most=30),
    disruptive=Rate(percent=0.25, least=0.5, most=6),
    zone_percent=60,
    trouble_percent=10,
    tier_percents=(60, 25, 15),
    read_percent=25,
    write_percent=25,
    run_instances_percent=50,
)


def with_breakers(declared: DesiredState) -> DesiredState:
    """The same, with capabilities judged."""
    return replace(declared, policy=replace(declared.policy, capabilities=BREAKERS))


def braked(policy: SafetyPolicy) -> SafetyPolicy:
    """The same policy with both brakes and the pace."""
    return replace(policy, conditions=CONDITIONS, capabilities=BREAKERS, pace=PACE)
