"""S8, S9 and S10 as far as the brakes reach that exist: nothing that serves is taken down, and never many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from providers.simulated.changes import Cause, Change
from providers.simulated.records import Instance
from tests.simulation.oracles.freshness import targets_of
from tests.simulation.oracles.ledger import DECIDED_WITHIN, Ledger, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import OWNER

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_WELL = timedelta(minutes=30)
"""Whoever was well for so long is well to every eye: checks lag two minutes, views five, recovery has to last."""
TAKES_DOWN = frozenset({"TerminateInstances", "StopInstances", "RebootInstances"})
MOST_AN_HOUR, SHARE_AN_HOUR = 5, 0.1


class NeverTheLast(Oracle):
    """S8 for instances. The instance that holds a declared slot is never terminated: its successor commits first."""

    rule = "S8"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "TerminateInstances":
            return
        for identifier in targets_of(call):
            slot = self.ledger.slot_of(identifier)
            holder = self.ledger.occupant(slot) if slot else None
            if slot is None or holder is None or holder.id != identifier:
                continue
            if self.ledger.wanted(slot) and not self.ledger.touched_lately(slot, now):
                yield f"{identifier} is to be terminated while it holds {slot}"


class NotWhatServes(Oracle):
    """S10 for one slot. The holder of a declared slot that has been well for long is not stopped, rebooted or ended:
    there is nothing that could speak against it.
    """

    rule = "S10"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation not in TAKES_DOWN:
            return
        for identifier in targets_of(call):
            slot = self.ledger.slot_of(identifier)
            holder = self.ledger.occupant(slot) if slot else None
            if slot is None or holder is None or holder.id != identifier:
                continue
            if not self.ledger.wanted(slot) or self.ledger.touched_lately(slot, now):
                continue
            if (well := self.ledger.well_for(holder, now)) > LONG_WELL:
                yield f"{call.operation} on {identifier}, which holds {slot} and was well for {well}"


class NotTooMany(Oracle):
    """S9, present limits. Within an hour at most max(5, 10 %) of the living are taken down that hold a declared slot;
    and no slot gets more launches in an hour or a day than its fleet declares. Memory that was lost counts anew. What
    died at its launch by EC2's doing does not count: that is the zone's, whose breaker holds the next one.
    """

    rule = "S9"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._downed: dict[str, datetime] = {}
        self._launched: defaultdict[str, dict[str, datetime]] = defaultdict(dict)

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation not in ("TerminateInstances", "StopInstances"):
            return
        for identifier in targets_of(call):
            slot = self.ledger.slot_of(identifier)
            holder = self.ledger.occupant(slot) if slot else None
            if slot and holder and holder.id == identifier and self.ledger.wanted(slot):
                self._downed[identifier] = now
        recent = [
            key for key, at in self._downed.items() if now - at < HOUR and self.ledger.remembers(at)
        ]
        living = sum(
            1
            for item in self.ledger.truth.instances.values()
            if item.alive and item.tags.get(OWNER) == self.ledger.owner
        )
        most = max(MOST_AN_HOUR, int((living + len(recent)) * SHARE_AN_HOUR))
        if len(recent) > most:
            yield f"{len(recent)} holders taken down within an hour, {most} may: {', '.join(recent)}"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        for change in changes:
            made = change.after
            if _died_at_launch(change):
                slot, _ = self.ledger.born.get(change.resource_id, (None, 0))
                self._launched[slot or ""].pop(change.resource_id, None)
            new = change.before is None and isinstance(made, Instance)
            if not new or change.cause is Cause.BY_HAND or made is None:
                continue
            slot, incarnation = self.ledger.born.get(change.resource_id, (None, 0))
            if slot is not None and incarnation > 1:
                self._launched[slot][change.resource_id] = now
                yield from self._launches(slot, now)

    def _launches(self, slot: str, now: datetime) -> Iterable[str]:
        fleet = self.ledger.declared[slot.rpartition("/")[0]]
        limits = ((HOUR, fleet.launches_per_hour), (DAY, fleet.launches_per_day))
        for window, most in limits:
            recent = [
                at
                for at in self._launched[slot].values()
                if now - at < window - DECIDED_WITHIN and self.ledger.remembers(at)
            ]
            if len(recent) > most:
                yield f"{slot} was replaced {len(recent)} times within {window}, {most} may"


def _died_at_launch(change: Change) -> bool:
    """Its launch was accepted, and it ended without having run; nobody asked for that."""
    before, after = change.before, change.after
    if not isinstance(before, Instance) or not isinstance(after, Instance):
        return False
    ended = before.state == "pending" and after.state == "terminated"
    return ended and change.cause is Cause.TIME
