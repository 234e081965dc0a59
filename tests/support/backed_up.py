"""Databases with snapshots on a schedule, for tests of backups: one slot, healthy, and nothing else happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from desired_state.model import Backup, Fleet
from providers.observed import Snapshot
from reconciler.planning.backups.schedule import last_due
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.resources import slot, volume_id

DATABASE = "shared-postgres/0"
VOLUME = volume_id(DATABASE)
LOG = volume_id(DATABASE, "log")
"""Where a volume for it is declared."""
EVERY = 15 * MINUTE
KEEP = {"all": DAY, "hourly": 3 * DAY}


def databases(*, replicas: int = 1, every: timedelta = EVERY, **changes: Any) -> Fleet:
    """A fleet whose claim has a snapshot every 15 minutes, all kept for a day and one an hour for three."""
    claim = data_claim(backup=snapshots_of(every, **KEEP))
    return postgres_fleet(replicas=replicas, **{"claims": (claim,), **changes})


def backed_up(fleet: Fleet | None = None) -> Scene:
    """The database is in service; nothing is known of its snapshots yet."""
    scene = Scene(fleet or databases())
    scene.in_service()
    return scene


def with_a_log(backup: Backup, *beside: str) -> Scene:
    """The same with a volume for its log beside that for its data, and others of these names, each with that backup."""
    claims = tuple(
        data_claim(name, device=f"/dev/sd{letter}", backup=backup)
        for name, letter in zip(("data", "log", *beside), "fghijk", strict=False)
    )
    return backed_up(databases(claims=claims))


def due_ago(scene: Scene, every: timedelta = EVERY) -> timedelta:
    """How long ago the database's newest date came."""
    return scene.now - last_due(slot(DATABASE), every, scene.now)


def in_time(scene: Scene, **fields: Any) -> Snapshot:
    """The snapshot of the newest date was taken when it was due."""
    return scene.snapshot(VOLUME, ago=due_ago(scene), **fields)


def old(scene: Scene, *, ago: timedelta = DAY + HOUR / 2, **fields: Any) -> Snapshot:
    """A snapshot that is older than `all` keeps it, and not the first of its hour."""
    return scene.snapshot(VOLUME, ago=ago, **fields)
