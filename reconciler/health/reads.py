"""Whether the cell can be read: the `describe` breaker of each zone, from what the lists lacked lately.

Every pass reads the same whatever came of the last one, so an open breaker holds no read back: it says that what is
shown of the zone may be old. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from desired_state.safety import BreakerRules
from providers.observed import Gap
from reconciler.health.capabilities import Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a zone, and what it lacked; None when it was whole."""

    at: datetime
    lacked: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedReads:
    """The looks at a zone since the first that lacked something; of a zone that can be read nothing is kept."""

    looks: tuple[Look, ...]
    open_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedReads:
    """The `describe` breaker of each zone that is, or lately was, not read whole; every other one is closed."""

    breakers: Mapping[str, Capability] = field(default_factory=dict)
    remembered: Mapping[str, RememberedReads] = field(default_factory=dict)


def judge_reads(
    gaps: Iterable[Gap],
    zones: Iterable[str],
    remembered: Mapping[str, RememberedReads],
    rules: BreakerRules | None,
    now: datetime,
) -> JudgedReads:
    """The breakers after this look. Without rules all are closed."""
    return JudgedReads()
