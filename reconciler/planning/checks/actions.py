"""The rules of the last look that are asked of one action alone; each returns what is wrong, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from desired_state.model import Fleet, Mode
from providers.observed import (
    GapSubject,
    Instance,
    InstanceState,
    Snapshot,
    Volume,
    VolumeState,
)
from providers.requests import (
    AttachVolume,
    CopySnapshot,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    Request,
    SetSecurityGroups,
    SetTags,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.verdict import Status
from reconciler.planning.actions import (
    Action,
    Course,
    Gate,
    SlotRef,
    is_backup,
    named_ids,
    other_region,
)
from reconciler.planning.case import Case
from reconciler.planning.courses.remove import retire_id
from reconciler.planning.identity import (
    Role,
    Tag,
    claim_of,
    incarnation_of,
    operation_id,
    quarantined_until,
    role_of,
    slot_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A case with what the rules look up: declared fleets by name, live instances of ours and occupants by slot."""

    case: Case
    fleets: Mapping[str, Fleet]
    living: Mapping[SlotRef, tuple[Instance, ...]]
    occupants: Mapping[SlotRef, Instance]

    def fleet_of(self, action: Action) -> Fleet | None:
        """The declared fleet of an action's slot."""
        return self.fleets.get(action.slot.fleet) if action.slot else None

    def occupant_of(self, slot: SlotRef | None) -> Instance | None:
        """The live instance that holds a slot."""
        return self.occupants.get(slot) if slot else None

    def named(self, request: Request) -> tuple[Instance | Volume | Snapshot | None, ...]:
        """The resources that a request names, None for one that this observation does not show."""
        observation = self.case.observation
        return tuple(
            observation.instances.get(id_)
            or observation.volumes.get(id_)
            or observation.snapshots.get(id_)
            or observation.copy(id_)
            for id_ in named_ids(request)
        )


def _only_what_is_ours(action: Action, facts: Facts) -> str | None:
    """Named ids that carry our owner tag and the tags of this very slot, in this observation.

    A volume that somebody else put on an instance of ours is only ever kept from dying with it.
    """
    keeps = isinstance(action.request, KeepVolumeOnTermination)
    items = facts.named(action.request)
    for id_, item in zip(named_ids(action.request), items, strict=True):
        if keeps and id_.startswith("vol-"):
            continue
        if not id_ or item is None:
            return f"{id_ or 'an empty id'} is not in this observation"
        if item.tags.get(Tag.OWNER) != facts.case.owner:
            return f"{id_} does not carry our owner tag"
        if action.slot and slot_of(item.tags) != action.slot:
            return f"{id_} is of another slot"
    return None


def _derived_operation_id(action: Action, _facts: Facts) -> str | None:
    if operation_id(action.family, action.attempt) != action.operation_id:
        return "the operation id is not that of its family and attempt"
    if isinstance(action.request, LaunchInstance) and (
        action.request.client_token != action.operation_id
        or action.request.tags.get(Tag.OPERATION) != action.operation_id
    ):
        return "token, tag and operation id differ"
    return None


def _nothing_rests_on_a_gap(action: Action, facts: Facts) -> str | None:
    """What is named was read whole, with its zone; for a launch a gap anywhere may hide the slot's occupant."""
    observation = facts.case.observation
    if not observation.gaps:
        return None
    region = other_region(action.request)
    if region is not None and observation.lacks(GapSubject.COPIES, region):
        return f"{GapSubject.COPIES} in {region} were not read whole"
    if isinstance(action.request, CopySnapshot):
        blind = observation.lacks(GapSubject.SNAPSHOTS)
        return f"{GapSubject.SNAPSHOTS} were not read whole" if blind else None
    fleet = facts.fleet_of(action)
    subjects = [GapSubject.INSTANCES, GapSubject.ZONES]
    subjects += [GapSubject.VOLUMES] if fleet is None or fleet.stateful else []
    subjects += [GapSubject.SNAPSHOTS] if is_backup(action.request) else []
    zones: list[str | None] = [
        item.zone for item in facts.named(action.request) if isinstance(item, Instance | Volume)
    ]
    for subject in subjects:
        if any(observation.lacks(subject, zone) for zone in zones or [None]):
            return f"{subject} were not read whole"
    return None


