"""The brakes of disruptive work, as gates: conditions, fleet breaker, blindness, deeds by hand, peace (design 7.3).

They hold neither what a commit entails nor what builds up: sick slots are the work, and not the brake. How many are
sick never makes anything faster here. A person's word can lift all of them (`braked.LIFTABLE`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from desired_state.safety import ConditionRules
from providers.requests import LaunchInstance, StartInstance
from reconciler.health.conditions import Condition, Scope, ScopeKind
from reconciler.planning.actions import Gate, is_backup
from reconciler.planning.braked import critical_place, said_of
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.gates.tally import Tally
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import slots_of, span
from reconciler.planning.refusal import Refusal


def condition(draft: Draft, tally: Tally) -> Refusal | None:
    """Nothing disruptive where it is critical. A degraded or recovering place slows it down (`pace`)."""
    if draft.nature is not Nature.DISRUPTIVE:
        return None
    place = critical_place(tally.case, draft.zone)
    if place is None:
        return None
    return Refusal(
        gate=Gate.CONDITION, reason=said_of(place), earliest_release=_ahead(place.changes_at, tally)
    )


def fleet_breaker(draft: Draft, tally: Tally) -> Refusal | None:
    """Probes fail while EC2 is fine: it looks like a change, and taking instances down does not take that back."""
    slot = draft.action.slot
    if slot is None or not _takes_away(draft):
        return None
    why = tally.case.conditions.broken_fleets.get(slot.fleet)
    if why is None:
        return None
    verdict = tally.case.conditions.verdicts.get(Scope(ScopeKind.FLEET, slot.fleet))
    release = verdict.changes_at if verdict else None
    reason = said_of(verdict) if verdict else why
    return Refusal(gate=Gate.FLEET_BREAKER, reason=reason, earliest_release=_ahead(release, tally))


def blind(draft: Draft, tally: Tally) -> Refusal | None:
    """What rests on our own eyes alone waits while they are doubted; EC2's word is acted on."""
    why = tally.case.conditions.blind
    if why is None or not draft.by_judgement or draft.nature is Nature.ENTAILED:
        return None
    return Refusal(gate=Gate.BLIND, reason=why)


def by_hand(draft: Draft, tally: Tally) -> Refusal | None:
    """Others took down many of the fleet a moment ago: what they took down is not put back yet, and no more goes."""
    slot, rules = draft.action.slot, tally.case.desired.policy.conditions
    if slot is None or rules is None or draft.nature is Nature.ENTAILED:
        return None
    burst = tally.bursts.get(slot.fleet)
    if burst is None:
        return None
    puts_back = isinstance(draft.action.request, LaunchInstance | StartInstance)
    if not _takes_away(draft) and not (puts_back and slot in burst.slots):
        return None
    reason = (
        f"{slots_of(len(burst.slots), slot.fleet)} stopped or terminated by others since "
        f"{burst.first_at:%H:%M}Z; held for {span(rules.by_hand_hold)}"
    )
    release = burst.last_at + rules.by_hand_hold
    return Refusal(gate=Gate.BY_HAND, reason=reason, earliest_release=release)


def housekeeping(draft: Draft, tally: Tally) -> Refusal | None:
    """What can wait for peace does: region and zone were normal for long enough."""
    rules = tally.case.desired.policy.conditions
    if rules is None or draft.nature is not Nature.HOUSEKEEPING:
        return None
    for scope in _places(draft, tally):
        if (refusal := _no_peace(scope, tally.case, rules)) is not None:
            return refusal
    return None


def _takes_away(draft: Draft) -> bool:
    """Whether it is of the fleet's instances that something goes, at once or when it has gone its way."""
    if draft.nature is Nature.DISRUPTIVE:
        return True
    return draft.nature is Nature.HOUSEKEEPING and not is_backup(draft.action.request)


def _places(draft: Draft, tally: Tally) -> Iterable[Scope]:
    """The region; the zone of what is acted on, and the one of the occupant that an update is for."""
    yield Scope(ScopeKind.REGION, tally.case.observation.cell.region)
    view = tally.view_of(draft)
    occupant = view.occupant if view else None
    for zone in sorted({zone for zone in (draft.zone, occupant and occupant.zone) if zone}):
        yield Scope(ScopeKind.ZONE, zone)


def _no_peace(scope: Scope, case: Case, rules: ConditionRules) -> Refusal | None:
    verdict, asked = case.conditions.verdicts.get(scope), rules.housekeeping_after
    if verdict is not None and verdict.condition is not Condition.NORMAL:
        release = verdict.changes_at + asked if verdict.changes_at else None
        reason = f"waits for peace: {said_of(verdict)}"
        return Refusal(gate=Gate.HOUSEKEEPING, reason=reason, earliest_release=release)
    remembered = case.memory.conditions.get(scope)
    since = remembered.normal_since if remembered else None
    if verdict is not None:  # Normal as of this very look, of which memory does not know yet.
        since = verdict.since
    if since is None or case.now >= since + asked:
        return None
    reason = f"waits for peace: {scope} is normal since {since:%H:%M}Z, {span(asked)} are asked for"
    return Refusal(gate=Gate.HOUSEKEEPING, reason=reason, earliest_release=since + asked)


def _ahead(at: datetime | None, tally: Tally) -> datetime | None:
    """An instant that is still to come."""
    return at if at is not None and at > tally.case.now else None
