"""The two brakes and the pace in a policy: changed in part, taken off, and refused where they contradict themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.load import default_policy
from desired_state.model import SafetyPolicy
from desired_state.safety import BreakerRules, ConditionRules, PaceRules
from tests.unit.desired_state.written import POLICY, WEB, load_files, refusal_of, with_change


def policy_of(spec: str) -> SafetyPolicy:
    """The policy in force beside a document with this spec, written in one line."""
    policy = with_change(POLICY, "spec: {}", f"spec: {spec}")
    return load_files({"web.yaml": WEB, "policy.yaml": policy}).policy


def refused(spec: str) -> str:
    """The first thing that is said about a policy with this spec, after its line and column."""
    refusal = refusal_of(with_change(POLICY, "spec: {}", f"spec: {spec}"))
    return refusal.splitlines()[0].partition(" error: ")[2]


def conditions() -> ConditionRules:
    """The default's."""
    rules = default_policy().conditions
    assert rules is not None
    return rules


def capabilities() -> BreakerRules:
    """The default's."""
    rules = default_policy().capabilities
    assert rules is not None
    return rules


def pace() -> PaceRules:
    """The default's."""
    rules = default_policy().pace
    assert rules is not None
    return rules


def test_one_number_of_a_condition_can_be_changed_and_the_others_stay() -> None:
    changed = policy_of("{conditions: {zoneCritical: {share: 40%}, coolDown: 20m}}")
    assert changed == replace(
        default_policy(),
        name="careful",
        conditions=replace(
            conditions(),
            zone_critical=replace(conditions().zone_critical, percent=40),
            cool_down=timedelta(minutes=20),
        ),
    )


def test_one_number_of_a_breaker_can_be_changed_and_the_others_stay() -> None:
    changed = policy_of("{capabilities: {ramp: {most: 2}}}")
    assert changed.capabilities == replace(capabilities(), ramp_most=2)


def test_one_number_of_the_pace_can_be_changed_and_the_others_stay() -> None:
    changed = policy_of("{pace: {launches: {most: 12.5}, tierShares: [100%]}}")
    launches = replace(pace().launches, most=12.5)
    assert changed.pace == replace(pace(), launches=launches, tier_percents=(100,))


@pytest.mark.parametrize("part", ["conditions", "capabilities", "pace"])
def test_each_of_the_three_can_be_taken_off_alone(part: str) -> None:
    changed = policy_of(f"{{{part}: none}}")
    off: dict[str, None] = {part: None}
    assert changed == replace(default_policy(), name="careful", **off)  # type: ignore[arg-type]


