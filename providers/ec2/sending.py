"""The mutating requests as EC2 calls: one request, one call, sent once, and its answer checked to be about our id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, assert_never

from providers.ec2.calls import Calls
from providers.ec2.failures import FOREIGN_OWNER, unreadable
from providers.ec2.launching import METADATA_OPTIONS, run_instances_parameters, tag_list
from providers.ec2.operations import OPERATIONS
from providers.ec2.session import CellClients
from providers.errors import (
    NOT_SENT,
    CloudError,
    CredentialsError,
    EndpointUnreachable,
    RetryClass,
)
from providers.port import Receipt
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

if TYPE_CHECKING:  # The stubs are a development dependency.
    from mypy_boto3_ec2 import EC2Client

BLANK_PARAMETER = "BlankParameter"
WRONG_USER_DATA = "WrongUserData"


class Sender:
    """Sends requests of one account: to its region, and those about copies to the region that has them."""

    def __init__(self, *, calls: Calls, clients: CellClients, account: str) -> None:
        self._calls = calls
        self._ec2 = clients.ec2
        self._ec2_in = clients.ec2_in
        self._account = account

    def send(  # noqa: C901, PLR0912 - one case for each kind of request: a table
        self, request: Request, user_data: str | None
    ) -> Receipt:
        """Raises CloudError: refused before it was sent, refused by EC2, or ambiguous."""
        refuse_blanks(request)
        match request:
            case LaunchInstance():
                return self._launch(request, user_data)
            case TerminateInstance():
                return self._terminate(request)
            case StopInstance():
                return self._stop(request)
            case StartInstance():
                return self._start(request)
            case RebootInstance():
                return self._reboot(request)
            case AttachVolume():
                return self._attach(request)
            case DetachVolume():
                return self._detach(request)
            case SetTags():
                return self._set_tags(request)
            case SetSecurityGroups():
                return self._set_security_groups(request)
            case KeepVolumeOnTermination():
                return self._keep_volume(request)
            case SetMetadataOptions():
                return self._set_metadata_options(request)
            case ResizeVolume():
                return self._resize(request)
            case CreateSnapshot():
                return self._create_snapshot(request)
            case CreateSnapshots():
                return self._create_snapshots(request)
            case DeleteSnapshot():
                return self._delete_snapshot(request)
            case CopySnapshot():
                return self._copy_snapshot(request)
            case DeleteCopy():
                return self._delete_copy(request)
            case DeleteVolume():
                return self._delete_volume(request)
            case _:
                assert_never(request)

    def _launch(self, request: LaunchInstance, user_data: str | None) -> Receipt:
        refuse_other_user_data(request, user_data)
        reply = self._calls.send(
            self._ec2.run_instances, **run_instances_parameters(request, user_data)
        )
        launched = [str(instance.get("InstanceId", "")) for instance in reply.get("Instances", ())]
        if len(launched) != 1 or not launched[0]:
            raise _ambiguous("run_instances", f"the answer names {launched}, not one instance")
        if (owner := reply.get("OwnerId")) != self._account:
            raise _ambiguous(
                "run_instances", f"{launched[0]} was launched in account {owner}", FOREIGN_OWNER
            )
        return _receipt(launched[0], reply)

    def _terminate(self, request: TerminateInstance) -> Receipt:
        reply = self._calls.send(self._ec2.terminate_instances, InstanceIds=[request.instance_id])
        return _about(request.instance_id, "terminate_instances", "TerminatingInstances", reply)

    def _stop(self, request: StopInstance) -> Receipt:
        """Force alone first waits some four minutes for the guest; SkipOsShutdown does not wait (EC2 user guide)."""
        reply = self._calls.send(
            self._ec2.stop_instances,
            InstanceIds=[request.instance_id],
            Force=request.forced,
            SkipOsShutdown=request.forced,
        )
        return _about(request.instance_id, "stop_instances", "StoppingInstances", reply)

    def _start(self, request: StartInstance) -> Receipt:
        reply = self._calls.send(self._ec2.start_instances, InstanceIds=[request.instance_id])
        return _about(request.instance_id, "start_instances", "StartingInstances", reply)

    def _reboot(self, request: RebootInstance) -> Receipt:
        reply = self._calls.send(self._ec2.reboot_instances, InstanceIds=[request.instance_id])
        return _receipt(request.instance_id, reply)

    def _attach(self, request: AttachVolume) -> Receipt:
        reply = self._calls.send(
            self._ec2.attach_volume,
            VolumeId=request.volume_id,
            InstanceId=request.instance_id,
            Device=request.device,
        )
        return _about_volume(request, "attach_volume", reply)

    def _detach(self, request: DetachVolume) -> Receipt:
        """Never with Force: a fenced instance makes it needless, an unfenced one makes it dangerous."""
        reply = self._calls.send(
            self._ec2.detach_volume,
            VolumeId=request.volume_id,
            InstanceId=request.instance_id,
            Device=request.device,
        )
        return _about_volume(request, "detach_volume", reply)

    def _set_tags(self, request: SetTags) -> Receipt:
        reply = self._calls.send(
            self._ec2.create_tags, Resources=[request.resource_id], Tags=tag_list(request.tags)
        )
        return _receipt(request.resource_id, reply)

    def _set_security_groups(self, request: SetSecurityGroups) -> Receipt:
        reply = self._calls.send(
            self._ec2.modify_instance_attribute,
            InstanceId=request.instance_id,
            Groups=list(request.security_groups),
        )
        return _receipt(request.instance_id, reply)

    def _keep_volume(self, request: KeepVolumeOnTermination) -> Receipt:
        """The volume is named too, so that another one under the device name is left as it is."""
        reply = self._calls.send(
            self._ec2.modify_instance_attribute,
            InstanceId=request.instance_id,
            BlockDeviceMappings=[
                {
                    "DeviceName": request.device,
                    "Ebs": {"VolumeId": request.volume_id, "DeleteOnTermination": False},
                }
            ],
        )
        return _receipt(request.instance_id, reply)

    def _set_metadata_options(self, request: SetMetadataOptions) -> Receipt:
        reply = self._calls.send(
            self._ec2.modify_instance_metadata_options,
            InstanceId=request.instance_id,
            **METADATA_OPTIONS,
        )
        return _receipt(request.instance_id, reply)

    def _resize(self, request: ResizeVolume) -> Receipt:
        wanted: dict[str, Any] = {
            "Size": request.size_gib,
            "VolumeType": request.type,
            "Iops": request.iops,
            "Throughput": request.throughput_mib_s,
        }
        reply = self._calls.send(
            self._ec2.modify_volume,
            VolumeId=request.volume_id,
            **{name: value for name, value in wanted.items() if value is not None},
        )
        modified = reply.get("VolumeModification", {}).get("VolumeId")
        if modified != request.volume_id:
            raise _ambiguous("modify_volume", f"the answer names {modified}")
        return _receipt(request.volume_id, reply)

    def _create_snapshot(self, request: CreateSnapshot) -> Receipt:
        reply = self._calls.send(
            self._ec2.create_snapshot,
            VolumeId=request.volume_id,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tag_list(request.tags)}],
        )
        made = str(reply.get("SnapshotId", ""))
        if not made or reply.get("VolumeId") != request.volume_id:
            raise _ambiguous("create_snapshot", f"the answer names {made or 'nothing'}")
        return _receipt(made, reply)

    def _create_snapshots(self, request: CreateSnapshots) -> Receipt:
        """Answers with one of the snapshots; all of them carry the operation tag."""
        left_out = {"ExcludeDataVolumeIds": list(request.left_out)} if request.left_out else {}
        specification: dict[str, Any] = {"ExcludeBootVolume": True, **left_out}
        reply = self._calls.send(
            self._ec2.create_snapshots,
            InstanceSpecification={"InstanceId": request.instance_id, **specification},  # type: ignore[typeddict-item]
            CopyTagsFromSource="volume",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tag_list(request.tags)}],
        )
        made = {str(item.get("VolumeId")): item for item in reply.get("Snapshots", ())}
        if not made.keys() >= set(request.volume_ids):
            raise _ambiguous("create_snapshots", f"the answer is about {sorted(made)}")
        return _receipt(str(made[request.volume_ids[0]].get("SnapshotId", "")), reply)

    def _delete_snapshot(self, request: DeleteSnapshot) -> Receipt:
        reply = self._calls.send(self._ec2.delete_snapshot, SnapshotId=request.snapshot_id)
        return _receipt(request.snapshot_id, reply)

    def _copy_snapshot(self, request: CopySnapshot) -> Receipt:
        """boto3 adds a URL that is signed for the source region, by which the one fetches from the other."""
        encryption: dict[str, Any] = {"Encrypted": True} if request.encrypted else {}
        if request.kms_key_id is not None:
            encryption["KmsKeyId"] = request.kms_key_id
        reply = self._calls.send(
            self._elsewhere(request, request.to_region).copy_snapshot,
            SourceRegion=request.from_region,
            SourceSnapshotId=request.snapshot_id,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tag_list(request.tags)}],
            **encryption,
        )
        made = str(reply.get("SnapshotId", ""))
        if not made:
            raise _ambiguous("copy_snapshot", "the answer names nothing")
        return _receipt(made, reply)

    def _delete_copy(self, request: DeleteCopy) -> Receipt:
        client = self._elsewhere(request, request.region)
        reply = self._calls.send(client.delete_snapshot, SnapshotId=request.snapshot_id)
        return _receipt(request.snapshot_id, reply)

    def _delete_volume(self, request: DeleteVolume) -> Receipt:
        reply = self._calls.send(self._ec2.delete_volume, VolumeId=request.volume_id)
        return _receipt(request.volume_id, reply)

    def _elsewhere(self, request: Request, region: str) -> EC2Client:
        try:
            return self._ec2_in(region)
        except (CredentialsError, EndpointUnreachable) as error:
            unreachable = isinstance(error, EndpointUnreachable)
            raise CloudError(
                operation=request.kind,
                code=NOT_SENT,
                message=str(error),
                retry=RetryClass.TRANSIENT if unreachable else RetryClass.DENIED,
            ) from error


def refuse_blanks(request: Request) -> None:
    """A request that lacks an id is never sent: EC2 would take some blanks for "all" or "default".

    Raises CloudError.
    """
    for field in fields(request):
        value = getattr(request, field.name)
        empty_text = isinstance(value, str) and not value.strip()
        empty_tags = field.name == "tags" and not value
        if empty_text or empty_tags:
            raise _refused(request, BLANK_PARAMETER, f"{field.name} is empty")


def refuse_other_user_data(request: LaunchInstance, user_data: str | None) -> None:
    """The journal keeps only the hash of the user data; a text that is not that one is never sent.

    Raises CloudError.
    """
    given = None if user_data is None else hashlib.sha256(user_data.encode()).hexdigest()
    if given != request.user_data_sha256:
        raise _refused(
            request,
            WRONG_USER_DATA,
            "the user data at hand is not the one that this launch was planned with",
        )


def _refused(request: Request, code: str, message: str) -> CloudError:
    return CloudError(
        operation=request.kind,
        code=code,
        message=f"{message}; nothing was sent",
        retry=RetryClass.INVALID,
    )


def _about(instance_id: str, method: str, member: str, reply: Mapping[str, Any]) -> Receipt:
    """TerminateInstances and its like answer with the instances that they touched."""
    named = [str(item.get("InstanceId", "")) for item in reply.get(member, ())]
    if named != [instance_id]:
        raise _ambiguous(method, f"the answer names {named}, not {instance_id} alone")
    return _receipt(instance_id, reply)


def _about_volume(
    request: AttachVolume | DetachVolume, method: str, reply: Mapping[str, Any]
) -> Receipt:
    named = (reply.get("VolumeId"), reply.get("InstanceId"))
    if named != (request.volume_id, request.instance_id):
        raise _ambiguous(method, f"the answer names {named}")
    return _receipt(request.volume_id, reply)


def _ambiguous(method: str, what: str, code: str | None = None) -> CloudError:
    error = unreadable(OPERATIONS[method], what)
    if code is None:
        return error
    return CloudError(
        operation=error.operation, code=code, message=error.message, retry=error.retry
    )


def _receipt(resource_id: str, reply: Mapping[str, Any] | None) -> Receipt:
    """`reply` is None as far as the types know for an operation that answers nothing but metadata."""
    request_id = (reply or {}).get("ResponseMetadata", {}).get("RequestId")
    return Receipt(resource_id=resource_id, request_id=request_id)
