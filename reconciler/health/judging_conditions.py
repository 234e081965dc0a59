"""Judging how every place is: zones, the region, fleets, and whether we can see at all (design section 7.3).

    normal ── counts reach it ──► degraded, critical
    critical ── left for long enough ──► degraded ── left for long enough ──► recovering ── cooled down ──► normal

Worse comes at once, milder one step at a time. Of a place that always was normal nothing is remembered, so that memory
that is lost makes no place milder than what is seen now. Pure: the instant is an argument, and what is learnt is a
result that the run stores and the dry run drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desired_state.safety import ConditionRules, Threshold
from reconciler.health.capabilities import BreakerState, Capabilities
from reconciler.health.census import Census, Tally, ZoneTally
from reconciler.health.conditions import (
    Condition,
    Conditions,
    ConditionVerdict,
    RememberedCondition,
    Scope,
    ScopeKind,
)
from reconciler.health.sight import judge_sight
from reconciler.health.trouble import (
    Trouble,
    trouble_of_probes,
    trouble_of_region,
    trouble_of_zone,
    worse,
)

DOUBLED_AT_MOST = 16
"""Longer ago than any cool-down that is declared has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedConditions:
    """How every place is, and what to remember of those that are not normal, or lately were not."""

    conditions: Conditions = field(default_factory=Conditions)
    remembered: Mapping[Scope, RememberedCondition] = field(default_factory=dict)


