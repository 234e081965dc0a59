"""Slots with a volume that is kept until a date, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.observed import InstanceState, Snapshot
from reconciler.planning.identity import Tag
from tests.support.backed_up import DATABASE, VOLUME, backed_up, in_time
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.restored import COPY, OLD, quarantined


def left_behind(*, ended_ago: timedelta = 2 * HOUR) -> Scene:
    """The volume that a restored one took the place of; its instance has ended, and so has its time."""
    scene = quarantined(ends_in=-ended_ago)
    scene.detached(VOLUME)
    scene.change(OLD, state=InstanceState.TERMINATED)
    for key, item in scene.snapshots.items():
        if item.volume_id == VOLUME:
            scene.snapshots[key] = replace(item, started_at=scene.now - 99 * DAY)
    return scene


def undone_copy(*, ended_ago: timedelta = MINUTE, scene: Scene | None = None) -> Scene:
    """The copy of a replacement that was undone since the original recovered."""
    scene = scene or backed_up()
    source = in_time(scene)
    scene.volume(DATABASE, "data", incarnation=2, age=2 * HOUR)
    until = f"{scene.now - ended_ago:%Y-%m-%dT%H:%M:%SZ}"
    tags = {**scene.volumes[COPY].tags, Tag.QUARANTINE_UNTIL.value: until}
    scene.change(COPY, tags=tags, snapshot_id=source.id)
    since = {Tag.IN_SERVICE_SINCE.value: f"{scene.now - 20 * HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(OLD, tags={**scene.instances[OLD].tags, **since})
    return scene


def final_snapshot(scene: Scene, *, ago: timedelta = HOUR, **fields: object) -> Snapshot:
    """A snapshot of what was left behind, after its time."""
    return scene.snapshot(VOLUME, ago=ago, **fields)  # type: ignore[arg-type]
