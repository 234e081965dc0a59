"""Drift: how an instance and its volumes differ from what is declared, field by field (design section 7.1).

What EC2 can change in place is corrected in place; what only a launch sets waits for the fleet's update strategy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from desired_state.model import Fleet, ServeWhen, SsmImage
from providers.observed import Instance, Observation, Volume
from providers.requests import (
    KeepVolumeOnTermination,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
)
from reconciler.planning.actions import Change, Reason
from reconciler.planning.claims import ClaimView
from reconciler.planning.identity import Role, Tag, role_of


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


def drift_of(
    fleet: Fleet, instance: Instance, claims: Iterable[ClaimView], observation: Observation
) -> Drift:
    """How an occupant and the volumes on it differ from the declaration."""
    held = [view for view in claims if view.volume is not None]
    resized = [_resize(view) for view in held]
    corrections = (
        _tags(fleet, instance),
        security_groups(fleet, instance),
        _metadata_options(instance),
        *(correction for correction, _ in resized),
    )
    return Drift(
        corrections=tuple(item for item in corrections if item is not None),
        by_launch=launch_fields(fleet, instance, observation),
        notes=tuple(note for _, note in resized if note is not None),
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


def _tags(fleet: Fleet, instance: Instance) -> Correction | None:
    wanted = dict(fleet.instance.tags)
    if role_of(instance.tags) is None:
        wanted[Tag.ROLE.value] = Role.OCCUPANT.value
    differing = {key: value for key, value in wanted.items() if instance.tags.get(key) != value}
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


def security_groups(fleet: Fleet, instance: Instance) -> Correction | None:
    """The groups of an occupant, where they are not those of its service.

    Groups in which a replacement waited for its commit are no drift: to swap them ends its course.
    """
    wanted = tuple(sorted(fleet.instance.security_groups))
    if instance.security_groups == wanted:
        return None
    staged = instance.security_groups == staged_groups(fleet)
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


def staged_groups(fleet: Fleet) -> tuple[str, ...]:
    """The groups in which a replacement waits for its commit, sorted; empty where it may serve at once."""
    if not fleet.stateful or fleet.serve is ServeWhen.BEFORE_COMMIT:
        return ()
    return tuple(sorted(fleet.instance.staging_security_groups))


def _metadata_options(instance: Instance) -> Correction | None:
    changes = (
        *_changed("metadata.httpTokens", _imds(required=instance.imds_v2_required), "required"),
        *_changed(
            "metadata.instanceMetadataTags", _enabled(on=instance.tags_in_metadata), "enabled"
        ),
    )
    if not changes:
        return None
    return Correction(
        request=SetMetadataOptions(instance_id=instance.id),
        reason=Reason.DRIFT,
        detail="instance metadata differs from what every instance of ours has",
        changes=changes,
    )


def _imds(*, required: bool) -> str:
    return "required" if required else "optional"


def _enabled(*, on: bool) -> str:
    return "enabled" if on else "disabled"


def _resize(view: ClaimView) -> tuple[Correction | None, str | None]:
    """ModifyVolume where it can; a volume never shrinks, and encryption is set when it is created."""
    claim, volume = view.claim, view.volume
    if volume is None:
        return None, None
    note = _impossible(view, volume)
    size_gib = max(claim.size_gib, volume.size_gib)
    changes = (
        *_changed(f"{volume.id}.size", f"{volume.size_gib}GiB", f"{size_gib}GiB"),
        *_changed(f"{volume.id}.type", volume.type, claim.type),
        *_declared_change(f"{volume.id}.iops", volume.iops, claim.iops),
        *_declared_change(
            f"{volume.id}.throughput", volume.throughput_mib_s, claim.throughput_mib_s
        ),
    )
    if not changes:
        return None, note
    request = ResizeVolume(
        volume_id=volume.id,
        size_gib=size_gib,
        type=claim.type,
        iops=claim.iops,
        throughput_mib_s=claim.throughput_mib_s,
    )
    return (
        Correction(
            request=request,
            reason=Reason.DRIFT,
            detail=f"claim {claim.name} differs from the declaration",
            changes=changes,
            claim=claim.name,
        ),
        note,
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


def launch_fields(fleet: Fleet, instance: Instance, observation: Observation) -> tuple[Change, ...]:
    """Fields that only a launch sets. A type or zone anywhere in the declared list is no drift."""
    spec = fleet.instance
    image, hashed = image_of(fleet, observation), spec.user_data.sha256 if spec.user_data else None
    changes: tuple[Change, ...] = ()
    if image is not None:
        changes += _changed("image", instance.image, image)
    if instance.type not in spec.types:
        changes += (Change(field="type", old=instance.type, new=spec.types[0]),)
    zones = [observation.zone_id(zone) for zone in fleet.placement.zones]
    if instance.zone not in zones and None not in zones:
        zone = " or ".join(fleet.placement.zones)
        changes += (Change(field="zone", old=instance.zone, new=zone),)
    changes += _changed("instanceProfile", instance.instance_profile, spec.instance_profile)
    if Tag.USER_DATA in instance.tags or hashed is not None:
        tagged = _short(instance.tags.get(Tag.USER_DATA))
        changes += _changed("userData", tagged, _short(hashed))
    return changes


def image_of(fleet: Fleet, observation: Observation) -> str | None:
    """The image to launch; None while its SSM parameter is not resolved."""
    image = fleet.instance.image
    return observation.images.get(image.ssm) if isinstance(image, SsmImage) else image


USER_DATA_TAG_LENGTH = 16


def _short(sha256: str | None) -> str | None:
    return sha256[:USER_DATA_TAG_LENGTH] if sha256 else None


def _changed(field: str, old: str | None, new: str | None) -> tuple[Change, ...]:
    return () if old == new else (Change(field=field, old=old, new=new),)


def _declared_change(field: str, old: int | None, new: int | None) -> tuple[Change, ...]:
    """A field left out of the declaration is EC2's to choose."""
    if new is None or old == new:
        return ()
    return (Change(field=field, old=None if old is None else str(old), new=str(new)),)
