"""When snapshots are due: every so often, each slot at a moment of its own, the same after every restart. Pure.

A schedule has no memory: dates are counted from 1970, shifted by a phase that follows from the slot's name, so that the
slots of a cell are spread evenly over the interval. After a time in which nothing could be taken only the newest date
is due, not those that were missed.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from reconciler.planning.actions import SlotRef

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
TRY = timedelta(hours=1)
"""A date that could not be kept is tried for an hour under one name, then under the name of the hour."""


def phase_of(slot: SlotRef, every: timedelta) -> timedelta:
    """How far the slot's dates are shifted: below `every`, in whole seconds."""
    digest = hashlib.sha256(str(slot).encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % max(1, int(every.total_seconds())))


def last_due(slot: SlotRef, every: timedelta, now: datetime) -> datetime:
    """The newest date that has come."""
    phase = phase_of(slot, every)
    return BEGINNING + phase + (now - BEGINNING - phase) // every * every


def named_hour(now: datetime) -> datetime:
    """The hour under which something is asked for that has no date of its own."""
    return named_date(BEGINNING, now)


def named_date(due_at: datetime, now: datetime) -> datetime:
    """The date under which a snapshot that is due since `due_at` is asked for now.

    It names the operation, so what the journal must still know to never use a name twice is an hour old at most.
    """
    return due_at + (now - due_at) // TRY * TRY
