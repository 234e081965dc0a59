"""The story of a run in columns, and the fingerprint of a trace: the same seed must tell the same story twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from providers.simulated.changes import Change
from providers.simulated.gate import Call
from providers.simulated.records import Checks, VolumeStatus
from tests.simulation.oracles.tags import slot_of

LEGEND = """\
time      since the beginning, in virtual hours, minutes and seconds
what      CALL   a mutating call reached the cloud        TRUTH  something became so; in brackets, what made it so
          PASS   a pass that does or withholds something  FAULT  a fault came to bear
          DEATH  the controller died or came back         HAND   what a person did
          BREACH a rule was broken
who       the slot, where it is known
then      ids, states, reasons"""


class Narrative:
    """Lines in order. Every line counts for the fingerprint."""

    def __init__(self, beginning: datetime) -> None:
        self._beginning = beginning
        self._lines: list[str] = []
        self._sum = hashlib.sha256()

    def tell(self, at: datetime, what: str, who: str, then: str) -> None:
        """One more line."""
        line = f"{_elapsed(at - self._beginning)}  {what:<6}  {who:<8}  {then}"
        self._lines.append(line)
        self._sum.update(line.encode() + b"\n")

    def call(self, call: Call, at: datetime) -> None:
        """A mutating call."""
        if call.mutating:
            shown = {
                key: value
                for key, value in sorted(call.parameters.items())
                if key not in ("UserData", "TagSpecifications", "MetadataOptions")
            }
            self.tell(at, "CALL", "", f"{call.operation} {shown}")

    def changes(self, changes: Sequence[Change]) -> None:
        """What became so, but for published checks, of which there are many."""
        for change in changes:
            if not isinstance(change.after or change.before, (Checks, VolumeStatus)):
                who = slot_of(change.tags) or ""
                self.tell(
                    change.at, "TRUTH", who, f"{change.resource_id} {change.what} [{change.cause}]"
                )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all lines."""
        return self._sum.hexdigest()

    @property
    def text(self) -> str:
        """The legend and all lines."""
        return "\n".join((LEGEND, "", *self._lines))

    def last(self, count: int) -> str:
        """The last lines."""
        return "\n".join(self._lines[-count:])


def _elapsed(elapsed: timedelta) -> str:
    seconds = int(elapsed.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
