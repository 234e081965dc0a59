"""The one place that reads time and randomness. Everything else is handed an instant or one of these."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the loop and the executor see it; a simulation brings its own."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; returns early when woken."""
        ...


class Randomness(Protocol):
    """A source of jitter; `random.Random` is one."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number between the two."""
        ...


@dataclass(slots=True)
class SystemClock:
    """This machine's clocks. `wake()` ends a sleep early, for signals."""

    _woken: threading.Event = field(default_factory=threading.Event)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._woken.wait(max(0.0, seconds))

    def wake(self) -> None:
        """End the sleep under way and every later one: the process is about to stop."""
        self._woken.set()


def system_randomness() -> random.Random:
    """A source of jitter seeded by the system; simulations seed their own."""
    return random.Random()  # noqa: S311 - jitter, not secrets
