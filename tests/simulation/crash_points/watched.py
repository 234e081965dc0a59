"""The journal and the cloud as they are used by a process whose every step is watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.errors import CloudError, RetryClass
from providers.port import Cloud, Receipt
from providers.requests import Request
from reconciler.store.cell import CellStore
from tests.simulation.crash_points.looks import LooksAt
from tests.simulation.crash_points.steps import Footsteps, Moment

INTENT = (Moment.BEFORE_INTENT, Moment.AFTER_INTENT)
OUTCOME = (Moment.BEFORE_OUTCOME, Moment.AFTER_OUTCOME)
PASS = (Moment.BEFORE_PASS_RECORD, Moment.AFTER_PASS_RECORD)

JOURNAL_WRITES = {
    "begin": INTENT,
    "resent": INTENT,
    "move": OUTCOME,
    "missed": OUTCOME,
    "after_done": OUTCOME,
    "record_pass": PASS,
    "remember_capacity": PASS,
}
"""Every method of CellStore that writes what this process did or saw, and the moments around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedStore:
    """A CellStore by all that it does; its writes are steps."""

    store: CellStore
    footsteps: Footsteps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        if name not in JOURNAL_WRITES:
            return method
        before, after = JOURNAL_WRITES[name]

        def write(*args: Any, **fields: Any) -> Any:
            return self.footsteps.between(before, after, name, lambda: method(*args, **fields))

        return write


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The process lives, but nobody hears: the request that is sent as number `nth` of its life (from 0), or the reply
    to it, is lost, and so are those of its retries in that pass.
    """

    nth: int
    after_effect: bool


@dataclass(slots=True, kw_only=True)
class WatchedCloud(LooksAt):
    """Implements providers.port.Cloud: looks go to `view`, which may be out of date; requests are steps."""

    cloud: Cloud
    view: Cloud
    footsteps: Footsteps
    loss: Loss | None = None
    pass_number: int = 0
    _sent: list[tuple[int, Request]] = field(default_factory=list)
    """Each request once a pass, with the pass."""

    def perform(self, request: Request, *, user_data: str | None = None) -> Receipt:
        sending = (self.pass_number, request)
        if sending not in self._sent:
            self._sent.append(sending)
        loss = self.loss
        if loss is None or self._sent.index(sending) != loss.nth:
            return self.footsteps.between(
                Moment.BEFORE_CALL,
                Moment.AFTER_EFFECT,
                request.kind,
                lambda: self.cloud.perform(request, user_data=user_data),
            )
        if loss.after_effect:
            self.cloud.perform(request, user_data=user_data)
        raise CloudError(
            operation=request.kind,
            code="RequestTimeout",
            message="no answer",
            retry=RetryClass.TRANSIENT,
        )

    @property
    def sent(self) -> int:
        """How many requests the process has sent, each counted once a pass."""
        return len(self._sent)

    @property
    def sent_in_this_pass(self) -> tuple[Request, ...]:
        """What was sent since the last pass ended."""
        return tuple(request for number, request in self._sent if number == self.pass_number)
