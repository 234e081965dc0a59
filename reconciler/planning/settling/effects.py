"""What an observation shows of one request's effect. Pure, and without any notion of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from providers.observed import (
    Attachment,
    AttachmentState,
    GapSubject,
    Instance,
    InstanceState,
    Observation,
    Volume,
    VolumeState,
)
from providers.requests import (
    AttachVolume,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    RebootInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.identity import Tag

VolumeRequest = AttachVolume | DetachVolume | ResizeVolume | DeleteVolume | SetTags
InstanceRequest = (
    TerminateInstance
    | StopInstance
    | StartInstance
    | SetTags
    | SetSecurityGroups
    | KeepVolumeOnTermination
    | SetMetadataOptions
)
NamedRequest = VolumeRequest | InstanceRequest | RebootInstance
"""All but a launch, which names nothing that is there already."""


class Effect(StrEnum):
    """What can be said of a request's effect from one observation."""

    SEEN = "seen"
    UNDER_WAY = "under-way"
    NOT_SEEN = "not-seen"
    """The resource is there, without the effect."""
    RESOURCE_UNSEEN = "resource-unseen"
    """The lists were read whole and do not show the resource."""
    IMPOSSIBLE = "impossible"
    """The resource can never show it any more."""
    BLIND = "blind"
    """A gap lies where it would be seen."""
    LEAVES_NO_TRACE = "leaves-no-trace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An effect as seen, with a clause for the reader. `refutes` marks a view that speaks against an accepted call."""

    effect: Effect
    detail: str
    refutes: bool = False


def by_operation(observation: Observation) -> Mapping[str, Instance]:
    """Every instance under the operation that launched it, as its tag or its client token says."""
    found: dict[str, Instance] = {}
    for instance in observation.instances.values():
        for operation_id in (instance.client_token, instance.tags.get(Tag.OPERATION)):
            if operation_id:
                found[operation_id] = instance
    return found


def sighting_of(request: NamedRequest, observation: Observation) -> Sighting:
    """The effect of a request that names its resource, from this observation alone."""
    match request:
        case RebootInstance():
            detail = "a reboot leaves no trace; it counts as done"
            return Sighting(effect=Effect.LEAVES_NO_TRACE, detail=detail)
        case AttachVolume() | DetachVolume() | ResizeVolume() | DeleteVolume():
            return _on_volume(request, request.volume_id, observation)
        case SetTags(resource_id=key) if key.startswith("vol-"):
            return _on_volume(request, key, observation)
        case SetTags(resource_id=key):
            return _on_instance(request, key, observation)
        case _:
            return _on_instance(request, request.instance_id, observation)


def _on_instance(request: InstanceRequest, key: str, observation: Observation) -> Sighting:
    instance = observation.instances.get(key)
    gap = observation.lacks(GapSubject.INSTANCES, instance.zone if instance else None)
    if gap:
        return Sighting(
            effect=Effect.BLIND, detail=f"instances could not be read whole: {gap.code}"
        )
    if instance is None:
        return Sighting(effect=Effect.RESOURCE_UNSEEN, detail=f"{key} is in no list")
    is_now = f"{key} is {instance.state}"
    match request:
        case TerminateInstance():
            return Sighting(effect=_TERMINATE[instance.state], detail=is_now)
        case StopInstance():
            return Sighting(effect=_STOP[instance.state], detail=is_now)
        case StartInstance():
            return Sighting(effect=_START[instance.state], detail=is_now)
        case _ if not instance.alive:
            return Sighting(effect=Effect.IMPOSSIBLE, detail=is_now)
        case SetTags(tags=tags):
            return _read_back(key, "tags", tags.items() <= instance.tags.items())
        case SetSecurityGroups(security_groups=groups):
            same = tuple(sorted(groups)) == instance.security_groups
            return _read_back(key, "security groups", same)
        case KeepVolumeOnTermination(volume_id=volume_id):
            doomed = any(
                item.volume_id == volume_id and item.delete_on_termination
                for item in instance.attachments
            )
            return _read_back(key, f"DeleteOnTermination of {volume_id}", not doomed)
        case SetMetadataOptions():
            same = instance.imds_v2_required and instance.tags_in_metadata
            return _read_back(key, "metadata options", same)
        case _:
            assert_never(request)


