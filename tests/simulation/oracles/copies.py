"""S7 and S8 for copies in another region: they are whose they are said to be, and the newest good one stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from providers.simulated.changes import Cause, Change
from providers.simulated.records import Snapshot
from tests.simulation.oracles.backups import LISTED_WITHIN, tags_asked_for
from tests.simulation.oracles.ledger import Ledger, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import CLAIM, COPIED_FROM, slot_of

OLDEST = datetime.min.replace(tzinfo=UTC)


class CopiedForItself(Oracle):
    """S7. A copy is asked for under the slot whose data its source holds, whatever the tags of that source say."""

    rule = "S7"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "CopySnapshot":
            return
        source = self.ledger.truth.snapshots.get(call.parameters["SourceSnapshotId"])
        if source is None:
            return  # EC2 refuses what is not there.
        written_in = self.ledger.born.get(source.data.lineage, (None, 0))[0]
        said = slot_of(tags_asked_for(call))
        if said is None or said != written_in:
            yield f"{source.id}, which holds data of {written_in}, is to be copied as that of {said}"
        if tags_asked_for(call).get(COPIED_FROM) != source.id:
            yield f"{source.id} is to be copied as another snapshot"


class OneCopyAtATime(Oracle):
    """S8. Of a claim at most one copy is pending, once a list can have shown it."""

    rule = "S8"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        unlisted = self.ledger.snapshots_unlisted_until
        if call.operation != "CopySnapshot" or (unlisted and now - unlisted <= LISTED_WITHIN):
            return
        asked = _claim_of(tags_asked_for(call))
        for item in self._all():
            shown = now - item.started_at > LISTED_WITHIN
            if item.state == "pending" and shown and _claim_of(item.tags) == asked:
                yield f"another copy for {asked} is asked for while {item.id} is pending"

    def _all(self) -> Iterable[Snapshot]:
        for copies in self.ledger.truth.elsewhere.values():
            yield from copies.values()


class CopiesStay(Oracle):
    """S8. What we delete of copies we made; a completed one goes only while one of the same slot's data is there that
    holds as much. What was replayed from an archive began anew, and holds what came before.
    """

    rule = "S8"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._made: set[str] = set()

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            if not change.what.startswith("copy") or change.cause is Cause.BY_HAND:
                continue
            if change.before is None:
                self._made.add(change.resource_id)
            if change.after is None and isinstance(change.before, Snapshot):
                yield from self._deleted(change.before)

    def _deleted(self, gone: Snapshot) -> Iterable[str]:
        if gone.id not in self._made:
            yield f"{gone.id}, a copy that others made, was deleted"
        if gone.state == "pending":
            yield f"{gone.id} was deleted while it was pending"
        if gone.state == "completed" and not self._held_by_another(gone):
            yield f"{gone.id}, the newest good copy of {self._written_in(gone)}, was deleted"

    def _held_by_another(self, gone: Snapshot) -> bool:
        return any(
            item.state == "completed"
            and self._written_in(item) == self._written_in(gone)
            and _written(item) >= _written(gone)
            for copies in self.ledger.truth.elsewhere.values()
            for item in copies.values()
        )

    def _written_in(self, copy: Snapshot) -> str:
        """The slot for which the data's volume was made; else what the data began with."""
        lineage = copy.data.lineage
        return self.ledger.born.get(lineage, (lineage, 0))[0]


def _written(snapshot: Snapshot) -> datetime:
    return snapshot.data.written_until or OLDEST


def _claim_of(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    return slot_of(tags), tags.get(CLAIM)
