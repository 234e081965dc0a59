"""The words of judging: signs, evidence, verdicts, and what is remembered of them between passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Sign(StrEnum):
    """A kind of evidence about one instance."""

    SYSTEM_CHECK = "system-check"
    INSTANCE_CHECK = "instance-check"
    ATTACHED_EBS_CHECK = "attached-ebs-check"
    PROBE = "probe"
    STOPPED = "stopped"
    PENDING = "pending"
    CLAIM = "claim"
    CLAIM_ERROR = "claim-error"
    SCHEDULED_EVENT = "scheduled-event"
    USER_CHECK = "user-check"
    """What a check of the users' own (`@on.check`) yields."""
    NO_DATA = "no-data"


OUR_OWN_EYES = frozenset({Sign.PROBE, Sign.USER_CHECK, Sign.NO_DATA})
"""Signs that we see ourselves; all the others are EC2's word."""


class Weight(StrEnum):
    """Which way a piece of evidence points."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


class Status(StrEnum):
    """The judgement of all evidence about one instance."""

    HEALTHY = "healthy"
    STARTING = "starting"
    SUSPECT = "suspect"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A typed sign with its source (who says so), its direction, and since when."""

    sign: Sign
    source: str
    weight: Weight
    since: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one instance, and the instant at which it would change if nothing else does.

    `serving` is True when a probe passes, or when there is no probe and nothing speaks against it.
    """

    status: Status
    since: datetime
    evidence: tuple[Evidence, ...] = ()
    changes_at: datetime | None = None
    serving: bool = False

    @property
    def bad_signs(self) -> frozenset[Sign]:
        """The signs that speak against it."""
        return frozenset(item.sign for item in self.evidence if item.weight is Weight.BAD)

    @property
    def by_judgement(self) -> bool:
        """Whether nothing speaks against it but what we see ourselves, or do not see: EC2 says nothing bad of it."""
        return bool(self.bad_signs) and self.bad_signs <= OUR_OWN_EYES


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedHealth:
    """What judging learnt of one instance; stored by the run, dropped by the dry run.

    The status is latched: an instance that recovers stays `unhealthy` here until recovery is complete.

    `since` maps a bad sign to when it was first seen without a break. `probe_failures` counts in a row.
    """

    status: Status
    status_since: datetime
    since: Mapping[Sign, datetime] = field(default_factory=dict)
    healthy_at: datetime | None = None
    """When it first was healthy; None when it never was."""
    trouble_since: datetime | None = None
    """When it last left `healthy`, or was first seen otherwise; None while it is healthy."""
    good_since: datetime | None = None
    """Since when all signs are good without a break; recovery is counted from here."""
    probe_failures: int = 0
    probe_failed_at: datetime | None = None
    """When the last failure was seen that the count holds; one look is counted once."""
