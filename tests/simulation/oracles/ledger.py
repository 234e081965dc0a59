"""What happened so far, kept for the oracles: every call, who touched what by hand, and who was in trouble until when.

Nothing of it comes from the product's own deciding: calls are those that reached the simulated cloud, the journal is
read from its file with SQL, and the rest is ground truth.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from providers.simulated.archives import Archived
from providers.simulated.changes import Cause, Change
from providers.simulated.gate import Call
from providers.simulated.records import Guest, Instance, Io, Snapshot, Volume
from providers.simulated.world import Truth
from tests.simulation.oracles.tags import INCARNATION, OWNER, ROLE, incarnation_of, slot_of

OLDEST_VIEW = timedelta(minutes=5)
DECIDED_WITHIN = timedelta(minutes=2)
"""From the look that a call rests on to the call: a plan expires after a minute, and calls take time."""
TOUCHED_LATELY = OLDEST_VIEW + DECIDED_WITHIN
"""Nobody can know of what others did in this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFleet:
    """What the oracles need of a declaration."""

    replicas: int
    stateful: bool
    devices: tuple[str, ...]
    probed: bool
    """Whether anybody asks the application itself."""
    launches_per_hour: int
    launches_per_day: int
    max_loss: timedelta
    """That a restore may lose without a person's word; nothing where there are no backups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """A call as it reached the cloud."""

    number: int
    at: datetime
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalIntent:
    """A row of the journal, as its file has it."""

    operation_id: str
    state: str
    epoch: int
    kind: str
    request: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Shared by all oracles of one run."""

    owner: str
    truth: Truth
    store: Path
    archives: Mapping[str, Archived] = field(default_factory=dict)
    """The truth of every archive, by its path."""
    declared: dict[str, DeclaredFleet] = field(default_factory=dict)
    declared_at: datetime | None = None
    """When the declaration changed last."""
    calls: list[SentCall] = field(default_factory=list)
    reads_of: dict[str, datetime] = field(default_factory=dict)
    """When each id was last read by name."""
    touched_by_hand: dict[str, datetime] = field(default_factory=dict)
    """By the id of a resource, and by the name of its slot."""
    born: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Slot and incarnation of each instance of ours, as launched."""
    born_at: dict[str, datetime] = field(default_factory=dict)
    ours_until: dict[str, datetime | None] = field(default_factory=dict)
    """When our owner tag was taken off a resource; None while it is there."""
    in_trouble_until: dict[str, datetime] = field(default_factory=dict)
    zones_in_trouble_until: dict[str, datetime] = field(default_factory=dict)
    snapshots_unlisted_until: datetime | None = None
    """When a list of snapshots last may have lacked some although it seemed whole."""
    archives_unread_until: datetime | None = None
    """When most reads of archives last failed: a restore does not wait for them without end."""
    store_lost_at: datetime | None = None
    may_stand_in: set[str] = field(default_factory=set)
    """Slots for which a person let empty volumes take the place of data."""
    may_lose: dict[str, timedelta] = field(default_factory=dict)
    """By slot, what a restore may lose by a person's word."""

    def note_call(self, call: Call, now: datetime) -> SentCall:
        """One more call, about to be carried out."""
        sent = SentCall(
            number=call.number, at=now, operation=call.operation, parameters=call.parameters
        )
        if call.mutating:
            self.calls.append(sent)
        for name in ("InstanceIds", "VolumeIds", "SnapshotIds"):
            for identifier in call.parameters.get(name, ()) if not call.mutating else ():
                self.reads_of[identifier] = now
        return sent

    def note_changes(self, changes: Sequence[Change]) -> None:
        """What just became so."""
        for change in changes:
            record = change.after or change.before
            if isinstance(record, Snapshot):
                self._note_ownership(change, record)
            if not isinstance(record, (Instance, Volume)):
                continue
            self._note_birth(change, record)
            self._note_ownership(change, record)
            if change.cause is Cause.BY_HAND:
                self._note_hand(change, record)
            instances = [item for item in (record, change.before) if isinstance(item, Instance)]
            if any(not is_well(item, self.truth) for item in instances):
                self.in_trouble_until[record.id] = change.at
            self._note_volume_trouble(change)

    def _note_birth(self, change: Change, record: Instance | Volume) -> None:
        slot = slot_of(record.tags)
        if change.before is None and slot and record.tags.get(OWNER) == self.owner:
            self.born[record.id] = (slot, incarnation_of(record.tags))
            self.born_at[record.id] = change.at

    def _note_ownership(self, change: Change, record: Instance | Volume | Snapshot) -> None:
        if record.tags.get(OWNER) == self.owner:
            self.ours_until[record.id] = None
        elif record.id in self.ours_until and self.ours_until[record.id] is None:
            self.ours_until[record.id] = change.at

    def _note_hand(self, change: Change, record: Instance | Volume) -> None:
        self.touched_by_hand[record.id] = change.at
        if record.id in self.born:
            self.touched_by_hand[self.born[record.id][0]] = change.at

    def _note_volume_trouble(self, change: Change) -> None:
        """An instance whose volume is not well, or not there, is not well either."""
        for record in (change.before, change.after):
            if not isinstance(record, Volume) or record.attachment is None:
                continue
            if record.io is not Io.NORMAL or record.attachment.state != "attached":
                self.in_trouble_until[record.attachment.instance_id] = change.at

    # Questions.

    def touched_lately(self, key: str, now: datetime) -> bool:
        """Whether somebody else did something to that resource or slot, too late for anybody to know."""
        at = self.touched_by_hand.get(key)
        return at is not None and now - at <= TOUCHED_LATELY

    def remembers(self, since: datetime) -> bool:
        """Whether the controller's memory goes back to that instant."""
        return self.store_lost_at is None or since > self.store_lost_at

    def wanted(self, slot: str) -> bool:
        """Whether that slot is declared."""
        fleet, _, ordinal = slot.rpartition("/")
        known = self.declared.get(fleet)
        return known is not None and int(ordinal) < known.replicas

    def living(self, slot: str) -> list[Instance]:
        """The living instances of ours in that slot by their tags, lowest incarnation first."""
        here = [
            item
            for item in self.truth.instances.values()
            if item.alive and item.tags.get(OWNER) == self.owner and slot_of(item.tags) == slot
        ]
        return sorted(here, key=lambda item: (incarnation_of(item.tags), item.id))

    def occupant(self, slot: str) -> Instance | None:
        """The living instance that holds the slot: the newest with that role."""
        holding = [item for item in self.living(slot) if item.tags.get(ROLE) == "occupant"]
        return holding[-1] if holding else None

    def well_for(self, instance: Instance, now: datetime) -> timedelta:
        """How long an instance has been well in every respect."""
        if not is_well(instance, self.truth) or instance.running_since is None:
            return timedelta()
        since = max(
            instance.running_since,
            self.in_trouble_until.get(instance.id, instance.running_since),
            self.zones_in_trouble_until.get(instance.zone, instance.running_since),
        )
        return now - since

    def slot_of(self, identifier: str) -> str | None:
        """The slot of an instance or volume: by its tags, else as it was born."""
        record = self.truth.instances.get(identifier) or self.truth.volumes.get(identifier)
        slot = slot_of(record.tags) if record is not None and INCARNATION in record.tags else None
        return slot or self.born.get(identifier, (None, 0))[0]

    # The journal.

    def intents(self) -> dict[str, JournalIntent]:
        """Every intent on disk now, by operation id."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT operation_id, state, epoch, kind, action FROM intents"
            ).fetchall()
        connection.close()
        return {
            row[0]: JournalIntent(
                operation_id=row[0],
                state=row[1],
                epoch=row[2],
                kind=row[3],
                request=json.loads(row[4])["request"],
            )
            for row in rows
        }

    def epoch(self) -> int:
        """The epoch of the lease that is on disk now."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as connection:
            (found,) = connection.execute("SELECT max(epoch) FROM leases").fetchone()
        connection.close()
        return int(found or 0)


def is_well(instance: Instance, truth: Truth) -> bool:
    """Whether it runs, and so does what is on it, and its volumes answer."""
    if instance.state != "running" or instance.guest is not Guest.WELL:
        return False
    volumes = (truth.volumes.get(item.volume_id) for item in instance.attachments)
    return all(volume is not None and volume.io is Io.NORMAL for volume in volumes)
