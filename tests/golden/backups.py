"""Scenes of backups: what is due, what has had its time, and what keeps either from being done."""

from __future__ import annotations

from dataclasses import replace

from providers.observed import GapSubject, SnapshotState, VolumeState
from reconciler.planning.gates.gates import SNAPSHOTS_AT_ONCE
from tests.support.actions import expiry
from tests.support.backed_up import (
    DATABASE,
    KEEP,
    VOLUME,
    backed_up,
    databases,
    due_ago,
    in_time,
    old,
)
from tests.support.cases import Scene
from tests.support.copied import copied_databases
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.resources import volume_id


def snapshots_due() -> Scene:
    """Two databases are healthy: one was never backed up, the other's newest snapshot is an interval old."""
    scene = backed_up(databases(replicas=2))
    scene.snapshot(volume_id("shared-postgres/1"), ago=16 * MINUTE)
    return scene


def volumes_snapshotted_together() -> Scene:
    """A database with its log on another volume: both are taken at one instant, the scratch volume is not."""
    claims = (
        data_claim(backup=snapshots_of(**KEEP)),
        data_claim("log", device="/dev/sdg", backup=snapshots_of(**KEEP)),
        data_claim("scratch", device="/dev/sdh"),
    )
    return backed_up(postgres_fleet(replicas=1, claims=claims))


def snapshots_have_had_their_time() -> Scene:
    """Beyond a day only the first of each hour is kept; a failed one goes, a stranger's stays."""
    scene = backed_up()
    in_time(scene)
    old(scene, ago=DAY + HOUR)
    for minutes in (15, 30):
        old(scene, ago=DAY + HOUR - minutes * MINUTE)
    old(scene, ago=9 * DAY, ours=False)
    scene.snapshot(
        VOLUME, ago=HOUR, state=SnapshotState.ERROR, state_message="An internal error occurred"
    )
    return scene


def copied_elsewhere() -> Scene:
    """One claim's newest snapshot goes to the other region; of another's copies an old one and a failed one go."""
    scene = Scene(copied_databases(replicas=2))
    scene.in_service()
    for text in ("shared-postgres/0", "shared-postgres/1"):
        scene.snapshot(volume_id(text), ago=MINUTE)
    newest = scene.snapshots[max(scene.snapshots)]
    scene.copied(newest)
    scene.copied(replace(newest, id="snap-gone", started_at=scene.now - 90 * DAY))
    scene.copied(
        replace(newest, id="snap-failed", started_at=scene.now - HOUR),
        state=SnapshotState.ERROR,
        state_message="Given key ID is not accessible",
    )
    return scene


def last_restore_point_kept() -> Scene:
    """The newest completed snapshot is ten days old and stays; a younger one is still pending."""
    scene = backed_up()
    scene.snapshot(VOLUME, ago=3 * HOUR, state=SnapshotState.PENDING)
    for days in (10, 11):
        old(scene, ago=days * DAY)
    return scene


def snapshots_not_read() -> Scene:
    """The list of snapshots failed: none is taken and none deleted."""
    scene = backed_up()
    old(scene, ago=90 * DAY)
    scene.gap(GapSubject.SNAPSHOTS, code="RequestLimitExceeded")
    return scene


def snapshots_while_paused() -> Scene:
    """A person paused one database: its snapshot is due and held back."""
    scene = backed_up(databases(replicas=2))
    scene.snapshot(volume_id("shared-postgres/1"), ago=due_ago(scene))
    scene.paused(DATABASE)
    return scene


def more_snapshots_than_at_once() -> Scene:
    """Eighty deletions have no answer yet: that is as many as may be, and another one waits."""
    scene = backed_up(databases(replicas=2))
    for text in (DATABASE, "shared-postgres/1"):
        scene.snapshot(volume_id(text), ago=due_ago(scene))
    old(scene, ago=90 * DAY)
    for number in range(SNAPSHOTS_AT_ONCE):
        scene.began(expiry(f"snap-{number}", text="shared-postgres/1"))
    return scene


def lost_volume_with_a_restore_point() -> Scene:
    """A volume in `error`: its slot waits for a person, and is told what it can be restored from."""
    scene = backed_up()
    in_time(scene)
    scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING)
    scene.terminated(DATABASE)
    scene.change(VOLUME, state=VolumeState.ERROR)
    return scene


BACKUPS = (
    snapshots_due,
    volumes_snapshotted_together,
    snapshots_have_had_their_time,
    last_restore_point_kept,
    copied_elsewhere,
    snapshots_not_read,
    snapshots_while_paused,
    more_snapshots_than_at_once,
    lost_volume_with_a_restore_point,
)
