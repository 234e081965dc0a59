"""What must still be true when a disruptive call, an attach or a commit is about to be made. Pure.

The plan rests on an observation that is seconds old; these resources were read again by id since. Nothing here decides
anew whether the action is wise, only that it still means what the plan meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from providers.observed import (
    Attachment,
    Instance,
    InstanceState,
    Presence,
    ProbeOutcome,
    ProbeResult,
    Snapshot,
    SnapshotState,
    Volume,
    VolumeState,
)
from providers.requests import (
    AttachVolume,
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Reason, named_ids
from reconciler.planning.identity import Tag, claim_of, quarantined_until, slot_of
from reconciler.planning.slots.copied import taken_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRead:
    """What is read again before an action; nothing where the action needs no look."""

    instances: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    copies_in: str | None = None
    """The region of the snapshots, where that is another than the cell's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What reading again said. `probe` is None where the probe was not the evidence."""

    instances: Mapping[str, tuple[Presence, Instance | None]] = field(default_factory=dict)
    volumes: Mapping[str, tuple[Presence, Volume | None]] = field(default_factory=dict)
    snapshots: Mapping[str, tuple[Presence, Snapshot | None]] = field(default_factory=dict)
    probe: ProbeResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVolumes:
    """Which attachments hold data that must outlive the instance.

    `devices` are those of the fleet's claims, None when the fleet is not declared: then all but the root count.
    `volumes` are ids that our tags name as claims.
    """

    devices: frozenset[str] | None
    volumes: frozenset[str]

    def holds(self, attachment: Attachment, root_device: str | None) -> bool:
        if attachment.volume_id in self.volumes:
            return True
        if self.devices is None:
            return attachment.device != root_device
        return attachment.device in self.devices


def to_read(request: Request) -> ToRead:
    """The resources that must be read again before this request is sent."""
    match request:
        case TerminateInstance() | StopInstance() | RebootInstance():
            return ToRead(instances=(request.instance_id,))
        case AttachVolume() | DetachVolume():
            return ToRead(instances=(request.instance_id,), volumes=(request.volume_id,))
        case SetTags(commit=True):
            return ToRead(instances=(request.resource_id,))
        case DeleteSnapshot():
            return ToRead(snapshots=named_ids(request))
        case DeleteCopy(region=region):
            return ToRead(snapshots=named_ids(request), copies_in=region)
        case DeleteVolume(volume_id=key):
            return ToRead(volumes=(key,), snapshots=named_ids(request)[1:])
        case (
            LaunchInstance()
            | StartInstance()
            | SetTags()
            | SetSecurityGroups()
            | KeepVolumeOnTermination()
            | SetMetadataOptions()
            | ResizeVolume()
            | CreateSnapshot()
            | CreateSnapshots()
            | CopySnapshot()
        ):
            return ToRead()
        case _:
            assert_never(request)


def precheck(action: Action, reread: Reread, owner: str, data: DataVolumes) -> str | None:
    """Why the action must not be carried out now; None when all that it rests on still holds."""
    if fault := _anything_not_ours(action, reread, owner):
        return fault
    if fault := _probe_speaks_against(action, reread.probe):
        return fault
    match action.request:
        case TerminateInstance(instance_id=key):
            return _terminate(_instance(reread, key), data)
        case StopInstance(instance_id=key, forced=forced):
            states = {InstanceState.RUNNING} | ({InstanceState.STOPPING} if forced else set())
            return _in_state(_instance(reread, key), states)
        case RebootInstance(instance_id=key):
            return _in_state(_instance(reread, key), {InstanceState.RUNNING})
        case SetTags(resource_id=key, commit=True):
            return _in_state(_instance(reread, key), {InstanceState.RUNNING})
        case AttachVolume() as attach:
            return _attach(attach, reread)
        case DetachVolume() as detach:
            return _detach(detach, reread)
        case DeleteSnapshot() | DeleteCopy() as delete:
            return _delete_snapshot(delete, reread)
        case DeleteVolume() as delete:
            return _delete_volume(delete, reread)
        case _:
            return None


def _anything_not_ours(action: Action, reread: Reread, owner: str) -> str | None:
    asked = to_read(action.request)
    read: list[tuple[str, tuple[Presence, Instance | Volume | Snapshot | None] | None]] = [
        *((key, reread.instances.get(key)) for key in asked.instances),
        *((key, reread.volumes.get(key)) for key in asked.volumes),
        *((key, reread.snapshots.get(key)) for key in asked.snapshots),
    ]
    faults = (_not_ours(key, found, action, owner) for key, found in read)
    return next((fault for fault in faults if fault is not None), None)


def _not_ours(
    key: str,
    read: tuple[Presence, Instance | Volume | Snapshot | None] | None,
    action: Action,
    owner: str,
) -> str | None:
    presence, item = read or (Presence.UNREADABLE, None)
    if item is None:
        said = "could not be read again" if presence is Presence.UNREADABLE else "was not found"
        return f"{key} {said}"
    if item.tags.get(Tag.OWNER) != owner:
        return f"{key} does not carry our owner tag"
    if action.slot and slot_of(item.tags) != action.slot:
        return f"{key} carries the tags of {slot_of(item.tags) or 'no slot'}, not of {action.slot}"
    return None


