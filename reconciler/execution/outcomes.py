"""What became of each action: failures are values, so that one slot's trouble never stops another's repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from providers.errors import RetryClass
from reconciler.planning.actions import Action


class Result(StrEnum):
    """How an action went, as far as this pass can know."""

    ACCEPTED = "accepted"
    """The cloud took it; its effect is looked for in the next observation."""
    REJECTED = "rejected"
    """It had no effect."""
    AMBIGUOUS = "ambiguous"
    """It may have had its effect; the intent stays open until that is known."""
    DEAD = "dead"
    """It had its effect once, and what it made has ended since."""
    PRECHECK_FAILED = "precheck-failed"
    """Read again, the resource is not what the plan rested on; nothing was sent."""
    SKIPPED = "skipped"
    """Not tried; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """An instance type in a zone, as capacity is counted."""

    zone: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one action went. `message` is one sentence for the reader.

    `retry` is the class of the cloud's error, where there was one. `short_of` is what the zone had no capacity for.
    """

    action: Action
    result: Result
    message: str
    resource_id: str | None = None
    error_code: str | None = None
    retry: RetryClass | None = None
    retry_at: datetime | None = None
    short_of: Offering | None = None
