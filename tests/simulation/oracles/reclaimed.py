"""S8 for volumes that are deleted: nobody needs what was on them, by the truth and not by their tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from providers.simulated.changes import Change
from providers.simulated.records import Instance, Volume
from tests.simulation.oracles.ledger import Ledger, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import RESTORE_FROM, ROLE


class HeldElsewhere(Oracle):
    """S8. Of volumes we delete those that are on nothing, and were never on an instance that held its slot but made of
    a snapshot, or for an archive to be replayed onto them; or of which a completed snapshot has all that was ever
    written, while each volume of the slot's holder has a snapshot from after that came to hold it. What somebody did to
    a volume a moment ago nobody can know.
    """

    rule = "S8"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._served: set[str] = set()
        self._replayed_onto: set[str] = set()
        self._held_since: dict[str, datetime] = {}
        """By instance: when it came to hold its slot."""

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "DeleteVolume":
            return
        volume = self.ledger.truth.volumes.get(call.parameters["VolumeId"])
        if volume is None or self.ledger.touched_lately(volume.id, now):
            return
        if volume.attachment is not None:
            yield f"{volume.id} is to be deleted while it is on {volume.attachment.instance_id}"
        if volume.id in self._served:
            yield from self._missed(volume)
        elif volume.snapshot_id is None and volume.id not in self._replayed_onto:
            yield f"{volume.id}, which was made of no snapshot and no archive, is to be deleted"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            record = change.after
            if isinstance(record, Instance) and RESTORE_FROM in record.tags:
                self._replayed_onto.update(item.volume_id for item in record.attachments)
            if isinstance(record, Instance) and record.tags.get(ROLE) == "occupant":
                self._held_since.setdefault(record.id, change.at)
                self._served.update(item.volume_id for item in record.attachments)
            elif isinstance(record, Volume) and self._is_on_a_holder(record):
                self._served.add(record.id)
        return ()

    def _is_on_a_holder(self, volume: Volume) -> bool:
        held = volume.attachment
        return held is not None and held.instance_id in self._held_since

    def _missed(self, volume: Volume) -> Iterable[str]:
        snapshots = [
            item for item in self.ledger.truth.snapshots.values() if item.state == "completed"
        ]
        if not any(item.volume_id == volume.id and item.data == volume.data for item in snapshots):
            yield f"{volume.id} is to be deleted, and no snapshot has all that is on it"
        slot = self.ledger.slot_of(volume.id)
        holder = self.ledger.occupant(slot) if slot else None
        if slot is None or holder is None:
            yield f"{volume.id} is to be deleted while nobody holds {slot}"
            return
        since = self._held_since.get(holder.id)
        devices = self.ledger.declared[slot.rpartition("/")[0]].devices
        for held in holder.attachments:
            if held.device not in devices:
                continue
            own = [item.started_at for item in snapshots if item.volume_id == held.volume_id]
            if since is None or max(own, default=since) <= since:
                yield f"{volume.id} is to be deleted, and {held.volume_id} has no restore point yet"
