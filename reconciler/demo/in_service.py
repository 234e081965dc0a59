"""Who could serve at each moment of a story, followed from change to change."""

from __future__ import annotations

from collections.abc import Collection

from providers.simulated.changes import Change
from providers.simulated.records import Guest, Instance, Io, Volume

ROLE = "fleet-reconciler:role"
FLEET, SLOT = "fleet-reconciler:fleet", "fleet-reconciler:slot"
ANSWERING = (Io.NORMAL, Io.SLOW)


class InService:
    """In service is an occupant that runs and is well, in slots `with_data` one that has a data volume which answers.

    A replacement that was committed without it serves nothing yet, and a predecessor whose volume stuck nothing more.
    """

    def __init__(self, *, with_data: Collection[str]) -> None:
        self._with_data = with_data
        self._instances: dict[str, Instance] = {}
        self._silent: set[str] = set()

    def note(self, change: Change) -> set[str]:
        """One more change; the slots in which somebody else may serve from now on."""
        record = change.after or change.before
        if isinstance(record, Instance):
            self._instances[record.id] = record
            if change.after is None:
                del self._instances[record.id]
            return {slot} if (slot := slot_of(record)) else set()
        if isinstance(record, Volume):
            (self._silent.discard if record.io in ANSWERING else self._silent.add)(record.id)
            holder = (
                self._instances.get(record.attachment.instance_id) if record.attachment else None
            )
            return {slot} if holder and (slot := slot_of(holder)) else set()
        return set()

    def of(self, slot: str) -> list[str]:
        """The ids of those who could serve a slot now, sorted."""
        return sorted(
            item.id
            for item in self._instances.values()
            if slot_of(item) == slot and self._serves(item, needs_data=slot in self._with_data)
        )

    def _serves(self, instance: Instance, *, needs_data: bool) -> bool:
        able = instance.state == "running" and instance.guest is Guest.WELL
        if not able or instance.tags.get(ROLE) != "occupant":
            return False
        held = {
            item.volume_id for item in instance.attachments if item.device != instance.root_device
        }
        return bool(held - self._silent) or not needs_data


def slot_of(instance: Instance) -> str | None:
    """`fleet/slot` as its tags say; None of an instance of other people."""
    fleet, ordinal = instance.tags.get(FLEET), instance.tags.get(SLOT)
    return f"{fleet}/{ordinal}" if fleet and ordinal else None
