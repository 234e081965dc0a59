"""What planning returns: a plan in buckets, with everything that it does and everything that it withholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.health.verdict import Verdict
from reconciler.health.volumes import VolumeVerdict
from reconciler.planning.actions import Action, Bucket, Course, SlotRef, Withheld
from reconciler.planning.slots.claims import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutcome:
    """How one claim of a slot stands, and how the volume that fills it serves; None where none fills it."""

    claim: str
    standing: Standing
    detail: str
    volume_id: str | None
    verdict: VolumeVerdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOutcome:
    """Where one slot stands after planning, in words for the reader.

    `summary` is one clause such as `starting: 40 s of 10 min grace`. `next_check_at` is when it is looked at again
    because something would change by then.
    """

    slot: SlotRef
    bucket: Bucket
    summary: str
    instance_id: str | None = None
    verdict: Verdict | None = None
    claims: tuple[ClaimOutcome, ...] = ()
    """In the order of the document."""
    next_check_at: datetime | None = None
    notes: tuple[str, ...] = ()
    to_come: tuple[str, ...] = ()
    """What follows the actions of this plan in the slot's course, one clause each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSummary:
    """The line of counts of one fleet; `declared` False is a released one."""

    name: str
    declared: bool
    replicas: int
    tier: int
    counts: Mapping[Bucket, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The set of actions to do now, in order; the set withheld; where every slot stands; and notes."""

    made_at: datetime
    actions: tuple[Action, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    slots: tuple[SlotOutcome, ...] = ()
    fleets: tuple[FleetSummary, ...] = ()
    notes: tuple[str, ...] = ()
    next_check_at: datetime | None = None
    held_since: Mapping[str, datetime] = field(default_factory=dict)
    """For memory: since when each `slot|gate` holds."""

    @property
    def converged(self) -> bool:
        """Nothing to do, nothing withheld, nothing waited for. But for backups: in a large fleet one is always due."""
        due: tuple[Action | Withheld, ...] = (*self.actions, *self.withheld)
        return all(item.course is Course.BACK_UP for item in due) and all(
            s.bucket in (Bucket.HEALTHY, Bucket.RELEASED) for s in self.slots
        )
