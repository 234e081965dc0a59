"""How fast work goes: token buckets that time fills and the journal empties (design section 7.3).

Nothing of a bucket is kept but the journal: how full it is follows from replaying what was begun, at the rate of now.
So it is debited in the transaction that begins an intent, a restart forgets nothing, and a new, lost or cold store has
empty buckets. An instance or volume that is shown nowhere counts in every zone.

A lower rate never leaves more in a bucket, whatever was begun before; so worse is never faster.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from desired_state.safety import PaceRules
from providers.requests import LaunchInstance, Request, StartInstance
from reconciler.health.capabilities import BreakerState, CapabilityKind
from reconciler.health.conditions import Condition, ScopeKind
from reconciler.planning.actions import Action, Course, is_backup, named_ids
from reconciler.planning.braked import override_in_force
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.declared_here import replicas_here
from reconciler.planning.gates.owed import is_end_of_the_unneeded, is_owed, is_step_of_repair
from reconciler.planning.phrases import span

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

STARTS_A_SECOND, CHANGES_A_SECOND = 2.0, 5.0
"""How EC2's buckets fill, of RunInstances with StartInstances and of mutating requests (developer guide, limits)."""

ALMOST_ONE = 1 - 1e-6
"""A whole token, for sums of fractions."""


class Bucket(StrEnum):
    """What is paced. `STARTS` and `CHANGES` are our share of EC2's own buckets; the others are for the region, and one
    zone may take a part of them, but at least one a minute where the region may.
    """

    LAUNCHES = "launches"
    RESTORES = "restores"
    DISRUPTIVE = "disruptive steps"
    ENDS = "ends of what is not needed"
    STARTS = "starts of instances"
    CHANGES = "changing requests"


ONE = {
    Bucket.LAUNCHES: "launch",
    Bucket.RESTORES: "restore",
    Bucket.DISRUPTIVE: "disruptive step",
    Bucket.ENDS: "end of what is not needed",
    Bucket.STARTS: "start of an instance",
    Bucket.CHANGES: "changing request",
}
EC2S_OWN = frozenset({Bucket.STARTS, Bucket.CHANGES})
"""They fill in EC2 whether or not we look, so they are full when we begin; the others are empty then."""
OF_ZONES = frozenset({Bucket.LAUNCHES, Bucket.RESTORES, Bucket.DISRUPTIVE, Bucket.ENDS})
RAMPED = frozenset({Bucket.LAUNCHES, Bucket.RESTORES})


def debits_of(action: Action) -> tuple[Bucket, ...]:
    """What an action takes a token from. A slot's first launch is no repair; backups have limits of their own."""
    match action.request:
        case LaunchInstance() if action.course is Course.CREATE:
            return Bucket.STARTS, Bucket.CHANGES
        case LaunchInstance() if action.course is Course.RESTORE:
            return Bucket.LAUNCHES, Bucket.RESTORES, Bucket.STARTS, Bucket.CHANGES
        case LaunchInstance() | StartInstance():
            return Bucket.LAUNCHES, Bucket.STARTS, Bucket.CHANGES
        case _ if is_backup(action.request):
            return ()
        case _ if is_step_of_repair(action):
            return Bucket.DISRUPTIVE, Bucket.CHANGES
        case _ if is_end_of_the_unneeded(action):
            return Bucket.ENDS, Bucket.CHANGES
        case _:
            return (Bucket.CHANGES,)


# What slows everything down


def left_of_everything(case: Case, rules: PaceRules) -> float:
    """Of every rate: while the whole API is in trouble little; each throttle of the last minutes halves it."""
    floor = rules.trouble_percent / 100
    if case.capabilities.api_trouble is not None:
        return floor
    return max(floor, 0.5**case.capabilities.throttles)


def left_of_disruptive(case: Case, zone: str | None) -> float:
    """Of disruptive work, by the worse of region and zone: none where it is critical, unless a person lifted that."""
    rules = case.desired.policy.conditions
    if rules is None or override_in_force(case) is not None:
        return 1.0
    conditions = {case.conditions.of(ScopeKind.REGION, case.observation.cell.region)}
    if zone is not None:
        conditions.add(case.conditions.of(ScopeKind.ZONE, zone))
    if Condition.CRITICAL in conditions:
        return 0.0
    return 1.0 if conditions == {Condition.NORMAL} else rules.degraded_percent / 100


