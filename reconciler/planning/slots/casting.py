"""Who plays which part in a slot: occupant, replacement, superseded ones, and those that fit nowhere (section 7.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from providers.observed import Instance
from providers.requests import LaunchInstance, SetTags
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import KnownResource

TOOK_EFFECT = (IntentState.ACCEPTED, IntentState.OBSERVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The live instances of a slot in their parts.

    `superseded` are of a lower incarnation than the committed one, whether or not that one still lives.
    """

    occupant: Instance | None
    replacement: Instance | None
    superseded: tuple[Instance, ...]
    extras: tuple[Instance, ...]


NOBODY = Cast(occupant=None, replacement=None, superseded=(), extras=())


def cast(shown: Sequence[Instance], intents: Iterable[Intent]) -> Cast:
    """The parts of a slot's instances, given newest first; `intents` are those of the slot, open and recent.

    The occupant is the newest with the occupant's role, or the one whose commit is in the journal although a view that
    lags still shows it as a replacement; one alone without any role (its tag was edited) is taken for it. After a
    commit it only goes forward: what was superseded once never holds the slot again. The date until which it is kept
    tells so when the journal and the lists have forgotten its successor.
    """
    alive = [item for item in shown if item.alive]
    if not alive:
        return NOBODY
    intents = tuple(intents)
    alone = len(shown) == 1 and not intents
    if alone and role_of(alive[0].tags) is not Role.REPLACEMENT and not _is_dated(alive[0]):
        return Cast(occupant=alive[0], replacement=None, superseded=(), extras=())
    committed = committed_incarnation(shown, intents)
    current = [item for item in alive if not _is_superseded(item, committed)]
    occupant = next((item for item in current if role_of(item.tags) is Role.OCCUPANT), None)
    if occupant is None:
        journaled = _committed_ids(intents)
        occupant = next((item for item in current if item.id in journaled), None)
    if occupant is None and len(alive) == 1 and current and role_of(alive[0].tags) is None:
        occupant = alive[0]
    if occupant is not None and len(alive) == 1:
        return Cast(occupant=occupant, replacement=None, superseded=(), extras=())
    committed = max(committed, incarnation_of(occupant.tags) if occupant else 0)
    replacement = next(
        (
            item
            for item in current
            if role_of(item.tags) is Role.REPLACEMENT and incarnation_of(item.tags) > committed
        ),
        None,
    )
    rest = [item for item in alive if item not in (occupant, replacement)]
    return Cast(
        occupant=occupant,
        replacement=replacement,
        superseded=tuple(item for item in rest if _is_superseded(item, committed)),
        extras=tuple(item for item in rest if not _is_superseded(item, committed)),
    )


def _is_superseded(instance: Instance, committed: int) -> bool:
    return incarnation_of(instance.tags) < committed or _is_dated(instance)


def _is_dated(instance: Instance) -> bool:
    return Tag.QUARANTINE_UNTIL in instance.tags


def committed_incarnation(shown: Sequence[Instance], intents: Iterable[Intent]) -> int:
    """The highest incarnation that is known to have held the slot without living any more; 0 when none is known."""
    intents = tuple(intents)
    died = died_at_launch(shown, intents)
    ended = [
        incarnation_of(item.tags)
        for item in shown
        if not item.alive and item.id not in died and role_of(item.tags) is Role.OCCUPANT
    ]
    return max((*ended, *(_committed_by(intent, died) for intent in intents)), default=0)


def incarnations_that_held(shown: Iterable[Instance], intents: Iterable[Intent]) -> frozenset[int]:
    """Every incarnation that is known to hold the slot or to have held it, by its role or by the journal."""
    shown, intents = tuple(shown), tuple(intents)
    died = died_at_launch(shown, intents)
    by_role = {
        incarnation_of(item.tags)
        for item in shown
        if role_of(item.tags) is Role.OCCUPANT and item.id not in died
    }
    return frozenset(by_role | {_committed_by(intent, died) for intent in intents})


def _committed_by(intent: Intent, died: frozenset[str]) -> int:
    """The incarnation that an intent made the occupant: by its commit, or by a launch into an empty slot."""
    request = intent.action.request
    if intent.state not in TOOK_EFFECT:
        return 0
    if isinstance(request, SetTags) and request.commit:
        return intent.action.incarnation
    launched = isinstance(request, LaunchInstance) and request.tags.get(Tag.ROLE) == Role.OCCUPANT
    return intent.action.incarnation if launched and intent.resource_id not in died else 0


def _committed_ids(intents: Iterable[Intent]) -> frozenset[str]:
    """Instances that the journal knows to have been made the occupant of their slot."""
    return frozenset(
        intent.action.request.resource_id
        for intent in intents
        if isinstance(intent.action.request, SetTags)
        and intent.action.request.commit
        and intent.state in TOOK_EFFECT
    )


def died_at_launch(shown: Iterable[Instance], intents: Iterable[Intent]) -> frozenset[str]:
    """Ids of instances that ended without ever having come up."""
    dead = {intent.resource_id for intent in intents if intent.state is IntentState.DEAD}
    if not dead:
        return frozenset()
    lived = {item.id for item in shown if item.alive or Tag.IN_SERVICE_SINCE in item.tags}
    return frozenset(id_ for id_ in dead if id_ is not None and id_ not in lived)


def ever_occupied(
    shown: Iterable[Instance], known: Iterable[KnownResource], recent: Sequence[Intent]
) -> bool:
    """Whether an instance may ever have used the slot's volumes; launches that died at once never did."""
    shown = tuple(shown)
    ids = {item.id for item in known if item.kind == "instance"}
    return bool(ids.union(item.id for item in shown) - died_at_launch(shown, recent))


def tag_doubts(
    shown: Iterable[Instance], remembered: Iterable[KnownResource | None]
) -> tuple[str, ...]:
    """Live instances whose incarnation tag was taken off or edited: what they are to the slot can't be told.

    `remembered` is what is known of each.
    """
    doubts = []
    for item, before in zip(shown, remembered, strict=True):
        tagged = incarnation_of(item.tags)
        if not item.alive or (tagged and (before is None or before.incarnation in (0, tagged))):
            continue
        was = f", it was {before.incarnation}" if before and before.incarnation else ""
        doubts.append(f"{item.id} has incarnation tag {item.tags.get(Tag.INCARNATION)}{was}")
    return tuple(doubts)
