"""Continuous backups of databases in S3, as their objects show them: a base backup, and a log replayed to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveAddress:
    """Where the archives of a claim are, one for each incarnation that wrote one.

    `url` is an S3 URL in which `{incarnation}` alone is left open; it comes after all that tells slots apart.
    """

    tool: str
    """`wal-g`, `pgbackrest` or `barman`."""
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """What the archive of one incarnation holds: its newest complete base, and how far its log goes on from there.

    A segment's date is when S3 got it: a server that is behind with its log makes what is in it look younger.
    """

    url: str
    incarnation: int
    why_not: str | None
    """Why nothing can be restored from it, as a clause; None where it is a restore point."""
    base: str | None = None
    """The name of the newest complete base backup: what the tools call the latest."""
    recoverable_from: datetime | None = None
    """When that base was finished: the first instant that can be restored."""
    recoverable_until: datetime | None = None
    """When the last segment of the unbroken log came: the newest instant that can be restored."""
    last_segment: str | None = None

    @property
    def usable(self) -> bool:
        """Whether a database can be restored from it now."""
        return self.why_not is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveHistory:
    """The archives of one claim as read at one instant.

    `incarnations` are all that have one, in order; `states` those that were read: newest first, down to the first that
    is usable.
    """

    url: str
    as_of: datetime
    incarnations: tuple[int, ...] = ()
    states: tuple[ArchiveState, ...] = ()
