"""The steps of a controller between which it can die: every write of its journal and every call that changes something.

`Footsteps` is told before and after each step. It writes down what it is told, and kills the process at one of them:

    footsteps = Footsteps()                     a trace
    footsteps = Footsteps(kill_at=17)           dies at the 18th point of the trace
    footsteps = Footsteps(kill_when=Moment.AFTER_EFFECT)     dies as soon as it has changed something

Two points between which nothing was written, sent or seen leave the same file and the same cloud behind; they have the
same `state` and need only one run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process is gone, as by kill -9: nothing of ours may catch this."""


class Moment(StrEnum):
    """Where a process dies."""

    BEFORE_INTENT = "before an intent is committed"
    AFTER_INTENT = "after an intent is committed"
    BEFORE_CALL = "before a call"
    AFTER_EFFECT = "after the effect of a call, its reply lost"
    BEFORE_OUTCOME = "after a reply, before its journal write"
    AFTER_OUTCOME = "after the journal write of an outcome"
    BEFORE_PASS_RECORD = "before what a pass learnt is written"
    AFTER_PASS_RECORD = "after what a pass learnt is written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a trace. `what` is the journal's method or the request's kind."""

    moment: Moment
    what: str
    state: int

    def __str__(self) -> str:
        return f"{self.moment} ({self.what})"


@dataclass(slots=True, kw_only=True)
class Footsteps:
    """Every point that a process reached, in order."""

    kill_at: int | None = None
    kill_when: Moment | None = None
    points: list[Point] = field(default_factory=list)
    _state: int = 0

    def changed(self) -> None:
        """Something is different now: a write, an effect, or simply later."""
        self._state += 1

    def between(
        self, before: Moment, after: Moment, what: str, step: Callable[[], Answer]
    ) -> Answer:
        """Take a step with a point on each side of it. Raises Killed at the point where the process is to die."""
        self._reach(before, what)
        answer = step()
        self.changed()
        self._reach(after, what)
        return answer

    def _reach(self, moment: Moment, what: str) -> None:
        self.points.append(Point(moment=moment, what=what, state=self._state))
        if self.kill_at == len(self.points) - 1 or self.kill_when is moment:
            raise Killed