# The buckets


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why there is no room, and when there is if nothing else takes it; None where time alone does not help."""

    reason: str
    until: datetime | None


@dataclass(slots=True, kw_only=True)
class _Level:
    """What is in one bucket now. `rate` is by the minute; it holds a minute's worth, or one."""

    rate: float
    tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Debit:
    """Something that was begun, and where; None where that is not known any more."""

    at: datetime
    buckets: tuple[Bucket, ...]
    zone: str | None


class Buckets:
    """The room that is left for one plan. Nothing is replayed before something asks for room."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._rules = case.desired.policy.pace
        self._levels: dict[tuple[Bucket, str | None], _Level] = {}
        self._debits: dict[timedelta, list[_Debit]] = {}
        self._ramped: Counter[tuple[str, CapabilityKind]] = Counter()

    def room(self, draft: Draft) -> Wait | None:
        """None where the draft may go now; else the bucket that is empty for longest."""
        action = draft.action
        if self._rules is None or is_owed(action):
            return None
        zone = self._zone_of(action.request)
        if (ramped := self._out_of_ramp(action.request)) is not None:
            return ramped
        empty = [
            self._wait(bucket, place, self._rules)
            for bucket, place in _places(action, zone)
            if self._level(bucket, place, self._rules).tokens < ALMOST_ONE
        ]
        never = datetime.max.replace(tzinfo=self._case.now.tzinfo)
        return max(empty, key=lambda wait: wait.until or never, default=None)

    def take(self, draft: Draft) -> None:
        """Count what was let through, whether or not it could have been held."""
        if self._rules is None:
            return
        request = draft.action.request
        for bucket, place in _places(draft.action, self._zone_of(request)):
            level = self._level(bucket, place, self._rules)
            level.tokens = max(0.0, level.tokens - 1)
        self._ramped.update(_asked_of(request))

    def _level(self, bucket: Bucket, zone: str | None, rules: PaceRules) -> _Level:
        level = self._levels.get((bucket, zone))
        if level is None:
            rate = self._rate(bucket, zone, rules)
            level = _Level(rate=rate, tokens=self._replay(bucket, zone, rate))
            self._levels[bucket, zone] = level
        return level

    def _rate(self, bucket: Bucket, zone: str | None, rules: PaceRules) -> float:
        """Tokens a minute, with everything that changes it now."""
        case = self._case
        of_region = _usual(bucket, rules, case)
        of_zone = max(of_region * rules.zone_percent / 100, min(1.0, of_region))
        rate = of_region if zone is None else of_zone
        if bucket in RAMPED:
            rate += _ramped(case, zone, of_zone)
        if bucket is Bucket.DISRUPTIVE:
            rate *= left_of_disruptive(case, zone)
        return rate * left_of_everything(case, rules)

    def _replay(self, bucket: Bucket, zone: str | None, rate: float) -> float:
        """Tokens in a bucket that was empty, or full, when we began to look, or to remember."""
        now, most = self._case.now, max(1.0, rate)
        if rate <= 0:
            return 0.0
        reach = HOUR if rate * (HOUR / MINUTE) >= most else DAY
        at = max(now - reach, self._case.memory.recorded_since or now)
        tokens = most if bucket in EC2S_OWN else 0.0
        for debit in self._begun_within(reach):
            if debit.at <= at and tokens == 0:
                continue
            if bucket in debit.buckets and zone in (None, debit.zone or zone):
                tokens = max(0.0, min(most, tokens + rate * ((debit.at - at) / MINUTE)) - 1)
                at = debit.at
        return min(most, tokens + rate * ((now - at) / MINUTE))

    def _begun_within(self, reach: timedelta) -> list[_Debit]:
        """Oldest first."""
        if reach not in self._debits:
            now, memory = self._case.now, self._case.memory
            begun = [
                _Debit(
                    at=min(intent.begun_at, now),
                    buckets=debits_of(intent.action),
                    zone=self._zone_of(intent.action.request),
                )
                for intent in (*memory.recent_intents, *memory.open_intents)
                if now - intent.begun_at < reach
            ]
            self._debits[reach] = sorted(begun, key=lambda debit: debit.at)
        return self._debits[reach]

    def _zone_of(self, request: Request) -> str | None:
        """The zone that a request is for; None where it is not known any more."""
        if isinstance(request, LaunchInstance):
            return request.zone
        observation, known = self._case.observation, self._case.memory.known
        for id_ in named_ids(request):
            thing = observation.instances.get(id_) or observation.volumes.get(id_) or known.get(id_)
            if thing is not None:
                return thing.zone
        return None

    def _out_of_ramp(self, request: Request) -> Wait | None:
        """Where launches come back, their number grows round by round."""
        for zone, kind in _asked_of(request):
            ramp = self._case.capabilities.of(zone, kind)
            used = ramp.round_used + self._ramped[zone, kind]
            if ramp.level is not None and used >= int(ramp.level):
                reason = f"{kind} in {zone} comes back: {used} in this round, {int(ramp.level)} may"
                return Wait(reason=reason, until=ramp.round_ends_at)
        return None

    def _wait(self, bucket: Bucket, zone: str | None, rules: PaceRules) -> Wait:
        level, where = self._level(bucket, zone, rules), f" in {zone}" if zone else ""
        if level.rate <= 0:
            return Wait(reason=f"no {bucket}{where} while it is critical", until=None)
        lacking_s = math.ceil((1 - level.tokens) / level.rate * 60 - 1e-3)
        lacking = timedelta(seconds=lacking_s)
        reason = f"{_told(bucket, level.rate)}{where}, the next in {span(lacking)}"
        slowed = _slowed(self._case, bucket, zone)
        return Wait(reason="; ".join((reason, *slowed)), until=self._case.now + lacking)


def _places(action: Action, zone: str | None) -> list[tuple[Bucket, str | None]]:
    """Every bucket that an action takes from: the region's, and the one of its zone."""
    places: list[tuple[Bucket, str | None]] = [(bucket, None) for bucket in debits_of(action)]
    if zone is not None:
        places += [(bucket, zone) for bucket, _ in places if bucket in OF_ZONES]
    return places


