"""Watches a replay: by the truth of the cloud, by what the controller judged, and by counting calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from providers.requests import LaunchInstance
from providers.simulated.gate import Call
from reconciler.execution.outcomes import Result
from reconciler.simulation.bands import Bands
from reconciler.simulation.guard import Blind, Passed, PassedOver, VirtualGuard
from reconciler.simulation.losses import Destruction
from reconciler.simulation.person import Person
from reconciler.simulation.record import Calls, Down, Lost, Restored
from reconciler.simulation.restoring import Restores
from reconciler.simulation.service import Service

MINUTE = timedelta(minutes=1)


class Watch:
    """From the moment that it is made. `began` is when the trouble begins."""

    def __init__(
        self, guard: VirtualGuard, *, began: datetime, approves_after: timedelta | None
    ) -> None:
        self._guard = guard
        self._began = began
        self.service = Service(guard.cloud, guard.desired)
        self.restores = Restores(guard.cloud, self.service)
        self.destruction = Destruction(guard.cloud, self.service)
        self.bands = Bands(began)
        self.person = Person(
            guard.cell, began=began, tiers=self.service.tiers, approves_after=approves_after
        )
        self.launches = 0
        self._calls: Counter[int] = Counter()
        self._mutating: Counter[int] = Counter()
        self._carried_out: Counter[int] = Counter()
        self._minute = 0
        """In which the last call was made; it may have its effect in the next one."""
        guard.cloud.gate.before_effect.append(self._called)
        guard.cloud.gate.after_effect.append(self._had_effect)

    def passed(self, passed: Passed) -> None:
        """After each pass."""
        self.service.look_at_all()
        if isinstance(passed, Blind):
            return
        assessment = passed.assessment
        self.person.look_at(assessment.plan, assessment.case.now)
        if isinstance(passed, PassedOver):
            return
        self.bands.note(assessment.case)
        done = [item.action for item in passed.outcomes if item.result is Result.ACCEPTED]
        self.restores.hear(done)
        self.launches += sum(isinstance(item.request, LaunchInstance) for item in done)

    def down(self) -> tuple[Down, ...]:
        """Every slot that was down, each time."""
        return tuple(
            Down(
                slot=item.slot,
                tier=self.service.tiers[item.slot],
                since=item.since - self._began,
                until=item.until - self._began if item.until else None,
            )
            for item in self.service.outages
        )

    def restored(self) -> tuple[Restored, ...]:
        """Every restore, in the order in which they came about."""
        return tuple(
            Restored(
                slot=item.slot,
                tier=self.service.tiers[item.slot],
                at=item.at - self._began,
                source=item.source,
                stated=item.stated,
                lost=item.lost,
            )
            for item in self.restores.found
        )

    def lost(self) -> tuple[Lost, ...]:
        """What should not have been destroyed."""
        return tuple(
            Lost(
                at=item.at - self._began,
                slot=item.slot,
                resource_id=item.resource_id,
                why=item.why,
            )
            for item in self.destruction.found
        )

    def calls(self) -> tuple[Calls, ...]:
        """By minute, those without any left out."""
        return tuple(
            Calls(
                minute=minute,
                all=count,
                mutating=self._mutating[minute],
                failed=count - self._carried_out[minute],
            )
            for minute, count in sorted(self._calls.items())
        )

    def _called(self, call: Call) -> None:
        self._minute = (self._guard.cloud.clock.now() - self._began) // MINUTE
        self._calls[self._minute] += 1
        if call.mutating:
            self._mutating[self._minute] += 1

    def _had_effect(self, _call: Call) -> None:
        self._carried_out[self._minute] += 1
