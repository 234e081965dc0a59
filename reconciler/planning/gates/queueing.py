"""The order in which drafts are asked whether they may go: who gets the tokens where they are few (section 7.3).

owed fences      of what was superseded
commits
under way        courses that were begun are carried to their end
tiers            by weighted shares; within a tier who is down longest, then the cheaper restore
backups          last; copies by how far they are behind
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum, auto

from providers.requests import LaunchInstance
from reconciler.planning.actions import Action, Course, Gate, SlotRef
from reconciler.planning.case import Case
from reconciler.planning.decision import Draft
from reconciler.planning.gates.owed import is_commit, is_owed_fence
from reconciler.planning.gates.pace import Bucket, debits_of
from reconciler.planning.memory import held_key

ALIKE = timedelta(minutes=5)
"""Who fell within the same of these is down for about as long, so that the cheaper restore of them goes first."""

REMEMBERED = timedelta(minutes=10)
"""How far back what a tier was given counts."""

SHARED = (Bucket.LAUNCHES, Bucket.DISRUPTIVE, Bucket.STARTS)


class Rank(IntEnum):
    """What goes before what, whatever the tier."""

    FENCE = auto()
    COMMIT = auto()
    UNDER_WAY = auto()
    TIERS = auto()
    BACKUPS = auto()
    COPIES = auto()


def in_order(drafts: Iterable[Draft], case: Case) -> list[Draft]:
    """The drafts, first come first."""
    tiers = {fleet.name: fleet.tier for fleet in case.desired.fleets}
    latest = datetime.max.replace(tzinfo=case.now.tzinfo)

    def order(draft: Draft) -> tuple[object, ...]:
        slot = draft.action.slot or SlotRef("", 0)
        since = draft.down_since or draft.behind_since
        return (
            _rank(draft),
            tiers.get(slot.fleet, len(tiers)),
            latest if since is None else _about(since) if draft.down_since else since,
            _gib_to_bring_back(draft.action),
            since or latest,
            slot,
            draft.action.operation_id,
        )

    ordered = sorted(drafts, key=order)
    if case.desired.policy.pace is None:
        return ordered
    percents = case.desired.policy.pace.tier_percents
    first = [draft for draft in ordered if _rank(draft) < Rank.TIERS]
    shared = [draft for draft in ordered if _rank(draft) is Rank.TIERS]
    last = [draft for draft in ordered if _rank(draft) > Rank.TIERS]

    def place_of(action: Action) -> int:
        tier = tiers.get(action.slot.fleet, len(percents)) if action.slot else len(percents)
        return min(tier, len(percents) - 1)

    return [*first, *_by_shares(shared, case, percents, place_of), *last]


def _rank(draft: Draft) -> Rank:
    if draft.behind_since is not None:
        return Rank.COPIES
    if draft.action.course is Course.BACK_UP:
        return Rank.BACKUPS
    if is_owed_fence(draft.action):
        return Rank.FENCE
    if is_commit(draft.action):
        return Rank.COMMIT
    return Rank.UNDER_WAY if draft.continuation else Rank.TIERS


def _about(instant: datetime) -> datetime:
    """The instant with the minutes in between left out."""
    return instant - (instant - datetime.min.replace(tzinfo=instant.tzinfo)) % ALIKE


def _gib_to_bring_back(action: Action) -> int:
    """The size of what a launch makes its volumes from; 0 for everything that restores nothing."""
    if not isinstance(action.request, LaunchInstance) or action.course is not Course.RESTORE:
        return 0
    return sum(volume.size_gib for volume in action.request.volumes)


# Shares


def _by_shares(
    drafts: Sequence[Draft],
    case: Case,
    percents: Sequence[float],
    place_of: Callable[[Action], int],
) -> list[Draft]:
    """Always the next one of the tier that came least far with its share; what one does not want others get."""
    queues: dict[int, deque[Draft]] = {}
    for draft in drafts:
        queues.setdefault(place_of(draft.action), deque()).append(draft)
    if len(queues) < 2:
        return list(drafts)
    come = _how_far_each_came(queues, case, percents, place_of)
    ordered: list[Draft] = []
    while queues:
        place = min(queues, key=lambda item: (come[item] + 1 / percents[item], item))
        draft = queues[place].popleft()
        ordered.append(draft)
        if _takes_a_token(draft.action):
            come[place] += 1 / percents[place]
        if not queues[place]:
            del queues[place]
    return ordered


def _how_far_each_came(
    queues: Mapping[int, Iterable[Draft]],
    case: Case,
    percents: Sequence[float],
    place_of: Callable[[Action], int],
) -> dict[int, float]:
    """Tokens that each tier was given since it waits, by its share.

    A tier that begins to wait starts level with the one that had come least far, so that nobody catches up on what
    nobody of them wanted then.
    """
    given: dict[int, list[datetime]] = {place: [] for place in queues}
    for intent in (*case.memory.recent_intents, *case.memory.open_intents):
        if case.now - intent.begun_at < REMEMBERED and _takes_a_token(intent.action):
            given.setdefault(place_of(intent.action), []).append(intent.begun_at)
    since = {place: _waiting_since(queue, case) for place, queue in queues.items()}
    level: dict[int, float] = {}

    def come(place: int, until: datetime) -> float:
        tokens = sum(1 for at in given[place] if since[place] <= at < until)
        return level[place] + tokens / percents[place]

    for place in sorted(queues, key=lambda item: (since[item], item)):
        level[place] = min((come(other, since[place]) for other in level), default=0.0)
    later = case.now + REMEMBERED
    return {place: come(place, later) for place in queues}


def _waiting_since(queue: Iterable[Draft], case: Case) -> datetime:
    held = case.memory.held_since
    known = (held.get(held_key(draft.action.slot, Gate.PACE)) for draft in queue)
    return max(case.now - REMEMBERED, min((at for at in known if at), default=case.now))


def _takes_a_token(action: Action) -> bool:
    return any(bucket in SHARED for bucket in debits_of(action))
