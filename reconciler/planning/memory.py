"""What the store remembers of a cell, as a value. Losing it may delay an action, never cause one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.health.conditions import RememberedCondition, Scope
from reconciler.health.reads import RememberedReads
from reconciler.health.verdict import RememberedHealth
from reconciler.health.volumes import RememberedVolume
from reconciler.planning.actions import Gate, SlotRef
from reconciler.planning.intents import Intent
from reconciler.planning.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownResource:
    """An instance or volume of ours that was seen once. `absent_since` is the first complete observation that
    lacked it while reading its id said NotFound; `absent_checks` counts such observations.
    """

    id: str
    kind: str
    """`instance` or `volume`."""
    slot: SlotRef | None
    claim: str | None
    incarnation: int
    zone: str
    last_seen_at: datetime
    ended: bool = False
    """Seen as terminated or deleted, or its absence was proved: gone for good."""
    absent_since: datetime | None = None
    absent_checks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's word that releases what one gate withholds, until it expires."""

    id: str
    gate: Gate
    granted_at: datetime
    expires_at: datetime
    granted_by: str
    max_loss: timedelta | None = None
    """The loss that the person was shown and took: a larger one is asked about again. None where none was shown."""
    empty: bool = False
    """For a stand-in with empty volumes, and for nothing else."""

    def releases(self, now: datetime, loss: timedelta | None = None) -> bool:
        """Whether it lets go at that instant what would lose that much; None for what loses nothing."""
        if self.empty or now >= self.expires_at:
            return False
        return loss is None or (self.max_loss is not None and loss <= self.max_loss)

    def lets_stand_in(self, now: datetime) -> bool:
        """Whether empty volumes may take the place of data at that instant."""
        return self.empty and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person's word that nothing is to be done on a fleet, on a slot, or in the cell (`scope` `*`)."""

    scope: str
    reason: str
    paused_at: datetime
    expires_at: datetime
    paused_by: str

    def covers(self, fleet: str, slot: SlotRef | None, now: datetime) -> bool:
        """True when this pause is in force for that fleet and slot at that instant."""
        return now < self.expires_at and self.scope in ("*", fleet, str(slot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's word that lifts the brakes of the whole cell (`--override-brakes`), until it expires.

    It lifts conditions, the fleet breaker, blindness, the hold after deeds by hand, and what waits for peace. It never
    lifts the pace, a capability, or the rule that nothing is destroyed that can't be replaced.
    """

    reason: str
    given_at: datetime
    expires_at: datetime
    given_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityMemory:
    """Capacity errors of one zone and instance type: how many in a row, and until when it is passed over."""

    zone: str
    type: str
    failures: int
    last_failed_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """A cell of which nothing is on record, known or begun, though resources of ours are there (section 3, rule 5)."""

    since: datetime
    complete_observations: int
    released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that a case may know from the store."""

    passes: int = 0
    """Complete observations on record; 0 means that none was recorded yet."""
    cold: ColdStart | None = None
    known: Mapping[str, KnownResource] = field(default_factory=dict)
    health: Mapping[str, RememberedHealth] = field(default_factory=dict)
    volumes: Mapping[str, RememberedVolume] = field(default_factory=dict)
    """By volume id, of those that are not, or were not always, well."""
    open_intents: tuple[Intent, ...] = ()
    recent_intents: tuple[Intent, ...] = ()
    """Closed ones of the last 24 hours, oldest first."""
    highest_incarnations: Mapping[SlotRef, int] = field(default_factory=dict)
    highest_attempts: Mapping[str, int] = field(default_factory=dict)
    """Highest attempt begun for each `identity.operation_family`."""
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    orders: tuple[Order, ...] = ()
    """At most one of a kind for each slot."""
    capacity: tuple[CapacityMemory, ...] = ()
    held_since: Mapping[str, datetime] = field(default_factory=dict)
    """Since when a slot's gate holds it: key `slot|gate`."""
    conditions: Mapping[Scope, RememberedCondition] = field(default_factory=dict)
    """Of every place that is not normal, or was not lately."""
    reads: Mapping[str, RememberedReads] = field(default_factory=dict)
    """Of every zone that is not read whole, or was not lately."""
    override: Override | None = None
    """The newest that is in force."""
    recorded_since: datetime | None = None
    """When the first pass on record was; the buckets of the pace were empty then."""


def held_key(slot: SlotRef | None, gate: Gate, reason: str = "") -> str:
    """The key of `held_since`; what is of no slot is told by its reason."""
    return f"{slot or reason}|{gate}"
