"""The person beside the controller: absent, or one who approves what has waited for so long and says no other word.

A cell that a replay begins in is cold, since its store is new: that it may act is said once, before the trouble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.loop.cells import Cell
from reconciler.planning.actions import Withheld
from reconciler.planning.memory import Approval
from reconciler.planning.outcome import Plan
from reconciler.simulation.record import Waited

NAME = "simulated person"
GRANTED_FOR = timedelta(hours=24)
FORGOTTEN_AFTER = timedelta(minutes=10)
"""A question that is not asked for a moment, as nothing could be read just then, is the same one afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question that waits for its answer."""

    slot: str
    gate: str
    since: datetime
    granted_at: datetime | None = None
    unasked_since: datetime | None = None


class Person:
    """Told of each plan. `approves_after` None is one who is absent."""

    def __init__(
        self,
        cell: Cell,
        *,
        began: datetime,
        tiers: Mapping[str, int],
        approves_after: timedelta | None,
    ) -> None:
        self._cell = cell
        self._began = began
        self._tiers = tiers
        self._approves_after = approves_after
        self._open: dict[str, _Asked] = {}
        self._ended: list[Waited] = []

    def look_at(self, plan: Plan, now: datetime) -> None:
        """Note what waits, and approve what has waited long enough."""
        waiting = {item.approval_id: item for item in plan.withheld if item.approval_id}
        for id_, asked in list(self._open.items()):
            if id_ not in waiting:
                self._not_asked(id_, asked, now)
        for id_, item in waiting.items():
            new = _Asked(slot=str(item.slot), gate=str(item.gate), since=now)
            asked = replace(self._open.get(id_, new), unasked_since=None)
            if self._is_due(asked, now):
                self._approve(id_, item, now)
                asked = replace(asked, granted_at=now)
            self._open[id_] = asked

    def _not_asked(self, id_: str, asked: _Asked, now: datetime) -> None:
        since = asked.unasked_since or now
        self._open[id_] = replace(asked, unasked_since=since)
        if now - since >= FORGOTTEN_AFTER:
            del self._open[id_]
            self._ended.append(self._waited(asked, until=since))

    def _is_due(self, asked: _Asked, now: datetime) -> bool:
        after = self._approves_after
        if after is None or now - asked.since < after:
            return False
        return asked.granted_at is None or now - asked.granted_at >= after

    def _approve(self, id_: str, item: Withheld, now: datetime) -> None:
        """As it was shown: with its loss, and an empty stand-in only where there is nothing else."""
        self._cell.store.grant(
            Approval(
                id=id_,
                gate=item.gate,
                granted_at=now,
                expires_at=now + GRANTED_FOR,
                granted_by=NAME,
                max_loss=item.loss,
            )
        )

    def waited(self) -> tuple[Waited, ...]:
        """All that waited, in the order in which it was asked."""
        lasting = (self._waited(asked, until=asked.unasked_since) for asked in self._open.values())
        return tuple(sorted((*self._ended, *lasting), key=lambda item: (item.since, item.slot)))

    def _waited(self, asked: _Asked, *, until: datetime | None) -> Waited:
        return Waited(
            slot=asked.slot,
            tier=self._tiers.get(asked.slot, 0),
            gate=asked.gate,
            since=asked.since - self._began,
            until=until - self._began if until else None,
            granted=asked.granted_at is not None,
        )
