"""What one slot needs, before anything beyond the slot is considered.

A `Decision` holds drafts (actions ready but for the gates), a wish for a launch (its zone and type are chosen when
all wishes are known), and holds (what the slot's own facts forbid). Placement and gates turn it into a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desired_state.model import Fleet
from providers.observed import CellIdentity, Instance
from providers.requests import (
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    KeepVolumeOnTermination,
    Request,
)
from reconciler.health.verdict import Status, Verdict
from reconciler.planning.actions import (
    Action,
    Bucket,
    Change,
    Course,
    Gate,
    Reason,
    SlotRef,
    other_region,
    target_of,
)
from reconciler.planning.alternatives import Alternative
from reconciler.planning.blueprint import Blueprint
from reconciler.planning.case import Case
from reconciler.planning.identity import (
    Role,
    approval_id,
    incarnation_of,
    operation_family,
    operation_id,
)
from reconciler.planning.memory import Approval
from reconciler.planning.nature import Nature
from reconciler.planning.phrases import approved_for_less
from reconciler.planning.slots.arranging import SlotView

LAUNCH_KIND = "launch"
"""The kind in a launch's operation id; other kinds name their target too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An action that the slot's own facts call for.

    `treated` is the incarnation that the course is about; approvals name it. A `continuation` carries a course to
    its end, or undoes it, after a person or the mode let it begin. `takes_out` is True where a serving slot stops
    serving. `guarded` actions wait for the hourly limit of what is taken down (`policy.terminations_per_hour_*`).
    `agreed` is True where a person has said yes to just this, so that the mode does not ask again; `loss` is what is
    lost by it.
    """

    action: Action
    treated: int
    nature: Nature
    zone: str | None = None
    """Where it takes its effect; None for what is in another region."""
    by_judgement: bool = False
    """Whether it rests on our own eyes alone: a probe, a check of the users', silence."""
    continuation: bool = False
    takes_out: bool = False
    guarded: bool = False
    agreed: bool = False
    loss: timedelta | None = None
    down_since: datetime | None = None
    behind_since: datetime | None = None
    """Of a copy: since when nothing newer of its claim is elsewhere. The one furthest behind goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchWish:
    """A launch that is wanted; `zones` are zone ids it may go to, None for any that is declared."""

    slot: SlotRef
    incarnation: int
    role: Role
    course: Course
    reason: Reason
    detail: str
    treated: int
    zones: tuple[str, ...] | None
    with_volumes: bool
    down_since: datetime | None
    snapshots: Mapping[str, str] = field(default_factory=dict)
    """What the volumes are made from, by claim; the others are empty."""
    restore_from: int | None = None
    """The incarnation whose archive is replayed onto them."""
    agreed: bool = False
    loss: timedelta | None = None
    nature: Nature = Nature.CONSTRUCTIVE
    by_judgement: bool = False
    """All as in a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something due that the slot's own facts hold back."""

    course: Course
    gate: Gate
    reason: str
    earliest_release: datetime | None = None
    approval_id: str | None = None
    loss: timedelta | None = None
    alternatives: tuple[Alternative, ...] = ()
    confirmable_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one slot needs. `rests_in` is its bucket when nothing is drafted, wished or held."""

    view: SlotView
    summary: str
    rests_in: Bucket
    drafts: tuple[Draft, ...] = ()
    wish: LaunchWish | None = None
    holds: tuple[Hold, ...] = ()
    next_check_at: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a slot's decision may know beyond the slot."""

    vanished: frozenset[str] = frozenset()
    """Ids of a mass disappearance that is not proved."""
    surplus: Mapping[str, int] = field(default_factory=dict)
    """Live surplus slots by fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One slot of a declared fleet within its case: what every leaf of deciding is handed."""

    view: SlotView
    blueprint: Blueprint
    case: Case
    surroundings: Surroundings

    @property
    def fleet(self) -> Fleet:
        """The slot's fleet as declared."""
        return self.blueprint.fleet

    @property
    def now(self) -> datetime:
        """The instant of the case."""
        return self.case.now

    def verdict(self, instance: Instance) -> Verdict:
        """The verdict on an instance; unknown when it was not judged."""
        verdict = self.case.verdicts.get(instance.id)
        return verdict or Verdict(status=Status.UNKNOWN, since=self.now)

    def ask(
        self,
        gate: Gate,
        course: Course,
        treated: int,
        why: str,
        *,
        about: str = "",
        loss: timedelta | None = None,
        alternatives: tuple[Alternative, ...] = (),
        earliest_release: datetime | None = None,
    ) -> Decision | None:
        """Holds what waits for a person's word on this course of this incarnation; None while that word is in force.

        With `about` the word is for exactly that. With a `loss` it is for one that is no larger than it was when the
        person was asked.
        """
        id_, approval = self.word(gate, course, treated, about=about)
        if approval is not None and approval.releases(self.now, loss):
            return None
        said = approved_for_less(approval, self.now, loss)
        hold = Hold(
            course=course,
            gate=gate,
            reason=f"{why}; {said}" if said else why,
            earliest_release=earliest_release,
            approval_id=id_,
            loss=loss,
            alternatives=alternatives,
        )
        return self.hold(why, hold)

    def word(
        self, gate: Gate, course: Course, treated: int, *, about: str = ""
    ) -> tuple[str, Approval | None]:
        """The id by which a person is asked, which stays the same from pass to pass, and what was said of it."""
        cell = self.case.observation.cell
        id_ = approval_id(cell, self.view.ref, treated, course, gate, about=about)
        return id_, self.case.memory.approvals.get(id_)

    def draft(
        self,
        instance: Instance,
        request: Request,
        *,
        nature: Nature,
        course: Course,
        reason: Reason,
        detail: str,
        claim: str | None = None,
        changes: tuple[Change, ...] = (),
        treated: int | None = None,
        by_judgement: bool = False,
        continuation: bool = False,
        takes_out: bool = False,
        guarded: bool = False,
    ) -> Draft:
        """A draft of a request on an instance of this slot; its incarnation names the operation."""
        incarnation = incarnation_of(instance.tags)
        return Draft(
            action=action_for(
                self.case,
                slot=self.view.ref,
                incarnation=incarnation,
                claim=claim,
                request=request,
                course=course,
                reason=reason,
                detail=detail,
                changes=changes,
            ),
            treated=incarnation if treated is None else treated,
            nature=nature,
            zone=instance.zone,
            by_judgement=by_judgement,
            continuation=continuation,
            takes_out=takes_out,
            guarded=guarded,
            down_since=self.down_since(instance),
        )

    def not_open(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Without what is under way already, and each operation once: the first draft of it."""
        drafts = tuple(drafts)
        if not drafts:
            return []
        known = {intent.action.family for intent in self.view.sharing}
        fresh: dict[str, Draft] = {}
        for draft in drafts:
            if draft.action.family not in known:
                fresh.setdefault(draft.action.family, draft)
        return list(fresh.values())

    def down_since(self, instance: Instance) -> datetime | None:
        """When the instance left `healthy`, as far as is remembered."""
        remembered = self.case.memory.health.get(instance.id)
        return remembered.trouble_since if remembered else None

    def rest(
        self,
        bucket: Bucket,
        summary: str,
        *,
        next_check_at: datetime | None = None,
        notes: tuple[str, ...] = (),
    ) -> Decision:
        """Nothing to do for the slot now."""
        return Decision(
            view=self.view,
            summary=summary,
            rests_in=bucket,
            next_check_at=next_check_at,
            notes=notes,
        )

    def act(
        self,
        summary: str,
        *drafts: Draft,
        next_check_at: datetime | None = None,
        notes: tuple[str, ...] = (),
    ) -> Decision:
        """Do these, gates permitting."""
        return Decision(
            view=self.view,
            summary=summary,
            rests_in=Bucket.WAITING,
            drafts=drafts,
            next_check_at=next_check_at,
            notes=notes,
        )

    def hold(self, summary: str, *holds: Hold, notes: tuple[str, ...] = ()) -> Decision:
        """Something is due and the slot's own facts hold it back."""
        return Decision(
            view=self.view, summary=summary, rests_in=Bucket.WITHHELD, holds=holds, notes=notes
        )


def action_for(
    case: Case,
    *,
    slot: SlotRef | None,
    incarnation: int,
    claim: str | None,
    request: Request,
    course: Course,
    reason: Reason,
    detail: str,
    changes: tuple[Change, ...] = (),
) -> Action:
    """The action of a request on a named resource, under its derived operation id.

    The attempt is one more than the highest begun for the same operation.
    """
    family = operation_family(
        case.observation.cell, slot, incarnation, claim, _operation_kind(request)
    )
    attempt = case.memory.highest_attempts.get(family, 0) + 1
    return Action(
        operation_id=operation_id(family, attempt),
        family=family,
        slot=slot,
        incarnation=incarnation,
        claim=claim,
        attempt=attempt,
        course=course,
        reason=reason,
        detail=detail,
        request=request,
        changes=changes,
    )


def _operation_kind(request: Request) -> str:
    """What is done, to which id; and to which volume on it, where an instance has several; and for which date."""
    kind = f"{request.kind}:{target_of(request)}"
    if (region := other_region(request)) is not None:
        kind = f"{kind}:{region}"
    if isinstance(
        request, CreateSnapshot | CreateSnapshots | DeleteSnapshot | CopySnapshot | DeleteCopy
    ):
        return f"{kind}:{request.due_at:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(request, KeepVolumeOnTermination):
        return f"{kind}:{request.volume_id}"
    return kind


def launch_identity(
    cell: CellIdentity, attempts: Mapping[str, int], slot: SlotRef, incarnation: int
) -> tuple[str, str, int]:
    """Family, operation id and attempt of a launch. The id is also the client token."""
    family = operation_family(cell, slot, incarnation, None, LAUNCH_KIND)
    attempt = attempts.get(family, 0) + 1
    return family, operation_id(family, attempt), attempt