def _probe_speaks_against(action: Action, probe: ProbeResult | None) -> str | None:
    if not action.disruptive or action.reason is not Reason.PROBE:
        return None
    if probe is None or probe.outcome is ProbeOutcome.UNKNOWN:
        return "its probe, which was the evidence, could not be repeated"
    if probe.outcome is ProbeOutcome.PASSED:
        return f"its probe passes now: {probe.detail}"
    return None


def _terminate(instance: Instance, data: DataVolumes) -> str | None:
    if not instance.alive:
        return f"{instance.id} is {instance.state} already"
    for attachment in instance.attachments:
        if attachment.delete_on_termination and data.holds(attachment, instance.root_device):
            return f"{attachment.volume_id} would be deleted with {instance.id}: DeleteOnTermination is on"
    return None


def _in_state(instance: Instance, states: set[InstanceState]) -> str | None:
    return None if instance.state in states else f"{instance.id} is {instance.state} now"


def _attach(request: AttachVolume, reread: Reread) -> str | None:
    instance = _instance(reread, request.instance_id)
    volume = _volume(reread, request.volume_id)
    if volume.state is not VolumeState.AVAILABLE or volume.attachments:
        return f"{volume.id} is {volume.state} now, not available"
    if volume.zone != instance.zone:
        return f"{volume.id} is in {volume.zone} and {instance.id} in {instance.zone}"
    if any(item.device == request.device for item in instance.attachments):
        return f"{request.device} of {instance.id} is taken"
    return _in_state(instance, {InstanceState.RUNNING, InstanceState.STOPPED})


def _detach(request: DetachVolume, reread: Reread) -> str | None:
    volume = _volume(reread, request.volume_id)
    held = any(
        (item.instance_id, item.device) == (request.instance_id, request.device)
        for item in volume.attachments
    )
    if not held:
        return f"{volume.id} is not on {request.instance_id} as {request.device} now"
    # The write fence: whatever the plan saw, nothing may be writing at this very moment.
    fenced = {InstanceState.STOPPED, InstanceState.TERMINATED}
    return _in_state(_instance(reread, request.instance_id), fenced)


def _delete_snapshot(request: DeleteSnapshot | DeleteCopy, reread: Reread) -> str | None:
    """It still fails, or what makes it dispensable is still there: never the last good restore point."""
    doomed = _snapshot(reread, request.snapshot_id)
    if request.restore_point_id is None:
        failed = doomed.state is SnapshotState.ERROR
        return None if failed else f"{doomed.id} is {doomed.state} now, not failed"
    kept = _snapshot(reread, request.restore_point_id)
    if doomed.state is not SnapshotState.COMPLETED:
        return f"{doomed.id} is {doomed.state} now"
    if not kept.usable or _holds(kept) <= _holds(doomed):
        return f"{kept.id}, which should stay instead, is {kept.state} ({kept.storage_tier}) now"
    if claim_of(kept.tags) != claim_of(doomed.tags):
        return f"{kept.id} carries the tags of another claim than {doomed.id} now"
    return None


def _delete_volume(request: DeleteVolume, reread: Reread) -> str | None:
    """It is on nothing and of the date that was over, and all that makes it dispensable is still there."""
    volume = _volume(reread, request.volume_id)
    if volume.state is not VolumeState.AVAILABLE or volume.attachments:
        return f"{volume.id} is {volume.state} now, not available"
    if quarantined_until(volume.tags) != request.quarantined_until:
        return f"the date until which {volume.id} is kept is another one now"
    if request.final_snapshot_id is None:
        return None if volume.snapshot_id else f"{volume.id} was made from no snapshot"
    final = _snapshot(reread, request.final_snapshot_id)
    if final.volume_id != volume.id:
        return f"{final.id} is of {final.volume_id}, not of {volume.id}"
    kept = [final, *(_snapshot(reread, key) for key in request.restore_point_ids)]
    broken = next((item for item in kept if not item.usable), None)
    if broken is None:
        return None
    return f"{broken.id}, which should stay instead, is {broken.state} ({broken.storage_tier}) now"


def _holds(snapshot: Snapshot) -> datetime:
    """The point in time: of a copy that of its source, by its tags."""
    return taken_at(snapshot) or snapshot.started_at


def _instance(reread: Reread, key: str) -> Instance:
    _, instance = reread.instances[key]
    if instance is None:
        raise ValueError(f"{key} was not read")
    return instance


def _volume(reread: Reread, key: str) -> Volume:
    _, volume = reread.volumes[key]
    if volume is None:
        raise ValueError(f"{key} was not read")
    return volume


def _snapshot(reread: Reread, key: str) -> Snapshot:
    _, snapshot = reread.snapshots[key]
    if snapshot is None:
        raise ValueError(f"{key} was not read")
    return snapshot
