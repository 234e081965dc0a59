"""What a launch in the cloud in memory makes: a pending instance, and volumes of a usual size."""

from __future__ import annotations

from datetime import datetime

from providers.observed import Instance, InstanceState, Volume, VolumeState
from providers.requests import LaunchInstance

ROOT_DEVICE = "/dev/xvda"


def launched_instance(
    key: str, request: LaunchInstance, account: str, address: str, now: datetime
) -> Instance:
    """The instance, without its volumes."""
    return Instance(
        id=key,
        owner_account=account,
        state=InstanceState.PENDING,
        state_reason=None,
        state_changed_at=None,
        type=request.type,
        image=request.image,
        zone=request.zone,
        subnet=request.subnet,
        private_ip=address,
        security_groups=tuple(sorted(request.security_groups)),
        instance_profile=request.instance_profile,
        launched_at=now,
        root_device=ROOT_DEVICE,
        attachments=(),
        imds_v2_required=True,
        tags_in_metadata=True,
        client_token=request.client_token,
        tags=dict(request.tags),
    )


def launched_volume(key: str, request: LaunchInstance, now: datetime) -> Volume:
    """A volume of the instance, attached to nothing yet."""
    return Volume(
        id=key,
        state=VolumeState.IN_USE,
        size_gib=8,
        type="gp3",
        iops=3000,
        throughput_mib_s=125,
        encrypted=True,
        kms_key_id=None,
        zone=request.zone,
        snapshot_id=None,
        created_at=now,
        attachments=(),
        tags=dict(request.volume_tags),
    )
