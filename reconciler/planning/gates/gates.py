"""The gates between what slots need and what is done now, each a leaf that says why it holds.

`admit` takes the drafts in order and counts what it lets through, so that the limits hold over the whole plan
together with what is already under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from desired_state.model import Mode
from providers.observed import Gap, GapSubject, Observation
from providers.requests import (
    CopySnapshot,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    LaunchInstance,
    Request,
    SetTags,
)
from reconciler.planning.actions import (
    Course,
    Gate,
    Withheld,
    is_backup,
    named_ids,
    other_region,
    target_of,
)
from reconciler.planning.braked import LIFTABLE, override_in_force
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.gates.brakes import blind, by_hand, condition, fleet_breaker, housekeeping
from reconciler.planning.gates.irreplaceable import irreplaceable
from reconciler.planning.gates.tally import HOUR, REPAIRING, Tally
from reconciler.planning.identity import approval_id
from reconciler.planning.memory import Approval
from reconciler.planning.phrases import approved_for_less, slots_of
from reconciler.planning.refusal import Refusal

SNAPSHOTS_AT_ONCE = 80
"""Requests of a kind in one plan, with those of earlier ones without an answer: four fifths of EC2's bucket of 100,
which refills by 5 a second (EC2 developer guide, request throttling)."""
COPIES_AT_ONCE = 16
"""Under way to one region: four fifths of the 20 that EC2 allows for a destination (EBS user guide, snapshot copy)."""


def admit(drafts: Iterable[Draft], tally: Tally) -> tuple[list[Draft], list[Withheld]]:
    """What goes ahead, and what is withheld by the first gate that holds it."""
    admitted: list[Draft] = []
    withheld: list[Withheld] = []
    for drafted in drafts:
        draft, refusal = _ask(drafted, tally)
        if refusal is None:
            tally.admit(draft)
            admitted.append(draft)
        else:
            withheld.append(_withheld(draft, refusal, tally.case))
    return admitted, withheld


def _ask(draft: Draft, tally: Tally) -> tuple[Draft, Refusal | None]:
    """The first gate that holds it; where a person has lifted those that would, the draft says so."""
    override, lifted = override_in_force(tally.case), list[Gate]()
    for gate in GATES:
        refusal = gate(draft, tally)
        if refusal is not None and (override is None or refusal.gate not in LIFTABLE):
            return draft, refusal
        if refusal is not None:
            lifted.append(refusal.gate)
    if override is None or not lifted:
        return draft, None
    said = f"{', '.join(lifted)} overridden by {override.given_by}: {override.reason}"
    action = replace(draft.action, detail=f"{draft.action.detail}; {said}")
    return replace(draft, action=action), None


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
        loss=draft.loss,
    )


def _approved(draft: Draft, tally: Tally, gate: Gate) -> bool:
    approval = _approval(draft, tally, gate)
    return approval is not None and approval.releases(tally.case.now, draft.loss)


def _approval(draft: Draft, tally: Tally, gate: Gate) -> Approval | None:
    slot = draft.action.slot
    if slot is None or not tally.case.memory.approvals:
        return None
    id_ = approval_id(tally.case.observation.cell, slot, draft.treated, draft.action.course, gate)
    return tally.case.memory.approvals.get(id_)


# The gates


def _gap(draft: Draft, tally: Tally) -> Refusal | None:
    """What is named must have been read whole, with its zone: the slot's other things may be elsewhere."""
    observation = tally.case.observation
    if not observation.gaps:
        return None
    if (copying := _gap_of_copies(draft.action.request, observation)) is not None:
        return Refusal(
            gate=Gate.GAP, reason=f"{copying.subject} could not be read ({copying.code})"
        )
    if isinstance(draft.action.request, CopySnapshot):
        return (
            None  # A completed snapshot is what it is, however little is seen of everything else.
        )
    fleet = tally.fleet_of(draft)
    subjects = [GapSubject.INSTANCES, GapSubject.ZONES]
    subjects += [GapSubject.VOLUMES] if fleet is None or fleet.stateful else []
    subjects += [GapSubject.SNAPSHOTS] if is_backup(draft.action.request) else []
    zones: list[str | None] = [
        (observation.instances.get(id_) or observation.volumes[id_]).zone
        for id_ in named_ids(draft.action.request)
        if id_ in observation.instances or id_ in observation.volumes
    ]
    for subject in subjects:
        for zone in zones or [None]:
            if (gap := observation.lacks(subject, zone)) is not None:
                reason = f"{gap.subject} could not be read ({gap.code})"
                return Refusal(gate=Gate.GAP, reason=reason)
    return None


