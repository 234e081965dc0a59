"""The truth behind the cloud in memory: what each request does to its things, and what time does to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from providers.errors import RetryClass
from providers.observed import (
    Attachment,
    AttachmentState,
    Instance,
    InstanceState,
    Snapshot,
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
from reconciler.clock import Clock
from tests.support.memory_launches import ROOT_DEVICE, launched_instance, launched_volume
from tests.support.memory_refusals import not_found, refused
from tests.support.memory_snapshots import MemorySnapshots, taken_together
from tests.support.memory_volumes import deleted, resized

BOOTS_IN = timedelta(seconds=20)
STOPS_IN = timedelta(seconds=30)
TERMINATES_IN = timedelta(seconds=30)
ATTACHES_IN = timedelta(seconds=5)
DETACHES_IN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What a client token stands for: the request as it was sent, and the instance it made."""

    request: LaunchInstance
    user_data: str | None
    instance_id: str


@dataclass(slots=True, kw_only=True)
class MemoryWorld:
    """Instances and volumes by id, as they truly are."""

    clock: Clock
    account: str
    instances: dict[str, Instance] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    no_capacity: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of zone and type that answer InsufficientInstanceCapacity."""
    stuck: set[str] = field(default_factory=set)
    """Ids of instances and volumes whose transitions do not finish."""
    _due: dict[str, tuple[datetime, InstanceState | AttachmentState]] = field(default_factory=dict)
    _tokens: dict[tuple[str, str], Launched] = field(default_factory=dict)
    _minted: Counter[str] = field(default_factory=Counter)
    backups: MemorySnapshots = field(init=False)

    def __post_init__(self) -> None:
        self.backups = MemorySnapshots(account=self.account)

    @property
    def snapshots(self) -> Mapping[str, Snapshot]:
        return self.backups.by_id

    def mint(self, prefix: str) -> str:
        """The next id of a kind, shaped like EC2's."""
        self._minted[prefix] += 1
        return f"{prefix}-{self._minted[prefix]:017x}"

    def copied(self, clock: Clock) -> MemoryWorld:
        """A world of its own that is as this one is, and goes by that clock."""
        copy = replace(
            self,
            clock=clock,
            instances=dict(self.instances),
            volumes=dict(self.volumes),
            no_capacity=set(self.no_capacity),
            stuck=set(self.stuck),
            _due=dict(self._due),
            _tokens=dict(self._tokens),
            _minted=Counter(self._minted),
        )
        copy.backups = self.backups.copied()
        return copy

    def shows_the_same_as(self, other: MemoryWorld) -> bool:
        """Whether looks at both would find the same."""
        same = self.instances == other.instances and self.volumes == other.volumes
        return same and self.snapshots == other.snapshots

    def let_time_work(self) -> None:
        """Finish every transition that is due and not stuck."""
        now = self.clock.now()
        self.backups.let_time_work(now)
        for key, (due, state) in sorted(self._due.items(), key=lambda item: (item[1][0], item[0])):
            if due > now or key in self.stuck or self._due.get(key) != (due, state):
                continue
            del self._due[key]
            if isinstance(state, InstanceState):
                self._reach(key, state)
            else:
                self._reach_attachment(key, state)

    def carry_out(  # noqa: C901, PLR0912 - one case for each request of the closed union
        self, request: Request, user_data: str | None
    ) -> str | None:
        """The effect of one request; the id that it made or named. Raises CloudError."""
        match request:
            case LaunchInstance():
                return self._launch(request, user_data)
            case TerminateInstance(instance_id=key):
                self.terminate(key)
            case StopInstance(instance_id=key):
                self.stop(key)
            case StartInstance(instance_id=key):
                self._start(key)
            case RebootInstance(instance_id=key):
                self._instance(key, InstanceState.RUNNING, operation="RebootInstances")
            case AttachVolume():
                self._attach(request)
                return request.volume_id
            case DetachVolume():
                self.detach(request)
                return request.volume_id
            case SetTags(resource_id=key, tags=tags):
                self.tag(key, tags)
            case SetSecurityGroups(instance_id=key, security_groups=groups):
                instance = self._instance(key, operation="ModifyInstanceAttribute")
                self.instances[key] = replace(instance, security_groups=tuple(sorted(groups)))
            case KeepVolumeOnTermination(instance_id=key, volume_id=volume_id):
                self._instance(key, operation="ModifyInstanceAttribute")
                self._keep(volume_id)
            case SetMetadataOptions(instance_id=key):
                instance = self._instance(key, operation="ModifyInstanceMetadataOptions")
                self.instances[key] = replace(
                    instance, imds_v2_required=True, tags_in_metadata=True
                )
            case ResizeVolume(volume_id=key):
                volume = self._volume(key, operation="ModifyVolume")
                self.volumes[key] = resized(volume, request)
            case CreateSnapshot():
                volume = self._volume(request.volume_id, operation="CreateSnapshot")
                return self._take(volume, dict(request.tags))
            case CreateSnapshots():
                instance = self._instance(request.instance_id, operation="CreateSnapshots")
                taken = taken_together(request, instance, self.volumes)
                made = [self._take(volume, tags) for volume, tags in taken]
                return made[0]
            case DeleteSnapshot(snapshot_id=key):
                self.backups.delete(key)
            case CopySnapshot():
                copied = self.mint("snap")
                self.backups.copy(copied, request, self.clock.now())
                return copied
            case DeleteCopy(snapshot_id=key, region=region):
                self.backups.delete_copy(key, region)
            case DeleteVolume(volume_id=key):
                self.volumes[key] = deleted(self._volume(key, operation="DeleteVolume"))
            case _:
                assert_never(request)
        return key

    def _take(self, volume: Volume, tags: dict[str, str]) -> str:
        made = self.mint("snap")
        self.backups.take(made, volume, tags, self.clock.now())
        return made

    def terminate(self, key: str) -> None:
        instance = self._instance(key, operation="TerminateInstances")
        if instance.alive:
            self._change(
                instance, InstanceState.SHUTTING_DOWN, TERMINATES_IN, InstanceState.TERMINATED
            )

    def stop(self, key: str) -> None:
        states = InstanceState.RUNNING, InstanceState.STOPPING, InstanceState.STOPPED
        instance = self._instance(key, *states, operation="StopInstances")
        if instance.state is InstanceState.RUNNING:
            self._change(instance, InstanceState.STOPPING, STOPS_IN, InstanceState.STOPPED)

    def detach(self, request: DetachVolume) -> None:
        volume = self._volume(request.volume_id, operation="DetachVolume")
        held = [
            item
            for item in volume.attachments
            if (item.instance_id, item.device) == (request.instance_id, request.device)
        ]
        if not held:
            raise refused("DetachVolume", "IncorrectState", f"{volume.id} is not attached so")
        self._hold(volume, replace(held[0], state=AttachmentState.DETACHING))
        self._due[volume.id] = (self.clock.now() + DETACHES_IN, AttachmentState.DETACHED)

    def tag(self, key: str, tags: Mapping[str, str | None]) -> None:
        """Merge tags into those of an instance or volume; None takes one away."""
        item = self.instances.get(key) or self.volumes.get(key)
        if item is None:
            raise refused("CreateTags", "InvalidID", f"{key} does not exist")
        merged = {**item.tags, **tags}
        kept = {name: value for name, value in merged.items() if value is not None}
        if isinstance(item, Instance):
            self.instances[key] = replace(item, tags=kept)
        else:
            self.volumes[key] = replace(item, tags=kept)

    def _launch(self, request: LaunchInstance, user_data: str | None) -> str:
        earlier = self._tokens.get((request.zone, request.client_token))
        if earlier:
            return self._launched_before(earlier, request, user_data)
        self.backups.need(item.snapshot_id for item in request.volumes)
        self._need_capacity("RunInstances", request.zone, request.type)
        key, now = self.mint("i"), self.clock.now()
        address = f"10.0.0.{len(self.instances) + 1}"
        self.instances[key] = launched_instance(key, request, self.account, address, now)
        self._launch_volume(key, request, ROOT_DEVICE, delete_on_termination=True)
        for volume in request.volumes:
            made = self._launch_volume(key, request, volume.device, delete_on_termination=False)
            self.volumes[made] = replace(
                self.volumes[made],
                size_gib=volume.size_gib,
                type=volume.type,
                iops=volume.iops,
                throughput_mib_s=volume.throughput_mib_s,
                encrypted=volume.encrypted,
                kms_key_id=volume.kms_key_id,
                snapshot_id=volume.snapshot_id,
            )
        self._due[key] = (now + BOOTS_IN, InstanceState.RUNNING)
        self._tokens[request.zone, request.client_token] = Launched(
            request=request, user_data=user_data, instance_id=key
        )
        return key

    def _need_capacity(self, operation: str, zone: str, kind: str) -> None:
        if (zone, kind) in self.no_capacity:
            message = f"no {kind} in {zone}"
            raise refused(operation, "InsufficientInstanceCapacity", message, RetryClass.CAPACITY)

    def _launched_before(
        self, earlier: Launched, request: LaunchInstance, user_data: str | None
    ) -> str:
        if (earlier.request, earlier.user_data) != (request, user_data):
            raise refused(
                "RunInstances",
                "IdempotentParameterMismatch",
                "the token was used with other parameters",
                RetryClass.TOKEN_MISMATCH,
            )
        if not self.instances[earlier.instance_id].alive:
            raise refused(
                "RunInstances",
                "IdempotentInstanceTerminated",
                f"{earlier.instance_id} was terminated",
                RetryClass.TOKEN_TERMINATED,
            )
        return earlier.instance_id

    def _launch_volume(
        self, instance_id: str, request: LaunchInstance, device: str, *, delete_on_termination: bool
    ) -> str:
        key = self.mint("vol")
        self.volumes[key] = launched_volume(key, request, self.clock.now())
        self._hold(
            self.volumes[key],
            Attachment(
                volume_id=key,
                instance_id=instance_id,
                device=device,
                state=AttachmentState.ATTACHED,
                delete_on_termination=delete_on_termination,
            ),
        )
        return key

    def _start(self, key: str) -> None:
        states = InstanceState.STOPPED, InstanceState.RUNNING, InstanceState.PENDING
        instance = self._instance(key, *states, operation="StartInstances")
        self._need_capacity("StartInstances", instance.zone, instance.type)
        if instance.state is InstanceState.STOPPED:
            self._change(instance, InstanceState.PENDING, BOOTS_IN, InstanceState.RUNNING)

    def _attach(self, request: AttachVolume) -> None:
        volume = self._volume(request.volume_id, operation="AttachVolume")
        states = InstanceState.RUNNING, InstanceState.STOPPED
        instance = self._instance(request.instance_id, *states, operation="AttachVolume")
        if volume.state is not VolumeState.AVAILABLE:
            raise refused("AttachVolume", "VolumeInUse", f"{volume.id} is {volume.state}")
        if volume.zone != instance.zone:
            raise refused(
                "AttachVolume",
                "InvalidVolume.ZoneMismatch",
                f"{volume.id} is in {volume.zone}, {instance.id} in {instance.zone}",
                RetryClass.INVALID,
            )
        if any(item.device == request.device for item in instance.attachments):
            raise refused(
                "AttachVolume",
                "InvalidParameterValue",
                f"{request.device} is already in use",
                RetryClass.INVALID,
            )
        self._hold(
            volume,
            Attachment(
                volume_id=volume.id,
                instance_id=instance.id,
                device=request.device,
                state=AttachmentState.ATTACHING,
                delete_on_termination=False,
            ),
        )
        self._due[volume.id] = (self.clock.now() + ATTACHES_IN, AttachmentState.ATTACHED)

    def _keep(self, volume_id: str) -> None:
        volume = self._volume(volume_id, operation="ModifyInstanceAttribute")
        for attachment in volume.attachments:
            self._hold(volume, replace(attachment, delete_on_termination=False))

    def _instance(self, key: str, *states: InstanceState, operation: str) -> Instance:
        instance = self.instances.get(key)
        if instance is None:
            raise not_found(operation, "InvalidInstanceID.NotFound", key)
        if states and instance.state not in states:
            raise refused(operation, "IncorrectInstanceState", f"{key} is {instance.state}")
        return instance

    def _volume(self, key: str, *, operation: str) -> Volume:
        volume = self.volumes.get(key)
        if volume is None or volume.state is VolumeState.DELETED:
            raise not_found(operation, "InvalidVolume.NotFound", key)
        return volume

    def _change(
        self, instance: Instance, state: InstanceState, takes: timedelta, then: InstanceState
    ) -> None:
        now = self.clock.now()
        self.instances[instance.id] = replace(instance, state=state, state_changed_at=now)
        self._due[instance.id] = (now + takes, then)

    def _reach(self, key: str, state: InstanceState) -> None:
        instance = replace(self.instances[key], state=state)
        self.instances[key] = instance
        if state is InstanceState.TERMINATED:
            for attachment in instance.attachments:
                self._let_go(attachment, deleted=attachment.delete_on_termination)

    def _reach_attachment(self, volume_id: str, state: AttachmentState) -> None:
        volume = self.volumes[volume_id]
        for attachment in volume.attachments:
            if state is AttachmentState.DETACHED:
                self._let_go(attachment, deleted=False)
            else:
                self._hold(volume, replace(attachment, state=state))

    def _hold(self, volume: Volume, attachment: Attachment) -> None:
        """Both sides show the attachment."""
        self.volumes[volume.id] = replace(
            volume, state=VolumeState.IN_USE, attachments=(attachment,)
        )
        instance = self.instances[attachment.instance_id]
        others = tuple(item for item in instance.attachments if item.volume_id != volume.id)
        self.instances[instance.id] = replace(instance, attachments=(*others, attachment))

    def _let_go(self, attachment: Attachment, *, deleted: bool) -> None:
        """Neither side shows the attachment any more."""
        self._due.pop(attachment.volume_id, None)
        volume = self.volumes[attachment.volume_id]
        state = VolumeState.DELETED if deleted else VolumeState.AVAILABLE
        self.volumes[volume.id] = replace(volume, state=state, attachments=())
        instance = self.instances[attachment.instance_id]
        others = tuple(item for item in instance.attachments if item.volume_id != volume.id)
        self.instances[instance.id] = replace(instance, attachments=others)