ALL_NORMAL = JudgedConditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How slowly a place is let go of: for how long its counts must be low before it leaves a condition."""

    degraded: timedelta
    critical: timedelta
    rules: ConditionRules

    def leaves_after(self, condition: Condition) -> timedelta:
        """For how long the counts must be low."""
        return self.critical if condition is Condition.CRITICAL else self.degraded

    def cools_down_at(self, known: RememberedCondition) -> datetime | None:
        """When disruptive work is let go: doubled for every relapse. None while there are bad signs."""
        if known.calm_since is None:
            return None
        doubled = self.rules.cool_down * (1 << min(known.relapses, DOUBLED_AT_MOST))
        return known.calm_since + min(doubled, self.rules.cool_down_longest)


def judge_conditions(
    census: Census,
    remembered: Mapping[Scope, RememberedCondition],
    rules: ConditionRules | None,
    capabilities: Capabilities,
    now: datetime,
) -> JudgedConditions:
    """The condition of every place that is not normal, or was not lately. Without rules all is normal."""
    if rules is None:
        return ALL_NORMAL
    if census.quiet and not remembered and _all_work(capabilities):
        return ALL_NORMAL
    verdicts: dict[Scope, ConditionVerdict] = {}
    known: dict[Scope, RememberedCondition] = {}
    for scope, trouble, patience in _places(census, remembered, rules, capabilities):
        after = _after(remembered.get(scope), trouble, patience, now)
        if after is not None:
            known[scope] = after
            verdicts[scope] = _verdict(scope, after, trouble, patience)
    broken: dict[str, str] = {}
    for scope, trouble in _fleets(census, remembered, rules):
        after = _breaker_after(remembered.get(scope), trouble, rules, now)
        if after is not None:
            known[scope] = after
            verdicts[scope] = _breaker_verdict(scope, after, trouble, rules)
            broken[scope.name] = verdicts[scope].reason
    seeing = Scope(ScopeKind.SIGHT, census.region)
    sight = judge_sight(census, remembered.get(seeing), rules, now)
    if sight.remembered is not None:
        known[seeing] = sight.remembered
    conditions = Conditions(verdicts=verdicts, broken_fleets=broken, blind=sight.blind)
    return JudgedConditions(conditions=conditions, remembered=known)


def _all_work(capabilities: Capabilities) -> bool:
    closed = all(item.state is BreakerState.CLOSED for item in capabilities.of_zones.values())
    return closed and capabilities.launch_open_everywhere is None


def _places(
    census: Census,
    remembered: Mapping[Scope, RememberedCondition],
    rules: ConditionRules,
    capabilities: Capabilities,
) -> Iterator[tuple[Scope, Trouble, Patience]]:
    """The region, and every zone that is counted or remembered."""
    region = trouble_of_region(census.zones, capabilities, rules)
    patience = _patience(rules, (rules.region_degraded,), (rules.region_critical,))
    yield Scope(ScopeKind.REGION, census.region), region, patience
    of_zone = _patience(
        rules,
        (rules.zone_degraded, rules.volumes_degraded),
        (rules.zone_critical, rules.volumes_critical),
    )
    for name in sorted({*census.zones, *_names(remembered, ScopeKind.ZONE)}):
        tally = census.zones.get(name, ZoneTally())
        yield Scope(ScopeKind.ZONE, name), trouble_of_zone(tally, rules), of_zone


def _patience(
    rules: ConditionRules, degraded: tuple[Threshold, ...], critical: tuple[Threshold, ...]
) -> Patience:
    return Patience(
        degraded=max(item.leave_after for item in degraded),
        critical=max(item.leave_after for item in critical),
        rules=rules,
    )


def _fleets(
    census: Census, remembered: Mapping[Scope, RememberedCondition], rules: ConditionRules
) -> Iterator[tuple[Scope, Trouble]]:
    for name in sorted({*census.failing_probes, *_names(remembered, ScopeKind.FLEET)}):
        tally = census.failing_probes.get(name, Tally())
        yield Scope(ScopeKind.FLEET, name), trouble_of_probes(name, tally, rules)


def _names(remembered: Mapping[Scope, RememberedCondition], kind: ScopeKind) -> Iterator[str]:
    return (scope.name for scope in remembered if scope.kind is kind)


# Zones and the region


def _after(
    before: RememberedCondition | None, trouble: Trouble, patience: Patience, now: datetime
) -> RememberedCondition | None:
    """What is to be remembered of a place after this look; None of one that is normal, and was for long."""
    if before is None:
        called_for = worse(trouble.calls_for, Condition.NORMAL)
        return _entered(trouble.calls_for, now) if called_for else None
    if worse(trouble.calls_for, before.condition):
        return _worsened(before, trouble.calls_for, patience, now)
    match before.condition:
        case Condition.CRITICAL | Condition.DEGRADED:
            return _in_trouble(before, trouble, patience, now)
        case Condition.RECOVERING:
            return _cooling_down(before, trouble, patience, now)
        case Condition.NORMAL:
            return None if _long_ago(before, patience, now) else before


def _entered(condition: Condition, now: datetime) -> RememberedCondition:
    return RememberedCondition(condition=condition, since=now, trouble_began_at=now)


def _worsened(
    before: RememberedCondition, condition: Condition, patience: Patience, now: datetime
) -> RememberedCondition:
    """The same trouble grew; or it came back, which is a relapse when it was not long ago."""
    if before.condition is Condition.DEGRADED:
        return replace(before, condition=condition, since=now, calm_since=None, below_since=None)
    soon = now - (before.calm_since or now) <= patience.rules.relapse_within
    cooling = before.condition is Condition.RECOVERING
    return replace(
        _entered(condition, now),
        relapses=before.relapses + 1 if soon else 0,
        trouble_began_at=before.trouble_began_at if cooling else now,
    )


def _in_trouble(
    before: RememberedCondition, trouble: Trouble, patience: Patience, now: datetime
) -> RememberedCondition:
    """It stays until the counts were low for long enough without a break; then it is one step milder."""
    bad = worse(trouble.keeps, Condition.NORMAL)
    calm_since = None if bad else before.calm_since or now
    if not worse(before.condition, trouble.keeps):
        return _changed(before, replace(before, calm_since=calm_since, below_since=None))
    below_since = before.below_since or now
    known = _changed(before, replace(before, calm_since=calm_since, below_since=below_since))
    if now < below_since + patience.leaves_after(before.condition):
        return known
    if before.condition is Condition.CRITICAL:
        return replace(
            known,
            condition=Condition.DEGRADED,
            since=now,
            below_since=None if bad else now,
        )
    cooling = replace(known, condition=Condition.RECOVERING, since=now, below_since=None)
    return _cooling_down(cooling, trouble, patience, now)


def _changed(before: RememberedCondition, after: RememberedCondition) -> RememberedCondition:
    """The same object where nothing changed: then nothing is written, nor compared again."""
    return before if after == before else after


def _cooling_down(
    before: RememberedCondition, trouble: Trouble, patience: Patience, now: datetime
) -> RememberedCondition:
    """A bad sign begins it anew."""
    if worse(trouble.keeps, Condition.NORMAL):
        return _changed(before, replace(before, calm_since=None))
    known = _changed(before, replace(before, calm_since=before.calm_since or now))
    cools_down_at = patience.cools_down_at(known)
    if cools_down_at is None or now < cools_down_at:
        return known
    return replace(known, condition=Condition.NORMAL, since=now, normal_since=now)


def _long_ago(before: RememberedCondition, patience: Patience, now: datetime) -> bool:
    """Neither a relapse nor what waits for peace has to know of it any more."""
    since = before.normal_since or before.since
    peaceful = now >= since + patience.rules.housekeeping_after
    return peaceful and now - (before.calm_since or since) > patience.rules.relapse_within


def _verdict(
    scope: Scope, known: RememberedCondition, trouble: Trouble, patience: Patience
) -> ConditionVerdict:
    reason, changes_at = trouble.reason or "no more trouble is seen", None
    calm = (
        "bad signs go on" if known.calm_since is None else f"calm since {known.calm_since:%H:%M}Z"
    )
    if known.condition is Condition.RECOVERING:
        changes_at = patience.cools_down_at(known)
        reason = f"it cools down; {calm}"
    elif known.below_since is not None:
        changes_at = known.below_since + patience.leaves_after(known.condition)
        reason = f"{reason}, low enough since {known.below_since:%H:%M}Z"
    elif known.condition is Condition.NORMAL:
        reason = calm
    return ConditionVerdict(
        scope=scope,
        condition=known.condition,
        since=known.since,
        reason=reason,
        counts=trouble.counts,
        changes_at=changes_at,
    )


# Breakers of fleets


def _breaker_after(
    before: RememberedCondition | None, trouble: Trouble, rules: ConditionRules, now: datetime
) -> RememberedCondition | None:
    """Open from when enough probes fail until few enough did for long enough; a closed one is not remembered."""
    if before is None:
        opens = trouble.calls_for is Condition.CRITICAL
        return _entered(Condition.CRITICAL, now) if opens else None
    if trouble.keeps is Condition.CRITICAL:
        return _changed(before, replace(before, below_since=None))
    below_since = before.below_since or now
    closes = now >= below_since + rules.fleet_breaker.leave_after
    return None if closes else _changed(before, replace(before, below_since=below_since))


def _breaker_verdict(
    scope: Scope, known: RememberedCondition, trouble: Trouble, rules: ConditionRules
) -> ConditionVerdict:
    below = known.below_since
    reason = trouble.reason or f"probes of {scope.name} failed while EC2 was fine"
    return ConditionVerdict(
        scope=scope,
        condition=Condition.CRITICAL,
        since=known.since,
        reason=reason if below is None else f"{reason}, few enough since {below:%H:%M}Z",
        counts=trouble.counts,
        changes_at=None if below is None else below + rules.fleet_breaker.leave_after,
    )
