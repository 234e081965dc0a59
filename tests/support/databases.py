"""A database slot in the middle of its course, for tests of replacing and moving."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import Fleet
from providers.observed import InstanceState, ProbeOutcome
from reconciler.planning.identity import Tag
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, health_spec, postgres_fleet, tcp_probe
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
