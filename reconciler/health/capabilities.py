"""The words of capabilities: what a zone's control plane can do, as circuit breakers (design section 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class CapabilityKind(StrEnum):
    """What can be asked of a zone's control plane."""

    DESCRIBE = "describe"
    LAUNCH = "launch"
    VOLUME = "volume"
    SNAPSHOT = "snapshot"


class BreakerState(StrEnum):
    """`closed` works; `open` does not; `half-open` is being tried with real work, a few calls at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CallResult(StrEnum):
    """How a call of ours turned out, late outcomes included."""

    PROVEN = "proven"
    FAILED = "failed"
    WAITING = "waiting"
    """Accepted, and not known yet whether it came to anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """One call of ours in one zone. `known_at` is when it turned out so; for a waiting one, when it began.

    What failed late and came good later has two, the failure first. `kind` is None for a call that says something of
    the API alone, such as a tag.
    """

    kind: CapabilityKind | None
    zone: str
    result: CallResult
    began_at: datetime
    known_at: datetime
    operation_id: str
    said: str
    """For the reader, e.g. `launch of web/3: Unavailable`."""
    throttled: bool = False
    """Refused for its rate: it lowers our rate and is no failure of the zone."""
    short: bool = False
    """Refused for want of capacity: no failure of the zone either, unless throttles come with it everywhere."""
    fault: bool = False
    """It had no answer, or the service's own fault for one."""
    unanswered: bool = False
    """It was begun and may not even have arrived: sent again, it is its own next try."""
    type: str | None = None
    """The instance type, of a launch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One breaker. `evidence` is what it rests on, newest first, a few of them.

    While it is not closed, `next_probe_at` is when the next call may be tried; while it is `half-open` and that is
    past, one call may be tried now. `level` is how many calls a round may hold while its use grows, in place of the
    usual pace; None when the pace alone bounds it.
    """

    kind: CapabilityKind
    zone: str
    state: BreakerState
    since: datetime | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()
    next_probe_at: datetime | None = None
    waiting: int = 0
    """Calls that are under way or not proven yet."""
    level: float | None = None
    round_used: int = 0
    """Calls begun in the present round of the ramp."""
    round_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Every breaker of a cell, and what its calls say of the API as a whole. Without rules everything works."""

    of_zones: Mapping[tuple[str, CapabilityKind], Capability] = field(default_factory=dict)
    launch_open_everywhere: str | None = None
    """Why launches fail in the whole region: throttles and capacity errors together, in several zones and types."""
    api_trouble: str | None = None
    """Why everything is slowed down; None while the API answers."""
    throttles: int = 0
    """Throttled calls of the last two minutes."""
    probes_left: Mapping[CapabilityKind, int] = field(default_factory=dict)
    """How many zones of the region may be tried at this instant; a kind that is not there is not bounded."""

    def of(self, zone: str, kind: CapabilityKind) -> Capability:
        """The breaker of a zone; one that nothing is known of is closed."""
        known = self.of_zones.get((zone, kind))
        return known or Capability(kind=kind, zone=zone, state=BreakerState.CLOSED)

    def may_try(self, zone: str, kind: CapabilityKind, now: datetime) -> bool:
        """Whether a call may be begun there now: it works and its round has room, or it is time to try it."""
        known = self.of(zone, kind)
        if known.state is BreakerState.CLOSED:
            return known.level is None or known.round_used < int(known.level)
        due = known.next_probe_at is not None and now >= known.next_probe_at
        return due and self.probes_left.get(kind, 1) > 0

    def works(self, zone: str, kind: CapabilityKind) -> bool:
        """Whether it is closed there."""
        return self.of(zone, kind).state is BreakerState.CLOSED
