"""The gates between what slots need and what is done now, each a leaf that says why it holds.

`admit` takes the drafts in order and counts what it lets through, so that the limits hold over the whole plan
together with what is already under way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desired_state.model import Fleet, Mode
from providers.requests import LaunchInstance, SetTags, StopInstance, TerminateInstance
from reconciler.health.verdict import Status
from reconciler.planning.actions import Course, Gate, SlotRef, Withheld
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.identity import approval_id
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.slots import SlotView, World

HOUR = timedelta(hours=1)
REPAIRING = (Course.REPAIR, Course.REPLACE, Course.KEEP_THE_DATA, Course.RESTORE, Course.UPDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a gate holds a draft, and when it may open."""

    gate: Gate
    reason: str
    earliest_release: datetime | None = None
    approvable: bool = False


@dataclass(slots=True)
class Tally:
    """What counts against the limits: what is under way, plus what this plan lets through."""

    case: Case
    views: Mapping[SlotRef, SlotView]
    repairing: defaultdict[str, set[SlotRef]] = field(default_factory=lambda: defaultdict(set))
    updating: defaultdict[str, set[SlotRef]] = field(default_factory=lambda: defaultdict(set))
    troubled: Counter[str] = field(default_factory=Counter)
    not_serving: Counter[str] = field(default_factory=Counter)
    guarded: int = 0
    live: int = 0

    def admit(self, draft: Draft) -> None:
        """Count what was let through."""
        slot, course = draft.action.slot, draft.action.course
        if slot is None:
            return
        if course is Course.UPDATE:
            self.updating[slot.fleet].add(slot)
        elif course in REPAIRING:
            self.repairing[slot.fleet].add(slot)
        if draft.takes_out:
            self.not_serving[slot.fleet] += 1
        if draft.guarded:
            self.guarded += 1


def take_tally(case: Case, world: World) -> Tally:
    """Count what is under way before this plan."""
    tally = Tally(case=case, views={view.ref: view for view in world.slots})
    for view in world.slots:
        fleet = view.ref.fleet
        tally.live += len(view.alive)
        under_way = view.replacement is not None or any(
            intent.action.course in REPAIRING for intent in view.busy
        )
        verdict = case.verdicts.get(view.occupant.id) if view.occupant else None
        healthy = verdict is not None and verdict.status is Status.HEALTHY
        if under_way and healthy:
            tally.updating[fleet].add(view.ref)
        elif under_way:
            tally.repairing[fleet].add(view.ref)
        if view.wanted and not healthy:
            tally.troubled[fleet] += 1
        if view.wanted and not (verdict is not None and verdict.serving):
            tally.not_serving[fleet] += 1
    tally.guarded = sum(1 for intent in _acted(case) if _counts_as_termination(intent, case))
    return tally


def _acted(case: Case) -> Iterable[Intent]:
    return (
        intent
        for intent in (*case.memory.recent_intents, *case.memory.open_intents)
        if intent.state is not IntentState.REJECTED
    )


def _counts_as_termination(intent: Intent, case: Case) -> bool:
    """Stops and terminations of the last hour, but those that a commit or a person's word entailed."""
    request, course = intent.action.request, intent.action.course
    if not isinstance(request, TerminateInstance | StopInstance):
        return False
    if course in (Course.REMOVE, Course.KEEP_THE_DATA):
        return False
    return intent.action.disruptive and case.now - intent.begun_at < HOUR


# The gates, in the order in which they are asked


def _cold(draft: Draft, tally: Tally) -> Refusal | None:
    cold = tally.case.memory.cold
    if cold is None or cold.released:
        return None
    commit = isinstance(draft.action.request, SetTags) and draft.action.request.commit
    if draft.action.disruptive or commit:
        reason = (
            "this store has no record of the cell; `reconciler resume --cold` when it looks right"
        )
        return Refusal(gate=Gate.COLD, reason=reason)
    window = tally.case.desired.policy.consistency_window
    seen_long_enough = tally.case.now - cold.since >= window and cold.complete_observations >= 2
    if isinstance(draft.action.request, LaunchInstance) and not seen_long_enough:
        reason = "this store has no record of the cell; nothing is created until it was seen twice"
        return Refusal(gate=Gate.COLD, reason=reason, earliest_release=cold.since + window)
    return None


def _paused(draft: Draft, tally: Tally) -> Refusal | None:
    slot = draft.action.slot
    fleet = _fleet(draft, tally)
    if fleet is not None and fleet.paused:
        reason = f"{fleet.source.file}:{fleet.source.line} declares it paused"
        return Refusal(gate=Gate.PAUSED, reason=reason)
    for pause in tally.case.memory.pauses:
        if pause.covers(slot.fleet if slot else "", slot, tally.case.now):
            reason = f"{pause.paused_by} paused {pause.scope}: {pause.reason}"
            return Refusal(gate=Gate.PAUSED, reason=reason, earliest_release=pause.expires_at)
    return None


def _mode(draft: Draft, tally: Tally) -> Refusal | None:
    fleet = _fleet(draft, tally)
    if fleet is None or fleet.mode is Mode.AUTO:
        return None
    if fleet.mode is Mode.OBSERVE:
        return Refusal(gate=Gate.OBSERVE, reason="mode observe: reported, never done")
    if draft.continuation or _approved(draft, tally, Gate.APPROVE):
        return None
    return Refusal(gate=Gate.APPROVE, reason="mode approve: waits for a person", approvable=True)


def _retry_later(draft: Draft, tally: Tally) -> Refusal | None:
    """The same was refused a moment ago; it is tried again at its own time."""
    for intent in reversed(tally.case.memory.recent_intents):
        if intent.action.family == draft.action.family and intent.state is IntentState.REJECTED:
            if intent.retry_at is None or tally.case.now >= intent.retry_at:
                return None
            reason = f"refused: {intent.error_code}: {intent.error_message}"
            return Refusal(gate=Gate.RETRY, reason=reason, earliest_release=intent.retry_at)
    return None


