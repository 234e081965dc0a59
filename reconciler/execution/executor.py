"""Carries plans out: intent before effect, one slot's trouble apart from another's, within a pass's time.

    for each action, on its slot's turn:
        read again what it rests on     a changed world stops it here
        begin the intent                nothing is sent that is not on disk
        on.before, send, journal        see execution.sending
        on.after

Failures are outcomes. Only StoreError is raised: without a journal nothing may be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from providers.errors import CloudError, CredentialsError, EndpointUnreachable
from providers.port import Cloud, Prober
from providers.requests import LaunchInstance
from reconciler.clock import Clock, Randomness
from reconciler.execution.delays import delay_after
from reconciler.execution.handlers import Handlers
from reconciler.execution.outcomes import Outcome, Result
from reconciler.execution.rereading import Rereading
from reconciler.execution.retrying import READS, RetryBudget, Retrying
from reconciler.execution.sending import Halted, Sending, Terms, offering_of
from reconciler.execution.standing import standing_against
from reconciler.planning.actions import Action, target_of
from reconciler.planning.case import Case
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.outcome import Plan
from reconciler.planning.settling.settle import Missing, Resend, Settled, Settlement, Waiting
from reconciler.store.cell import CellStore
from reconciler.store.errors import IntentRefused

ACTS_FOR = timedelta(seconds=30)
"""How long a pass acts; what is left waits for the next look (design section 8)."""
NOT_TO_BE_ASKED = (
    "not tried: EC2 leaves calls without an answer, so only a few are made; it is tried again"
)
WORKERS = 8
"""Slots that are acted on at once. One worker does everything in order, as the simulation needs it."""


class Executor:
    """Acts on one cell for one pass, whose time starts now. `user_data` holds declared boot scripts by their hash."""

    def __init__(
        self,
        *,
        cloud: Cloud,
        prober: Prober,
        journal: CellStore,
        clock: Clock,
        randomness: Randomness,
        handlers: Handlers,
        user_data: Mapping[str, str],
        budget: RetryBudget | None = None,
        workers: int = WORKERS,
    ) -> None:
        self._budget = budget or RetryBudget()
        retrying = Retrying(clock=clock, randomness=randomness, budget=self._budget)
        self._turn = _Turn(ends_at_s=clock.monotonic_s() + ACTS_FOR.total_seconds())
        self._clock = clock
        self._journal = journal
        self._workers = workers
        self._rereading = Rereading(cloud=cloud, prober=prober, retrying=retrying)
        self._sending = Sending(
            cloud=cloud,
            journal=journal,
            handlers=handlers,
            retrying=retrying,
            user_data=user_data,
        )

    def resume(self, settlements: Iterable[Settlement], case: Case) -> tuple[Outcome, ...]:
        """Journal what an observation settled, run what is owed, and send again what may be sent again.

        `case` is the one that the settlements were made for. One outcome for each request that was due to be sent.
        Raises StoreError.
        """
        resent: list[Intent] = []
        open_intents = {item.action.operation_id: item for item in case.memory.open_intents}
        for settlement in settlements:
            match settlement:
                case Settled():
                    self._journal_end(settlement)
                case Missing(operation_id=operation_id, first_missed_at=first_missed_at):
                    self._journal.missed(operation_id, first_missed_at)
                case Resend(operation_id=operation_id):
                    resent.append(open_intents[operation_id])
                case Waiting():
                    pass
                case _:
                    assert_never(settlement)
        for intent in self._journal.owed_after():
            self._sending.run_after(intent)
        if any(intent.updated_at > intent.begun_at for intent in resent):
            self._budget.doubt = True  # Sent again before, and still without an answer.
        resent.sort(key=lambda intent: intent.updated_at)
        return self._in_turn(
            [intent.action for intent in resent],
            lambda index, action: self._send_again(resent[index], action, case),
        )

    def carry_out(self, plan: Plan, case: Case) -> tuple[Outcome, ...]:
        """Do what the plan says, unless it has expired. One outcome for each action, in plan order.

        Raises StoreError.
        """
        self._turn.expires_at = plan.made_at + case.desired.policy.plan_expires_after
        return self._in_turn(plan.actions, lambda _, action: self._carry_out_one(action, case))

    def _in_turn(
        self, actions: Sequence[Action], act: Callable[[int, Action], Outcome]
    ) -> tuple[Outcome, ...]:
        """Slots side by side, the actions of one slot one after the other; outcomes in the order of the actions."""
        if self._workers == 1 or len(actions) < 2:
            return tuple(act(index, action) for index, action in enumerate(actions))
        turns: dict[str, list[int]] = {}
        for index, action in enumerate(actions):
            turns.setdefault(str(action.slot or target_of(action.request)), []).append(index)
        outcomes: dict[int, Outcome] = {}

        def take(indexes: list[int]) -> None:
            try:
                for index in indexes:
                    outcomes[index] = act(index, actions[index])
            except BaseException as fault:
                self._turn.halted = str(fault)  # The other threads stop before their next action.
                raise

        with ThreadPoolExecutor(max_workers=min(self._workers, len(turns))) as pool:
            for done in [pool.submit(take, indexes) for indexes in turns.values()]:
                done.result()
        return tuple(outcomes[index] for index in range(len(actions)))

    def _carry_out_one(self, action: Action, case: Case) -> Outcome:
        if over := self._turn.over(self._clock):
            return _skipped(action, over)
        if self._sending.lacks_user_data(action.request):
            return _skipped(action, "its boot script has changed since the plan was made")
        if not self._may_ask(case):
            return _skipped(action, NOT_TO_BE_ASKED)
        objection = self._objection(action, case)
        if objection:
            return objection
        try:
            intent = self._journal.begin(action, self._clock.now())
        except IntentRefused as fault:
            return _skipped(action, str(fault))
        return self._send(intent, case, again=False)

    def _send_again(self, intent: Intent, action: Action, case: Case) -> Outcome:
        if over := self._turn.over(self._clock):
            return _skipped(action, over)
        if standing := standing_against(action, case):
            return _skipped(action, standing)
        if not self._may_ask(case):
            return _skipped(action, NOT_TO_BE_ASKED)
        request = action.request
        if isinstance(request, LaunchInstance) and self._sending.lacks_user_data(request):
            return self._look_up(intent, request)
        objection = self._objection(action, case)
        if objection:
            return objection
        intent = self._journal.resent(action.operation_id, self._clock.now())
        return self._send(intent, case, again=True)

    def _objection(self, action: Action, case: Case) -> Outcome | None:
        try:
            objection = self._rereading.objection(action, case)
        except CloudError as fault:
            self._budget.doubt = fault.retry in READS
            objection = f"it could not be read again: {fault}"
        except (CredentialsError, EndpointUnreachable) as fault:
            self._turn.halted = str(fault)
            return _skipped(action, str(fault))
        if objection is None:
            return None
        return Outcome(action=action, result=Result.PRECHECK_FAILED, message=objection)

    def _send(self, intent: Intent, case: Case, *, again: bool) -> Outcome:
        terms = Terms(
            rejected_for=delay_after(intent.action, case.memory.recent_intents),
            offering=offering_of(intent.action.request, case.observation.instances),
        )
        try:
            outcome = self._sending.send(intent, terms, again=again)
        except Halted as fault:
            self._turn.halted = str(fault)
            return fault.outcome
        self._budget.doubt = outcome.result is Result.AMBIGUOUS
        return outcome

    def _may_ask(self, case: Case) -> bool:
        """While the API leaves calls without an answer, only as many are made as there are to spare.

        It is part of the pace: a policy without one goes on as it is.
        """
        if case.desired.policy.pace is None or not self._budget.doubt:
            return True
        return self._budget.spend(self._clock.monotonic_s())

    def _look_up(self, intent: Intent, request: LaunchInstance) -> Outcome:
        """The boot script of a launch is gone, so it cannot be repeated; it can still be found."""
        try:
            return self._sending.adopt(intent, request, "its boot script has changed since")
        except CloudError as fault:
            return Outcome(action=intent.action, result=Result.AMBIGUOUS, message=str(fault))
        except (CredentialsError, EndpointUnreachable) as fault:
            self._turn.halted = str(fault)
            return _skipped(intent.action, str(fault))

    def _journal_end(self, settled: Settled) -> None:
        known = self._journal.intent(settled.operation_id)
        took = settled.state in (IntentState.ACCEPTED, IntentState.OBSERVED)
        # A launch that was found without an answer owes its handlers as much as one that was answered.
        owed = (
            took
            and known is not None
            and known.state is IntentState.BEGUN
            and self._sending.owes_after(known.action.request)
        )
        self._journal.move(
            settled.operation_id,
            settled.state,
            self._clock.now(),
            resource_id=settled.resource_id,
            error_message=None if took else settled.detail,
            detail=settled.detail,
            after_owed=owed,
        )


@dataclass(slots=True, kw_only=True)
class _Turn:
    """The time of one pass. `halted` is why nothing more can be sent in it; set by any thread, read by all."""

    ends_at_s: float
    expires_at: datetime | None = None
    halted: str | None = None

    def over(self, clock: Clock) -> str | None:
        """Why no further action is begun; None while there is time."""
        if self.halted:
            return f"not tried: {self.halted}"
        if self.expires_at and clock.now() > self.expires_at:
            return "not tried: the plan has expired; the next look makes a new one"
        if clock.monotonic_s() >= self.ends_at_s:
            return "not tried: the time of this pass is used up; the next one goes on"
        return None


def _skipped(action: Action, message: str) -> Outcome:
    return Outcome(action=action, result=Result.SKIPPED, message=message)
