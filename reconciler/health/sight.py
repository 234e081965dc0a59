"""Whether we can see at all: many slots that fail by nothing but our own eyes may be our eyes (design section 7.3).

It ends when any of the slots that set it off, or a sentinel, answers: what still fails then does so in plain sight, and
does not set it off again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from desired_state.safety import ConditionRules
from reconciler.health.census import Census, SlotFacts
from reconciler.health.conditions import Condition, RememberedCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Why we are blind, None while we are not; and what to remember of it."""

    blind: str | None
    remembered: RememberedCondition | None


def judge_sight(
    census: Census, before: RememberedCondition | None, rules: ConditionRules, now: datetime
) -> Sight:
    """`critical` is remembered while we are blind, `normal` while some fail on that failed when we were."""
    unseen = census.unseen
    suspects = before.set_off_by if before else ()
    failing_on = tuple(slot for slot in suspects if slot in unseen)
    if before is not None and before.condition is Condition.CRITICAL:
        if failing_on and not _any_answers(suspects, census):
            return _blind(before, unseen)
        before = None
    fresh = {slot: facts for slot, facts in unseen.items() if slot not in suspects}
    if not census.sentinel_answers and _sets_off(fresh, unseen, census, rules):
        setters = fresh or unseen
        return _blind(
            RememberedCondition(
                condition=Condition.CRITICAL,
                since=now,
                trouble_began_at=now,
                set_off_by=tuple(sorted(setters)),
            ),
            unseen,
        )
    return Sight(blind=None, remembered=_plainly_failing(failing_on, before, now))


def _any_answers(suspects: tuple[str, ...], census: Census) -> bool:
    if census.sentinel_answers:
        return True
    asked = frozenset(suspects)
    return any(facts.serving for facts in census.slots if facts.slot in asked)


def _sets_off(
    fresh: Mapping[str, SlotFacts],
    unseen: Mapping[str, SlotFacts],
    census: Census,
    rules: ConditionRules,
) -> bool:
    zones = {facts.zone for facts in fresh.values()}
    if len(fresh) >= rules.blind_slots and len(zones) >= rules.blind_zones:
        return True
    return census.in_service >= rules.blind_all_of and len(unseen) == census.in_service


def _blind(remembered: RememberedCondition, unseen: Mapping[str, SlotFacts]) -> Sight:
    zones = {facts.zone for facts in unseen.values()}
    where = f"{len(zones)} zones" if len(zones) > 1 else "one zone"
    reason = (
        f"{len(unseen)} slots in {where} fail by our own eyes alone since {remembered.since:%H:%M}Z, and neither a "
        "sentinel nor any of those that failed first answers"
    )
    return Sight(blind=reason, remembered=remembered)


def _plainly_failing(
    slots: tuple[str, ...], before: RememberedCondition | None, now: datetime
) -> RememberedCondition | None:
    if not slots:
        return None
    if before is not None:
        return before if before.set_off_by == slots else replace(before, set_off_by=slots)
    return RememberedCondition(
        condition=Condition.NORMAL,
        since=now,
        normal_since=now,
        set_off_by=slots,
    )
