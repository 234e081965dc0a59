"""S8 for backups: the last good restore point stays, and snapshots are of what is well, one at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from providers.simulated.changes import Cause, Change
from providers.simulated.gate import Call
from providers.simulated.records import Guest, Instance, Io, Snapshot, Volume
from providers.simulated.world import Truth
from tests.simulation.oracles.ledger import (
    DECIDED_WITHIN,
    OLDEST_VIEW,
    TOUCHED_LATELY,
    Ledger,
    SentCall,
)
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import (
    CLAIM,
    DUE,
    FLEET,
    OPERATION,
    OWNER,
    QUARANTINE_UNTIL,
    SLOT,
    slot_of,
)

CHECKS_TELL_AFTER = timedelta(minutes=2)
"""The longest that a status check takes to show what is wrong (TRUSTED.md, durations)."""
EVIDENCE_TAKES = CHECKS_TELL_AFTER + OLDEST_VIEW + DECIDED_WITHIN
STATUS_TELLS_AFTER = timedelta(minutes=5)
"""The longest that a volume's status takes (likewise)."""
STATUS_READ_EVERY = timedelta(minutes=1)
VOLUMES_TELL_WITHIN = STATUS_TELLS_AFTER + STATUS_READ_EVERY + OLDEST_VIEW + DECIDED_WITHIN
LISTED_EVERY = timedelta(minutes=5)
"""The rhythm in which snapshots are looked at (design section 5)."""
LISTED_WITHIN = LISTED_EVERY + OLDEST_VIEW + DECIDED_WITHIN
STALLED = (Io.STALLED, Io.DISABLED, Io.FAILED)


class RestorePointsStay(Oracle):
    """S8. What we delete of snapshots we took ourselves; a completed one goes only while a newer completed one of the
    same claim's data is there, whatever their tags say; and none goes while its slot is unwell.

    All snapshots are of the standard tier here. What somebody else deleted a moment ago nobody can know.
    """

    rule = "S8"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._taken: set[str] = set()
        self._deleted_by_others: list[tuple[datetime, Snapshot]] = []
        self._passed_for_ours: dict[str, datetime] = {}
        """Until when somebody else's looked just like one of ours."""
        self._health = Health(ledger)

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "DeleteSnapshot":
            return
        snapshot = self.ledger.truth.snapshots.get(call.parameters["SnapshotId"])
        slot = self.ledger.slot_of(snapshot.volume_id) if snapshot else None
        if slot is not None and (why := self._health.unwell(slot, now)):
            yield f"{call.parameters['SnapshotId']} is to be deleted while {slot} is unwell: {why}"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        self._health.note(changes)
        for change in changes:
            gone, made = change.before, change.after
            if change.what.startswith("copy"):
                continue  # Another region's: see `copies`.
            if gone is None and isinstance(made, Snapshot) and change.cause is Cause.CALL:
                self._taken.add(made.id)
            if isinstance(gone, Snapshot) and self._is_perfect_copy(gone):
                self._passed_for_ours[gone.id] = change.at
            if not isinstance(gone, Snapshot) or made is not None:
                continue
            if change.cause is Cause.BY_HAND:
                self._deleted_by_others.append((change.at, gone))
            else:
                yield from self._deleted(gone, now)

    def _deleted(self, gone: Snapshot, now: datetime) -> Iterable[str]:
        # A list may be as old as its rhythm, and show every snapshot as it was before that.
        taken_for_ours = now - self._passed_for_ours.get(gone.id, now - 2 * LISTED_WITHIN)
        if gone.id not in self._taken and taken_for_ours > LISTED_WITHIN:
            yield f"{gone.id}, which others made, was deleted"
            return
        if gone.state != "completed":
            if gone.state != "error":
                yield f"{gone.id} was deleted while it was {gone.state}"
            return
        lately = [item for at, item in self._deleted_by_others if now - at <= TOUCHED_LATELY]
        newer = [
            item.id
            for item in (*self.ledger.truth.snapshots.values(), *lately)
            if item.state == "completed"
            and item.started_at > gone.started_at
            and self._data_of(item) == self._data_of(gone)
        ]
        if not newer:
            yield f"{gone.id}, the last good one of {self._data_of(gone)}, was deleted"

    def _is_perfect_copy(self, snapshot: Snapshot) -> bool:
        """Somebody took it of the very volume, and gave it every tag of one of ours: no look can tell the two apart."""
        volume = self.ledger.truth.volumes.get(snapshot.volume_id)
        if volume is None or DUE not in snapshot.tags or CLAIM not in volume.tags:
            return False
        names = (OWNER, FLEET, SLOT, CLAIM)
        return all(snapshot.tags.get(name) == volume.tags.get(name) for name in names)

    def _data_of(self, snapshot: Snapshot) -> str:
        """The slot that its volume was made for, and the volume's claim; else what the data began with."""
        volume = self.ledger.truth.volumes.get(snapshot.volume_id)
        slot = self.ledger.born.get(snapshot.volume_id, (None, 0))[0]
        if volume is None or slot is None:
            return snapshot.data.lineage
        return f"{slot} {volume.tags.get(CLAIM, snapshot.volume_id)}"


