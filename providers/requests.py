"""The mutating requests that can be made of the cloud: a closed union, each complete in itself.

A request is written to the journal before it is sent and may be sent again verbatim from there, so it holds
everything but the text of the user data, of which only the hash is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchVolume:
    """A data volume created with its instance; it always outlives it (DeleteOnTermination off)."""

    device: str
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    encrypted: bool
    kms_key_id: str | None
    snapshot_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchInstance:
    """RunInstances for exactly one instance, with IMDSv2 required and tags in instance metadata.

    `client_token` is the operation id; the subnet makes its idempotency zonal (EC2 user guide, idempotency).
    """

    client_token: str
    image: str
    type: str
    zone: str
    subnet: str
    security_groups: tuple[str, ...]
    instance_profile: str | None
    user_data_sha256: str | None
    tags: Mapping[str, str]
    volume_tags: Mapping[str, str]
    volumes: tuple[LaunchVolume, ...] = ()
    kind: Literal["launch"] = "launch"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateInstance:
    """TerminateInstances of one named id."""

    instance_id: str
    kind: Literal["terminate"] = "terminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopInstance:
    """StopInstances of one named id; `forced` adds Force and SkipOsShutdown for a guest that hangs."""

    instance_id: str
    forced: bool = False
    kind: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartInstance:
    """StartInstances of one named id."""

    instance_id: str
    kind: Literal["start"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootInstance:
    """RebootInstances of one named id; leaves no trace that could be observed."""

    instance_id: str
    kind: Literal["reboot"] = "reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVolume:
    """AttachVolume of one volume to one instance under one device name."""

    volume_id: str
    instance_id: str
    device: str
    kind: Literal["attach"] = "attach"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachVolume:
    """DetachVolume naming volume, instance and device, so that a late one cannot hit a newer attachment."""

    volume_id: str
    instance_id: str
    device: str
    kind: Literal["detach"] = "detach"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTags:
    """CreateTags on one resource. `commit` marks the one that makes a replacement the occupant."""

    resource_id: str
    tags: Mapping[str, str]
    commit: bool = False
    kind: Literal["tag"] = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSecurityGroups:
    """ModifyInstanceAttribute: the groups of the instance's interface."""

    instance_id: str
    security_groups: tuple[str, ...]
    kind: Literal["security-groups"] = "security-groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepVolumeOnTermination:
    """ModifyInstanceAttribute: DeleteOnTermination off for the volume on this device."""

    instance_id: str
    volume_id: str
    device: str
    kind: Literal["keep-volume"] = "keep-volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMetadataOptions:
    """ModifyInstanceMetadataOptions: IMDSv2 required, tags in metadata on."""

    instance_id: str
    kind: Literal["metadata-options"] = "metadata-options"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeVolume:
    """ModifyVolume: size can only grow; type, iops and throughput change in place."""

    volume_id: str
    size_gib: int
    type: str
    iops: int | None
    throughput_mib_s: int | None
    kind: Literal["modify-volume"] = "modify-volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSnapshot:
    """CreateSnapshot of one volume. It takes no client token: what it made is found again by its operation tag.

    `due_at` is the date that it is for; it tells this snapshot's operation from those before and after it.
    """

    volume_id: str
    due_at: datetime
    tags: Mapping[str, str]
    kind: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSnapshots:
    """CreateSnapshots: volumes of one instance at one instant, so that they fit together.

    `left_out` are the data volumes on it that are not taken; the root volume never is. All snapshots get `tags`; what
    differs between them, claim and incarnation, EC2 copies from the tags of their volumes.
    """

    instance_id: str
    volume_ids: tuple[str, ...]
    left_out: tuple[str, ...]
    due_at: datetime
    tags: Mapping[str, str]
    kind: Literal["snapshots"] = "snapshots"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSnapshot:
    """DeleteSnapshot of one named id. `restore_point_id` is the newer snapshot of the same claim that makes it
    dispensable, and is read again with it; None for one that failed and holds nothing. `due_at` is the hour in which it
    is asked for, and part of its operation's name.
    """

    snapshot_id: str
    restore_point_id: str | None
    due_at: datetime
    kind: Literal["delete-snapshot"] = "delete-snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySnapshot:
    """CopySnapshot, asked of the region that gets the copy. It takes no client token: the copy is found again by its
    operation tag. Without `kms_key_id` an encrypted copy has the default key of its region; keys belong to one.

    `due_at` is the hour in which it is asked for, and part of its operation's name.
    """

    snapshot_id: str
    from_region: str
    to_region: str
    encrypted: bool
    kms_key_id: str | None
    due_at: datetime
    tags: Mapping[str, str]
    kind: Literal["copy-snapshot"] = "copy-snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCopy:
    """DeleteSnapshot of one named copy in another region. `restore_point_id` is the newer copy of the same claim there
    that makes it dispensable, and is read again with it; None for one that failed. `due_at` as of a DeleteSnapshot.
    """

    region: str
    snapshot_id: str
    restore_point_id: str | None
    due_at: datetime
    kind: Literal["delete-copy"] = "delete-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteVolume:
    """DeleteVolume of one named id that is on no instance and whose time in quarantine is over.

    `quarantined_until` is its date as the plan saw it, and is read again with it: whoever moves the date keeps the
    volume. `final_snapshot_id` holds all that was on it, and `restore_point_ids` are snapshots of the volumes that took
    its place, one a claim; both are read again too. Without them it is a copy that never came into service, which was
    made from a snapshot itself.
    """

    volume_id: str
    quarantined_until: datetime
    final_snapshot_id: str | None
    restore_point_ids: tuple[str, ...]
    kind: Literal["delete-volume"] = "delete-volume"


Request = (
    LaunchInstance
    | TerminateInstance
    | StopInstance
    | StartInstance
    | RebootInstance
    | AttachVolume
    | DetachVolume
    | SetTags
    | SetSecurityGroups
    | KeepVolumeOnTermination
    | SetMetadataOptions
    | ResizeVolume
    | CreateSnapshot
    | CreateSnapshots
    | DeleteSnapshot
    | CopySnapshot
    | DeleteCopy
    | DeleteVolume
)
