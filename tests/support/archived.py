"""Databases with an archive beside their snapshots, for tests: what was read of it, told in minutes ago."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from desired_state.model import Archive, Fleet
from providers.observed_archives import ArchiveHistory, ArchiveState
from tests.support.backed_up import DATABASE, EVERY, KEEP
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.resources import slot

ARCHIVE = Archive(tool="wal-g", url="s3://backups/{fleet}/{slot}/{incarnation}")
UNFINISHED = "none of its 1 base backups is finished"


def archived_databases(*, with_snapshots: bool = True, **changes: Any) -> Fleet:
    """A fleet whose claim has an archive, and snapshots every 15 minutes unless told otherwise; 45 minutes are allowed
    to be lost.
    """
    backup = replace(snapshots_of(EVERY, **KEEP), archive=ARCHIVE)
    if not with_snapshots:
        backup = replace(backup, snapshots=None)
    fields = {"replicas": 1, "claims": (data_claim(backup=backup),), **changes}
    return postgres_fleet(**fields)


def url_of(text: str = DATABASE) -> str:
    """The address of a slot's archives."""
    ref = slot(text)
    return f"s3://backups/{ref.fleet}/{ref.ordinal}/{{incarnation}}"


def state(
    scene: Scene,
    *,
    incarnation: int = 1,
    ago: timedelta = MINUTE,
    base_ago: timedelta = 6 * HOUR,
    why_not: str | None = None,
    text: str = DATABASE,
) -> ArchiveState:
    """An archive whose newest segment came that long ago; with `why_not` nothing can be restored from it."""
    usable = why_not is None
    return ArchiveState(
        url=url_of(text).replace("{incarnation}", str(incarnation)),
        incarnation=incarnation,
        why_not=why_not,
        base="base_000000010000000000000005" if usable else None,
        recoverable_from=scene.now - base_ago if usable else None,
        recoverable_until=scene.now - ago if usable else None,
        last_segment="000000010000000000000030" if usable else None,
    )


def archived(
    scene: Scene, *states: ArchiveState, read_ago: timedelta = timedelta(), text: str = DATABASE
) -> None:
    """The archives of a slot were read that long ago and hold these; none where nothing was ever archived."""
    newest_first = sorted(states, key=lambda item: item.incarnation, reverse=True)
    scene.archives[url_of(text)] = ArchiveHistory(
        url=url_of(text),
        as_of=scene.now - read_ago,
        incarnations=tuple(sorted(item.incarnation for item in states)),
        states=tuple(newest_first),
    )