class RestoredFromItsOwn(Oracle):
    """S7 for restores. A volume is filled only from a completed snapshot of data that the slot itself wrote, whatever
    the snapshot's tags say; root volumes hold none. What belongs together is filled from snapshots of one moment, or
    of volumes that nobody wrote to between their moments.
    """

    rule = "S7"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._roots: set[str] = set()

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            made = change.after
            held = made.attachment if isinstance(made, Volume) else None
            if held is not None and held.delete_on_termination:
                self._roots.add(change.resource_id)
        return ()

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "RunInstances":
            return
        slot = slot_of(tags_asked_for(call))
        together: list[Snapshot] = []
        for mapping in call.parameters.get("BlockDeviceMappings", ()):
            identifier = mapping["Ebs"].get("SnapshotId")
            snapshot = self.ledger.truth.snapshots.get(identifier or "")
            if identifier is None or snapshot is None:
                continue  # EC2 refuses what is not there.
            together.append(snapshot)
            lineage = snapshot.data.lineage
            written_in = self.ledger.born.get(lineage, (None, 0))[0]
            if slot is None or written_in != slot or lineage in self._roots:
                yield f"{slot} is to be restored from {identifier}, of {lineage} of {written_in}"
            if snapshot.state != "completed":
                yield f"{slot} is to be restored from {identifier}, which is {snapshot.state}"
        if not _are_of_one_moment(together):
            ids = ", ".join(item.id for item in together)
            yield f"{slot} is to be restored from {ids}, between which it was written to"


def _are_of_one_moment(snapshots: Sequence[Snapshot]) -> bool:
    """Whether nothing was written to any of their volumes once the first was taken."""
    taken = [item.started_at for item in snapshots]
    written = [item.data.written_until for item in snapshots if item.data.written_until]
    return not taken or not written or max(written) <= min(taken)


class OnlyOfTheWell(Oracle):
    """S8. No snapshot is asked for of a volume that has been stalled, or of a slot whose holder has been unwell, for
    longer than the evidence of it takes. How the holder is does not matter to a volume that nothing can write to, and
    nothing does to one that was kept until a date: its last snapshot is better than none.
    """

    rule = "S8"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._health = Health(ledger)

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        for identifier in volumes_asked_of(call, self.ledger.truth):
            slot = self.ledger.slot_of(identifier)
            if slot is None:
                continue
            if self._is_kept(identifier):
                continue
            if why := self._unwell(identifier, now):
                yield f"a snapshot of {identifier} is asked for while {slot} is unwell: {why}"

    def _is_kept(self, volume_id: str) -> bool:
        volume = self.ledger.truth.volumes.get(volume_id)
        return volume is not None and not volume.attachment and QUARANTINE_UNTIL in volume.tags

    def _unwell(self, volume_id: str, now: datetime) -> str | None:
        writer = _writer(self.ledger, volume_id)
        if writer is None:
            return self._health.stalled(volume_id, now)
        return self._health.unwell_on(writer, now)

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        self._health.note(changes)
        return ()


class OneAtATime(Oracle):
    """S8. Of a volume at most one snapshot of ours is pending, once a list can have shown it; a last one, of what
    nobody writes any more, waits for no older one, whose point in time is another. One operation is carried out for
    two of our calls at most, since an unanswered one may double once.

    Where lists seem whole and are not (F16), a pending one may be missing from them for as long as that lasts.
    """

    rule = "S8"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._taken: set[str] = set()
        self._calls: defaultdict[str, set[int]] = defaultdict(set)
        """Numbers of the calls that were carried out, by operation. What arrives twice is one call."""

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        unlisted = self.ledger.snapshots_unlisted_until
        if unlisted is not None and now - unlisted <= LISTED_WITHIN:
            return
        for identifier in volumes_asked_of(call, self.ledger.truth):
            pending = [
                item.id
                for item in self.ledger.truth.snapshots.values()
                if item.volume_id == identifier
                and item.state == "pending"
                and item.id in self._taken
                and now - item.started_at > LISTED_WITHIN
            ]
            most = 0 if _writer(self.ledger, identifier) else 1
            if len(pending) > most:
                ids = ", ".join(pending)
                yield f"another snapshot of {identifier} is asked for while {ids} is pending"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            made = change.after
            if not isinstance(made, Snapshot) or change.before is not None:
                continue
            if change.cause is not Cause.CALL:
                continue
            self._taken.add(made.id)
            operation = made.tags.get(OPERATION)
            if operation is None:
                continue
            number = next(
                item.number
                for item in reversed(self.ledger.calls)
                if operation_of(item) == operation
            )
            self._calls[operation].add(number)
            if len(self._calls[operation]) > MOST_CARRIED_OUT:
                yield f"{made.id} of {made.volume_id} was made once more for {operation[:12]}"


