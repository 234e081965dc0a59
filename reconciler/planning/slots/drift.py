"""Drift: how an instance and its volumes differ from what is declared, field by field (design section 7.1).

What EC2 can change in place is corrected in place; what only a launch sets waits for the fleet's update strategy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from providers.observed import Instance, Volume
from providers.requests import (
    KeepVolumeOnTermination,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
)
from reconciler.planning.actions import Change, Reason
from reconciler.planning.blueprint import Blueprint, user_data_tag
from reconciler.planning.identity import Role, Tag, role_of
from reconciler.planning.slots.claims import ClaimView

USER_DATA = Tag.USER_DATA.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A request that mends drift in place, with the fields it changes."""

    request: Request
    reason: Reason
    detail: str
    changes: tuple[Change, ...]
    claim: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """All drift of one slot's occupant. `by_launch` are fields that only another launch can change."""

    corrections: tuple[Correction, ...]
    by_launch: tuple[Change, ...]
    notes: tuple[str, ...]


NO_DRIFT = Drift(corrections=(), by_launch=(), notes=())


def drift_of(blueprint: Blueprint, instance: Instance, claims: Iterable[ClaimView]) -> Drift:
    """How an occupant and the volumes on it differ from the declaration."""
    found = [
        _tags(blueprint, instance),
        security_groups(blueprint, instance),
        _metadata_options(instance),
    ]
    notes = []
    for view in claims:
        if view.volume is not None:
            found.append(_resize(view, view.volume))
            notes.append(_impossible(view, view.volume))
    by_launch = launch_fields(blueprint, instance)
    if not by_launch and not any(found) and not any(notes):
        return NO_DRIFT
    return Drift(
        corrections=tuple(item for item in found if item is not None),
        by_launch=by_launch,
        notes=tuple(note for note in notes if note is not None),
    )


def kept_volumes(instance: Instance) -> tuple[Correction, ...]:
    """DeleteOnTermination off for every data volume on an instance of ours, before anything else can end it."""
    return tuple(
        Correction(
            request=KeepVolumeOnTermination(
                instance_id=instance.id, volume_id=item.volume_id, device=item.device
            ),
            reason=Reason.KEEP_VOLUME,
            detail="a data volume outlives its instance",
            changes=(
                Change(field=f"{item.volume_id}.deleteOnTermination", old="true", new="false"),
            ),
        )
        for item in instance.attachments
        if item.delete_on_termination and item.device != instance.root_device
    )


def named_claims(claims: Iterable[ClaimView]) -> tuple[Correction, ...]:
    """The claim tag of volumes that were created with their instance: one call cannot name each."""
    return tuple(
        Correction(
            request=SetTags(resource_id=view.volume.id, tags={Tag.CLAIM.value: view.claim.name}),
            reason=Reason.CLAIM_NAMED,
            detail=f"created with its instance on {view.claim.device}",
            changes=(Change(field=Tag.CLAIM, old=None, new=view.claim.name),),
            claim=view.claim.name,
        )
        for view in claims
        if view.volume is not None and Tag.CLAIM not in view.volume.tags
    )


def _tags(blueprint: Blueprint, instance: Instance) -> Correction | None:
    differing = {
        key: value
        for key, value in blueprint.fleet.instance.tags.items()
        if instance.tags.get(key) != value
    }
    if role_of(instance.tags) is None:
        differing[Tag.ROLE.value] = Role.OCCUPANT.value
    if not differing:
        return None
    return Correction(
        request=SetTags(resource_id=instance.id, tags=differing),
        reason=Reason.DRIFT,
        detail="tags differ from the declaration",
        changes=tuple(
            Change(field=f"tags.{key}", old=instance.tags.get(key), new=value)
            for key, value in sorted(differing.items())
        ),
    )


