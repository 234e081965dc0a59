"""Pages: a token names what is left of the list that the first page began; what changed since is shown as it is.

A resource that is gone when its page comes is left out, one that is new is in the next list: nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import PageLost, PageTrouble
from providers.simulated.refusals import Refused, invalid
from providers.simulated.tokens import canonical
from providers.simulated.world import World

LEAST, MOST = 5, 1000
IDS_PARAMETERS = ("InstanceIds", "VolumeIds", "SnapshotIds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a token stands for: the ids that are still to come."""

    operation: str
    question: str
    ids: tuple[str, ...]
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The page that a request asks for. `ids` None is the first one; `repeats` is a token that is given once more."""

    ids: tuple[str, ...] | None = None
    repeats: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The ids of one page, and the token of the next."""

    ids: Sequence[str]
    next_token: str | None


class Paging:
    """Cuts lists into pages."""

    def __init__(self, world: World, faults: FaultPlan) -> None:
        self._world = world
        self._faults = faults
        self._rests: dict[str, Rest] = {}

    def asked(self, operation: str, parameters: Mapping[str, Any]) -> Asked:
        """What page the request asks for. Raises Refused for a bad size or token, and for a page that is lost."""
        _check_size(operation, parameters)
        token = parameters.get("NextToken")
        if token is None:
            return Asked()
        lost = self._faults.strikes(PageLost, operation)
        trouble = lost.trouble if lost else None
        if trouble is PageTrouble.FAILS:
            raise Refused("InternalError", "An internal error has occurred", 500)
        rest = self._rests.get(token)
        if rest is None or trouble is PageTrouble.TOKEN_EXPIRES or self._is_over(rest, operation):
            raise Refused("InvalidNextToken", f"The token '{token}' is invalid or has expired")
        if rest.question != question_of(parameters):
            raise invalid("The parameters are not those of the request that gave the token.")
        # The same token again is a list without end.
        repeats = token if trouble is PageTrouble.TOKEN_REPEATED else None
        return Asked(ids=rest.ids, repeats=repeats)

    def part(
        self, operation: str, parameters: Mapping[str, Any], asked: Asked, ids: Sequence[str]
    ) -> Part:
        """The page: as many of these ids as it holds, and the token of the next one."""
        size = parameters.get("MaxResults")
        for fault in self._faults.on(PageLost):
            if fault.when.operations is None or operation in fault.when.operations:
                size = min(size or MOST, fault.items)
        if asked.repeats is not None:
            return Part(ids=ids[:size], next_token=asked.repeats)
        if size is None or len(ids) <= size:
            return Part(ids=ids, next_token=None)
        token = self._world.mint("page")
        self._rests[token] = Rest(
            operation=operation,
            question=question_of(parameters),
            ids=tuple(ids[size:]),
            given_at=self._world.now,
        )
        self._forget_old()
        return Part(ids=ids[:size], next_token=token)

    def _is_over(self, rest: Rest, operation: str) -> bool:
        age = self._world.now - rest.given_at
        return rest.operation != operation or age > self._world.durations.page_token_kept

    def _forget_old(self) -> None:
        kept = self._world.durations.page_token_kept
        for token, rest in list(self._rests.items()):
            if self._world.now - rest.given_at <= kept:
                break
            del self._rests[token]


def _check_size(operation: str, parameters: Mapping[str, Any]) -> None:
    size = parameters.get("MaxResults")
    if size is None:
        return
    if not LEAST <= size <= MOST:
        raise invalid(
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {LEAST} and {MOST}."
        )
    if any(parameters.get(name) for name in IDS_PARAMETERS):
        raise Refused(
            "InvalidParameterCombination",
            f"The parameter MaxResults cannot be used with ids in {operation}.",
        )


def question_of(parameters: Mapping[str, Any]) -> str:
    """What a list is asked for, whatever the page: operations have the same list for the same question."""
    asked = {
        name: value for name, value in parameters.items() if name not in ("NextToken", "MaxResults")
    }
    return canonical(asked)
