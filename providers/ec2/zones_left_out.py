"""Which zones a list leaves out while asking for all of them at once fails.

While one zone is in trouble, a list without ids fails for the whole region (EC2 API reference, DescribeInstances). To
ask zone by zone in every pass would be several times the calls, for hours. So it is asked once which zones answer; from
then on one call asks for all of those, and a zone that is left out is asked again now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers.errors import CloudError, EndpointUnreachable
from providers.observed import GapSubject

ASKED_AGAIN_EVERY = timedelta(minutes=2)

Failure = CloudError | EndpointUnreachable


@dataclass(slots=True)
class LeftOut:
    """Of one list: why each zone is left out, and when it was last asked by itself; None when it never was."""

    because: dict[str, Failure] = field(default_factory=dict)
    asked_at: dict[str, datetime | None] = field(default_factory=dict)

    def put(self, zone: str, because: Failure, asked_at: datetime | None) -> None:
        """It did not answer, or was not asked."""
        self.because[zone] = because
        self.asked_at[zone] = asked_at

    def take_back(self, zone: str) -> None:
        """It answers."""
        del self.because[zone], self.asked_at[zone]

    def due(self, now: datetime) -> list[str]:
        """The zones to ask again, the one that waits longest first."""
        never = sorted(zone for zone, at in self.asked_at.items() if at is None)
        before = [(at, zone) for zone, at in self.asked_at.items() if at is not None]
        return never + [zone for at, zone in sorted(before) if now - at >= ASKED_AGAIN_EVERY]


@dataclass(slots=True)
class ZonesLeftOut:
    """Of all lists of a cell, from one pass to the next."""

    by_subject: dict[GapSubject, LeftOut] = field(default_factory=dict)

    def of(self, subject: GapSubject, zones: Iterable[str]) -> LeftOut:
        """What this list leaves out of these zones. With none left to ask for, it is the whole list again."""
        found = self.by_subject.setdefault(subject, LeftOut())
        here = set(zones)
        for zone in found.because.keys() - here:
            found.take_back(zone)
        if here and here == found.because.keys():
            self.forget(subject)
        return self.by_subject.setdefault(subject, LeftOut())

    def forget(self, subject: GapSubject) -> None:
        """The whole list is asked for again."""
        self.by_subject.pop(subject, None)

    def like_others(self, subject: GapSubject, because: Failure) -> bool:
        """Leave out what another list leaves out, unasked: trouble of a zone is mostly trouble of all its lists."""
        others = {
            zone
            for other, left_out in self.by_subject.items()
            if other is not subject
            for zone in left_out.because
        }
        for zone in others:
            self.by_subject.setdefault(subject, LeftOut()).put(zone, because, None)
        return bool(others)

    def answered(self, zone: str) -> None:
        """One list has it again, so the others ask at once."""
        for left_out in self.by_subject.values():
            if zone in left_out.asked_at:
                left_out.asked_at[zone] = None
