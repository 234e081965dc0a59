"""S7 for what a restore loses: never more than was declared, or than a person took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from providers.simulated.changes import Change
from providers.simulated.records import Instance, Snapshot, Volume
from tests.simulation.oracles.backups import VOLUMES_TELL_WITHIN
from tests.simulation.oracles.ledger import DECIDED_WITHIN, Ledger, is_well
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import RESTORE_FROM

MINUTE = timedelta(minutes=1)


class LossesAsDeclared(Oracle):
    """S7. Where a slot comes to serve with data that was restored, that is at most its `maxLoss` older than the last
    moment at which it served before, by the truth of what was written; older only by a person's word.

    That something served for a few minutes in between nobody need have seen.
    """

    rule = "S7"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._serving: dict[str, tuple[str, datetime]] = {}
        """By slot, the instance that serves it, and since when."""
        self._served_until: dict[str, datetime] = {}
        self._have_served: set[str] = set()
        """Volumes: data that moves on with them loses nothing."""
        self._written_until: dict[str, datetime] = {}
        """By snapshot, also those that are gone by now."""

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            if isinstance(taken := change.after, Snapshot):
                self._written_until[taken.id] = taken.data.written_until or taken.started_at
        for slot in {self._slot_of(change) for change in changes}:
            if slot is None:
                continue
            holder = self._serves(slot)
            before, since = self._serving.get(slot, (None, now))
            if before is not None and (holder is None or holder.id != before):
                self._ends(slot, since, now)
            if holder is not None and holder.id != before:
                yield from self._begins(slot, holder, now)

    def _ends(self, slot: str, since: datetime, now: datetime) -> None:
        del self._serving[slot]
        if slot not in self._served_until or now - since > VOLUMES_TELL_WITHIN:
            self._served_until[slot] = now

    def _begins(self, slot: str, holder: Instance, now: datetime) -> Iterable[str]:
        self._serving[slot] = holder.id, now
        served_until = self._served_until.get(slot, now)
        declared = self.ledger.declared[slot.rpartition("/")[0]].max_loss
        allowed = max(declared, self.ledger.may_lose.get(slot, declared))
        for source, until in self._sources(slot, holder):
            lost = served_until - until
            if lost > allowed + DECIDED_WITHIN:
                figures = f"{lost / MINUTE:.0f} min, {allowed / MINUTE:.0f} are allowed"
                yield f"{slot} serves from {source} on {holder.id}, which loses {figures}"
        self._have_served.update(item.volume_id for item in holder.attachments)

    def _sources(self, slot: str, holder: Instance) -> Iterable[tuple[str, datetime]]:
        """What its data was made from, where that never served itself, and up to when that was written.

        An archive goes on where the snapshot ends that it is replayed onto.
        """
        new = [item for item in holder.attachments if item.volume_id not in self._have_served]
        parent = holder.tags.get(RESTORE_FROM)
        archived = self.ledger.archives.get(f"{slot}/{parent}")
        if new and archived is not None and archived.last_at is not None:
            yield f"the archive of incarnation {parent}", archived.last_at
            return
        for item in new:
            volume = self.ledger.truth.volumes.get(item.volume_id)
            source = volume.snapshot_id if volume else None
            if source in self._written_until and item.device != holder.root_device:
                yield source, self._written_until[source]

    def _slot_of(self, change: Change) -> str | None:
        record = change.after or change.before
        if isinstance(record, Volume):
            held = record.attachment
            return self.ledger.slot_of(held.instance_id) if held else None
        return self.ledger.slot_of(record.id) if isinstance(record, Instance) else None

    def _serves(self, slot: str) -> Instance | None:
        """The occupant, where it runs and has all its data in reach."""
        holder = self.ledger.occupant(slot)
        if holder is None or not is_well(holder, self.ledger.truth):
            return None
        attached = {item.device for item in holder.attachments if item.state == "attached"}
        devices = self.ledger.declared[slot.rpartition("/")[0]].devices
        return holder if attached.issuperset(devices) else None