def test_a_part_that_the_default_gives_a_rule_can_be_taken_out_of_it() -> None:
    changed = policy_of(
        "{conditions: {zoneCritical: {allOf: none}, zoneDegraded: {leaveCount: none, allOf: 2}}}"
    )
    assert changed.conditions == replace(
        conditions(),
        zone_critical=replace(conditions().zone_critical, all_of=None),
        zone_degraded=replace(conditions().zone_degraded, leave_count=None, all_of=2),
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{pace: off}", "`spec.pace` must be `none`, not 'off'"),
        ("{pace: false}", "`spec.pace` must be `none`, or a mapping, not false"),
        (
            "{pace: {launch: {most: 3}}}",
            "unknown key 'launch' in `spec.pace`",
        ),
        (
            "{pace: {launches: {most: '3'}}}",
            "`spec.pace.launches.most` must be a number, not '3'",
        ),
        (
            "{pace: {launches: {least: 0}}}",
            "`spec.pace.launches.least` must be at least 0.01, not 0",
        ),
        ("{pace: {zoneShare: 0%}}", "`spec.pace.zoneShare` must be more than 0%"),
        (
            "{pace: {tierShares: [60%, 0%]}}",
            "`spec.pace.tierShares[1]` must be more than 0%",
        ),
        (
            "{conditions: {zoneCritical: {allOf: no}}}",
            (
                "`spec.conditions.zoneCritical.allOf` must be `none`, or a whole number from 1 to 5000, "
                "not 'no'"
            ),
        ),
        (
            "{conditions: {zoneCritical: {allOf: 0}}}",
            (
                "`spec.conditions.zoneCritical.allOf` must be `none`, or a whole number from 1 to 5000, "
                "not the number 0"
            ),
        ),
        (
            "{conditions: {zoneCritical: {count: 0}}}",
            "`spec.conditions.zoneCritical.count` must be at least 1, not 0",
        ),
        (
            "{capabilities: {probes: [30s, 1m, 45s]}}",
            "`spec.capabilities.probes[2]` is 45s, which cannot come after 1m",
        ),
        ("{capabilities: {probes: []}}", "`spec.capabilities.probes` must not be empty"),
    ],
)
def test_a_value_that_is_none_of_its_kind_is_refused(spec: str, said: str) -> None:
    assert refused(spec) == said


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "{conditions: {zoneDegraded: {leaveCount: 3}}}",
            (
                "`spec.conditions.zoneDegraded.leaveCount` must be below "
                "`spec.conditions.zoneDegraded.count`, 3, not 3"
            ),
        ),
        (
            "{conditions: {fleetBreaker: {leaveShare: 20%}}}",
            (
                "`spec.conditions.fleetBreaker.leaveShare` must be below "
                "`spec.conditions.fleetBreaker.share`, 20%, not 20%"
            ),
        ),
        (
            "{conditions: {volumesCritical: {share: 4%}}}",
            (
                "`spec.conditions.volumesCritical.leaveShare` must be below "
                "`spec.conditions.volumesCritical.share`, 4%, not 5%"
            ),
        ),
        (
            "{conditions: {zoneDegraded: {count: 6}}}",
            (
                "`spec.conditions.zoneDegraded.count` must be at most "
                "`spec.conditions.zoneCritical.count`, 5, not 6"
            ),
        ),
        (
            "{conditions: {regionDegraded: {share: 31%}}}",
            (
                "`spec.conditions.regionDegraded.share` must be at most "
                "`spec.conditions.regionCritical.share`, 30%, not 31%"
            ),
        ),
        (
            "{conditions: {volumesCritical: {leaveShare: 0.5%}}}",
            (
                "`spec.conditions.volumesDegraded.leaveShare` must be at most "
                "`spec.conditions.volumesCritical.leaveShare`, 0.5%, not 1%"
            ),
        ),
        (
            "{conditions: {coolDown: 2h}}",
            "`spec.conditions.coolDown` must be at most `spec.conditions.coolDownLongest`, 1h, not 2h",
        ),
        (
            "{conditions: {relapseWithin: 30m}}",
            (
                "`spec.conditions.relapseWithin` must be at least `spec.conditions.coolDownLongest`, 1h, "
                "not 30m"
            ),
        ),
        (
            "{capabilities: {failuresInARow: 4}}",
            "`spec.capabilities.failuresInARow` must be at most `spec.capabilities.failures`, 3, not 4",
        ),
        (
            "{pace: {tierShares: [60%, 25%, 15.5%]}}",
            "`spec.pace.tierShares` must add up to at most 100%, not 60% + 25% + 15.5% = 100.5%",
        ),
        (
            "{pace: {launches: {least: 61}}}",
            "`spec.pace.launches.least` must be at most `spec.pace.launches.most`, 60, not 61",
        ),
        (
            "{pace: {restores: {least: 31}}}",
            "`spec.pace.restores.least` must be at most `spec.pace.restores.most`, 30, not 31",
        ),
        (
            "{pace: {disruptive: {most: 0.4}}}",
            "`spec.pace.disruptive.least` must be at most `spec.pace.disruptive.most`, 0.4, not 0.5",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(spec: str, said: str) -> None:
    assert refused(spec) == said
