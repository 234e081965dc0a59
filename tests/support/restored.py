"""A database slot in the middle of a restore, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from providers.observed import InstanceState, VolumeState
from reconciler.planning.identity import Role, Tag
from tests.support.backed_up import DATABASE, VOLUME, backed_up
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import instance_id, volume_id

OLD, NEW = instance_id(DATABASE), instance_id(DATABASE, 2)
COPY = volume_id(DATABASE, incarnation=2)


def in_error(scene: Scene | None = None, *, lasting: timedelta = 5 * MINUTE) -> Scene:
    """The database's volume is in state error, and so the instance can't use it."""
    scene = scene or backed_up()
    scene.change(VOLUME, state=VolumeState.ERROR)
    health = scene.memory.health[OLD]
    began = scene.now - lasting
    scene.remembering(
        health={
            **scene.memory.health,
            OLD: replace(health, trouble_since=began, good_since=None),
        }
    )
    return scene


def prepared(scene: Scene | None = None) -> Scene:
    """A replacement runs with its copy, and is well."""
    scene = in_error(scene)
    snapshot = scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE, zone="use1-az2")
    scene.change(NEW, security_groups=("sg-staging",))
    scene.volume(DATABASE, "data", on=NEW, incarnation=2)
    scene.change(COPY, zone="use1-az2", snapshot_id=snapshot.id)
    return scene


def given_up(scene: Scene, *, ends_in: timedelta = HOUR) -> Scene:
    """The copy of a replacement that is not needed was dated."""
    date = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + ends_in:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(COPY, tags={**scene.volumes[COPY].tags, **date})
    return scene


def taken_over(
    scene: Scene | None = None, *, original: InstanceState = InstanceState.RUNNING
) -> Scene:
    """The replacement holds the slot; the original has its broken volume still."""
    scene = prepared(scene)
    tags = {**scene.instances[NEW].tags, Tag.ROLE.value: Role.OCCUPANT.value}
    tags.pop(Tag.IN_SERVICE_SINCE, None)
    scene.change(NEW, tags=tags)
    scene.change(OLD, state=original)
    return scene


def quarantined(*, ends_in: timedelta, scene: Scene | None = None) -> Scene:
    """The restored database is in service; what was left behind is dated."""
    scene = taken_over(scene, original=InstanceState.STOPPED)
    date = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + ends_in:%Y-%m-%dT%H:%M:%SZ}"}
    for item in (OLD, VOLUME):
        resource = scene.instances.get(item) or scene.volumes[item]
        scene.change(item, tags={**resource.tags, **date})
    since = {Tag.IN_SERVICE_SINCE.value: f"{scene.now - HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(NEW, tags={**scene.instances[NEW].tags, **since}, security_groups=("sg-postgres",))
    scene.snapshot(COPY, ago=MINUTE)
    return scene
