"""Rules that tie the numbers of the brakes and of the pace together, once the defaults are filled in.

`at` counts from the root of the document; a number that it names may be the default, which then is to be changed too.
"""

from __future__ import annotations

from collections.abc import Iterator

from desired_state.documents.document import Problem
from desired_state.model import SafetyPolicy
from desired_state.reading.quantities import format_duration, format_percent
from desired_state.safety import BreakerRules, ConditionRules, PaceRules, Rate, Threshold


def brake_problems(policy: SafetyPolicy) -> Iterator[Problem]:
    """What contradicts itself in the brakes and the pace; a part that is off has no rules."""
    if policy.conditions is not None:
        yield from _condition_problems(policy.conditions)
    if policy.capabilities is not None:
        yield from _capability_problems(policy.capabilities)
    if policy.pace is not None:
        yield from _pace_problems(policy.pace)


def _condition_problems(rules: ConditionRules) -> Iterator[Problem]:
    pairs = (
        ("zone", rules.zone_degraded, rules.zone_critical),
        ("volumes", rules.volumes_degraded, rules.volumes_critical),
        ("region", rules.region_degraded, rules.region_critical),
    )
    for what, degraded, critical in pairs:
        yield from _leaving_problems(f"{what}Degraded", degraded)
        yield from _leaving_problems(f"{what}Critical", critical)
        yield from _severity_problems(what, degraded, critical)
    yield from _leaving_problems("fleetBreaker", rules.fleet_breaker)
    if rules.cool_down > rules.cool_down_longest:
        longest = format_duration(rules.cool_down_longest)
        yield Problem(
            message=f"must be at most `spec.conditions.coolDownLongest`, {longest}, "
            f"not {format_duration(rules.cool_down)}",
            at=("spec", "conditions", "coolDown"),
        )
    if rules.relapse_within < rules.cool_down_longest:
        longest = format_duration(rules.cool_down_longest)
        yield Problem(
            message=f"must be at least `spec.conditions.coolDownLongest`, {longest}, "
            f"not {format_duration(rules.relapse_within)}",
            at=("spec", "conditions", "relapseWithin"),
            hint="else no trouble after a long cool-down would count as a relapse",
        )


def _leaving_problems(name: str, rule: Threshold) -> Iterator[Problem]:
    """Left at the number at which it is entered, a place would flap."""
    where = f"spec.conditions.{name}"
    if rule.leave_count is not None and rule.leave_count >= rule.count:
        yield Problem(
            message=f"must be below `{where}.count`, {rule.count}, not {rule.leave_count}",
            at=("spec", "conditions", name, "leaveCount"),
            hint="lower it, or write `leaveCount: none`",
        )
    if rule.leave_percent >= rule.percent:
        yield Problem(
            message=f"must be below `{where}.share`, {format_percent(rule.percent)}, "
            f"not {format_percent(rule.leave_percent)}",
            at=("spec", "conditions", name, "leaveShare"),
        )


def _severity_problems(what: str, degraded: Threshold, critical: Threshold) -> Iterator[Problem]:
    """What is critical must be degraded as well, or a place that gets worse could be braked less."""
    place, worse = ("spec", "conditions", f"{what}Degraded"), f"spec.conditions.{what}Critical"
    if degraded.count > critical.count:
        yield Problem(
            message=f"must be at most `{worse}.count`, {critical.count}, not {degraded.count}",
            at=(*place, "count"),
        )
    shares = (
        ("share", degraded.percent, critical.percent),
        ("leaveShare", degraded.leave_percent, critical.leave_percent),
    )
    for key, milder, heavier in shares:
        if milder > heavier:
            yield Problem(
                message=f"must be at most `{worse}.{key}`, {format_percent(heavier)}, "
                f"not {format_percent(milder)}",
                at=(*place, key),
            )


def _capability_problems(rules: BreakerRules) -> Iterator[Problem]:
    if rules.failures_in_a_row > rules.failures:
        yield Problem(
            message=f"must be at most `spec.capabilities.failures`, {rules.failures}, "
            f"not {rules.failures_in_a_row}",
            at=("spec", "capabilities", "failuresInARow"),
        )


def _pace_problems(rules: PaceRules) -> Iterator[Problem]:
    rates = (
        ("launches", rules.launches),
        ("restores", rules.restores),
        ("disruptive", rules.disruptive),
    )
    for name, rate in rates:
        yield from _rate_problems(name, rate)
    total = sum(rules.tier_percents)
    if total > 100:
        added = " + ".join(format_percent(percent) for percent in rules.tier_percents)
        yield Problem(
            message=f"must add up to at most 100%, not {added} = {format_percent(total)}",
            at=("spec", "pace", "tierShares"),
        )


def _rate_problems(name: str, rate: Rate) -> Iterator[Problem]:
    if rate.least > rate.most:
        yield Problem(
            message=f"must be at most `spec.pace.{name}.most`, {rate.most:g}, not {rate.least:g}",
            at=("spec", "pace", name, "least"),
        )
