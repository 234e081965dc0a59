"""The versions of each resource over the last minutes: what is true now, and what a lagging view may still show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from providers.simulated.records import Record, identifier_of

LONGEST_LAG = timedelta(minutes=5)
"""The oldest that a view may be (TRUSTED.md, E1)."""

R = TypeVar("R", bound=Record)


class Version(Generic[R]):
    """A record from an instant on; None is the absence of the resource. `number` counts the versions of a resource,
    of which several may be of one instant. `reply` is its one reply item, made once.
    """

    __slots__ = ("at", "number", "record", "reply")

    def __init__(self, number: int, at: datetime, record: R | None) -> None:
        self.number = number
        self.at = at
        self.record = record
        self.reply: Any = None


class Timeline(Generic[R]):
    """The versions of one resource, oldest first. `shown` is the newest one that any view has shown."""

    __slots__ = ("shown", "versions")

    def __init__(self, born_at: datetime) -> None:
        self.versions: list[Version[R]] = [Version(0, born_at, None)]
        self.shown: Version[R] = self.versions[0]

    @property
    def latest(self) -> Version[R]:
        return self.versions[-1]

    def add(self, at: datetime, record: R | None) -> None:
        """A new version; one that was replaced before the longest lag began can't be seen any more."""
        self.versions.append(Version(self.latest.number + 1, at, record))
        oldest_visible = at - LONGEST_LAG
        gone = 0
        while self.versions[gone + 1].at < oldest_visible:
            gone += 1
        if gone:
            del self.versions[:gone]

    def since(self, instant: datetime) -> list[Version[R]]:
        """Every version that was current at some moment from `instant` on, oldest first."""
        first = len(self.versions) - 1
        while first > 0 and self.versions[first].at > instant:
            first -= 1
        return self.versions[first:]

    def at(self, instant: datetime) -> Version[R]:
        """The version that was current at that instant."""
        return self.since(instant)[0]


class Collection(Generic[R]):
    """All resources of one kind. `revision` rises with every change of what is there."""

    def __init__(self) -> None:
        self._current: dict[str, R] = {}
        self._timelines: dict[str, Timeline[R]] = {}
        self._recent: dict[str, datetime] = {}
        self.revision = 0

    @property
    def current(self) -> Mapping[str, R]:
        """What is true now, by id, oldest first; read-only."""
        return MappingProxyType(self._current)

    def put(self, record: R, at: datetime) -> R | None:
        """A new version of a resource; answers the record that it replaces."""
        key = identifier_of(record)
        timeline = self._timelines.get(key)
        if timeline is None:
            timeline = self._timelines[key] = Timeline(at)
        before = self._current.get(key)
        timeline.add(at, record)
        self._current[key] = record
        self._note(key, at)
        return before

    def remove(self, key: str, at: datetime) -> R:
        """The resource is no more; views that lag still show it for a while."""
        before = self._current.pop(key)
        self._timelines[key].add(at, None)
        self._note(key, at)
        return before

    def timelines(self) -> Iterator[tuple[str, Timeline[R]]]:
        """Every resource that a view may show, by id."""
        return iter(self._timelines.items())

    def timeline(self, key: str) -> Timeline[R] | None:
        """The versions of one resource; None when there never was one, or not for a long time."""
        return self._timelines.get(key)

    def changed_since(self, instant: datetime) -> list[str]:
        """The ids that changed at or after that instant, in the order of their last change."""
        return [key for key, at in self._recent.items() if at >= instant]

    def forget(self, now: datetime) -> None:
        """Drop what no view can show any more."""
        oldest_visible = now - LONGEST_LAG
        for key in [key for key, at in self._recent.items() if at < oldest_visible]:
            del self._recent[key]
            if key not in self._current:
                del self._timelines[key]

    def _note(self, key: str, at: datetime) -> None:
        self._recent.pop(key, None)
        self._recent[key] = at
        self.revision += 1
