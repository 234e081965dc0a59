"""The log of a PostgreSQL database as a sequence of segments. Pure arithmetic of their names.

A segment is named by 24 hex digits: timeline, log and part, eight each; a log has 4 GiB (PostgreSQL documentation,
"WAL Internals"). Recovery takes the segment of the newest timeline that it has at each place and never goes back to
an older one, so a gap on every timeline is where it ends.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from providers.archives.objects import StoredObject

DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024
_LOG_BYTES = 1 << 32
_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A place in the log: `number` counts segments from the beginning of the database."""

    timeline: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A segment that is in the archive, and since when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What an archive has of a log: segments, and the timelines whose histories it has."""

    arrivals: tuple[Arrival, ...]
    histories: frozenset[int]
    segment_bytes: int = DEFAULT_SEGMENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a tool names what it archives: patterns whose first group is the segment, or the timeline of a history."""

    segment: re.Pattern[str]
    history: re.Pattern[str]

    def log_of(
        self, objects: Mapping[str, StoredObject], segment_bytes: int = DEFAULT_SEGMENT_BYTES
    ) -> Log:
        """Segments and histories among the objects of a log; labels and partial segments are neither."""
        arrivals = []
        histories = set()
        for name, item in objects.items():
            if found := self.segment.fullmatch(name):
                arrivals.append(Arrival(name=found.group(1), at=item.last_modified))
            elif found := self.history.fullmatch(name):
                histories.add(int(found.group(1), 16))
        return Log(
            arrivals=tuple(arrivals), histories=frozenset(histories), segment_bytes=segment_bytes
        )


def segment_of(name: str, segment_bytes: int = DEFAULT_SEGMENT_BYTES) -> Segment | None:
    """The place that a name tells; None for any other name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    timeline, log, part = (int(digits, 16) for digits in found.groups())
    return Segment(timeline=timeline, number=log * (_LOG_BYTES // segment_bytes) + part)


def segment_of_lsn(lsn: int, segment_bytes: int = DEFAULT_SEGMENT_BYTES) -> int:
    """The number of the segment that holds the last byte before that position."""
    return max(lsn - 1, 0) // segment_bytes


def name_of(segment: Segment, segment_bytes: int = DEFAULT_SEGMENT_BYTES) -> str:
    """The name of a segment."""
    log, part = divmod(segment.number, _LOG_BYTES // segment_bytes)
    return f"{segment.timeline:08X}{log:08X}{part:08X}"


def unbroken(log: Log, start: Segment) -> list[tuple[Segment, Arrival]]:
    """The segments that recovery would replay from `start` on, up to the first that is missing."""
    places = _by_number(log.arrivals, log.segment_bytes)
    replayed: list[tuple[Segment, Arrival]] = []
    timeline, number = start.timeline, start.number
    while True:
        here = places.get(number, {})
        known = {start.timeline, *log.histories}
        timelines = [item for item in here if item >= timeline and item in known]
        if not timelines:
            return replayed
        timeline = max(timelines)
        replayed.append((Segment(timeline=timeline, number=number), here[timeline]))
        number += 1


def _by_number(arrivals: Iterable[Arrival], segment_bytes: int) -> dict[int, dict[int, Arrival]]:
    """Arrivals by place in the log and timeline."""
    places: defaultdict[int, dict[int, Arrival]] = defaultdict(dict)
    for arrival in arrivals:
        segment = segment_of(arrival.name, segment_bytes)
        if segment is not None:
            places[segment.number][segment.timeline] = arrival
    return dict(places)
