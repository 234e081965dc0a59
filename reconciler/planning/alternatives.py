"""The ways that a person may choose between where a slot can only be restored: from what, and with which loss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One way to bring a slot back."""

    what: str
    """The snapshots or the archive, or `an empty stand-in`."""
    completion: str
    """Whether it can be used now: `complete`, `pending, 43%`."""
    taken_at: datetime | None = None
    """The instant that it holds; None for an empty stand-in."""
    loss: timedelta | None = None
    """The writes that are lost by it; None where all is, until somebody brings back what the old volume holds."""
    empty: bool = False
    """A stand-in with empty volumes: it needs `approve --empty`."""
