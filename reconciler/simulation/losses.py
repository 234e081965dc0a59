"""What the controller destroyed and what it lost, by the truth: deeds of its own calls alone, not of people or faults.

healthy      the only instance that served its slot was stopped, rebooted or ended
only copy    a volume that served: what was written to it is in no snapshot that is as young, and in no archive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.simulated.attachments import device_is_root
from providers.simulated.changes import Cause, Change
from providers.simulated.cloud import SimulatedCloud
from providers.simulated.gate import Call
from providers.simulated.records import Instance, Snapshot, Volume
from reconciler.planning.identity import slot_of
from reconciler.simulation.service import Service

ARCHIVED_LATE = timedelta(minutes=2)
"""A segment a minute: an archive that ends that long before a volume's last write holds all that it can."""
TAKEN_OUT = ("instance stopping", "instance shutting-down", "instance rebooted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """Something that should not have been."""

    at: datetime
    resource_id: str
    slot: str
    why: str


class Destruction:
    """Listens to the world. `service` has to be told of a change before this is."""

    def __init__(self, cloud: SimulatedCloud, service: Service) -> None:
        self.found: list[Destroyed] = []
        self._cloud = cloud
        self._service = service
        self._was_down: frozenset[str] = frozenset()
        self._served: dict[str, tuple[str, str]] = {}
        """By volume id: the slot that it served, and the instance that it was on."""
        for instance in cloud.truth.instances.values():
            self._note_served(instance)
        cloud.gate.before_effect.append(self._remember)
        cloud.world.on_change.append(self._hear)

    def _remember(self, call: Call) -> None:
        """Who was down before the call that comes now."""
        if call.mutating and self._service.down.keys() != self._was_down:
            self._was_down = frozenset(self._service.down)

    def _hear(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change.after, Instance):
                self._note_served(change.after)
            if change.cause is Cause.CALL and change.what in TAKEN_OUT:
                self._taken_out(change)
            elif change.after is None and change.cause is not Cause.BY_HAND:
                self._deleted(change)

    def _note_served(self, instance: Instance | None) -> None:
        """A copy that never took over was no data of its slot."""
        slot = slot_of(instance.tags) if instance else None
        if instance is None or slot is None or not self._cloud.prober.serves(instance):
            return
        for item in instance.attachments:
            if not device_is_root(instance, item):
                self._served[item.volume_id] = str(slot), instance.id

    def _taken_out(self, change: Change) -> None:
        instance = change.before
        slot = str(slot_of(change.tags))
        if not isinstance(instance, Instance) or slot not in self._service.tiers:
            return
        if slot not in self._was_down and not self._service.is_up(slot):
            why = f"it served, nothing else did, and it is {change.what.removeprefix('instance ')}"
            self._found(change, slot, why)

    def _deleted(self, change: Change) -> None:
        gone = change.before
        if isinstance(gone, Volume) and gone.id in self._served:
            slot, holder = self._served.pop(gone.id)
            until = gone.data.written_until
            if until is not None and not self._is_elsewhere(gone, until, holder):
                self._found(
                    change, slot, f"what was written to it up to {until:%H:%M:%S} is nowhere"
                )
        if isinstance(gone, Snapshot) and gone.state == "completed":
            self._deleted_snapshot(change, gone)

    def _is_elsewhere(self, gone: Volume, until: datetime, holder: str) -> bool:
        """In a snapshot with all that was on it, or in the archive that its instance wrote."""
        truth = self._cloud.truth
        snapshots = (
            item.data.written_until
            for item in truth.snapshots.values()
            if item.volume_id == gone.id and item.state == "completed"
        )
        if any(at is not None and at >= until for at in snapshots):
            return True
        return any(
            holder in archived.writers
            and archived.last_at is not None
            and archived.last_at >= until - ARCHIVED_LATE
            for archived in self._cloud.archiving.truth.values()
        )

    def _deleted_snapshot(self, change: Change, gone: Snapshot) -> None:
        """A restore point may go only while its data is well on a volume, or a younger one is there."""
        truth = self._cloud.truth
        younger = any(
            item.data.lineage == gone.data.lineage and item.started_at > gone.started_at
            for item in truth.snapshots.values()
            if item.state == "completed"
        )
        slot = slot_of(gone.tags)
        if not younger and slot is not None and not self._service.is_up(str(slot)):
            self._found(change, str(slot), "the newest restore point of a slot that is down")

    def _found(self, change: Change, slot: str, why: str) -> None:
        self.found.append(
            Destroyed(at=change.at, resource_id=change.resource_id, slot=slot, why=why)
        )