def _asked_of(request: Request) -> list[tuple[str, CapabilityKind]]:
    """What a launch asks of its zone."""
    if not isinstance(request, LaunchInstance):
        return []
    kinds = [CapabilityKind.LAUNCH, *([CapabilityKind.VOLUME] if request.volumes else [])]
    return [(request.zone, kind) for kind in kinds]


def _usual(bucket: Bucket, rules: PaceRules, case: Case) -> float:
    """Tokens a minute for the whole region on a quiet day."""
    slots = replicas_here(case.desired, case.observation.cell)
    match bucket:
        case Bucket.LAUNCHES | Bucket.ENDS:
            return rules.launches.per_minute(slots)
        case Bucket.RESTORES:
            return rules.restores.per_minute(slots)
        case Bucket.DISRUPTIVE:
            return rules.disruptive.per_minute(slots)
        case Bucket.STARTS:
            return 60 * STARTS_A_SECOND * rules.run_instances_percent / 100
        case Bucket.CHANGES:
            return 60 * CHANGES_A_SECOND * rules.write_percent / 100


def _ramped(case: Case, zone: str | None, usual: float) -> float:
    """What is added where launches came back and each round proved that more may be asked: work has piled up there.

    For the region it is the sum over its zones, or the one that recovers would take the tokens of the others.
    """
    breakers = case.desired.policy.capabilities
    if breakers is None:
        return 0.0
    minutes = breakers.ramp_round / MINUTE
    return sum(
        max(0.0, ramp.level / minutes - usual)
        for (place, kind), ramp in case.capabilities.of_zones.items()
        if kind is CapabilityKind.LAUNCH
        and zone in (None, place)
        and ramp.state is BreakerState.CLOSED
        and ramp.level is not None
    )


# What is said


def _told(bucket: Bucket, rate: float) -> str:
    """`2 launches a minute`, or `1 disruptive step in 2 min`."""
    if rate < 1:
        return f"1 {ONE[bucket]} in {span(MINUTE / rate)}"
    return f"{round(rate, 1):g} {ONE[bucket] if rate == 1 else bucket} a minute"


def _slowed(case: Case, bucket: Bucket, zone: str | None) -> list[str]:
    """What makes it slower than usual now."""
    said = []
    if case.capabilities.api_trouble is not None:
        said.append(f"slowed down: {case.capabilities.api_trouble}")
    elif case.capabilities.throttles:
        said.append(f"slowed down: {case.capabilities.throttles} throttled within 2 min")
    if bucket is Bucket.DISRUPTIVE and left_of_disruptive(case, zone) < 1:
        said.append("slowed down: there is trouble in the zone or the region")
    return said
