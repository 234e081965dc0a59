"""Sends one request that is in the journal, and journals what the cloud answered.

Between the two the outcome is unknown, and stays so in the journal until an answer or an observation settles it. That
is why nothing here catches more than it understands: whatever else happens leaves the intent begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from providers.errors import NOT_SENT, CloudError, RetryClass
from providers.observed import Instance
from providers.port import Cloud, Receipt
from providers.requests import LaunchInstance, Request, StartInstance
from reconciler.execution.handlers import (
    ActionContext,
    Handlers,
    PermanentError,
    TemporaryError,
)
from reconciler.execution.outcomes import Offering, Outcome, Result
from reconciler.execution.retrying import READS, WRITES, WRITES_WITH_TOKEN, Retrying
from reconciler.planning.actions import Action, other_region
from reconciler.planning.identity import Tag
from reconciler.planning.intents import Intent, IntentState
from reconciler.store.cell import CellStore

PERMANENT_LASTS = timedelta(minutes=30)
"""How long PermanentError holds an action back: a person has to change something, and by then may have."""


class Halted(Exception):  # noqa: N818 - not an error of the call: the pass ends here
    """Nothing more can be sent in this pass; says why. The action at hand is journaled already."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an answer is taken: how long a rejection holds, and what a lack of capacity is a lack of."""

    rejected_for: timedelta
    offering: Offering | None


