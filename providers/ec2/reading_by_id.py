"""Reading named ids, so that a bad one does not spoil the others: EC2 fails the whole call for a single unknown id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from providers.errors import CloudError, EndpointUnreachable, RetryClass
from providers.observed import Presence
from providers.spare_calls import SpareCalls, Unbounded

IDS_AT_ONCE = 200

ONE_AT_A_TIME = "InvalidVolume.NotFound"
"""EC2 names one missing volume an answer. An answer that names several is an emulator's, which names all that it was
asked for (moto 5.2), those that exist too: it is believed only of an id that was asked for alone.
"""

Item = TypeVar("Item")
Answers = dict[str, tuple[Presence, Item | None]]


def read_by_id(
    ids: Iterable[str],
    read: Callable[[Sequence[str]], Mapping[str, Item]],
    spare: SpareCalls | None = None,
) -> Answers[Item]:
    """What reading each id said. `read` asks for exactly the ids that it is given.

    NOT_FOUND only where EC2 names the id in a NotFound error; everything else that fails is UNREADABLE, and so is an
    id that a good reply does not mention, and one that would have to be asked for once more without a call to `spare`.
    Ids are asked for in the order given. Raises CredentialsError, and CloudError of class DENIED.
    """
    ordered = list(dict.fromkeys(ids))
    answers: Answers[Item] = {}
    for start in range(0, len(ordered), IDS_AT_ONCE):
        asked = ordered[start : start + IDS_AT_ONCE]
        answers.update(_batch(asked, read, spare or Unbounded()))
    return answers


def _batch(
    asked: Sequence[str],
    read: Callable[[Sequence[str]], Mapping[str, Item]],
    spare: SpareCalls,
) -> Answers[Item]:
    answers: Answers[Item] = {}
    remaining = list(asked)
    while remaining:
        if answers and not spare.spend():
            return answers | dict.fromkeys(remaining, (Presence.UNREADABLE, None))
        try:
            found = read(remaining)
        except EndpointUnreachable:
            found = {}
        except CloudError as error:
            if error.retry is RetryClass.DENIED:
                raise
            bad = _named(error, remaining)
            if len(bad) > 1 and error.code == ONE_AT_A_TIME:
                for id_ in remaining:
                    answers.update(_batch([id_], read, spare))
                return answers
            if bad:
                answers.update({id_: (_presence(error), None) for id_ in bad})
                remaining = [id_ for id_ in remaining if id_ not in bad]
                continue
            found = {}
        answers.update({id_: _answer(found.get(id_)) for id_ in remaining})
        break
    return answers


def _answer(item: Item | None) -> tuple[Presence, Item | None]:
    return (Presence.UNREADABLE, None) if item is None else (Presence.FOUND, item)


def _presence(error: CloudError) -> Presence:
    """An id of the wrong form is no evidence that something is gone."""
    return Presence.NOT_FOUND if error.code.endswith(".NotFound") else Presence.UNREADABLE


def _named(error: CloudError, ids: Iterable[str]) -> set[str]:
    """The ids that an error about ids names; EC2 names all missing instances."""
    if not error.code.endswith((".NotFound", ".Malformed")):
        return set()
    return {id_ for id_ in ids if re.search(rf"(?<![\w-]){re.escape(id_)}(?![\w-])", error.message)}
