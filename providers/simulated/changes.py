"""Every change of ground truth, in order: for oracles that count effects, and for the story of a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from providers.simulated.records import Checks, Record, VolumeStatus, identifier_of


class Cause(StrEnum):
    """Who or what changed the truth."""

    CALL = "call"
    TIME = "time"
    FAULT = "fault"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource, before and after. `what` names the change: `instance pending`, `volume tags`, `attachment busy`."""

    number: int
    at: datetime
    cause: Cause
    what: str
    resource_id: str
    before: Record | None
    after: Record | None

    @property
    def tags(self) -> Mapping[str, str]:
        """The resource's tags, those before where it is no more; checks and statuses have none."""
        record = self.after or self.before
        if record is None or isinstance(record, (Checks, VolumeStatus)):
            return {}
        return record.tags

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f} {self.cause} {self.resource_id} {self.what}"


class ChangeLog:
    """All changes since the beginning."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    @property
    def changes(self) -> Sequence[Change]:
        """Oldest first."""
        return tuple(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def since(self, number: int) -> Sequence[Change]:
        """The changes from that number on."""
        return tuple(self._changes[number:])

    def note(
        self,
        *,
        at: datetime,
        cause: Cause,
        what: str,
        before: Record | None,
        after: Record | None,
    ) -> None:
        """One more change."""
        known = after or before
        if known is None:
            raise ValueError("a change needs a record before or after it")
        change = Change(
            number=len(self._changes),
            at=at,
            cause=cause,
            what=what,
            resource_id=identifier_of(known),
            before=before,
            after=after,
        )
        self._changes.append(change)

    def counts(self, key: Callable[[Change], str]) -> Mapping[tuple[str, str], int]:
        """How often each `what` came about, by `key`, which is the slot for one."""
        counted = Counter((change.what, key(change)) for change in self._changes)
        return dict(sorted(counted.items()))