def security_groups(blueprint: Blueprint, instance: Instance) -> Correction | None:
    """The groups of an occupant, where they are not those of its service.

    Groups in which a replacement waited for its commit are no drift: to swap them ends its course.
    """
    wanted = blueprint.groups
    if instance.security_groups == wanted:
        return None
    staged = instance.security_groups == blueprint.staged_groups
    return Correction(
        request=SetSecurityGroups(instance_id=instance.id, security_groups=wanted),
        reason=Reason.IN_SERVICE if staged else Reason.DRIFT,
        detail=(
            "it holds the slot and has its data"
            if staged
            else "security groups differ from the declaration"
        ),
        changes=(
            Change(
                field="securityGroups",
                old=", ".join(instance.security_groups) or None,
                new=", ".join(wanted),
            ),
        ),
    )


def _metadata_options(instance: Instance) -> Correction | None:
    if instance.imds_v2_required and instance.tags_in_metadata:
        return None
    required = "required" if instance.imds_v2_required else "optional"
    enabled = "enabled" if instance.tags_in_metadata else "disabled"
    return Correction(
        request=SetMetadataOptions(instance_id=instance.id),
        reason=Reason.DRIFT,
        detail="instance metadata differs from what every instance of ours has",
        changes=(
            *_changed("metadata.httpTokens", required, "required"),
            *_changed("metadata.instanceMetadataTags", enabled, "enabled"),
        ),
    )


def _resize(view: ClaimView, volume: Volume) -> Correction | None:
    """ModifyVolume where it can; a volume never shrinks, and encryption is set when it is created."""
    claim = view.claim
    size_gib = max(claim.size_gib, volume.size_gib)
    same = size_gib == volume.size_gib and volume.type == claim.type
    same = same and claim.iops in (None, volume.iops)
    if same and claim.throughput_mib_s in (None, volume.throughput_mib_s):
        return None
    return Correction(
        request=ResizeVolume(
            volume_id=volume.id,
            size_gib=size_gib,
            type=claim.type,
            iops=claim.iops,
            throughput_mib_s=claim.throughput_mib_s,
        ),
        reason=Reason.DRIFT,
        detail=f"claim {claim.name} differs from the declaration",
        changes=(
            *_changed(f"{volume.id}.size", f"{volume.size_gib}GiB", f"{size_gib}GiB"),
            *_changed(f"{volume.id}.type", volume.type, claim.type),
            *_declared_change(f"{volume.id}.iops", volume.iops, claim.iops),
            *_declared_change(
                f"{volume.id}.throughput", volume.throughput_mib_s, claim.throughput_mib_s
            ),
        ),
        claim=claim.name,
    )


def _impossible(view: ClaimView, volume: Volume) -> str | None:
    if volume.size_gib > view.claim.size_gib:
        return (
            f"{volume.id} has {volume.size_gib}GiB, declared are {view.claim.size_gib}GiB: "
            "a volume never shrinks; declare its size, or restore it into a smaller one by hand"
        )
    if volume.encrypted != view.claim.encrypted:
        said = "encrypted" if volume.encrypted else "not encrypted"
        return f"{volume.id} is {said}, unlike the declaration: only a new volume can change that"
    return None


def launch_fields(blueprint: Blueprint, instance: Instance) -> tuple[Change, ...]:
    """Fields that only a launch sets. A type or zone anywhere in the declared list is no drift."""
    spec = blueprint.fleet.instance
    changes: tuple[Change, ...] = ()
    if blueprint.image is not None:
        changes += _changed("image", instance.image, blueprint.image)
    if instance.type not in spec.types:
        changes += (Change(field="type", old=instance.type, new=spec.types[0]),)
    if blueprint.zones is not None and instance.zone not in blueprint.zones:
        zone = " or ".join(blueprint.fleet.placement.zones)
        changes += (Change(field="zone", old=instance.zone, new=zone),)
    changes += _changed("instanceProfile", instance.instance_profile, spec.instance_profile)
    tagged = user_data_tag(instance.tags.get(USER_DATA))
    return changes + _changed("userData", tagged, blueprint.user_data)


def _changed(field: str, old: str | None, new: str | None) -> tuple[Change, ...]:
    return () if old == new else (Change(field=field, old=old, new=new),)


def _declared_change(field: str, old: int | None, new: int | None) -> tuple[Change, ...]:
    """A field left out of the declaration is EC2's to choose."""
    if new is None or old == new:
        return ()
    return (Change(field=field, old=None if old is None else str(old), new=str(new)),)
