"""A database slot in the middle of its course, for tests of replacing and moving."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import Fleet
from providers.observed import AttachmentState, InstanceState, ProbeOutcome
from providers.requests import DetachVolume
from reconciler.planning.actions import Course, Reason
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.cases import Scene
from tests.support.fleets import DAY, MINUTE, health_spec, postgres_fleet, tcp_probe
from tests.support.resources import instance_id, volume_id

DATABASES = postgres_fleet(health=health_spec(tcp_probe()))
DATABASE = "shared-postgres/0"
OLD, NEW = instance_id(DATABASE), instance_id(DATABASE, 2)
VOLUME = volume_id(DATABASE)


def committed(
    *, original: InstanceState = InstanceState.RUNNING, fleet: Fleet = DATABASES
) -> Scene:
    """The replacement holds the slot since a moment; its original still holds the volume."""
    scene = Scene(fleet)
    scene.in_service()
    scene.instance(DATABASE, incarnation=2, age=5 * MINUTE, zone="use1-az1")
    without = {k: v for k, v in scene.instances[NEW].tags.items() if k != Tag.IN_SERVICE_SINCE}
    scene.change(NEW, tags=without, security_groups=("sg-staging",))
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=2)
    scene.change(OLD, state=original)
    health = scene.memory.health
    waiting = replace(health[NEW], trouble_since=scene.now - MINUTE)
    scene.remembering(health={**health, NEW: waiting})
    return scene


def hanging(fleet: Fleet = DATABASES) -> Scene:
    """The replacement holds the slot; the detach from its stopped original ended at its deadline without effect."""
    scene = committed(original=InstanceState.STOPPED, fleet=fleet)
    scene.change(OLD, launched_at=scene.now - DAY)
    detach = action(
        DATABASE,
        DetachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf"),
        course=Course.KEEP_THE_DATA,
        reason=Reason.MOVE_DATA,
        claim="data",
    )
    scene.began(detach, ago=8 * MINUTE, state=IntentState.DEAD)
    held_by = replace(scene.volumes[VOLUME].attachments[0], state=AttachmentState.DETACHING)
    scene.change(VOLUME, attachments=(held_by,))
    return scene