def _attach_only_what_is_free_and_near(action: Action, facts: Facts) -> str | None:
    if not isinstance(action.request, AttachVolume):
        return None
    volume = facts.case.observation.volumes.get(action.request.volume_id)
    instance = facts.case.observation.instances.get(action.request.instance_id)
    if volume is None or instance is None:
        return "volume or instance is not shown"
    if volume.state is not VolumeState.AVAILABLE or volume.attachments:
        return f"{volume.id} is {volume.state}"
    if volume.zone != instance.zone:
        return f"{volume.id} is in {volume.zone}, {instance.id} in {instance.zone}"
    if facts.occupant_of(action.slot) is not instance:
        return f"{instance.id} does not hold {action.slot}"
    return None


def _no_move_without_a_write_fence(action: Action, facts: Facts) -> str | None:
    if not isinstance(action.request, DetachVolume):
        return None
    instance = facts.case.observation.instances.get(action.request.instance_id)
    if instance is None:
        return f"{action.request.instance_id} is not shown"
    if instance.state not in (InstanceState.STOPPED, InstanceState.TERMINATED):
        return f"{instance.id} is {instance.state}"
    return None


def _no_volume_dies_with_its_instance(action: Action, facts: Facts) -> str | None:
    if not isinstance(action.request, TerminateInstance):
        return None
    instance = facts.case.observation.instances.get(action.request.instance_id)
    if instance is None:
        return f"{action.request.instance_id} is not shown"
    for item in instance.attachments:
        if item.delete_on_termination and item.device != instance.root_device:
            return f"{item.volume_id} would be deleted with {instance.id}"
    return None


def _nothing_is_taken_down_without_need(action: Action, facts: Facts) -> str | None:
    """Reboot, stop and terminate: of a surplus, of what never held the slot, for a successor, or of what is down."""
    match action.request:
        case TerminateInstance(instance_id=id_):
            return _terminated_without_need(action, id_, facts)
        case StopInstance(instance_id=id_) | RebootInstance(instance_id=id_):
            if action.course is Course.REPAIR:
                return _repaired_without_need(id_, facts)
            successor = _successor(action, id_, facts)
            running = successor is not None and successor.state is InstanceState.RUNNING
            return None if running else f"{id_} has no running successor in {action.slot}"
        case _:
            return None


def _repaired_without_need(instance_id: str, facts: Facts) -> str | None:
    verdict = facts.case.verdicts.get(instance_id)
    if verdict is None or verdict.status is not Status.UNHEALTHY:
        return f"{instance_id} is not judged unhealthy"
    return f"{instance_id} serves" if verdict.serving else None


def _terminated_without_need(action: Action, instance_id: str, facts: Facts) -> str | None:
    if action.course is Course.REMOVE:
        fleet = facts.fleet_of(action)
        wanted = fleet is not None and action.slot and action.slot.ordinal < fleet.replicas
        return f"{action.slot} is wanted" if wanted else None
    occupant = facts.occupant_of(action.slot)
    instance = facts.case.observation.instances.get(instance_id)
    until = quarantined_until(instance.tags) if instance is not None else None
    if until is not None and facts.case.now < until:
        return f"{instance_id} is kept in quarantine until {until:%Y-%m-%dT%H:%M:%SZ}"
    if instance is not None and _never_held(instance, occupant):
        return None
    successor = _successor(action, instance_id, facts)
    if successor is None:
        return f"{instance_id} holds {action.slot} and has no proven successor"
    if instance is not None and _is_of_no_use(instance, facts):
        return None
    verdict = facts.case.verdicts.get(successor.id)
    proven = verdict is not None and verdict.status is Status.HEALTHY
    return None if proven else f"{successor.id}, which succeeds {instance_id}, is not healthy"


def _never_held(instance: Instance, occupant: Instance | None) -> bool:
    """A replacement that was not committed."""
    committed = incarnation_of(occupant.tags) if occupant else 0
    return role_of(instance.tags) is Role.REPLACEMENT and incarnation_of(instance.tags) >= committed


