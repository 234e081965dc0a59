"""What the store remembers, for tests: intents, approvals, pauses, capacity and gates that hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.planning.actions import Action, Gate
from reconciler.planning.intents import Intent, IntentState
from reconciler.planning.memory import Approval, CapacityMemory, Memory, Pause
from reconciler.planning.orders import Order, OrderKind
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.resources import slot


class Remembered:
    """A memory in the making, as after a hundred quiet passes."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.memory = Memory(passes=100, recorded_since=now - DAY)

    def began(
        self,
        action: Action,
        *,
        ago: timedelta = MINUTE,
        state: IntentState = IntentState.BEGUN,
        resource_id: str | None = None,
        **fields: Any,
    ) -> Intent:
        """That action is in the journal since then; an open state makes it an open intent, else a recent one."""
        at = self.now - ago
        intent = Intent(
            action=action,
            state=state,
            begun_at=at,
            updated_at=at,
            resource_id=resource_id,
            **fields,
        )
        if intent.open:
            self.remembering(open_intents=(*self.memory.open_intents, intent))
        else:
            self.remembering(recent_intents=(*self.memory.recent_intents, intent))
        return intent

    def approved(
        self,
        identifier: str,
        gate: Gate,
        *,
        max_loss: timedelta | None = None,
        empty: bool = False,
    ) -> None:
        """A person approved that id a minute ago, for a loss of at most so much."""
        approval = Approval(
            id=identifier,
            gate=gate,
            granted_at=self.now - MINUTE,
            expires_at=self.now + DAY,
            granted_by="erin",
            max_loss=max_loss,
            empty=empty,
        )
        self.remembering(approvals={**self.memory.approvals, identifier: approval})

    def ordered(
        self,
        text: str,
        kind: OrderKind,
        *,
        ago: timedelta = MINUTE,
        remaining: timedelta = DAY,
        incarnation: int = 1,
        reason: str = "its disk is slow",
        **fields: Any,
    ) -> Order:
        """A person ordered that for the slot that long ago, when that incarnation held it."""
        order = Order(
            slot=slot(text),
            kind=kind,
            incarnation=incarnation,
            reason=reason,
            given_at=self.now - ago,
            expires_at=self.now + remaining,
            given_by="erin",
            **fields,
        )
        self.remembering(orders=(*self.memory.orders, order))
        return order

    def paused(self, scope: str, *, remaining: timedelta = 3 * HOUR) -> None:
        """A person paused that fleet, slot or (`*`) cell."""
        pause = Pause(
            scope=scope,
            reason="maintenance",
            paused_at=self.now - HOUR,
            expires_at=self.now + remaining,
            paused_by="erin",
        )
        self.remembering(pauses=(*self.memory.pauses, pause))

    def no_capacity(
        self, zone: str, kind: str, *, ago: timedelta = MINUTE, lasting: timedelta = 3 * MINUTE
    ) -> None:
        """EC2 had no capacity for that type in that zone; it is passed over for `lasting` from then."""
        failed_at = self.now - ago
        remembered = CapacityMemory(
            zone=zone, type=kind, failures=1, last_failed_at=failed_at, until=failed_at + lasting
        )
        self.remembering(capacity=(*self.memory.capacity, remembered))

    def held(self, text: str, gate: Gate, *, ago: timedelta) -> None:
        """That gate holds that slot since then."""
        held = {**self.memory.held_since, f"{text}|{gate}": self.now - ago}
        self.remembering(held_since=held)

    def remembering(self, **fields: Any) -> None:
        """Replace fields of the memory."""
        self.memory = replace(self.memory, **fields)
