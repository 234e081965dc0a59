"""How much trouble the counts of a place show: which condition they call for, and which one they do not let go of.

Thresholds are inclusive and need a count and a share. What is unread keeps a place where it is and makes it no worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from desired_state.safety import ConditionRules, Threshold
from reconciler.health.capabilities import BreakerState, Capabilities, CapabilityKind
from reconciler.health.census import Tally, ZoneTally
from reconciler.health.conditions import Condition, Count

SEVERITY = {
    Condition.NORMAL: 0,
    Condition.RECOVERING: 1,
    Condition.DEGRADED: 2,
    Condition.CRITICAL: 3,
}
INSTANCES = "instances"
VOLUMES = "volumes"
OF_THE_REGION = (CapabilityKind.LAUNCH, CapabilityKind.DESCRIBE)
"""Capabilities that make the region critical where they are open in several zones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What the counts of a place show.

    `calls_for` is the condition that they make by themselves; `keeps` the one that they would not let go of, which is
    never milder. `counts` are the worst first, without those in which nothing is amiss.
    """

    calls_for: Condition
    keeps: Condition
    counts: tuple[Count, ...] = ()
    reason: str = ""


NONE = Trouble(calls_for=Condition.NORMAL, keeps=Condition.NORMAL)


def worse(one: Condition, other: Condition) -> bool:
    """Whether the one is worse than the other."""
    return SEVERITY[one] > SEVERITY[other]


def reaches(threshold: Threshold, sick: int, of: int) -> bool:
    """At least so many and such a share; or all of enough."""
    if sick >= threshold.count and sick * 100 >= threshold.percent * of:
        return True
    return threshold.all_of is not None and sick >= of >= threshold.all_of


def is_left(threshold: Threshold, sick: int, of: int) -> bool:
    """Below the lower count, or below the lower share."""
    if sick == 0 or (threshold.leave_count is not None and sick < threshold.leave_count):
        return True
    return sick * 100 < threshold.leave_percent * of


# Places


def trouble_of_zone(tally: ZoneTally, rules: ConditionRules) -> Trouble:
    """Instances, volumes and each fleet apart; the worst of them counts."""
    return _worst(
        [
            _measured(INSTANCES, tally.instances, rules.zone_degraded, rules.zone_critical),
            _measured(VOLUMES, tally.volumes, rules.volumes_degraded, rules.volumes_critical),
            *(
                _measured(fleet, counted, rules.zone_degraded, rules.zone_critical)
                for fleet, counted in tally.fleets.items()
            ),
        ]
    )


def trouble_of_region(
    zones: Mapping[str, ZoneTally], capabilities: Capabilities, rules: ConditionRules
) -> Trouble:
    """The same without its worst zone; and `launch` or `describe` open in several zones."""
    return _worst([_without_the_worst(zones, rules), _of_breakers(capabilities, rules)])


def trouble_of_probes(fleet: str, tally: Tally, rules: ConditionRules) -> Trouble:
    """Of one fleet's probes that fail while EC2 is fine: `critical`, which is the open breaker, or nothing."""
    breaker = rules.fleet_breaker
    found = _measured(fleet, tally, breaker, breaker)
    if found is NONE:
        return NONE
    reason = f"probes of {tally.sick} of {tally.of} slots of {fleet} fail while EC2 is fine"
    return Trouble(calls_for=found.calls_for, keeps=found.keeps, counts=found.counts, reason=reason)


def _without_the_worst(zones: Mapping[str, ZoneTally], rules: ConditionRules) -> Trouble:
    """The mildest that the region shows when one zone is left out: the worst zone is the one that makes the difference.

    So one zone that grows worse never makes the region look better.
    """
    left = [(_rest(zones, name, rules), name) for name in sorted(zones)]
    if not left:
        return NONE
    trouble, zone = min(left, key=lambda item: _weight(item[0]))
    if trouble is NONE:
        return NONE
    return Trouble(
        calls_for=trouble.calls_for,
        keeps=min((found.keeps for found, _ in left), key=SEVERITY.__getitem__),
        counts=trouble.counts,
        reason=f"outside {zone}: {trouble.reason}",
    )


