"""Actions for tests, told as `launch("web/1")`; every field is open to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from providers.requests import (
    AttachVolume,
    CreateSnapshot,
    DeleteSnapshot,
    LaunchInstance,
    LaunchVolume,
    Request,
    SetTags,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Change, Course, Reason, target_of
from reconciler.planning.identity import Role, Tag, operation_family, operation_id
from tests.support.cases import CELL
from tests.support.fleets import IMAGE, ZONES
from tests.support.resources import NOW, OWNER, instance_id, slot, volume_id


def action(
    text: str,
    request: Request,
    *,
    course: Course,
    reason: Reason,
    detail: str = "",
    incarnation: int = 1,
    attempt: int = 1,
    claim: str | None = None,
    changes: tuple[Change, ...] = (),
) -> Action:
    """An action on that slot with its true operation id."""
    kind = f"{request.kind}:{target_of(request)}" if target_of(request) else request.kind
    family = operation_family(CELL, slot(text), incarnation, claim, kind)
    return Action(
        operation_id=operation_id(family, attempt),
        family=family,
        slot=slot(text),
        incarnation=incarnation,
        claim=claim,
        attempt=attempt,
        course=course,
        reason=reason,
        detail=detail,
        request=request,
        changes=changes,
    )


def launch_request(text: str, **changes: Any) -> LaunchInstance:
    """The launch of that slot's instance in the zone that a scene gives it."""
    ref = slot(text)
    zone = changes.pop("zone", ZONES[ref.ordinal % len(ZONES)])
    request = LaunchInstance(
        client_token=operation_id(f"launch {text}", 1),
        image=IMAGE,
        type="m6i.large",
        zone=zone,
        subnet=f"subnet-{zone.partition('-')[2]}",
        security_groups=("sg-service",),
        instance_profile=None,
        user_data_sha256=None,
        tags={
            "team": "shop",
            Tag.OWNER.value: OWNER,
            Tag.FLEET.value: ref.fleet,
            Tag.SLOT.value: str(ref.ordinal),
        },
        volume_tags={},
    )
    return replace(request, **changes)


def data_volume(**changes: Any) -> LaunchVolume:
    """An empty 200 GiB gp3 volume."""
    volume = LaunchVolume(
        device="/dev/sdf",
        size_gib=200,
        type="gp3",
        iops=None,
        throughput_mib_s=None,
        encrypted=True,
        kms_key_id=None,
    )
    return replace(volume, **changes)


def launch(text: str, *, request: dict[str, Any] | None = None, **fields: Any) -> Action:
    """A launch into a slot that nothing ever held."""
    given = {"course": Course.CREATE, "reason": Reason.NONE_EVER, **fields}
    return action(text, launch_request(text, **(request or {})), **given)


def terminate(text: str, *, incarnation: int = 1, **fields: Any) -> Action:
    """The end of a surplus instance."""
    given = {"course": Course.REMOVE, "reason": Reason.SURPLUS, **fields}
    request = TerminateInstance(instance_id=instance_id(text, incarnation))
    return action(text, request, incarnation=incarnation, **given)


def attach(text: str, *, to: int = 2, **fields: Any) -> Action:
    """The slot's volume onto its instance of that incarnation."""
    given = {"course": Course.KEEP_THE_DATA, "reason": Reason.MOVE_DATA, "claim": "data", **fields}
    request = AttachVolume(
        volume_id=volume_id(text), instance_id=instance_id(text, to), device="/dev/sdf"
    )
    return action(text, request, incarnation=to, **given)


def retag(text: str, *, old: str = "shop", new: str = "storefront", **fields: Any) -> Action:
    """A user's tag that differs from what is declared."""
    given = {"course": Course.CORRECT, "reason": Reason.DRIFT, **fields}
    request = SetTags(resource_id=instance_id(text), tags={"team": new})
    return action(text, request, changes=(Change(field="tags.team", old=old, new=new),), **given)


def commit(text: str, *, incarnation: int = 2, **fields: Any) -> Action:
    """The replacement becomes the occupant."""
    given = {"course": Course.KEEP_THE_DATA, "reason": Reason.IN_SERVICE, **fields}
    request = SetTags(
        resource_id=instance_id(text, incarnation),
        tags={Tag.ROLE.value: Role.OCCUPANT.value},
        commit=True,
    )
    change = Change(field="role", old=Role.REPLACEMENT.value, new=Role.OCCUPANT.value)
    return action(text, request, incarnation=incarnation, changes=(change,), **given)


def snapshot(text: str = "shared-postgres/0", **changes: Any) -> Action:
    """A snapshot of that slot's data, due now; `changes` are of the action."""
    tags = {Tag.OWNER.value: OWNER, Tag.FLEET.value: slot(text).fleet, Tag.CLAIM.value: "data"}
    request = CreateSnapshot(volume_id=volume_id(text), due_at=NOW, tags=tags)
    made = action(
        text, request, course=Course.BACK_UP, reason=Reason.SNAPSHOT_DUE, claim="data", **changes
    )
    tagged = replace(request, tags={**tags, Tag.OPERATION.value: made.operation_id})
    return replace(made, request=tagged)


def expiry(
    snapshot_id: str, restore_point_id: str | None = None, text: str = "shared-postgres/0"
) -> Action:
    """The deletion of a snapshot of that slot's data."""
    request = DeleteSnapshot(snapshot_id=snapshot_id, restore_point_id=restore_point_id, due_at=NOW)
    return action(
        text, request, course=Course.BACK_UP, reason=Reason.SNAPSHOT_EXPIRED, claim="data"
    )
