"""Deciding all slots of a cell. What rests on the same as in the last pass is decided the same (design section 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.health.conditions import Condition
from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeVerdict
from reconciler.planning.actions import Bucket, SlotRef
from reconciler.planning.blueprint import Blueprint, blueprint_of
from reconciler.planning.braked import override_in_force
from reconciler.planning.case import Case
from reconciler.planning.courses.decide import decide
from reconciler.planning.courses.released import decide_released
from reconciler.planning.decision import Decision, Situation, Surroundings
from reconciler.planning.outcome import SlotOutcome
from reconciler.planning.slot_outcomes import slot_outcome
from reconciler.planning.slots.absence import mass_disappearance, sight_of
from reconciler.planning.slots.arranging import SlotView, World

Grounds = tuple[Any, ...]
"""What decisions rest on beyond their slots: the declaration, gaps, people's words, and the other slots."""

Verdicts = tuple[Verdict | VolumeVerdict | None, ...]
"""On every live instance of a slot, and on every volume that fills a claim of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A slot that is healthy with nothing to do, and what that rests on."""

    view: SlotView
    verdicts: Verdicts
    decision: Decision
    outcome: SlotOutcome

    def holds_for(self, view: SlotView, verdicts: Verdicts, now: datetime) -> bool:
        """Whether it would be decided the same again: by the same things, and before time changes it."""
        until = self.decision.next_check_at
        same = view is self.view and verdicts == self.verdicts
        return same and (until is None or now < until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decision about every slot, in order, with the blueprints by fleet. `resting` are for the next pass."""

    decisions: tuple[Decision, ...]
    blueprints: Mapping[str, Blueprint]
    grounds: Grounds
    resting: Mapping[SlotRef, Rest]


def decide_all(case: Case, world: World, last: Decided | None = None) -> Decided:
    """What every slot needs. A slot at rest that has not changed since `last` is not looked into again."""
    blueprints = {
        fleet.name: blueprint_of(fleet, case.observation) for fleet in case.desired.fleets
    }
    surroundings = _surroundings(case, world)
    grounds = (
        case.desired,
        case.owner,
        case.observation.gaps,
        case.memory.approvals,
        case.memory.orders,
        _brakes(case),
        blueprints,
        surroundings,
    )
    before = last.resting if last and last.grounds == grounds else {}
    decisions: list[Decision] = []
    resting: dict[SlotRef, Rest] = {}
    for view in world.slots:
        if not (view.wanted or view.alive or view.busy):
            continue
        verdicts = _verdicts(view, case)
        rest = before.get(view.ref)
        if rest is not None and rest.holds_for(view, verdicts, case.now):
            decisions.append(rest.decision)
            resting[view.ref] = rest
            continue
        here = Situation(
            view=view,
            blueprint=blueprints[view.ref.fleet],
            case=case,
            surroundings=surroundings,
        )
        decision = decide(here)
        decisions.append(decision)
        if _is_at_rest(view, decision):
            outcome = slot_outcome(decision, (), case.verdicts, case.volume_verdicts, held=False)
            resting[view.ref] = Rest(
                view=view, verdicts=verdicts, decision=decision, outcome=outcome
            )
    decisions += [decide_released(view, case) for view in world.released]
    return Decided(
        decisions=tuple(decisions), blueprints=blueprints, grounds=grounds, resting=resting
    )


def _brakes(case: Case) -> Grounds:
    """What a ladder rests on beside its slot: where it is critical, which fleets are broken, and a person's word."""
    critical = frozenset(
        scope
        for scope, verdict in case.conditions.verdicts.items()
        if verdict.condition is Condition.CRITICAL
    )
    broken = frozenset(case.conditions.broken_fleets)
    return critical, broken, override_in_force(case)


def _verdicts(view: SlotView, case: Case) -> Verdicts:
    instances = [case.verdicts.get(item.id) for item in view.alive]
    volumes = [case.volume_verdicts.get(item.volume.id) for item in view.claims if item.volume]
    return (*instances, *volumes)


def _surroundings(case: Case, world: World) -> Surroundings:
    sight = sight_of(case.observation, case.desired.policy, case.now)
    return Surroundings(
        vanished=mass_disappearance(case.memory, sight),
        # What may live unseen counts, or a gap would make a large scale-down look small.
        surplus=Counter(
            view.ref.fleet
            for view in world.slots
            if not view.wanted and (view.alive or view.unproven)
        ),
    )


def _is_at_rest(view: SlotView, decision: Decision) -> bool:
    """Nothing but its occupant, and nothing to do, to hold or to tell: what takes time is decided anew."""
    return (
        view.alive == (view.occupant,)
        and decision.rests_in is Bucket.HEALTHY
        and decision.wish is None
        and not (decision.drafts or decision.holds or decision.notes)
    )