def _rest(zones: Mapping[str, ZoneTally], left_out: str, rules: ConditionRules) -> Trouble:
    rest = sum((tally for name, tally in zones.items() if name != left_out), ZoneTally())
    return _worst(
        [
            _measured(what, counted, rules.region_degraded, rules.region_critical)
            for what, counted in (
                (INSTANCES, rest.instances),
                (VOLUMES, rest.volumes),
                *rest.fleets.items(),
            )
        ]
    )


def _of_breakers(capabilities: Capabilities, rules: ConditionRules) -> Trouble:
    """One that is tried again does not call for anything, and is not let go of either."""
    if capabilities.launch_open_everywhere is not None:
        why = f"launches fail everywhere: {capabilities.launch_open_everywhere}"
        return Trouble(calls_for=Condition.CRITICAL, keeps=Condition.CRITICAL, reason=why)
    unclosed = {
        key: item
        for key, item in capabilities.of_zones.items()
        if item.kind in OF_THE_REGION and item.state is not BreakerState.CLOSED
    }
    opened = {zone for (zone, _), item in unclosed.items() if item.state is BreakerState.OPEN}
    zones = sorted({zone for zone, _ in unclosed})
    if len(zones) < rules.region_critical_zones:
        return NONE
    kinds = sorted({str(kind) for _, kind in unclosed})
    everywhere = len({zone for zone, _ in capabilities.of_zones})
    return Trouble(
        calls_for=(
            Condition.CRITICAL if len(opened) >= rules.region_critical_zones else Condition.NORMAL
        ),
        keeps=Condition.CRITICAL,
        counts=tuple(
            Count(what=kind, sick=sum(of == kind for _, of in unclosed), of=everywhere)
            for kind in kinds
        ),
        reason=f"{' and '.join(kinds)} not closed in {', '.join(zones)}",
    )


# Counts


def _measured(what: str, tally: Tally, degraded: Threshold, critical: Threshold) -> Trouble:
    """What one count shows. What is little enough to leave `degraded` leaves `critical` too."""
    amiss = tally.sick + tally.unread
    if amiss == 0:
        return NONE
    calls_for = keeps = Condition.NORMAL
    if reaches(critical, tally.sick, tally.of):
        calls_for = Condition.CRITICAL
    elif reaches(degraded, tally.sick, tally.of):
        calls_for = Condition.DEGRADED
    if not is_left(degraded, amiss, tally.of):
        kept = not is_left(critical, amiss, tally.of)
        keeps = Condition.CRITICAL if kept else Condition.DEGRADED
    return Trouble(
        calls_for=calls_for,
        keeps=calls_for if worse(calls_for, keeps) else keeps,
        counts=(tally.named(what),),
        reason=_said(what, tally),
    )


def _said(what: str, tally: Tally) -> str:
    unread = f"{tally.unread} of {tally.of} can't be seen" if tally.unread else ""
    if not tally.sick:
        return unread if what in (INSTANCES, VOLUMES) else f"of {what}, {unread}"
    rest = f", {unread}" if unread else ""
    if what == VOLUMES:
        return f"{tally.sick} of {tally.of} volumes are stuck{rest}"
    if what == INSTANCES:
        return f"{tally.sick} of {tally.of} instances do not serve{rest}"
    return f"{tally.sick} of {tally.of} slots of {what} do not serve{rest}"


def _worst(parts: Iterable[Trouble]) -> Trouble:
    """All of them, each for what it is worst in; the reason is that of the worst."""
    found = sorted((part for part in parts if part is not NONE), key=_weight, reverse=True)
    if not found:
        return NONE
    keeps = max((part.keeps for part in found), key=SEVERITY.__getitem__)
    counts = tuple(count for part in found for count in part.counts if count.sick)
    return Trouble(calls_for=found[0].calls_for, keeps=keeps, counts=counts, reason=found[0].reason)


def _weight(trouble: Trouble) -> tuple[int, int, float]:
    share = trouble.counts[0].percent if trouble.counts else 0.0
    return SEVERITY[trouble.calls_for], SEVERITY[trouble.keeps], share
