"""The last look at a plan before it is believed, on in production (design rule 9).

It trusts nothing of how the plan was made: each rule is asked of the actions against the observation and the
memory of the case alone. Any violation stops the cell; nothing of that plan is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from desired_state.model import Fleet, Mode
from providers.observed import GapSubject, Instance, InstanceState, VolumeState
from providers.requests import (
    AttachVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Status
from reconciler.planning.actions import Action, Course, Gate, SlotRef
from reconciler.planning.case import Case
from reconciler.planning.identity import (
    Role,
    Tag,
    incarnation_of,
    operation_id,
    role_of,
    slot_of,
)
from reconciler.planning.outcome import Plan
from reconciler.planning.remove import retire_id


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
    found = [violation for rule in PLAN_RULES for violation in rule(plan, case)]
    for action in plan.actions:
        for rule_of_action in ACTION_RULES:
            detail = rule_of_action(action, case)
            if detail is not None:
                name = rule_of_action.__name__.removeprefix("_").replace("_", " ")
                found.append(Violation(rule=name, where=_where(action), detail=detail))
    if found:
        raise PlanViolationError(tuple(found))


def _where(action: Action) -> str:
    return f"{action.slot or 'no slot'} {action.request.kind}"


# Rules over the whole plan


def _one_exclusive_action_a_slot(plan: Plan, case: Case) -> Iterable[Violation]:
    busy = {i.action.slot for i in case.memory.open_intents if i.action.exclusive}
    counts = Counter(action.slot for action in plan.actions if action.exclusive)
    for slot, count in counts.items():
        if count > 1:
            yield Violation(rule="one exclusive action", where=str(slot), detail=f"{count} planned")
        if slot in busy:
            yield Violation(rule="none while one is open", where=str(slot), detail="slot is busy")


def _every_slot_in_one_bucket(plan: Plan, case: Case) -> Iterable[Violation]:
    seen = Counter(outcome.slot for outcome in plan.slots)
    cell = case.observation.cell
    for fleet in case.desired.fleets:
        if (fleet.placement.account, fleet.placement.region) != (cell.account, cell.region):
            continue
        for ordinal in range(fleet.replicas):
            slot = SlotRef(fleet.name, ordinal)
            if seen[slot] != 1:
                detail = f"in {seen[slot]} buckets"
                yield Violation(rule="one bucket", where=str(slot), detail=detail)


def _at_most_one_of_each_role(plan: Plan, case: Case) -> Iterable[Violation]:
    """After the plan, at most one occupant that is not superseded and one replacement live in a slot."""
    launches = {
        action.slot: action
        for action in plan.actions
        if isinstance(action.request, LaunchInstance) and action.slot is not None
    }
    if not launches:
        return
    for instance in case.observation.instances.values():
        slot = slot_of(instance.tags)
        launch = launches.get(slot) if slot else None
        if launch is None or not instance.alive or not isinstance(launch.request, LaunchInstance):
            continue
        role = launch.request.tags.get(Tag.ROLE)
        if role == Role.OCCUPANT or role_of(instance.tags) == role:
            detail = f"{instance.id} lives; a second {role} would"
            yield Violation(rule="at most one of each", where=str(slot), detail=detail)


def _distinct_operations(plan: Plan, case: Case) -> Iterable[Violation]:
    known = {i.action.operation_id for i in case.memory.open_intents}
    counts = Counter(action.operation_id for action in plan.actions)
    for id_, count in counts.items():
        if count > 1 or id_ in known:
            yield Violation(rule="distinct operations", where=id_[:12], detail="used twice")


PLAN_RULES: tuple[Callable[[Plan, Case], Iterable[Violation]], ...] = (
    _one_exclusive_action_a_slot,
    _every_slot_in_one_bucket,
    _at_most_one_of_each_role,
    _distinct_operations,
)


# Rules over one action; each returns what is wrong, or None


def _only_what_is_ours(action: Action, case: Case) -> str | None:
    """Named ids that carry our owner tag in this observation, and for instances the tags of this very slot."""
    for id_ in _named_ids(action):
        item = case.observation.instances.get(id_) or case.observation.volumes.get(id_)
        if not id_ or item is None:
            return f"{id_ or 'an empty id'} is not in this observation"
        if item.tags.get(Tag.OWNER) != case.owner:
            return f"{id_} does not carry our owner tag"
        if isinstance(item, Instance) and action.slot and slot_of(item.tags) != action.slot:
            return f"{id_} is of another slot"
    return None


def _named_ids(action: Action) -> tuple[str, ...]:
    match action.request:
        case LaunchInstance():
            return ()
        case AttachVolume() | DetachVolume():
            return (action.request.volume_id, action.request.instance_id)
        case ResizeVolume():
            return (action.request.volume_id,)
        case SetTags():
            return (action.request.resource_id,)
        case (
            TerminateInstance()
            | StopInstance()
            | StartInstance()
            | RebootInstance()
            | SetSecurityGroups()
            | KeepVolumeOnTermination()
            | SetMetadataOptions()
        ):
            return (action.request.instance_id,)


def _derived_operation_id(action: Action, _case: Case) -> str | None:
    if operation_id(action.family, action.attempt) != action.operation_id:
        return "the operation id is not that of its family and attempt"
    if isinstance(action.request, LaunchInstance) and (
        action.request.client_token != action.operation_id
        or action.request.tags.get(Tag.OPERATION) != action.operation_id
    ):
        return "token, tag and operation id differ"
    return None


def _nothing_rests_on_a_gap(action: Action, case: Case) -> str | None:
    observation = case.observation
    zones: set[str | None] = {
        observation.instances[id_].zone
        for id_ in _named_ids(action)
        if id_ in observation.instances
    }
    for subject in (GapSubject.INSTANCES, GapSubject.ZONES):
        # Without a named instance, as for a launch, a gap anywhere may hide the slot's occupant.
        if any(observation.lacks(subject, zone) for zone in zones or {None}):
            return f"{subject} were not read whole"
    fleet = _fleet(action, case)
    if fleet and fleet.stateful and case.observation.lacks(GapSubject.VOLUMES):
        return "volumes were not read whole"
    return None


def _attach_only_what_is_free_and_near(action: Action, case: Case) -> str | None:
    if not isinstance(action.request, AttachVolume):
        return None
    volume = case.observation.volumes[action.request.volume_id]
    instance = case.observation.instances[action.request.instance_id]
    if volume.state is not VolumeState.AVAILABLE or volume.attachments:
        return f"{volume.id} is {volume.state}"
    if volume.zone != instance.zone:
        return f"{volume.id} is in {volume.zone}, {instance.id} in {instance.zone}"
    return None


def _no_move_without_a_write_fence(action: Action, case: Case) -> str | None:
    if not isinstance(action.request, DetachVolume):
        return None
    instance = case.observation.instances[action.request.instance_id]
    if instance.state not in (InstanceState.STOPPED, InstanceState.TERMINATED):
        return f"{instance.id} is {instance.state}"
    return None


def _no_volume_dies_with_its_instance(action: Action, case: Case) -> str | None:
    if not isinstance(action.request, TerminateInstance):
        return None
    instance = case.observation.instances[action.request.instance_id]
    for item in instance.attachments:
        if item.delete_on_termination and item.device != instance.root_device:
            return f"{item.volume_id} would be deleted with {instance.id}"
    return None


def _nothing_is_taken_down_without_a_successor(action: Action, case: Case) -> str | None:
    """Terminate and stop need a proven successor, a confirmed surplus, or an occupant that does not serve."""
    if not isinstance(action.request, TerminateInstance | StopInstance):
        return None
    instance = case.observation.instances[action.request.instance_id]
    if action.course is Course.REMOVE or not _holds_slot(instance, case):
        return None
    if isinstance(action.request, StopInstance) and action.course is Course.REPAIR:
        verdict = case.verdicts.get(instance.id)
        if verdict and verdict.status is Status.UNHEALTHY and not verdict.serving:
            return None
    return f"{instance.id} holds {action.slot} and has no proven successor"


def _holds_slot(instance: Instance, case: Case) -> bool:
    """Whether an instance is the committed occupant of its slot: no live occupant of a higher incarnation."""
    slot = slot_of(instance.tags)
    if role_of(instance.tags) is Role.REPLACEMENT or slot is None:
        return False
    return not any(
        other.alive
        and slot_of(other.tags) == slot
        and role_of(other.tags) is Role.OCCUPANT
        and incarnation_of(other.tags) > incarnation_of(instance.tags)
        for other in case.observation.instances.values()
    )


def _nothing_on_what_is_paused_held_or_undeclared(action: Action, case: Case) -> str | None:
    if action.slot is None:
        return "an action without a slot"
    fleet = _fleet(action, case)
    if fleet is None:
        retired = case.memory.approvals.get(retire_id(action.slot.fleet))
        if retired is None or case.now >= retired.expires_at:
            return f"{action.slot.fleet} is not declared and not retired"
    if fleet is not None and (fleet.paused or fleet.mode is Mode.OBSERVE):
        return f"{fleet.name} is paused or only observed"
    for pause in case.memory.pauses:
        if pause.covers(action.slot.fleet, action.slot, case.now):
            return f"{pause.scope} is paused"
    cold = case.memory.cold
    if cold is not None and not cold.released and action.disruptive:
        return f"the cell is cold ({Gate.COLD})"
    return None


def _fleet(action: Action, case: Case) -> Fleet | None:
    return case.desired.fleet(action.slot.fleet) if action.slot else None


ACTION_RULES: tuple[Callable[[Action, Case], str | None], ...] = (
    _only_what_is_ours,
    _derived_operation_id,
    _nothing_rests_on_a_gap,
    _attach_only_what_is_free_and_near,
    _no_move_without_a_write_fence,
    _no_volume_dies_with_its_instance,
    _nothing_is_taken_down_without_a_successor,
    _nothing_on_what_is_paused_held_or_undeclared,
)