def _replacement_limit(draft: Draft, tally: Tally) -> Refusal | None:
    slot, fleet = draft.action.slot, _fleet(draft, tally)
    if slot is None or fleet is None or not isinstance(draft.action.request, LaunchInstance):
        return None
    launches = [
        intent.begun_at
        for intent in _acted(tally.case)
        if intent.action.slot == slot
        and isinstance(intent.action.request, LaunchInstance)
        and intent.action.course is not Course.CREATE
    ]
    for limit in fleet.repair.max_replacements_per_slot:
        recent = sorted(at for at in launches if tally.case.now - at < limit.window)
        if len(recent) >= limit.count:
            hours = limit.window / HOUR
            reason = f"replaced {len(recent)} times in {hours:g} h, {limit.count} are allowed"
            release = recent[-limit.count] + limit.window
            return Refusal(gate=Gate.REPLACEMENT_LIMIT, reason=reason, earliest_release=release)
    return None


def _repairs_at_once(draft: Draft, tally: Tally) -> Refusal | None:
    slot, fleet = draft.action.slot, _fleet(draft, tally)
    if slot is None or fleet is None or draft.continuation:
        return None
    if draft.action.course not in REPAIRING or draft.action.course is Course.UPDATE:
        return None
    policy, under_way = tally.case.desired.policy, tally.repairing[slot.fleet]
    allowed = max(
        policy.repairs_at_once_count, int(fleet.replicas * policy.repairs_at_once_percent / 100)
    )
    if slot in under_way or len(under_way) < allowed:
        return None
    reason = f"{len(under_way)} slots of {slot.fleet} are being repaired, {allowed} at once"
    return Refusal(gate=Gate.REPAIRS_AT_ONCE, reason=reason)


def _max_unavailable(draft: Draft, tally: Tally) -> Refusal | None:
    """Gates only what takes a serving slot out; a slot that is already down takes no room (design 7.3)."""
    slot, fleet = draft.action.slot, _fleet(draft, tally)
    if slot is None or fleet is None:
        return None
    budget = fleet.repair.max_unavailable.of(fleet.replicas)
    if draft.action.course is Course.UPDATE and isinstance(draft.action.request, LaunchInstance):
        if tally.troubled[slot.fleet]:
            reason = f"{tally.troubled[slot.fleet]} slots of {slot.fleet} are not healthy"
            return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=f"update waits: {reason}")
        if len(tally.updating[slot.fleet] - {slot}) >= max(1, budget):
            reason = f"{len(tally.updating[slot.fleet])} slots of {slot.fleet} are being updated"
            return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=reason)
    if draft.takes_out and tally.not_serving[slot.fleet] >= budget:
        reason = f"{tally.not_serving[slot.fleet]} of {slot.fleet} do not serve, {budget} may"
        return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=reason)
    return None


def _mass_termination(draft: Draft, tally: Tally) -> Refusal | None:
    """A sliding hourly limit on what takes instances down, whatever the reason for each seems to be."""
    if not draft.guarded or _approved(draft, tally, Gate.MASS_TERMINATION):
        return None
    policy = tally.case.desired.policy
    allowed = max(
        policy.terminations_per_hour_count,
        int(tally.live * policy.terminations_per_hour_percent / 100),
    )
    if tally.guarded < allowed:
        return None
    reason = (
        f"{tally.guarded} instances were or are taken down within an hour, {allowed} are allowed"
    )
    times = sorted(i.begun_at for i in _acted(tally.case) if _counts_as_termination(i, tally.case))
    release = times[0] + HOUR if times else None
    return Refusal(
        gate=Gate.MASS_TERMINATION, reason=reason, earliest_release=release, approvable=True
    )


GATES: tuple[Callable[[Draft, Tally], Refusal | None], ...] = (
    _cold,
    _paused,
    _mode,
    _retry_later,
    _replacement_limit,
    _repairs_at_once,
    _max_unavailable,
    _mass_termination,
)


def admit(drafts: Iterable[Draft], tally: Tally) -> tuple[list[Draft], list[Withheld]]:
    """What goes ahead, and what is withheld by the first gate that holds it."""
    admitted: list[Draft] = []
    withheld: list[Withheld] = []
    for draft in drafts:
        refusal = next((r for gate in GATES if (r := gate(draft, tally)) is not None), None)
        if refusal is None:
            tally.admit(draft)
            admitted.append(draft)
        else:
            withheld.append(_withheld(draft, refusal, tally.case))
    return admitted, withheld


def _withheld(draft: Draft, refusal: Refusal, case: Case) -> Withheld:
    action = draft.action
    approval = (
        approval_id(case.observation.cell, action.slot, draft.treated, action.course, refusal.gate)
        if refusal.approvable and action.slot is not None
        else None
    )
    return Withheld(
        slot=action.slot,
        course=action.course,
        gate=refusal.gate,
        reason=refusal.reason,
        action=action,
        earliest_release=refusal.earliest_release,
        approval_id=approval,
    )


def _approved(draft: Draft, tally: Tally, gate: Gate) -> bool:
    slot = draft.action.slot
    if slot is None:
        return False
    id_ = approval_id(tally.case.observation.cell, slot, draft.treated, draft.action.course, gate)
    approval = tally.case.memory.approvals.get(id_)
    return approval is not None and tally.case.now < approval.expires_at


def _fleet(draft: Draft, tally: Tally) -> Fleet | None:
    slot = draft.action.slot
    return tally.case.desired.fleet(slot.fleet) if slot else None