def _gap_of_copies(request: Request, observation: Observation) -> Gap | None:
    region = other_region(request)
    if region is None:
        return None
    return observation.lacks(GapSubject.COPIES, region) or observation.lacks(GapSubject.SNAPSHOTS)


def _cold(draft: Draft, tally: Tally) -> Refusal | None:
    """A strange cell: nothing disruptive before a person's word, and nothing at all before it was seen twice."""
    cold = tally.case.memory.cold
    if cold is None:
        return None
    commit = isinstance(draft.action.request, SetTags) and draft.action.request.commit
    if not cold.released and (draft.action.disruptive or commit):
        reason = (
            "this store has no record of the cell; `reconciler resume --cold` when it looks right"
        )
        return Refusal(gate=Gate.COLD, reason=reason)
    window = tally.case.desired.policy.consistency_window
    if tally.case.now - cold.since >= window and cold.complete_observations >= 2:
        return None
    reason = "this store has no record of the cell; nothing is done until it was seen twice"
    return Refusal(gate=Gate.COLD, reason=reason, earliest_release=cold.since + window)


def _paused(draft: Draft, tally: Tally) -> Refusal | None:
    slot = draft.action.slot
    fleet = tally.fleet_of(draft)
    if fleet is not None and fleet.paused:
        reason = f"{fleet.source.file}:{fleet.source.line} declares it paused"
        return Refusal(gate=Gate.PAUSED, reason=reason)
    for pause in tally.case.memory.pauses:
        if pause.covers(slot.fleet if slot else "", slot, tally.case.now):
            reason = f"{pause.paused_by} paused {pause.scope}: {pause.reason}"
            return Refusal(gate=Gate.PAUSED, reason=reason, earliest_release=pause.expires_at)
    return None


def _mode(draft: Draft, tally: Tally) -> Refusal | None:
    fleet = tally.fleet_of(draft)
    if fleet is None or fleet.mode is Mode.AUTO:
        return None
    if fleet.mode is Mode.OBSERVE:
        return Refusal(gate=Gate.OBSERVE, reason="mode observe: reported, never done")
    if draft.continuation or draft.agreed or is_backup(draft.action.request):
        return None  # Backups are declared; to ask for each of them would be to have none.
    if _approved(draft, tally, Gate.APPROVE):
        return None
    short = approved_for_less(_approval(draft, tally, Gate.APPROVE), tally.case.now, draft.loss)
    reason = f"mode approve: waits for a person{f'; {short}' if short else ''}"
    return Refusal(gate=Gate.APPROVE, reason=reason, approvable=True)


def _retry_later(draft: Draft, tally: Tally) -> Refusal | None:
    """The same was refused a moment ago; it is tried again at its own time."""
    intent = tally.rejected.get(draft.action.family)
    if intent is None or intent.retry_at is None or tally.case.now >= intent.retry_at:
        return None
    request = intent.action.request
    if isinstance(request, LaunchInstance) and (request.zone, request.type) in tally.short:
        # What had no capacity is passed over by now; another zone or type need not wait for it.
        return None
    reason = f"refused: {intent.error_code}: {intent.error_message}"
    return Refusal(gate=Gate.RETRY, reason=reason, earliest_release=intent.retry_at)


def _replacement_limit(draft: Draft, tally: Tally) -> Refusal | None:
    slot, fleet = draft.action.slot, tally.fleet_of(draft)
    if slot is None or fleet is None or not isinstance(draft.action.request, LaunchInstance):
        return None
    launches = tally.launches.get(slot, ())
    for limit in fleet.repair.max_replacements_per_slot:
        recent = [at for at in launches if tally.case.now - at < limit.window]
        if len(recent) >= limit.count:
            hours = limit.window / HOUR
            reason = f"replaced {len(recent)} times in {hours:g} h, {limit.count} are allowed"
            release = recent[-limit.count] + limit.window
            return Refusal(gate=Gate.REPLACEMENT_LIMIT, reason=reason, earliest_release=release)
    return None


def _repairs_at_once(draft: Draft, tally: Tally) -> Refusal | None:
    slot, fleet = draft.action.slot, tally.fleet_of(draft)
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
    reason = f"{slots_of(len(under_way), slot.fleet)} being repaired, {allowed} at once"
    return Refusal(gate=Gate.REPAIRS_AT_ONCE, reason=reason)


