"""Instances and volumes for tests, exactly as their fleet declares them and as our launches tag them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from desired_state.model import Claim, Fleet
from providers.observed import (
    Check,
    CheckStatus,
    Instance,
    InstanceState,
    StatusChecks,
    Volume,
    VolumeState,
)
from reconciler.planning.actions import SlotRef
from reconciler.planning.identity import Role, Tag, operation_id

NOW = datetime(2026, 4, 21, 12, 0, tzinfo=UTC)
OWNER = "prod-east"


def slot(text: str) -> SlotRef:
    """`web/3` as a slot."""
    return SlotRef.parse(text)


def instance_id(text: str, incarnation: int = 1) -> str:
    """The id of that slot's instance in every scene."""
    return f"i-0{_digest(f'instance {text} {incarnation}')}"


def volume_id(text: str, claim: str = "data", incarnation: int = 1) -> str:
    """The id of that claim's volume in every scene."""
    return f"vol-0{_digest(f'volume {text} {claim} {incarnation}')}"


def usual_zone(fleet: Fleet, ref: SlotRef) -> str:
    """Slots of a scene go round the declared zones in order."""
    return fleet.placement.zones[ref.ordinal % len(fleet.placement.zones)]


def instance_of(
    fleet: Fleet,
    ref: SlotRef,
    *,
    image: str,
    incarnation: int,
    role: Role | None,
    state: InstanceState,
    launched_at: datetime,
    zone: str,
    owner: str,
) -> Instance:
    """What DescribeInstances shows of an instance that was launched for that slot and never changed since."""
    spec = fleet.instance
    groups = spec.security_groups
    if role is Role.REPLACEMENT and fleet.stateful and spec.staging_security_groups:
        groups = spec.staging_security_groups
    return Instance(
        id=instance_id(str(ref), incarnation),
        owner_account=fleet.placement.account,
        state=state,
        state_reason=None,
        state_changed_at=None,
        type=spec.types[0],
        image=image,
        zone=zone,
        subnet=spec.subnets[zone],
        private_ip=f"10.0.{ref.ordinal % 256}.{incarnation}",
        security_groups=tuple(sorted(groups)),
        instance_profile=spec.instance_profile,
        launched_at=launched_at,
        root_device="/dev/xvda",
        attachments=(),
        imds_v2_required=True,
        tags_in_metadata=True,
        client_token=_operation(f"launch {ref} {incarnation}"),
        tags=dict(fleet.instance.tags)
        | _slot_tags(ref, incarnation, owner)
        | _role_tags(fleet, role, launched_at),
    )


def volume_of(
    fleet: Fleet,
    ref: SlotRef,
    claim: Claim,
    *,
    incarnation: int,
    state: VolumeState,
    created_at: datetime,
    zone: str,
    owner: str,
) -> Volume:
    """What DescribeVolumes shows of a volume that was made for that claim, attached to nothing yet."""
    return Volume(
        id=volume_id(str(ref), claim.name, incarnation),
        state=state,
        size_gib=claim.size_gib,
        type=claim.type,
        iops=claim.iops,
        throughput_mib_s=claim.throughput_mib_s,
        encrypted=claim.encrypted,
        kms_key_id=claim.kms_key_id,
        zone=zone,
        snapshot_id=None,
        created_at=created_at,
        attachments=(),
        tags=dict(fleet.instance.tags)
        | _slot_tags(ref, incarnation, owner)
        | {Tag.CLAIM.value: claim.name},
    )


def passing_checks(identifier: str) -> StatusChecks:
    """Every status check is ok."""
    ok = Check(status=CheckStatus.OK)
    return StatusChecks(instance_id=identifier, system=ok, instance=ok, attached_ebs=ok)


def _role_tags(fleet: Fleet, role: Role | None, launched_at: datetime) -> dict[str, str]:
    tags: dict[str, str] = {}
    if role is not None:
        tags[Tag.ROLE.value] = role.value
    if role is Role.OCCUPANT:
        tags[Tag.IN_SERVICE_SINCE.value] = launched_at.isoformat()
    if fleet.instance.user_data is not None:
        tags[Tag.USER_DATA.value] = fleet.instance.user_data.sha256
    return tags


def _slot_tags(ref: SlotRef, incarnation: int, owner: str) -> dict[str, str]:
    return {
        Tag.OWNER.value: owner,
        Tag.FLEET.value: ref.fleet,
        Tag.SLOT.value: str(ref.ordinal),
        Tag.INCARNATION.value: str(incarnation),
        Tag.OPERATION.value: _operation(f"launch {ref} {incarnation}"),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _operation(text: str) -> str:
    return operation_id(f"scene|{text}", 1)
