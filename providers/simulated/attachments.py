"""Volumes on instances: the rules of attaching and detaching, and the time that both take (TRUSTED.md, part C)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from providers.simulated.changes import Cause
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import (
    AttachStuck,
    DetachBusy,
    DetachStuck,
    DeviceClash,
    WrongDevice,
)
from providers.simulated.health import Health
from providers.simulated.records import Attachment, Data, Instance, Io, Volume
from providers.simulated.refusals import Refused, incorrect_state, invalid, no_volume
from providers.simulated.world import World

ANOTHER_DEVICE = "/dev/sdz"
"""Where other people and tools attach volumes; no fleet declares it."""
LOOK_AGAIN = timedelta(seconds=15)
"""How often a stuck attachment looks whether what holds it is over."""


class Attachments:
    """Attaches and detaches. An attachment is part of the volume's record and of the instance's, always alike."""

    def __init__(self, world: World, faults: FaultPlan, health: Health) -> None:
        self._world = world
        self._faults = faults
        self._health = health
        self._drawn: dict[tuple[str, datetime, str], AttachStuck | DetachStuck | None] = {}

    # Asked for.

    def attach(self, volume: Volume, instance: Instance, device: str) -> Attachment:
        """Begin an attachment. Raises Refused."""
        self._check_attach(volume, instance, device)
        if self._faults.strikes(WrongDevice, "AttachVolume", zones={volume.zone}):
            self._world.effect(
                Cause.BY_HAND, lambda: self._begin_attach(volume, instance, ANOTHER_DEVICE)
            )
            raise _in_use(volume)
        return self._begin_attach(volume, instance, device)

    def _begin_attach(self, volume: Volume, instance: Instance, device: str) -> Attachment:
        attachment = Attachment(
            volume_id=volume.id,
            instance_id=instance.id,
            device=device,
            state="attaching",
            since=self._world.now,
            delete_on_termination=False,
        )
        self._world.put_volume(replace(volume, state="in-use", attachment=attachment), "in-use")
        self._mirror(attachment)
        self._world.later(
            self._world.draw(self._world.durations.attaching_s), lambda: self._attached(attachment)
        )
        return attachment

    def detach(
        self, volume: Volume, instance_id: str | None, device: str | None, *, force: bool
    ) -> Attachment:
        """Begin to detach. Raises Refused."""
        attachment = volume.attachment
        if attachment is None:
            raise incorrect_state(f"Volume '{volume.id}' is in the 'available' state.")
        if instance_id not in (None, attachment.instance_id):
            raise Refused(
                "InvalidAttachment.NotFound",
                f"The volume '{volume.id}' is not attached to instance '{instance_id}'.",
            )
        if device not in (None, attachment.device):
            raise Refused(
                "InvalidAttachment.NotFound",
                f"The volume '{volume.id}' is not attached as '{device}'.",
            )
        if attachment.state == "detaching" and not force:
            raise incorrect_state(f"Volume '{volume.id}' is already detaching.")
        instance = self._world.instances.current.get(attachment.instance_id)
        is_root = instance is not None and device_is_root(instance, attachment)
        if instance is not None and is_root and instance.state != "stopped":
            raise Refused(
                "OperationNotPermitted",
                f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'",
            )
        return self._begin_detach(volume, attachment, force=force)

    def let_go(self, instance: Instance) -> None:
        """The guest is gone, or started anew: a detach that waited for it goes on."""
        for attachment in instance.attachments:
            if attachment.state == "busy":
                self._detaching(attachment)

    def release(self, instance: Instance) -> None:
        """The instance has ended: its volumes are deleted or become available."""
        for attachment in instance.attachments:
            volume = self._world.volumes.current.get(attachment.volume_id)
            if volume is None or volume.attachment is None:
                continue
            if volume.attachment.delete_on_termination:
                self.delete(volume)
            elif volume.attachment.state != "detaching":
                self._detaching(volume.attachment)

    def attached_at_launch(self, instance_id: str) -> None:
        """The instance runs: what it was launched with is attached."""
        for attachment in self._world.instances.current[instance_id].attachments:
            self._attached(attachment)

    def delete(self, volume: Volume) -> None:
        """Begin to delete a volume, attached or not."""
        self._drop_from_instance(volume)
        self._world.put_volume(replace(volume, state="deleting", attachment=None), "deleting")
        self._world.later(
            self._world.draw(self._world.durations.deleting_s),
            lambda: self._world.remove_volume(volume.id),
        )

    # What follows by itself.

    def _attached(self, asked: Attachment) -> None:
        current = self._still(asked, "attaching")
        if current is None:
            return
        volume = self._world.volumes.current[asked.volume_id]
        if self._held_by(AttachStuck, "lifecycle: attach", asked, volume.zone):
            self._world.later(LOOK_AGAIN, lambda: self._attached(asked))
            return
        self._move(current, "attached")
        self._show_in_checks(volume, asked.instance_id)

    def _begin_detach(self, volume: Volume, attachment: Attachment, *, force: bool) -> Attachment:
        instance = self._world.instances.current.get(attachment.instance_id)
        runs = instance is not None and instance.state in ("running", "stopping")
        busy = not force and runs and attachment.state == "attached"
        if busy and self._faults.strikes(DetachBusy, "lifecycle: detach", zones={volume.zone}):
            return self._move(attachment, "busy")
        if attachment.state == "busy" and not force and runs:
            return attachment
        return self._detaching(attachment)

    def _detaching(self, attachment: Attachment) -> Attachment:
        moved = self._move(attachment, "detaching")
        self._world.later(
            self._world.draw(self._world.durations.detaching_s), lambda: self._detached(moved)
        )
        return moved

    def _detached(self, asked: Attachment) -> None:
        if self._still(asked, "detaching") is None:
            return
        volume = self._world.volumes.current[asked.volume_id]
        if self._held_by(DetachStuck, "lifecycle: detach", asked, volume.zone):
            self._world.later(LOOK_AGAIN, lambda: self._detached(asked))
            return
        self._drop_from_instance(volume)
        written = replace(volume.data, written_until=written_until(self._world, volume))
        state = "error" if volume.io is Io.FAILED else "available"
        self._world.put_volume(replace(volume, state=state, attachment=None, data=written), state)
        self._show_in_checks(volume, asked.instance_id)

    def _show_in_checks(self, volume: Volume, instance_id: str) -> None:
        """A sick volume fails the check of whatever has it, and no other any more."""
        if volume.io is not Io.NORMAL:
            self._health.look_again(instance_id)

    # Rules.

    def _check_attach(self, volume: Volume, instance: Instance, device: str) -> None:
        if volume.zone != instance.zone:
            raise Refused(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
            )
        if instance.state not in ("running", "stopped"):
            raise Refused(
                "IncorrectState",
                f"Instance '{instance.id}' is not 'running' or 'stopped'; it is '{instance.state}'.",
            )
        if volume.attachment is not None:
            raise _in_use(volume)
        if volume.state != "available":
            raise incorrect_state(f"{volume.id} is not 'available'.")
        taken = any(item.device == device for item in instance.attachments)
        clash = self._faults.strikes(DeviceClash, "AttachVolume", zones={volume.zone})
        if taken or clash is not None:
            raise invalid(
                f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
            )
        if len(instance.attachments) >= self._world.layout.attachment_limit:
            raise Refused(
                "AttachmentLimitExceeded",
                f"Instance '{instance.id}' has as many volumes as its type allows.",
            )

    # Small steps.

    def _still(self, asked: Attachment, state: str) -> Attachment | None:
        """The attachment, if it is still the one that was asked for and in that state."""
        volume = self._world.volumes.current.get(asked.volume_id)
        current = volume.attachment if volume else None
        if current is None or current.since != asked.since or current.state != state:
            return None
        return current if current.instance_id == asked.instance_id else None

    def _held_by(
        self,
        kind: type[AttachStuck | DetachStuck],
        lifecycle: str,
        attachment: Attachment,
        zone: str,
    ) -> bool:
        """Whether the attachment is stuck, which is drawn once and lasts as long as the fault that was drawn."""
        key = (attachment.volume_id, attachment.since, attachment.state)
        if key not in self._drawn:
            self._drawn[key] = self._faults.strikes(kind, lifecycle, zones={zone})
        fault = self._drawn[key]
        return fault is not None and self._faults.is_on(fault)

    def _move(self, attachment: Attachment, state: str) -> Attachment:
        volume = self._world.volumes.current.get(attachment.volume_id)
        if volume is None:
            raise no_volume(attachment.volume_id)
        moved = replace(volume.attachment or attachment, state=state)
        self._world.put_volume(
            replace(volume, state="in-use", attachment=moved), f"attachment {state}"
        )
        self._mirror(moved)
        return moved

    def _mirror(self, attachment: Attachment) -> None:
        """The instance shows its attachments too."""
        instance = self._world.instances.current.get(attachment.instance_id)
        if instance is None or instance.state == "terminated":
            return
        others = [item for item in instance.attachments if item.volume_id != attachment.volume_id]
        self._world.put_instance(
            replace(instance, attachments=(*others, attachment)), f"shows {attachment.state}"
        )

    def _drop_from_instance(self, volume: Volume) -> None:
        instance = self._world.instances.current.get(
            volume.attachment.instance_id if volume.attachment else ""
        )
        if instance is None or instance.state == "terminated":
            return
        others = tuple(item for item in instance.attachments if item.volume_id != volume.id)
        self._world.put_instance(replace(instance, attachments=others), "shows detached")


def device_is_root(instance: Instance, attachment: Attachment) -> bool:
    """Whether the instance boots from it."""
    return attachment.device == instance.root_device


def written_until(world: World, volume: Volume) -> datetime | None:
    """Up to when the volume holds data: now, where an instance that runs can write to it."""
    attachment = volume.attachment
    if attachment is None or attachment.state not in ("attached", "busy", "detaching"):
        return volume.data.written_until
    instance = world.instances.current.get(attachment.instance_id)
    writes = instance is not None and instance.state in ("running", "stopping", "shutting-down")
    return world.now if writes and volume.io in (Io.NORMAL, Io.SLOW) else volume.data.written_until


def _in_use(volume: Volume) -> Refused:
    return Refused("VolumeInUse", f"{volume.id} is already attached to an instance", status=400)


def empty(lineage: str) -> Data:
    """What is on a new volume."""
    return Data(lineage=lineage, written_until=None)
