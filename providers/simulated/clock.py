"""Virtual time: an instant, and a heap of what happens later. Nothing here reads a real clock.

Events of the same instant happen in the order in which they were put down.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

BEGINNING = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""Where virtual time begins unless a scenario says otherwise."""

Event = Callable[[], None]


class VirtualClock:
    """Time that moves only when it is told to; sleeping moves it. Has the face of reconciler.clock.Clock."""

    def __init__(self, beginning: datetime = BEGINNING) -> None:
        self.beginning = beginning
        self._now = beginning
        self._count = 0
        self._events: list[tuple[datetime, int, Event]] = []

    def now(self) -> datetime:
        """The instant that it is, aware, in UTC."""
        return self._now

    def monotonic_s(self) -> float:
        """Seconds since the beginning."""
        return self.elapsed.total_seconds()

    @property
    def elapsed(self) -> timedelta:
        """Time since the beginning."""
        return self._now - self.beginning

    def sleep(self, seconds: float) -> None:
        """Let that much time pass, with all that happens in it."""
        if seconds > 0:
            self.advance(self._now + timedelta(seconds=seconds))

    def after(self, delay: timedelta, event: Event) -> None:
        """Put an event down; one of no or negative delay happens as soon as time moves."""
        self.at(self._now + delay, event)

    def at(self, instant: datetime, event: Event) -> None:
        """Put an event down for an instant; one of the past happens as soon as time moves."""
        self._count += 1
        heapq.heappush(self._events, (max(instant, self._now), self._count, event))

    def advance(self, to: datetime) -> None:
        """Let everything happen that is due up to and at `to`, in order. Time never goes back."""
        while self._events and self._events[0][0] <= to:
            instant, _, event = heapq.heappop(self._events)
            self._now = max(self._now, instant)
            event()
        self._now = max(self._now, to)

    def next_event_at(self) -> datetime | None:
        """When the next event is due; None when nothing more will happen by itself."""
        return self._events[0][0] if self._events else None
