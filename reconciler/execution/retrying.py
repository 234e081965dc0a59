"""Retries around a single call: few, short, jittered, and within a budget for the whole cell (design rule 7).

The budget is for everything by which trouble would multiply calls: lists asked for zone by zone, ids read one by one
and what is sent again come out of it too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from providers.errors import CloudError, RetryClass
from reconciler.clock import Clock, Randomness

Answer = TypeVar("Answer")

ATTEMPTS = 3
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 5.0

READS = frozenset({RetryClass.THROTTLE, RetryClass.TRANSIENT})
"""A read changes nothing, so whatever may pass is tried again."""
WRITES = frozenset({RetryClass.THROTTLE})
"""A throttled write was not carried out; one that failed otherwise may have been."""
WRITES_WITH_TOKEN = frozenset({RetryClass.THROTTLE, RetryClass.TRANSIENT})
"""The client token makes the same write its own look-up."""


@dataclass(slots=True)
class RetryBudget:
    """At most a tenth of a cell's calls of the last minute are extra, so that trouble is never answered with load.

    A few are always allowed: a tenth of little is nothing. While the API is in `doubt`, because it left the last call
    of the executor without an answer, acting is extra too.
    """

    share: float = 0.1
    always: int = 3
    window_s: float = 60.0
    _calls: deque[float] = field(default_factory=deque)
    _retries: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    doubt: bool = False

    def count_call(self, now_s: float) -> None:
        """A call was made at this instant of a monotonic clock."""
        with self._lock:
            self._calls.append(now_s)

    def spend(self, now_s: float) -> bool:
        """Take an extra call out of the budget; False when none is left."""
        with self._lock:
            for instants in (self._calls, self._retries):
                while instants and instants[0] <= now_s - self.window_s:
                    instants.popleft()
            if len(self._retries) >= max(self.always, int(len(self._calls) * self.share)):
                return False
            self._retries.append(now_s)
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """Implements providers.spare_calls.SpareCalls with the cell's budget."""

    clock: Clock
    budget: RetryBudget

    def count(self) -> None:
        """A call was made now."""
        self.budget.count_call(self.clock.monotonic_s())

    def spend(self) -> bool:
        """Take an extra call out of the budget; False when none is left."""
        return self.budget.spend(self.clock.monotonic_s())


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """Makes calls, with retries. Time, randomness and the budget are the cell's."""

    clock: Clock
    randomness: Randomness
    budget: RetryBudget

    def call(self, send: Callable[[], Answer], retried: frozenset[RetryClass]) -> Answer:
        """What `send` answers, tried again for errors of these classes. Raises what it raised last."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda fault: isinstance(fault, CloudError) and fault.retry in retried
            ),
            stop=self._stops,
            wait=self._wait_s,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(send)

    def _stops(self, state: tenacity.RetryCallState) -> bool:
        # By attempts and never by time: tenacity measures time with a clock of its own.
        return state.attempt_number >= ATTEMPTS or not self.budget.spend(self.clock.monotonic_s())

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**state.attempt_number)
        return self.randomness.uniform(longest / 2, longest)
