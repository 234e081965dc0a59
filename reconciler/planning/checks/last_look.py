"""The last look at a plan before it is believed, on in production (design rule 9).

It trusts nothing of how the plan was made: each rule is asked of the actions against the observation and the
memory of the case alone. Any violation stops the cell; nothing of that plan is done. The rules that concern one
action alone are in `check_actions`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from desired_state.model import Fleet
from providers.observed import Instance
from providers.requests import (
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    LaunchInstance,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Course, Gate, SlotRef, named_ids, target_of
from reconciler.planning.case import Case
from reconciler.planning.checks.actions import ACTION_RULES, Facts
from reconciler.planning.checks.archives import ARCHIVE_RULES
from reconciler.planning.checks.backups import BACKUP_RULES
from reconciler.planning.checks.brakes import BRAKE_RULES
from reconciler.planning.checks.pace import pace_exceeded
from reconciler.planning.checks.reclaiming import RECLAIM_RULES
from reconciler.planning.checks.stand_ins import stand_ins_without_a_word
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of, slot_of
from reconciler.planning.intents import Intent
from reconciler.planning.outcome import Plan
from reconciler.planning.slots.casting import cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule that a plan breaks, and where."""

    rule: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.detail}"


class PlanViolationError(Exception):
    """A plan that breaks a safety rule. The cell stops; a person looks; nothing of the plan is done."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("; ".join(str(item) for item in violations))
        self.violations = violations


def check_plan(plan: Plan, case: Case) -> None:
    """Raises PlanViolationError when any rule is broken."""
    facts = _facts(plan, case)
    found = [violation for rule in PLAN_RULES for violation in rule(plan, facts)]
    rules = (*ACTION_RULES, *BACKUP_RULES, *ARCHIVE_RULES, *RECLAIM_RULES, *BRAKE_RULES)
    for action in plan.actions:
        for rule_of_action in rules:
            detail = rule_of_action(action, facts)
            if detail is not None:
                name = rule_of_action.__name__.removeprefix("_").replace("_", " ")
                where = f"{action.slot or 'no slot'} {action.request.kind}"
                found.append(Violation(rule=name, where=where, detail=detail))
    if found:
        raise PlanViolationError(tuple(found))


def _facts(plan: Plan, case: Case) -> Facts:
    """What the rules look up, of the fleets that the plan touches."""
    touched = {action.slot.fleet for action in plan.actions if action.slot}
    shown: defaultdict[SlotRef, list[Instance]] = defaultdict(list)
    for instance in case.observation.instances.values() if touched else ():
        slot = slot_of(instance.tags)
        ours = instance.tags.get(Tag.OWNER) == case.owner
        if ours and slot is not None and slot.fleet in touched:
            shown[slot].append(instance)
    intents: defaultdict[SlotRef | None, list[Intent]] = defaultdict(list)
    for intent in (*case.memory.recent_intents, *case.memory.open_intents) if touched else ():
        intents[intent.action.slot].append(intent)
    occupants = {slot: _occupant(items, intents[slot]) for slot, items in shown.items()}
    return Facts(
        case=case,
        fleets={fleet.name: fleet for fleet in case.desired.fleets},
        living={slot: tuple(i for i in items if i.alive) for slot, items in shown.items()},
        occupants={slot: item for slot, item in occupants.items() if item is not None},
    )


def _occupant(shown: list[Instance], intents: list[Intent]) -> Instance | None:
    newest_first = sorted(shown, key=lambda item: (-incarnation_of(item.tags), item.id))
    return cast(newest_first, intents).occupant


def _one_exclusive_action_a_slot(plan: Plan, facts: Facts) -> Iterable[Violation]:
    busy = {i.action.slot for i in facts.case.memory.open_intents if i.action.exclusive}
    counts = Counter(action.slot for action in plan.actions if action.exclusive)
    for slot, count in counts.items():
        if count > 1:
            yield Violation(rule="one exclusive action", where=str(slot), detail=f"{count} planned")
        if slot in busy:
            yield Violation(rule="none while one is open", where=str(slot), detail="slot is busy")


def _every_slot_in_one_bucket(plan: Plan, facts: Facts) -> Iterable[Violation]:
    seen = Counter((outcome.slot.fleet, outcome.slot.ordinal) for outcome in plan.slots)
    case = facts.case
    wanted = {
        (fleet.name, ordinal)
        for fleet in fleets_here(case.desired, case.observation.cell)
        for ordinal in range(fleet.replicas)
    }
    for name, ordinal in sorted(wanted - seen.keys()):
        yield Violation(rule="one bucket", where=f"{name}/{ordinal}", detail="in no bucket")
    if len(seen) < len(plan.slots):
        for (name, ordinal), count in seen.items():
            if count > 1:
                detail = f"in {count} buckets"
                yield Violation(rule="one bucket", where=f"{name}/{ordinal}", detail=detail)


def _everything_withheld_says_why(plan: Plan, _facts: Facts) -> Iterable[Violation]:
    for item in plan.withheld:
        if not item.reason:
            detail = f"held by {item.gate} without a reason"
            yield Violation(rule="withheld with its reason", where=str(item.slot), detail=detail)


def _at_most_one_of_each_role(plan: Plan, facts: Facts) -> Iterable[Violation]:
    """What is launched finds nobody where it goes: as an occupant an empty slot, as a replacement no other one."""
    for action in plan.actions:
        if not isinstance(action.request, LaunchInstance) or action.slot is None:
            continue
        occupant = facts.occupant_of(action.slot)
        committed = incarnation_of(occupant.tags) if occupant else 0
        as_occupant = action.request.tags.get(Tag.ROLE) == Role.OCCUPANT
        for instance in facts.living.get(action.slot, ()):
            prepared = role_of(instance.tags) is Role.REPLACEMENT
            rival = prepared and incarnation_of(instance.tags) > committed
            if as_occupant or rival or incarnation_of(instance.tags) >= action.incarnation:
                detail = f"{instance.id} lives there"
                yield Violation(rule="at most one of each", where=str(action.slot), detail=detail)


def _distinct_operations(plan: Plan, facts: Facts) -> Iterable[Violation]:
    known = {intent.action.operation_id for intent in facts.case.memory.open_intents}
    counts = Counter(action.operation_id for action in plan.actions)
    for id_, count in counts.items():
        if count > 1 or id_ in known:
            yield Violation(rule="distinct operations", where=id_[:12], detail="used twice")


def _budget_of_what_serves(plan: Plan, facts: Facts) -> Iterable[Violation]:
    """No more serving slots are taken out than `maxUnavailable` leaves room for."""
    taken: defaultdict[str, set[SlotRef]] = defaultdict(set)
    for action in plan.actions:
        if action.slot is not None and _takes_out(action, facts):
            taken[action.slot.fleet].add(action.slot)
    for name, slots in taken.items():
        fleet = facts.fleets[name]
        budget = fleet.repair.max_unavailable.of(fleet.replicas)
        down = _not_serving(fleet, facts)
        if down + len(slots) > budget:
            detail = f"{len(slots)} more are taken out while {down} do not serve; {budget} may"
            yield Violation(rule="budget", where=name, detail=detail)


def _takes_out(action: Action, facts: Facts) -> bool:
    """The commit in a fleet with volumes: its original is fenced and no longer serves."""
    fleet = facts.fleet_of(action)
    commits = isinstance(action.request, SetTags) and action.request.commit
    return bool(commits and fleet and fleet.stateful and _serves(action.slot, facts))


def _not_serving(fleet: Fleet, facts: Facts) -> int:
    slots = (SlotRef(fleet.name, ordinal) for ordinal in range(fleet.replicas))
    return sum(1 for slot in slots if not _serves(slot, facts))


def _serves(slot: SlotRef | None, facts: Facts) -> bool:
    occupant = facts.occupant_of(slot)
    verdict = facts.case.verdicts.get(occupant.id) if occupant else None
    return verdict is not None and verdict.serving


def _taken_down_on_our_judgement(plan: Plan, facts: Facts) -> Iterable[Violation]:
    """The hourly limit holds over the plan and the journal, unless a person released it."""
    memory, policy = facts.case.memory, facts.case.desired.policy
    planned = {target_of(action.request) for action in plan.actions if _is_judgement(action)}
    if not planned or any(item.gate is Gate.MASS_TERMINATION for item in memory.approvals.values()):
        return
    cell = facts.case.observation
    live = sum(
        1
        for item in cell.instances.values()
        if item.alive and item.tags.get(Tag.OWNER) == facts.case.owner
    )
    allowed = max(
        policy.terminations_per_hour_count, int(live * policy.terminations_per_hour_percent / 100)
    )
    if len(planned) > allowed:
        detail = f"{len(planned)} at once, {allowed} an hour are allowed"
        yield Violation(rule="hourly limit", where="the cell", detail=detail)


def _restore_points_stay(plan: Plan, facts: Facts) -> Iterable[Violation]:
    """What makes a snapshot or a volume dispensable is not deleted by another action, of this plan or under way."""
    under_way = [intent.action for intent in facts.case.memory.open_intents]
    deletions = [
        named_ids(action.request)
        for action in (*plan.actions, *under_way)
        if isinstance(action.request, DeleteSnapshot | DeleteCopy | DeleteVolume)
    ]
    deleted = {ids[0] for ids in deletions}
    for gone, *stay in deletions:
        for id_ in deleted.intersection(stay):
            detail = f"{id_} is deleted too"
            yield Violation(rule="restore points stay", where=gone, detail=detail)


def _data_gives_way_on_a_persons_word(plan: Plan, facts: Facts) -> Iterable[Violation]:
    for slot, detail in stand_ins_without_a_word(plan.actions, facts):
        yield Violation(rule="no empty stand-in", where=str(slot), detail=detail)


def _the_pace(plan: Plan, facts: Facts) -> Iterable[Violation]:
    for where, detail in pace_exceeded(plan.actions, facts.case):
        yield Violation(rule="pace", where=where, detail=detail)


def _is_judgement(action: Action) -> bool:
    taken_down = isinstance(action.request, TerminateInstance | StopInstance)
    return taken_down and action.course in (Course.REPAIR, Course.RECLAIM)


PLAN_RULES: tuple[Callable[[Plan, Facts], Iterable[Violation]], ...] = (
    _one_exclusive_action_a_slot,
    _every_slot_in_one_bucket,
    _everything_withheld_says_why,
    _at_most_one_of_each_role,
    _distinct_operations,
    _budget_of_what_serves,
    _taken_down_on_our_judgement,
    _restore_points_stay,
    _data_gives_way_on_a_persons_word,
    _the_pace,
)