def _max_unavailable(draft: Draft, tally: Tally) -> Refusal | None:
    """Gates only what takes a serving slot out; a slot that is already down takes no room (design 7.3)."""
    slot, fleet = draft.action.slot, tally.fleet_of(draft)
    if slot is None or fleet is None:
        return None
    budget = fleet.repair.max_unavailable.of(fleet.replicas)
    if draft.action.course is Course.UPDATE and isinstance(draft.action.request, LaunchInstance):
        if tally.troubled[slot.fleet]:
            reason = f"{slots_of(tally.troubled[slot.fleet], slot.fleet)} not healthy"
            return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=f"update waits: {reason}")
        if len(tally.updating[slot.fleet] - {slot}) >= max(1, budget):
            reason = f"{slots_of(len(tally.updating[slot.fleet]), slot.fleet)} being updated"
            return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=reason)
    if draft.takes_out and tally.not_serving[slot.fleet] >= budget:
        reason = f"{tally.not_serving[slot.fleet]} of {slot.fleet} do not serve, {budget} may"
        return Refusal(gate=Gate.MAX_UNAVAILABLE, reason=reason)
    return None


def _baking(draft: Draft, tally: Tally) -> Refusal | None:
    slot = draft.action.slot
    return tally.bakes.refusal(draft, tally.updating[slot.fleet]) if slot else None


def _mass_termination(draft: Draft, tally: Tally) -> Refusal | None:
    """A sliding hourly limit on what takes instances down, whatever the reason for each seems to be."""
    if not draft.guarded or target_of(draft.action.request) in tally.taken_down:
        return None
    policy, taken_down = tally.case.desired.policy, tally.taken_down
    allowed = max(
        policy.terminations_per_hour_count,
        int(tally.live * policy.terminations_per_hour_percent / 100),
    )
    if len(taken_down) < allowed or _approved(draft, tally, Gate.MASS_TERMINATION):
        return None
    reason = (
        f"{len(taken_down)} instances were or are taken down within an hour, {allowed} are allowed"
    )
    oldest_that_must_age = sorted(taken_down.values())[len(taken_down) - allowed]
    return Refusal(
        gate=Gate.MASS_TERMINATION,
        reason=reason,
        earliest_release=oldest_that_must_age + HOUR,
        approvable=True,
    )


def _snapshots_at_once(draft: Draft, tally: Tally) -> Refusal | None:
    """Bounded by EC2's bucket of requests, which restores need too, and by how many copies it makes at a time.

    The others go in the next passes.
    """
    request = draft.action.request
    if not is_backup(request):
        return None
    if isinstance(request, CopySnapshot):
        if (count := tally.copying[request.to_region]) < COPIES_AT_ONCE:
            return None
        reason = f"{count} copies to {request.to_region} are under way, as many as may be"
        return Refusal(gate=Gate.SNAPSHOTS_AT_ONCE, reason=reason)
    deleting = isinstance(request, DeleteSnapshot | DeleteCopy | DeleteVolume)
    count = tally.expiring if deleting else tally.snapshotting
    if count < SNAPSHOTS_AT_ONCE:
        return None
    reason = f"{count} are {'deleted' if deleting else 'taken'} at once, as many as may be"
    return Refusal(gate=Gate.SNAPSHOTS_AT_ONCE, reason=reason)


def _spec(draft: Draft, tally: Tally) -> Refusal | None:
    """What failed again and again where launches work is not launched once more without a word."""
    refusal = tally.specs.refusal(draft)
    if refusal is None or _approved(draft, tally, Gate.SPEC):
        return None
    return refusal


def _capability(draft: Draft, tally: Tally) -> Refusal | None:
    """Asked when nothing else holds it, so that whatever tries a zone goes ahead."""
    return tally.openings.refusal(draft)


def _pace(draft: Draft, tally: Tally) -> Refusal | None:
    """Asked last, so that nothing that another gate holds takes the turn of what could go."""
    wait = tally.buckets.room(draft)
    if wait is None:
        return None
    return Refusal(gate=Gate.PACE, reason=wait.reason, earliest_release=wait.until)


GATES: tuple[Callable[[Draft, Tally], Refusal | None], ...] = (
    _gap,
    _cold,
    _paused,
    _mode,
    _retry_later,
    irreplaceable,
    condition,
    fleet_breaker,
    blind,
    by_hand,
    housekeeping,
    _replacement_limit,
    _repairs_at_once,
    _max_unavailable,
    _baking,
    _mass_termination,
    _snapshots_at_once,
    _spec,
    _capability,
    _pace,
)
"""In the order in which they are asked."""