def _writer(ledger: Ledger, volume_id: str) -> Instance | None:
    """The instance that a volume is on; None where that is stopped or gone."""
    volume = ledger.truth.volumes.get(volume_id)
    held = volume.attachment if volume else None
    holder = ledger.truth.instances.get(held.instance_id) if held else None
    return None if holder is None or holder.state in ("stopped", "terminated") else holder


MOST_CARRIED_OUT = 2


class Health:
    """Since when volumes are stalled and instances unwell in a way that their fleet's evidence can show.

    A volume that somebody has just put on an instance says nothing about it yet.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stalled_since: dict[str, datetime] = {}
        self._unwell_since: dict[str, datetime] = {}

    def note(self, changes: Sequence[Change]) -> None:
        """What just became so."""
        for change in changes:
            record = change.after
            if isinstance(record, Volume):
                _keep(self._stalled_since, record.id, change.at, holds=record.io in STALLED)
            elif isinstance(record, Instance):
                _keep(self._unwell_since, record.id, change.at, holds=self._shows(record))

    def unwell(self, slot: str, now: datetime) -> str | None:
        """Why nobody can still take the holder of a slot for healthy; None when it may be taken for it."""
        holder = self._ledger.occupant(slot)
        return self.unwell_on(holder, now) if holder else None

    def unwell_on(self, holder: Instance, now: datetime) -> str | None:
        """The same of one instance."""
        since = self._unwell_since.get(holder.id, now)
        if now - since > EVIDENCE_TAKES:
            return f"{holder.id} is {holder.state} and {holder.guest} since {since:%H:%M:%S}"
        whys = (
            self.stalled(attached.volume_id, now)
            for attached in holder.attachments
            if not self._ledger.touched_lately(attached.volume_id, now)
        )
        return next((why for why in whys if why), None)

    def stalled(self, volume_id: str, now: datetime) -> str | None:
        """Why nobody can still take a volume for well."""
        since = self._stalled_since.get(volume_id, now)
        if now - since > VOLUMES_TELL_WITHIN:
            return f"{volume_id} is stalled since {since:%H:%M:%S}"
        return None

    def _shows(self, instance: Instance) -> bool:
        """EC2 never sees that an application is dead, and nobody does who does not ask it."""
        slot = self._ledger.born.get(instance.id, (None, 0))[0]
        fleet = self._ledger.declared.get(slot.rpartition("/")[0]) if slot else None
        seen = {Guest.HUNG, Guest.UNREACHABLE}
        if fleet is not None and fleet.probed:
            seen.add(Guest.DEAD)
        return instance.state != "running" or instance.guest in seen


def operation_of(call: SentCall) -> str | None:
    """The operation tag of the snapshots that a call asks for."""
    if not call.operation.startswith(("CreateSnapshot", "CopySnapshot")):
        return None
    return tags_asked_for(call).get(OPERATION)


def tags_asked_for(call: SentCall) -> dict[str, str]:
    """The tags of what a call is to make."""
    specified = call.parameters.get("TagSpecifications", ())
    return {tag["Key"]: tag["Value"] for item in specified for tag in item["Tags"]}


def volumes_asked_of(call: SentCall | Call, truth: Truth) -> tuple[str, ...]:
    """The volumes that a call asks snapshots of: one, or those of an instance that it does not leave out."""
    if call.operation == "CreateSnapshot":
        return (call.parameters["VolumeId"],)
    if call.operation != "CreateSnapshots":
        return ()
    asked = call.parameters["InstanceSpecification"]
    instance = truth.instances.get(asked["InstanceId"])
    if instance is None:
        return ()
    left_out = asked.get("ExcludeDataVolumeIds", ())
    return tuple(
        item.volume_id
        for item in instance.attachments
        if item.volume_id not in left_out and item.device != instance.root_device
    )


def _keep(since: dict[str, datetime], key: str, at: datetime, *, holds: bool) -> None:
    if holds:
        since.setdefault(key, at)
    else:
        since.pop(key, None)
