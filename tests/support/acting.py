"""One cell to act on, for tests of what acts: a cloud in memory, a store in a file, a clock that stands still.

acting = Acting(tmp_path, web_fleet())
acting.carry_out(acting.launch("web/0"))
acting.look_again(after=20 * SECOND)        # observe, settle, resume: the first half of every pass
acting.crash()                              # the process is gone; the cloud and the file are what is left
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from desired_state.model import Fleet
from providers.observed import CellIdentity, Instance
from providers.requests import Request
from reconciler.execution.executor import Executor
from reconciler.execution.handlers import STANDARD, Handler
from reconciler.execution.outcomes import Outcome
from reconciler.planning.actions import Action, Course, Reason
from reconciler.planning.case import Case
from reconciler.planning.identity import Role, Tag, operation_family, operation_id
from reconciler.planning.intents import Intent
from reconciler.planning.outcome import Plan
from reconciler.planning.settling.settle import Settlement, memory_after, settle
from reconciler.store.leases import this_process
from reconciler.store.store import Store
from tests.support.actions import launch_request
from tests.support.cases import CELL
from tests.support.fleets import SECOND, desired
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.memory_prober import MemoryProber
from tests.support.resources import NOW, OWNER, slot


class LongestJitter:
    """Implements reconciler.clock.Randomness: every wait is as long as it may be."""

    def uniform(self, a: float, b: float, /) -> float:
        return max(a, b)


class Acting:
    """See the module's docstring. What is not told goes well."""

    def __init__(self, directory: Path, *fleets: Fleet, workers: int = 1) -> None:
        self.clock = ManualClock(instant=NOW)
        self.cloud = MemoryCloud(self.clock, cell=CELL)
        self.prober = MemoryProber()
        self.desired = desired(*fleets)
        self.path = directory / "store.sqlite"
        self.workers = workers
        self.handlers = STANDARD
        self.user_data: dict[str, str] = {}
        self.settlements: tuple[Settlement, ...] = ()
        self._open()

    # The process.

    def _open(self) -> None:
        self.store = Store.open(self.path)
        self.journal = self.store.cell(self.cell)
        self.journal.acquire(this_process("reconciler run", self.clock.now()))

    @property
    def cell(self) -> CellIdentity:
        return self.cloud.cell

    def crash(self) -> None:
        """The process is gone without a word, and another one starts."""
        self.store.close()
        self._open()

    def close(self) -> None:
        """The test is over."""
        self.store.close()

    def handled_by(self, *handlers: Handler) -> None:
        """Users' handlers are loaded."""
        self.handlers = self.handlers.extended(handlers)

    @property
    def executor(self) -> Executor:
        """A new one each time, as a pass has it."""
        return Executor(
            cloud=self.cloud,
            prober=self.prober,
            journal=self.journal,
            clock=self.clock,
            randomness=LongestJitter(),
            handlers=self.handlers,
            user_data=self.user_data,
            workers=self.workers,
        )

    # Passes.

    def case(self) -> Case:
        """What is declared, seen and remembered now; nothing is judged."""
        now = self.clock.now()
        observation = self.cloud.observe(owner=OWNER, image_parameters=(), now=now)
        memory = self.journal.memory(now)
        open_ids = [item.resource_id or "" for item in memory.open_intents]
        named = [key for key in open_ids if key.startswith("i-")]
        instances = self.cloud.read_instances(named) if named else {}
        return Case(
            now=now,
            owner=OWNER,
            desired=self.desired,
            observation=replace(
                observation, by_id={key: presence for key, (presence, _) in instances.items()}
            ),
            verdicts={},
            memory=memory,
        )

    def carry_out(self, *actions: Action) -> tuple[Outcome, ...]:
        """A plan of just these, made now and carried out at once."""
        case = self.case()
        return self.executor.carry_out(Plan(made_at=case.now, actions=actions), case)

    def look_again(self, *, after: timedelta = 15 * SECOND) -> tuple[Outcome, ...]:
        """The first half of the next pass: observe, settle, resume. Outcomes are of what was sent again."""
        self.clock.advance(after)
        case = self.case()
        intents = (*case.memory.open_intents, *case.memory.recent_intents)
        policy = self.desired.policy
        self.settlements = settle(intents, case.observation, policy, case.now)
        memory = memory_after(case.memory, self.settlements, case.now)
        return self.executor.resume(self.settlements, replace(case, memory=memory))

    def intent(self, action: Action) -> Intent:
        """What the journal says of the action."""
        found = self.journal.intent(action.operation_id)
        assert found is not None, f"{action.request.kind} of {action.slot} was never begun"
        return found

    # The world.

    def running(self, text: str) -> Instance:
        """That slot's first instance, launched some time ago and running, in nobody's journal."""
        made = self.cloud.world.carry_out(launch_of(text).request, None)
        self.clock.advance(60 * SECOND)
        self.cloud.world.let_time_work()
        return self.cloud.world.instances[made or ""]

    def now(self, resource_id: str) -> Any:
        """That instance or volume as it truly is."""
        self.cloud.world.let_time_work()
        world = self.cloud.world
        return world.instances.get(resource_id) or world.volumes[resource_id]


def action_of(
    text: str,
    request: Request,
    *,
    name: str = "",
    incarnation: int = 1,
    attempt: int = 1,
    reason: Reason = Reason.GONE,
) -> Action:
    """An action on that slot with its true operation id."""
    kind = f"{request.kind} {name}"
    family = operation_family(CELL, slot(text), incarnation, None, kind)
    return Action(
        operation_id=operation_id(family, attempt),
        family=family,
        slot=slot(text),
        incarnation=incarnation,
        claim=None,
        attempt=attempt,
        course=Course.REPAIR,
        reason=reason,
        detail="",
        request=request,
    )


def launch_of(text: str, *, incarnation: int = 1, attempt: int = 1, **changes: Any) -> Action:
    """A launch as the planner makes it: the operation id is its client token and in its tags."""
    draft = action_of(text, launch_request(text), incarnation=incarnation, attempt=attempt)
    request = launch_request(text, client_token=draft.operation_id, **changes)
    tags: Mapping[str, str] = {
        **request.tags,
        Tag.INCARNATION: str(incarnation),
        Tag.OPERATION: draft.operation_id,
        Tag.ROLE: Role.OCCUPANT,
    }
    return replace(
        draft, request=replace(request, tags={str(key): value for key, value in tags.items()})
    )
