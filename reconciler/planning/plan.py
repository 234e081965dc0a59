"""Planning: from a case to a plan. Pure: no I/O, no clock, no minted ids, no logging (design rule 1).

plan
  arrange          our things into slots               slots, claims, absence
  decide           what each slot needs                decide, repair, replacing, moving, remove, drift
  place            zone and type for every launch      placement
  queue            who is asked first                  queueing
  admit            what may go ahead now               gates, pace
  outcome          every slot in one bucket, everything withheld listed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from providers.observed import Instance
from reconciler.planning.actions import (
    Action,
    Bucket,
    Course,
    Gate,
    SlotRef,
    Withheld,
)
from reconciler.planning.case import Case
from reconciler.planning.deciding import Decided, decide_all
from reconciler.planning.decision import (
    Decision,
    Draft,
    Hold,
)
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.gates.gates import admit
from reconciler.planning.gates.queueing import in_order
from reconciler.planning.gates.tally import take_tally
from reconciler.planning.memory import held_key
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.planning.placing.placement import Grounds, place, unknown_zones
from reconciler.planning.silent_sentinels import silent_sentinels
from reconciler.planning.slot_outcomes import slot_outcome
from reconciler.planning.slots.arranging import World, arrange


def plan(case: Case) -> Plan:
    """What to do now, what is withheld and why, and where every slot stands."""
    world = world_of(case)
    return plan_of(case, world, decide_all(case, world))


def world_of(case: Case) -> World:
    """The things of a case, arranged into slots."""
    return arrange(
        desired=case.desired,
        observation=case.observation,
        memory=case.memory,
        owner=case.owner,
        now=case.now,
    )


def plan_of(case: Case, world: World, decided: Decided) -> Plan:
    """The plan of a case whose things are arranged and whose slots are decided already."""
    decisions = decided.decisions
    drafts, refused = _place_all(case, world, decided)
    admitted, gated = _admit(case, world, drafts)
    withheld = _queue([*_held(decisions), *refused, *gated, *_strays(world.strays, case)], case)
    actions = tuple(draft.action for draft in admitted)
    slots = _outcomes(decided, actions, withheld, case)
    return Plan(
        made_at=case.now,
        actions=actions,
        withheld=withheld,
        slots=slots,
        fleets=_summaries(case, slots),
        notes=_notes(case, decisions),
        next_check_at=_next_check(slots, withheld, case.now),
        held_since={_key(item): item.since or case.now for item in withheld},
    )


def _place_all(case: Case, world: World, decided: Decided) -> tuple[list[Draft], list[Withheld]]:
    """Drafts of all slots, with a zone and a type for every launch that can have one."""
    drafts = [draft for decision in decided.decisions for draft in decision.drafts]
    wishes = [item.wish for item in decided.decisions if item.wish is not None]
    if not wishes:
        return drafts, []
    refused, grounds = [], Grounds(case, world)
    for wish in wishes:
        placed = place(wish, decided.blueprints[wish.slot.fleet], grounds)
        if isinstance(placed, Draft):
            drafts.append(placed)
        else:
            refused.append(_withheld(wish.slot, placed))
    return drafts, refused


def _admit(case: Case, world: World, drafts: list[Draft]) -> tuple[list[Draft], list[Withheld]]:
    """What the gates let through, counted over the whole cell; where nothing is due, nothing is counted."""
    return admit(in_order(drafts, case), take_tally(case, world)) if drafts else ([], [])


# What is withheld


def _held(decisions: Iterable[Decision]) -> list[Withheld]:
    return [_withheld(decision.view.ref, hold) for decision in decisions for hold in decision.holds]


def _withheld(slot: SlotRef, hold: Hold) -> Withheld:
    return Withheld(
        slot=slot,
        course=hold.course,
        gate=hold.gate,
        reason=hold.reason,
        earliest_release=hold.earliest_release,
        approval_id=hold.approval_id,
        loss=hold.loss,
        alternatives=hold.alternatives,
        confirmable_id=hold.confirmable_id,
    )


def _strays(strays: Sequence[Instance], case: Case) -> list[Withheld]:
    """Ours by the owner tag, of no slot that could be read or is remembered: reported, and left for a person."""
    if not strays:
        return []
    known = {item.id for item in case.memory.known.values() if item.slot is not None}
    return [
        Withheld(
            slot=None,
            course=Course.RECLAIM,
            gate=Gate.ORPHAN,
            reason=f"{item.id} carries our owner tag but no readable slot; tag it or terminate it",
        )
        for item in strays
        if item.id not in known
    ]


def _queue(withheld: Iterable[Withheld], case: Case) -> tuple[Withheld, ...]:
    """Each with its place behind its gate, and since when it is held as far as is remembered."""
    places: Counter[Gate] = Counter()
    queued = []
    for item in withheld:
        places[item.gate] += 1
        since = case.memory.held_since.get(_key(item), case.now)
        queued.append(replace(item, place=places[item.gate], since=since))
    return tuple(queued)


def _key(item: Withheld) -> str:
    return held_key(item.slot, item.gate, item.reason)


# Where every slot stands


def _outcomes(
    decided: Decided,
    actions: tuple[Action, ...],
    withheld: tuple[Withheld, ...],
    case: Case,
) -> tuple[SlotOutcome, ...]:
    """A slot at rest has neither actions nor holds, so its outcome is known from when it came to rest."""
    by_slot: dict[SlotRef | None, list[Action]] = {}
    for action in actions:
        by_slot.setdefault(action.slot, []).append(action)
    held = {item.slot for item in withheld if item.course is not Course.BACK_UP}

    def outcome_of(decision: Decision) -> SlotOutcome:
        slot = decision.view.ref
        if (rest := decided.resting.get(slot)) is not None:
            return rest.outcome
        return slot_outcome(
            decision,
            by_slot.get(slot, []),
            case.verdicts,
            case.volume_verdicts,
            held=slot in held,
        )

    return tuple([outcome_of(decision) for decision in decided.decisions])


def _summaries(case: Case, slots: tuple[SlotOutcome, ...]) -> tuple[FleetSummary, ...]:
    """One line of counts for each fleet, declared or released, by tier and name."""
    here = fleets_here(case.desired, case.observation.cell)
    declared = {fleet.name: fleet for fleet in here}
    counts: dict[str, Counter[Bucket]] = {name: Counter() for name in declared}
    for slot in slots:
        counts.setdefault(slot.slot.fleet, Counter())[slot.bucket] += 1
    summaries = [
        FleetSummary(
            name=name,
            declared=name in declared,
            replicas=declared[name].replicas if name in declared else 0,
            tier=declared[name].tier if name in declared else 0,
            counts=dict(sorted(count.items())),
        )
        for name, count in counts.items()
    ]
    return tuple(sorted(summaries, key=lambda item: (not item.declared, item.tier, item.name)))


def _notes(case: Case, decisions: Iterable[Decision]) -> tuple[str, ...]:
    gaps = [
        f"{gap.subject} could not be read{f' in {gap.zone}' if gap.zone else ''}: "
        f"{gap.code}: {gap.detail}; nothing that rests on it is planned"
        for gap in case.observation.gaps
    ]
    noted = [note for decision in decisions for note in decision.notes]
    silent = silent_sentinels(case.observation)
    return (*gaps, *silent, *unknown_zones(case.desired.fleets, case.observation), *noted)


def _next_check(
    slots: tuple[SlotOutcome, ...], withheld: tuple[Withheld, ...], now: datetime
) -> datetime | None:
    """The first instant at which something would change by itself.

    Tokens of the pace come one by one and are taken by the pass, however many they are by then.
    """
    released = [item.earliest_release for item in withheld if item.gate is not Gate.PACE]
    times = [slot.next_check_at for slot in slots] + released
    return min((at for at in times if at is not None and at > now), default=None)
