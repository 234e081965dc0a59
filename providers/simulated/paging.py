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

    def rest_of(self, operation: str, parameters: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The ids that the token in the request stands for; None for a first page. Raises Refused."""
        _check_size(operation, parameters)
        token = parameters.get("NextToken")
        if token is None:
            return None
        rest = self._rests.get(token)
        expired = rest is not None and (
            self._world.now - rest.given_at > self._world.durations.page_token_kept
        )
        trouble = self._faults.strikes(PageLost, operation)
        if trouble and trouble.trouble is PageTrouble.FAILS:
            raise Refused("InternalError", "An internal error has occurred", 500)
        lost = trouble is not None and trouble.trouble is PageTrouble.TOKEN_EXPIRES
        if rest is None or expired or lost or rest.operation != operation:
            raise Refused("InvalidNextToken", f"The token '{token}' is invalid or has expired")
        if rest.question != _question(parameters):
            raise invalid("The parameters are not those of the request that gave the token.")
        if trouble and trouble.trouble is PageTrouble.TOKEN_REPEATED:
            # The same rest again, behind the same token: a list without end.
            self._repeat = token
        return rest.ids

    _repeat: str | None = None

    def part(self, operation: str, parameters: Mapping[str, Any], ids: Sequence[str]) -> Part:
        """The next page of these ids."""
        size = parameters.get("MaxResults")
        for fault in self._faults.on(PageLost):
            if fault.when.operations is None or operation in fault.when.operations:
                size = min(size or MOST, fault.items)
        repeated, self._repeat = self._repeat, None
        if repeated is not None:
            return Part(ids=ids[:size], next_token=repeated)
        if size is None or len(ids) <= size:
            return Part(ids=ids, next_token=None)
        token = self._world.mint("page")
        self._rests[token] = Rest(
            operation=operation,
            question=_question(parameters),
            ids=tuple(ids[size:]),
            given_at=self._world.now,
        )
        self._forget_old()
        return Part(ids=ids[:size], next_token=token)

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


def _question(parameters: Mapping[str, Any]) -> str:
    asked = {
        name: value for name, value in parameters.items() if name not in ("NextToken", "MaxResults")
    }
    return canonical(asked)
