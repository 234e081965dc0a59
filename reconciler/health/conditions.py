"""The words of conditions: how a zone, the region or a fleet is, and on what evidence (design section 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Condition(StrEnum):
    """Of a zone, region or fleet. `recovering` is the cool-down after trouble."""

    NORMAL = "normal"
    DEGRADED = "degraded"
    CRITICAL = "critical"
    RECOVERING = "recovering"


class ScopeKind(StrEnum):
    """What a condition is of."""

    REGION = "region"
    ZONE = "zone"
    FLEET = "fleet"
    SIGHT = "sight"
    """Whether the slots of a region can be seen at all; remembered alone, it has no verdict."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One place that has a condition; written `zone use1-az1`."""

    kind: ScopeKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @staticmethod
    def parse(text: str) -> Scope:
        """What `str` wrote."""
        kind, _, name = text.partition(" ")
        return Scope(ScopeKind(kind), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many of so many: `what` is `instances`, `volumes`, a fleet's name, or a capability."""

    what: str
    sick: int
    of: int

    @property
    def percent(self) -> float:
        """The share of the sick; 0 where there is nothing."""
        return 100 * self.sick / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionVerdict:
    """How a place is. `counts` are the evidence, the worst first; `reason` is one clause for the reader."""

    scope: Scope
    condition: Condition
    since: datetime
    reason: str
    counts: tuple[Count, ...] = ()
    changes_at: datetime | None = None
    """When it would change if nothing else does: the end of its leaving time or cool-down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedCondition:
    """What judging learnt of a place that is not normal, or was not lately; of one that always was nothing is kept."""

    condition: Condition
    since: datetime
    calm_since: datetime | None = None
    """Since when no sign of trouble is seen, without a break; the cool-down is counted from here."""
    below_since: datetime | None = None
    """Since when the counts are below what the present condition is left at, without a break."""
    relapses: int = 0
    trouble_began_at: datetime | None = None
    normal_since: datetime | None = None
    """When it last became normal again; None while it is not."""
    set_off_by: tuple[str, ...] = ()
    """Of blindness alone: the slots that set it off, any of which ends it by answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The condition of every place, and what is braked beyond them. Without rules all is normal."""

    verdicts: Mapping[Scope, ConditionVerdict] = field(default_factory=dict)
    broken_fleets: Mapping[str, str] = field(default_factory=dict)
    """Fleets whose breaker is open, with why: their probes fail while EC2 is fine."""
    blind: str | None = None
    """Why judgement-based work is stopped; None while we can see."""

    def of(self, kind: ScopeKind, name: str) -> Condition:
        """The condition of a place; one that was not judged is normal."""
        verdict = self.verdicts.get(Scope(kind, name))
        return verdict.condition if verdict else Condition.NORMAL
