"""Scenes of what bounds the pace and the reach of what is done: limits, budgets, gaps, and fences that are owed."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import LadderStep, UpdateStrategy
from providers.observed import AttachmentState, GapSubject, InstanceState
from providers.requests import DetachVolume, StopInstance
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Reason
from reconciler.planning.identity import Role
from reconciler.planning.intents import IntentState
from reconciler.planning.plan import plan
from tests.support.actions import action, launch
from tests.support.cases import Scene
from tests.support.databases import DATABASE, NEW, OLD, VOLUME, committed
from tests.support.fleets import HOUR, MINUTE, postgres_fleet, repair_spec, safety_policy, web_fleet
from tests.support.resources import instance_id


def many_stops_within_an_hour() -> Scene:
    """Four hosts are sick and may be restarted at once, but only two instances an hour are taken down unasked."""
    scene = Scene(web_fleet(replicas=6), policy=safety_policy(repairs_at_once_count=6))
    scene.in_service()
    for ordinal in range(4):
        scene.sick(f"web/{ordinal}", Sign.SYSTEM_CHECK, lasting=10 * MINUTE)
    return scene


def replaced_too_often() -> Scene:
    """A slot that was replaced twice within the hour is gone again."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    for ago in (50 * MINUTE, 20 * MINUTE):
        replaced = launch("web/1", course=Course.REPLACE)
        scene.began(replaced, ago=ago, state=IntentState.OBSERVED)
    return scene


def refused_a_moment_ago() -> Scene:
    """The account's quota refused the launch: it is tried again at its own time."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    (refused,) = plan(scene.case()).actions
    scene.began(
        refused,
        ago=MINUTE / 2,
        state=IntentState.REJECTED,
        retry_at=scene.now + MINUTE / 2,
        error_code="VcpuLimitExceeded",
        error_message="You have requested more vCPU capacity than your current limit of 32",
    )
    return scene


def one_serving_database_at_a_time() -> Scene:
    """Two databases are being updated and both replacements are ready: maxUnavailable lets one be committed."""
    fleet = postgres_fleet(update=UpdateStrategy.ROLLING)
    scene = Scene(fleet)
    scene.in_service()
    image = "ami-0fedcba9876543210"
    scene.declare(replace(fleet, instance=replace(fleet.instance, image=image)))
    for ordinal in (0, 1):
        text = f"shared-postgres/{ordinal}"
        zone = scene.instances[instance_id(text)].zone
        scene.instance(text, incarnation=2, role=Role.REPLACEMENT, age=HOUR, zone=zone)
        scene.change(instance_id(text, 2), image=image)
    return scene


def service_let_in() -> Scene:
    """The new occupant has its data and still waits in the staging groups."""
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    return scene


def one_zone_not_read() -> Scene:
    """A zone could not be read: an empty slot there is not filled, and no other slot is replaced meanwhile."""
    ladder = repair_spec(ladder=(LadderStep.REPLACE,))
    scene = Scene(web_fleet(repair=ladder))
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=10 * MINUTE)
    scene.vanished(instance_id("web/1"), by_id=None)
    scene.gap(GapSubject.INSTANCES, zone="use1-az2", code="RequestTimeout")
    return scene


def fence_owed() -> Scene:
    """Neither a stop nor a forced one is proved: the volume stays, a person is told, and it is tried again."""
    scene = committed(original=InstanceState.STOPPING)
    for minutes, forced in ((10, False), (5, True)):
        request = StopInstance(instance_id=OLD, forced=forced)
        stop = action(DATABASE, request, course=Course.KEEP_THE_DATA, reason=Reason.WRITE_FENCE)
        scene.began(stop, ago=minutes * MINUTE, state=IntentState.DEAD)
    return scene


def detach_hangs() -> Scene:
    """The original is stopped and its volume does not come off: nothing is forced."""
    scene = committed(original=InstanceState.STOPPED)
    request = DetachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf")
    detach = action(
        DATABASE, request, course=Course.KEEP_THE_DATA, reason=Reason.MOVE_DATA, claim="data"
    )
    scene.began(detach, ago=7 * MINUTE, state=IntentState.DEAD)
    (attachment,) = scene.volumes[VOLUME].attachments
    scene.change(VOLUME, attachments=(replace(attachment, state=AttachmentState.BUSY),))
    return scene


LIMITS = (
    many_stops_within_an_hour,
    replaced_too_often,
    refused_a_moment_ago,
    one_serving_database_at_a_time,
    service_let_in,
    one_zone_not_read,
    fence_owed,
    detach_hangs,
)
