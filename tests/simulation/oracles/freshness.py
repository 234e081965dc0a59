"""S5: what is disruptive rests on a fresh look at that very resource."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tests.simulation.oracles.ledger import DECIDED_WITHIN, SentCall
from tests.simulation.oracles.oracle import Oracle

DISRUPTIVE = frozenset(
    {
        "TerminateInstances",
        "StopInstances",
        "RebootInstances",
        "DetachVolume",
        "DeleteSnapshot",
        "DeleteVolume",
    }
)


class FreshView(Oracle):
    """S5. Before a disruptive call its target is read by id: not long before, and after whatever we last sent to it."""

    rule = "S5"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation not in DISRUPTIVE:
            return
        for identifier in targets_of(call):
            read_at = self.ledger.reads_of.get(identifier)
            if read_at is None or now - read_at > DECIDED_WITHIN:
                yield f"{call.operation} on {identifier}, last read by id at {read_at}"
            elif (sent := self._last_sent(identifier, call)) is not None and sent > read_at:
                yield f"{call.operation} on {identifier}, read before our own call of {sent:%H:%M:%S}"

    def _last_sent(self, identifier: str, call: SentCall) -> datetime | None:
        """The last earlier call about it, but for this very one, which may be sent again."""
        same = (call.operation, call.parameters)
        return next(
            (
                item.at
                for item in reversed(self.ledger.calls)
                if item.number != call.number
                and identifier in targets_of(item)
                and (item.operation, item.parameters) != same
            ),
            None,
        )


def targets_of(call: SentCall) -> tuple[str, ...]:
    """The ids that a call names in its plain parameters."""
    names = ("InstanceId", "VolumeId", "SnapshotId")
    one = [call.parameters[name] for name in names if name in call.parameters]
    many = [*call.parameters.get("InstanceIds", ()), *call.parameters.get("Resources", ())]
    return (*one, *many)