@dataclass(slots=True, kw_only=True)
class _Doubt:
    """Whether anything was sent, and whether an earlier sending may have had its effect.

    Once it may have, an error that says "not carried out" speaks of the last sending alone and rejects nothing.
    """

    sent: bool = False
    remains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Sends begun intents, one at a time for each slot. `user_data` holds boot scripts by the hash in the request."""

    cloud: Cloud
    journal: CellStore
    handlers: Handlers
    retrying: Retrying
    user_data: Mapping[str, str]

    def lacks_user_data(self, request: Request) -> bool:
        """True for a launch whose boot script is not at hand: it cannot be sent as it was meant."""
        if not isinstance(request, LaunchInstance) or request.user_data_sha256 is None:
            return False
        return request.user_data_sha256 not in self.user_data

    def send(self, intent: Intent, terms: Terms, *, again: bool = False) -> Outcome:
        """Run `on.before`, send, journal the answer, run `on.after`. `again` says that it may have been sent before.

        Raises Halted when nothing more can be sent in this pass, StoreError when the journal cannot be written.
        """
        doubt = _Doubt(remains=again)
        context = self._context(intent, doubt)
        held = self._held_back(context, terms, doubt)
        if held:
            return held
        handler = self.handlers.actions[type(intent.action.request)]
        try:
            receipt = handler.call(context)
        except TemporaryError as fault:
            delay = timedelta(seconds=fault.delay)
            return self._refused(context, doubt, str(fault), delay)
        except PermanentError as fault:
            return self._refused(context, doubt, str(fault), PERMANENT_LASTS)
        except CloudError as fault:
            return self._failed(context, doubt, terms, fault)
        except Exception as fault:  # noqa: BLE001 - users' code: anything may have been sent before it failed
            return _ambiguous(context, _failure_of(handler.name, fault))
        return self._accepted(intent, receipt.resource_id, "accepted")

    def adopt(self, intent: Intent, request: LaunchInstance, why: str) -> Outcome:
        """Look a launch up by its client token, and take what is found for its outcome. Raises CloudError."""
        found = self.retrying.call(lambda: self.cloud.find_launch(request), READS)
        if found is None or found.tags.get(Tag.OWNER) != request.tags.get(Tag.OWNER):
            message = f"{why}; no instance of ours shows its client token"
            return Outcome(action=intent.action, result=Result.AMBIGUOUS, message=message)
        if found.alive:
            return self._accepted(intent, found.id, f"{why}; adopted {found.id}")
        message = f"{why}; {found.id} is {found.state}"
        return self._dead(intent.action, message, resource_id=found.id)

    def run_after(self, intent: Intent) -> str | None:
        """Run what is owed after this intent; what still fails, if anything. Raises StoreError."""
        context = self._context(intent, _Doubt())
        for handler in self.handlers.after_of(intent.action.request):
            try:
                handler.call(context)
            except PermanentError:
                continue  # It said that trying again is pointless.
            except Exception as fault:  # noqa: BLE001 - users' code; it stays owed and runs again
                return _failure_of(handler.name, fault)
        self.journal.after_done(intent.action.operation_id)
        return None

    def owes_after(self, request: Request) -> bool:
        """True when handlers wait for this kind of request to be accepted."""
        return bool(self.handlers.after_of(request))

    def _context(self, intent: Intent, doubt: _Doubt) -> ActionContext[Request]:
        request = intent.action.request
        user_data, retried = None, WRITES
        if isinstance(request, LaunchInstance):
            user_data = self.user_data.get(request.user_data_sha256 or "")
            retried = WRITES_WITH_TOKEN

        def send_once() -> Receipt:
            doubt.sent = True
            try:
                return self.cloud.perform(request, user_data=user_data)
            except CloudError as fault:
                lost = fault.retry is RetryClass.TRANSIENT and fault.code != NOT_SENT
                doubt.remains = doubt.remains or lost
                raise

        return ActionContext(
            action=intent.action,
            request=request,
            resource_id=intent.resource_id,
            now=self.retrying.clock.now(),
            cloud=self.cloud,
            send=lambda: self.retrying.call(send_once, retried),
        )

    def _held_back(
        self, context: ActionContext[Request], terms: Terms, doubt: _Doubt
    ) -> Outcome | None:
        for handler in self.handlers.before_of(context.request):
            try:
                handler.call(context)
            except TemporaryError as fault:
                delay = timedelta(seconds=fault.delay)
                return self._held(context, doubt, str(fault), delay)
            except PermanentError as fault:
                return self._rejected(context, doubt, str(fault), PERMANENT_LASTS)
            except Exception as fault:  # noqa: BLE001 - users' code; nothing was sent by it, so nothing is lost
                message = _failure_of(handler.name, fault)
                return self._held(context, doubt, message, terms.rejected_for)
        return None

    def _failed(
        self, context: ActionContext[Request], doubt: _Doubt, terms: Terms, fault: CloudError
    ) -> Outcome:
        message = str(fault)
        if fault.code == NOT_SENT:
            rejected = self._rejected(context, doubt, message, terms.rejected_for, fault)
            if other_region(context.request) is not None:
                return rejected  # How it is over there says nothing of here.
            # No credentials or no connection: what holds for this request holds for all the others.
            raise Halted(rejected) from fault
        match fault.retry:
            case RetryClass.TRANSIENT:
                return _ambiguous(context, message, fault)
            case RetryClass.TOKEN_MISMATCH:
                return self._mismatched(context, fault)
            case RetryClass.TOKEN_TERMINATED:
                return self._dead(context.action, message, fault=fault)
            case RetryClass.CAPACITY:
                rejected = self._rejected(context, doubt, message, terms.rejected_for, fault)
                return replace(rejected, short_of=terms.offering)
            case (
                RetryClass.THROTTLE
                | RetryClass.QUOTA
                | RetryClass.CONSISTENCY
                | RetryClass.STATE
                | RetryClass.DENIED
                | RetryClass.INVALID
            ):
                return self._rejected(context, doubt, message, terms.rejected_for, fault)
            case _:
                assert_never(fault.retry)

    def _mismatched(self, context: ActionContext[Request], fault: CloudError) -> Outcome:
        """The token stands for another request: what that one made is what this one is about."""
        intent = self.journal.intent(context.action.operation_id)
        if intent is None or not isinstance(context.request, LaunchInstance):
            return _ambiguous(context, str(fault), fault)
        try:
            return self.adopt(intent, context.request, str(fault))
        except CloudError as second:
            return _ambiguous(context, f"{fault}; {second}", fault)

    def _accepted(self, intent: Intent, resource_id: str | None, message: str) -> Outcome:
        owed = self.owes_after(intent.action.request)
        moved = self.journal.move(
            intent.action.operation_id,
            IntentState.ACCEPTED,
            self.retrying.clock.now(),
            resource_id=resource_id,
            detail=message,
            after_owed=owed,
        )
        failure = self.run_after(moved) if owed else None
        return Outcome(
            action=intent.action,
            result=Result.ACCEPTED,
            message=f"{message}, but {failure}" if failure else message,
            resource_id=moved.resource_id,
        )

    def _refused(
        self, context: ActionContext[Request], doubt: _Doubt, message: str, delay: timedelta
    ) -> Outcome:
        """An `on.action` handler gave up. Whether it had sent anything decides what is known."""
        if doubt.sent:
            return _ambiguous(context, message)
        return self._rejected(context, doubt, message, delay)

    def _held(
        self, context: ActionContext[Request], doubt: _Doubt, message: str, delay: timedelta
    ) -> Outcome:
        return replace(self._rejected(context, doubt, message, delay), result=Result.SKIPPED)

    def _rejected(
        self,
        context: ActionContext[Request],
        doubt: _Doubt,
        message: str,
        delay: timedelta,
        fault: CloudError | None = None,
    ) -> Outcome:
        if doubt.remains:
            return _ambiguous(context, message, fault)
        now = self.retrying.clock.now()
        code = fault.code if fault else NOT_SENT
        self.journal.move(
            context.action.operation_id,
            IntentState.REJECTED,
            now,
            error_code=code,
            error_message=message,
            retry_at=now + delay,
        )
        return Outcome(
            action=context.action,
            result=Result.REJECTED,
            message=message,
            error_code=code,
            retry=fault.retry if fault else None,
            retry_at=now + delay,
        )

    def _dead(
        self,
        action: Action,
        message: str,
        *,
        resource_id: str | None = None,
        fault: CloudError | None = None,
    ) -> Outcome:
        code = fault.code if fault else None
        self.journal.move(
            action.operation_id,
            IntentState.DEAD,
            self.retrying.clock.now(),
            resource_id=resource_id,
            error_code=code,
            error_message=message,
        )
        return Outcome(
            action=action,
            result=Result.DEAD,
            message=message,
            resource_id=resource_id,
            error_code=code,
        )


def offering_of(request: Request, instances: Mapping[str, Instance]) -> Offering | None:
    """What a request needs capacity for; None when it needs none, or when its instance was not observed."""
    match request:
        case LaunchInstance(zone=zone, type=type_):
            return Offering(zone=zone, type=type_)
        case StartInstance(instance_id=key) if key in instances:
            return Offering(zone=instances[key].zone, type=instances[key].type)
        case _:
            return None


def _ambiguous(
    context: ActionContext[Request], message: str, fault: CloudError | None = None
) -> Outcome:
    """Nothing is journaled: the intent stays begun until it is known what became of it."""
    return Outcome(
        action=context.action,
        result=Result.AMBIGUOUS,
        message=message,
        resource_id=context.resource_id,
        error_code=fault.code if fault else None,
        retry=fault.retry if fault else None,
    )


def _failure_of(handler: str, fault: Exception) -> str:
    return f"handler {handler} failed: {type(fault).__name__}: {fault}"
