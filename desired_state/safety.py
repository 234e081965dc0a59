"""The numbers of the two brakes and of the pace (design section 7.3 and 7.4); `policies/default.yaml` gives reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """When trouble counts: at least `count` and at least `percent` of all, or all of at least `all_of`.

    It is over once it was below `leave_count` or below `leave_percent` for `leave_after` without a break. None: the
    rule has no such part.
    """

    count: int
    percent: float
    all_of: int | None
    leave_count: int | None
    leave_percent: float
    leave_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRules:
    """What makes a zone, the region or a fleet `degraded` or `critical`, and what that brakes."""

    zone_degraded: Threshold
    zone_critical: Threshold
    volumes_degraded: Threshold
    volumes_critical: Threshold
    region_degraded: Threshold
    region_critical: Threshold
    region_critical_zones: int
    """`launch` or `describe` open in that many zones makes the region critical."""
    fleet_breaker: Threshold
    degraded_percent: float
    """Of the pace of disruptive work that is left in a degraded or recovering place; a critical one has none."""
    cool_down: timedelta
    cool_down_longest: timedelta
    relapse_within: timedelta
    """A relapse this soon after the last trouble doubles the cool-down."""
    housekeeping_after: timedelta
    """How long region and zone must have been normal."""
    blind_slots: int
    blind_zones: int
    blind_all_of: int
    """Slots that fail by judgement alone, in so many zones; or all slots of so many."""
    by_hand_count: int
    by_hand_percent: float
    by_hand_within: timedelta
    by_hand_hold: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When a capability is open, how it is tried again, and how its use grows once it works."""

    window: timedelta
    failures: int
    percent: float
    failures_in_a_row: int
    """Enough where the window holds fewer calls than `failures`."""
    proven_in_a_row: int
    probes: tuple[timedelta, ...]
    """Waits between half-open probes; the last one stays."""
    probe_jitter_percent: float
    probes_in_region: int
    ramp_round: timedelta
    ramp_most: float
    """Times the usual pace that a recovering capability may reach."""
    ramp_bucket_percent: float
    """Of EC2's request bucket that it may reach at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many percent of the region's slots a minute, within bounds."""

    percent: float
    least: float
    most: float

    def per_minute(self, slots: int) -> float:
        """Actions a minute for a region with so many slots."""
        return min(self.most, max(self.least, slots * self.percent / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceRules:
    """How fast work goes at most, for one region."""

    launches: Rate
    restores: Rate
    disruptive: Rate
    zone_percent: float
    """Of each rate that one zone may take."""
    trouble_percent: float
    """Of every rate that is left while the whole API is in trouble."""
    tier_percents: tuple[float, ...]
    """Of the tokens, by tier from 0; later tiers share the last one."""
    read_percent: float
    write_percent: float
    run_instances_percent: float
    """Of EC2's published request buckets that are ours; RunInstances while `launch` recovers."""