def _is_of_no_use(instance: Instance, facts: Facts) -> bool:
    """Superseded before it came into service, or stopped since; with no claim's volume on it."""
    verdict = facts.case.verdicts.get(instance.id)
    if verdict is None or verdict.serving or verdict.status is Status.HEALTHY:
        return False
    held = (facts.case.observation.volumes.get(i.volume_id) for i in instance.attachments)
    if any(volume is not None and claim_of(volume.tags) is not None for volume in held):
        return False
    bare = all(item.device == instance.root_device for item in instance.attachments)
    stopped = instance.state is InstanceState.STOPPED
    return Tag.IN_SERVICE_SINCE not in instance.tags or (stopped and bare)


def _successor(action: Action, instance_id: str, facts: Facts) -> Instance | None:
    """The live occupant of a higher incarnation in the instance's slot."""
    occupant = facts.occupant_of(action.slot)
    instance = facts.case.observation.instances.get(instance_id)
    if occupant is None or instance is None:
        return None
    return occupant if incarnation_of(occupant.tags) > incarnation_of(instance.tags) else None


def _only_the_superseded_is_cut_off(action: Action, facts: Facts) -> str | None:
    """The groups of isolation are for what has a running successor."""
    fleet = facts.fleet_of(action)
    if not isinstance(action.request, SetSecurityGroups) or fleet is None:
        return None
    isolation = fleet.instance.isolation
    if isolation is None or not {isolation.untracked, isolation.empty} & set(
        action.request.security_groups
    ):
        return None
    successor = _successor(action, action.request.instance_id, facts)
    running = successor is not None and successor.state is InstanceState.RUNNING
    return None if running else f"{action.request.instance_id} has no running successor"


def _a_commit_only_goes_forward(action: Action, facts: Facts) -> str | None:
    request = action.request
    if not isinstance(request, SetTags) or not request.commit:
        return None
    instance = facts.case.observation.instances.get(request.resource_id)
    if instance is None or instance.state is not InstanceState.RUNNING:
        return f"{request.resource_id} does not run"
    if role_of(instance.tags) is not Role.REPLACEMENT:
        return f"{instance.id} is not a replacement"
    occupant = facts.occupant_of(action.slot)
    if occupant is not None and incarnation_of(occupant.tags) >= incarnation_of(instance.tags):
        return f"{occupant.id} is of a later incarnation"
    return None


def _nothing_on_what_is_paused_or_undeclared(action: Action, facts: Facts) -> str | None:
    if action.slot is None:
        return "an action without a slot"
    case, fleet = facts.case, facts.fleet_of(action)
    if fleet is None:
        retired = case.memory.approvals.get(retire_id(action.slot.fleet))
        if retired is None or case.now >= retired.expires_at:
            return f"{action.slot.fleet} is not declared and not retired"
    if fleet is not None and (fleet.paused or fleet.mode is Mode.OBSERVE):
        return f"{fleet.name} is paused or only observed"
    for pause in case.memory.pauses:
        if pause.covers(action.slot.fleet, action.slot, case.now):
            return f"{pause.scope} is paused"
    return None


def _nothing_rash_while_cold(action: Action, facts: Facts) -> str | None:
    cold = facts.case.memory.cold
    if cold is None:
        return None
    commit = isinstance(action.request, SetTags) and action.request.commit
    if not cold.released and (action.disruptive or commit):
        return f"the cell is cold ({Gate.COLD})"
    if cold.complete_observations < 2:
        return f"the cell was cold and seen once ({Gate.COLD})"
    return None


ACTION_RULES: tuple[Callable[[Action, Facts], str | None], ...] = (
    _only_what_is_ours,
    _derived_operation_id,
    _nothing_rests_on_a_gap,
    _attach_only_what_is_free_and_near,
    _no_move_without_a_write_fence,
    _no_volume_dies_with_its_instance,
    _nothing_is_taken_down_without_need,
    _only_the_superseded_is_cut_off,
    _a_commit_only_goes_forward,
    _nothing_on_what_is_paused_or_undeclared,
    _nothing_rash_while_cold,
)
