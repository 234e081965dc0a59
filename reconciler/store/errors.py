"""What can go wrong with the store. Every message says what is wrong, where, and what to do.

StoreError
├── StoreUnusable     the file cannot be opened, read or written; it is never deleted or truncated
│   └── CommitUnknown     the commit itself failed: what was written is read back, never assumed
├── EndpointChanged   the cell has history through another endpoint
├── IntentRefused     the journal does not take this intent, or this move of one
├── LeaseHeld         another process holds the cell
└── LeaseLost         this process held the cell and another took it: whatever it was doing must stop
"""

from __future__ import annotations

from datetime import datetime


class StoreError(Exception):
    """Root of all that the store raises."""


class StoreUnusable(StoreError):  # noqa: N818 - reads as what it is
    """The store cannot be opened, read or written."""


class CommitUnknown(StoreUnusable):
    """The commit itself failed; it may have been carried out all the same."""


class EndpointChanged(StoreError):  # noqa: N818 - reads as what it is
    """A cell with history is reached through another endpoint; it may be another cloud altogether."""

    def __init__(self, *, cell: str, known: str, found: str) -> None:
        super().__init__(
            f"cell {cell} was reached through {known} so far and now through {found}: what is remembered may be of"
            " another cloud. Nothing is done until you accept the new endpoint with `reconciler resume --endpoint`"
        )
        self.cell = cell
        self.known = known
        self.found = found


class IntentRefused(StoreError):  # noqa: N818 - reads as what it is
    """The journal does not take this intent, or this move of one; nothing was written."""


class LeaseHeld(StoreError):  # noqa: N818 - reads as what it is
    """Another process holds the cell."""

    def __init__(self, *, cell: str, holder: str, since: datetime) -> None:
        super().__init__(
            f"cell {cell} is held by {holder} since {since:%Y-%m-%d %H:%M:%S} UTC: stop it first, or let it do the work"
        )
        self.cell = cell
        self.holder = holder
        self.since = since


class LeaseLost(StoreError):  # noqa: N818 - reads as what it is
    """Another process took the cell over; no call may be made and nothing may be written any more."""
