"""Scenes of databases with an archive: restored from it, and waiting for it to be read."""

from __future__ import annotations

from providers.observed import GapSubject
from tests.support.archived import UNFINISHED, archived, archived_databases, state
from tests.support.backed_up import backed_up
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import volume_id

FIRST, SECOND_, THIRD = (f"shared-postgres/{ordinal}" for ordinal in range(3))


def _three_databases() -> Scene:
    """The volumes of two have been stuck for ten minutes; all have snapshots of their own."""
    scene = backed_up(archived_databases(replicas=3))
    for text in (FIRST, SECOND_):
        scene.stalled(volume_id(text), lasting=10 * MINUTE)
        scene.snapshot(volume_id(text), ago=20 * MINUTE)
    scene.snapshot(volume_id(THIRD), ago=MINUTE)
    return scene


def restored_from_archives() -> Scene:
    """One archive goes on until the volume stuck; the other's base was never finished, so that its snapshot counts."""
    scene = _three_databases()
    archived(scene, state(scene, ago=11 * MINUTE, text=FIRST), text=FIRST)
    archived(scene, state(scene, why_not=UNFINISHED, text=SECOND_), text=SECOND_)
    archived(scene, state(scene, text=THIRD), text=THIRD)
    return scene


def archives_not_read() -> Scene:
    """The bucket is refused: the restores wait, for it may lose less."""
    scene = _three_databases()
    scene.gap(GapSubject.ARCHIVES, code="AccessDenied")
    return scene


def archive_that_ended() -> Scene:
    """A database archives no more since three hours, and has no snapshots: a person decides."""
    scene = backed_up(archived_databases(with_snapshots=False))
    scene.stalled(volume_id(FIRST), lasting=10 * MINUTE)
    archived(scene, state(scene, ago=3 * HOUR))
    return scene


ARCHIVES = (restored_from_archives, archives_not_read, archive_that_ended)
