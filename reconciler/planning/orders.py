"""What a person orders for one slot by hand: replace it, restore it, fence what it left behind (design section 10).

An order begins or ends no action by itself. It is a fact that deciding takes into account beside what EC2 says, and
whatever follows goes through the same gates as what nobody ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.planning.actions import SlotRef


class OrderKind(StrEnum):
    """What is ordered."""

    REPLACE = "replace"
    """A new instance, launched first, although the occupant may be well. A claim's data is kept."""
    RESTORE = "restore"
    """A new instance with copies, although EC2 says nothing against the volumes."""
    FENCE = "fence"
    """Try an owed fence again now."""
    FENCED = "fenced"
    """The person's word that an instance neither serves nor writes any more, which could not be proved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A person's order, with who gave it, when and why; in force until it expires or has been carried out."""

    slot: SlotRef
    kind: OrderKind
    incarnation: int
    """Of the occupant when it was given: once a higher one holds the slot, the order has been carried out."""
    reason: str
    given_at: datetime
    expires_at: datetime
    given_by: str
    instance_id: str | None = None
    """Which instance a `fenced` is about; None for the other kinds."""
    snapshot_id: str | None = None
    """What a `restore` is made from; None for the best restore point."""
    max_loss: timedelta | None = None
    """The loss that the person was shown and took, of a `restore`."""

    @property
    def note(self) -> str:
        """All of it in one clause, for whoever reads a plan."""
        until = f"until {self.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        if self.kind is OrderKind.FENCED:
            what = f"{self.given_by} confirmed that {self.instance_id} serves and writes no more"
            return f"{what}, {until}: {self.reason}"
        return f"{self.kind} ordered by {self.given_by}, {until}: {self.reason}"

    @property
    def said(self) -> str:
        """Who ordered it and why, in one clause."""
        return f"{self.given_by} ordered it: {self.reason}"
