"""What others did by hand to a fleet: stops and terminations that are none of ours, many of them at once (section 7.3).

Told from the observation and the journal alone. A store that was lost knows our own deeds no more and takes them for
somebody else's: that delays a refill for minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from desired_state.safety import ConditionRules
from providers.observed import Instance
from providers.requests import StopInstance, TerminateInstance
from reconciler.planning.actions import SlotRef
from reconciler.planning.case import Case
from reconciler.planning.identity import owner_of, slot_of
from reconciler.planning.intents import IntentState

BY_SOMEBODY = frozenset(
    {
        "Client.UserInitiatedShutdown",
        "Client.UserInitiatedHibernate",
        "Client.InstanceInitiatedShutdown",
    }
)
"""How EC2 says that a call or the guest itself ended it (EC2 API reference, StateReason). A launch that dies of
another `Client` reason is nobody's deed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """So many instances of a fleet that others took down within the window; the last of them when."""

    slots: frozenset[SlotRef]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class _Deed:
    at: datetime
    slot: SlotRef


def bursts_by_hand(case: Case) -> Mapping[str, Burst]:
    """By fleet, the bursts that hold it now."""
    rules = case.desired.policy.conditions
    if rules is None:
        return {}
    deeds = _deeds(case, rules)
    bursts = {}
    for fleet in case.desired.fleets:
        burst = _burst(sorted(deeds.get(fleet.name, ()), key=lambda d: d.at), fleet.replicas, rules)
        if burst is not None and case.now < burst.last_at + rules.by_hand_hold:
            bursts[fleet.name] = burst
    return bursts


def _deeds(case: Case, rules: ConditionRules) -> Mapping[str, list[_Deed]]:
    reach = rules.by_hand_within + rules.by_hand_hold
    deeds: defaultdict[str, list[_Deed]] = defaultdict(list)
    ours: frozenset[str] | None = None
    for instance in case.observation.instances.values():
        if instance.state_reason not in BY_SOMEBODY or instance.state_changed_at is None:
            continue
        if not _is_fresh(instance, case, reach_ended=instance.state_changed_at + reach):
            continue
        ours = _taken_down_by_us(case) if ours is None else ours
        slot = slot_of(instance.tags)
        if slot is not None and instance.id not in ours:
            deeds[slot.fleet].append(_Deed(at=instance.state_changed_at, slot=slot))
    return deeds


def _is_fresh(instance: Instance, case: Case, *, reach_ended: datetime) -> bool:
    return case.now < reach_ended and owner_of(instance.tags) == case.owner


def _taken_down_by_us(case: Case) -> frozenset[str]:
    return frozenset(
        intent.action.request.instance_id
        for intent in (*case.memory.recent_intents, *case.memory.open_intents)
        if isinstance(intent.action.request, StopInstance | TerminateInstance)
        and intent.state is not IntentState.REJECTED
    )


def _burst(deeds: Sequence[_Deed], replicas: int, rules: ConditionRules) -> Burst | None:
    """The latest deeds that are enough together; None where they never were."""
    for end in range(len(deeds), 0, -1):
        last = deeds[end - 1]
        together = [deed for deed in deeds[:end] if last.at - deed.at < rules.by_hand_within]
        enough = len(together) * 100 >= rules.by_hand_percent * replicas
        if len(together) >= rules.by_hand_count and enough:
            return Burst(
                slots=frozenset(deed.slot for deed in together),
                first_at=together[0].at,
                last_at=last.at,
            )
    return None
