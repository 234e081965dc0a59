"""What a describe sees: each resource as it is or, while a fault makes reads lag, as it was.

The views of two resources are apart: one may be new and the other old in the same reply.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar, assert_never

from providers.simulated.chance import happens
from providers.simulated.fault_plan import FaultPlan
from providers.simulated.faults import ReadsGoBack, StaleReads, TransitionsMissed
from providers.simulated.records import Record
from providers.simulated.timelines import LONGEST_LAG, Collection, Timeline, Version
from providers.simulated.world import World

R = TypeVar("R", bound=Record)
Lag = StaleReads | ReadsGoBack | TransitionsMissed


class Views:
    """Reads of the world. Each one shows whole resources that were true at some moment."""

    def __init__(self, world: World, faults: FaultPlan) -> None:
        self._world = world
        self._faults = faults

    def lagging(self, operation: str) -> bool:
        """Whether any fault makes this operation's reads lag now."""
        return any(True for _ in self._lags(operation))

    def read(
        self, collection: Collection[R], operation: str, ids: Ids[str] | None = None
    ) -> list[Version[R]]:
        """The versions to show, of all resources or of those ids, in the order of their making."""
        if ids is None:
            timelines = [timeline for _, timeline in collection.timelines()]
        else:
            timelines = [
                timeline for key in ids if (timeline := collection.timeline(key)) is not None
            ]
        lags = list(self._lags(operation))
        if not lags:
            shown = [timeline.latest for timeline in timelines]
            for timeline, version in zip(timelines, shown, strict=True):
                timeline.shown = version
        else:
            shown = [self._look(timeline, lags, operation) for timeline in timelines]
        return [version for version in shown if version.record is not None]

    def _lags(self, operation: str) -> Iterator[Lag]:
        for kind in (StaleReads, ReadsGoBack, TransitionsMissed):
            for fault in self._faults.on(kind):
                if fault.when.operations is None or operation in fault.when.operations:
                    yield fault  # type: ignore[misc]  # mypy joins the three kinds.

    def _look(self, timeline: Timeline[R], lags: list[Lag], operation: str) -> Version[R]:
        before, version = timeline.shown, timeline.latest
        if version.at < self._world.now - LONGEST_LAG:
            lags = []  # What has not changed for so long looks the same to every view.
        for fault in lags:
            if _elsewhere(timeline, fault):
                continue
            older = self._through(timeline, fault)
            if older.number < version.number:
                version = older
            if _bears(fault, version, before=before, latest=timeline.latest):
                self._faults.count(fault, operation)
        if _newer(version, than=before):
            timeline.shown = version
        return version

    def _through(self, timeline: Timeline[R], fault: Lag) -> Version[R]:
        """The version that this fault shows."""
        now = self._world.now
        if isinstance(fault, TransitionsMissed):
            since = self._world.clock.elapsed
            taken_at = now - timedelta(seconds=since.total_seconds() % fault.period.total_seconds())
            return timeline.at(taken_at)
        if not happens(self._world.chance, fault.when.share):
            return timeline.latest
        age = min(fault.lag, LONGEST_LAG) * self._world.chance.random()
        drawn = timeline.at(now - age)
        goes_back = isinstance(fault, ReadsGoBack)
        return drawn if goes_back or _newer(drawn, than=timeline.shown) else timeline.shown


def _bears(fault: Lag, shown: Version[R], *, before: Version[R], latest: Version[R]) -> bool:
    """Whether the fault made a difference: an old view, a step back, a version that nobody saw."""
    match fault:
        case StaleReads():
            return shown.number < latest.number
        case ReadsGoBack():
            return shown.number < before.number
        case TransitionsMissed():
            return shown.number > before.number + 1
        case _:
            assert_never(fault)


def _newer(version: Version[R], *, than: Version[R]) -> bool:
    return version.number >= than.number


def _elsewhere(timeline: Timeline[R], fault: Lag) -> bool:
    """Whether the fault is bound to other zones than the resource's."""
    record = timeline.latest.record or timeline.shown.record
    zone = getattr(record, "zone", None)
    return fault.when.zones is not None and zone is not None and zone not in fault.when.zones
