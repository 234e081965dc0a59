"""From a base backup and a log to what can be restored. Pure; the layouts of the tools end here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers.archives.log import Log, Segment, name_of, unbroken
from providers.observed_archives import ArchiveState


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A complete base backup: its log from the first to the last segment makes it consistent."""

    name: str
    finished_at: datetime
    first: Segment
    last_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What a layout found in the archive of one incarnation; with `why_not` there is no base to restore from."""

    why_not: str | None = None
    base: Base | None = None
    log: Log | None = None


def nothing(why: str) -> Archive:
    """An archive that nothing can be restored from."""
    return Archive(why_not=why)


def state_of(found: Archive, *, url: str, incarnation: int) -> ArchiveState:
    """How far the log goes on from the base; a base whose own log is not whole can't be made consistent."""
    if found.base is None or found.log is None:
        why = found.why_not or "it has no base backup"
        return ArchiveState(url=url, incarnation=incarnation, why_not=why)
    base, log = found.base, found.log
    replayed = unbroken(log, base.first)
    reached = replayed[-1][0].number if replayed else base.first.number - 1
    broken = None
    if reached < base.last_number:
        timeline = replayed[-1][0].timeline if replayed else base.first.timeline
        missing = name_of(Segment(timeline=timeline, number=reached + 1), log.segment_bytes)
        broken = f"base {base.name} needs segment {missing}, which is not in the archive"
    return ArchiveState(
        url=url,
        incarnation=incarnation,
        why_not=broken,
        base=base.name,
        recoverable_from=base.finished_at,
        recoverable_until=replayed[-1][1].at if replayed else None,
        last_segment=replayed[-1][1].name if replayed else None,
    )