def _on_volume(request: VolumeRequest, key: str, observation: Observation) -> Sighting:
    volume = observation.volumes.get(key)
    gap = observation.lacks(GapSubject.VOLUMES, volume.zone if volume else None)
    if gap:
        return Sighting(effect=Effect.BLIND, detail=f"volumes could not be read whole: {gap.code}")
    if volume is None:
        return Sighting(effect=Effect.RESOURCE_UNSEEN, detail=f"{key} is in no list")
    match request:
        case AttachVolume():
            return _attach(request, volume, observation.instances.get(request.instance_id))
        case DetachVolume():
            return _detach(request, volume)
        case SetTags(tags=tags):
            return _read_back(key, "tags", tags.items() <= volume.tags.items())
        case ResizeVolume():
            same = (volume.size_gib, volume.type) == (request.size_gib, request.type)
            same = same and request.iops in (None, volume.iops)
            same = same and request.throughput_mib_s in (None, volume.throughput_mib_s)
            return _read_back(key, "size, type and rate", same)
        case DeleteVolume():
            effect = _DELETE.get(volume.state, Effect.NOT_SEEN)
            return Sighting(effect=effect, detail=f"{volume.id} is {volume.state}")
        case _:
            assert_never(request)


def _read_back(key: str, subject: str, same: bool) -> Sighting:  # noqa: FBT001 - private, and named at each call
    effect = Effect.SEEN if same else Effect.NOT_SEEN
    return Sighting(
        effect=effect, detail=f"{subject} of {key} {'read' if same else 'do not read'} as set"
    )


def _attach(request: AttachVolume, volume: Volume, instance: Instance | None) -> Sighting:
    wanted = _held(volume, request.instance_id, request.device)
    if wanted and wanted.state is AttachmentState.ATTACHED:
        return Sighting(effect=Effect.SEEN, detail=f"{volume.id} is attached as {wanted.device}")
    if instance and not instance.alive:
        detail = f"{instance.id} is {instance.state}"
        return Sighting(effect=Effect.IMPOSSIBLE, detail=detail)
    if volume.state in (VolumeState.ERROR, VolumeState.DELETING, VolumeState.DELETED):
        return Sighting(effect=Effect.IMPOSSIBLE, detail=f"{volume.id} is {volume.state}")
    if wanted:
        return Sighting(effect=Effect.UNDER_WAY, detail=f"{volume.id} is {wanted.state}")
    detail = f"{volume.id} is {volume.state} and not on {request.instance_id}"
    return Sighting(effect=Effect.NOT_SEEN, detail=detail, refutes=True)


def _detach(request: DetachVolume, volume: Volume) -> Sighting:
    held = _held(volume, request.instance_id, request.device)
    if held is None or held.state is AttachmentState.DETACHED:
        detail = f"{volume.id} is no longer on {request.instance_id}"
        return Sighting(effect=Effect.SEEN, detail=detail)
    under_way = held.state in (AttachmentState.DETACHING, AttachmentState.BUSY)
    effect = Effect.UNDER_WAY if under_way else Effect.NOT_SEEN
    return Sighting(effect=effect, detail=f"{volume.id} is {held.state}")


def _held(volume: Volume, instance_id: str, device: str) -> Attachment | None:
    for attachment in volume.attachments:
        if (attachment.instance_id, attachment.device) == (instance_id, device):
            return attachment
    return None


_DELETE = {VolumeState.DELETING: Effect.UNDER_WAY, VolumeState.DELETED: Effect.SEEN}
_TERMINATE = {
    InstanceState.PENDING: Effect.NOT_SEEN,
    InstanceState.RUNNING: Effect.NOT_SEEN,
    InstanceState.STOPPING: Effect.NOT_SEEN,
    InstanceState.STOPPED: Effect.NOT_SEEN,
    # Irreversible, but the guest may still write: only the end counts.
    InstanceState.SHUTTING_DOWN: Effect.UNDER_WAY,
    InstanceState.TERMINATED: Effect.SEEN,
}
_STOP = {
    InstanceState.PENDING: Effect.NOT_SEEN,
    InstanceState.RUNNING: Effect.NOT_SEEN,
    InstanceState.STOPPING: Effect.UNDER_WAY,
    InstanceState.STOPPED: Effect.SEEN,
    # Someone else terminates it: what the stop was for will be reached.
    InstanceState.SHUTTING_DOWN: Effect.UNDER_WAY,
    InstanceState.TERMINATED: Effect.SEEN,
}
_START = {
    InstanceState.PENDING: Effect.UNDER_WAY,
    InstanceState.RUNNING: Effect.SEEN,
    InstanceState.STOPPING: Effect.NOT_SEEN,
    InstanceState.STOPPED: Effect.NOT_SEEN,
    InstanceState.SHUTTING_DOWN: Effect.IMPOSSIBLE,
    InstanceState.TERMINATED: Effect.IMPOSSIBLE,
}
