"""Golden scenes of changed wishes and of what holds actions back: drift, updates, scale, modes, limits, capacity."""

from __future__ import annotations

from dataclasses import replace

from desired_state.model import Fleet, Mode, UpdateStrategy
from reconciler.planning.actions import Course, Gate
from reconciler.planning.courses.remove import retire_id, shrink_id
from reconciler.planning.identity import Tag, approval_id
from tests.support.cases import CELL, Scene
from tests.support.fleets import MINUTE, ZONES, postgres_fleet, web_fleet
from tests.support.resources import instance_id, slot, volume_id


def drift_in_place() -> Scene:
    """Groups, metadata options, DeleteOnTermination and a volume's size are corrected where they are."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    first, second = instance_id("shared-postgres/0"), instance_id("shared-postgres/1")
    scene.change(first, security_groups=("sg-strange",), imds_v2_required=False)
    doomed = replace(scene.instances[second].attachments[0], delete_on_termination=True)
    scene.change(second, attachments=(doomed,))
    scene.change(volume_id("shared-postgres/2"), size_gib=50)
    return scene


def a_volume_larger_than_declared() -> Scene:
    """A volume never shrinks: said, and left."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.change(volume_id("shared-postgres/2"), size_gib=5_000)
    return scene


def _new_image(fleet: Fleet) -> Fleet:
    return replace(fleet, instance=replace(fleet.instance, image="ami-0newnewnewnewnew0"))


def image_changed_on_replace() -> Scene:
    """A new image waits for the next replacement: a note, not work."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.declare(_new_image(web_fleet()))
    return scene


def image_changed_rolling() -> Scene:
    """A new image goes slot by slot, within `maxUnavailable`."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.declare(_new_image(web_fleet(update=UpdateStrategy.ROLLING)))
    return scene


def a_rolling_update_waits_for_trouble() -> Scene:
    """No update while a slot of the fleet is not healthy; its repair goes first."""
    scene = image_changed_rolling()
    scene.terminated("web/2")
    return scene


def a_large_shrink() -> Scene:
    """Beyond two slots and a tenth, a scale-down is confirmed by a person."""
    scene = Scene(web_fleet(replicas=8))
    scene.in_service()
    scene.declare(web_fleet(replicas=3))
    return scene


def a_large_shrink_confirmed() -> Scene:
    """Confirmed for this number of replicas."""
    scene = a_large_shrink()
    scene.approved(shrink_id("web", 3), Gate.SHRINK)
    return scene


def a_stateful_shrink() -> Scene:
    """Any slot with volumes is confirmed by a person."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.declare(postgres_fleet(replicas=2))
    return scene


def fleet_retired() -> Scene:
    """A released fleet that a person retired: its instances end, its volumes stay."""
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    scene.release("shared-postgres")
    scene.approved(retire_id("shared-postgres"), Gate.RETIRE)
    return scene


def a_stray_of_ours() -> Scene:
    """Our owner tag without a slot: reported, and left for a person."""
    scene = Scene(web_fleet())
    scene.in_service()
    stray = scene.occupant("web/0")
    tags = {Tag.OWNER.value: stray.tags[Tag.OWNER]}
    scene.instances["i-0a0a0a0a0a0a0a0a0"] = replace(stray, id="i-0a0a0a0a0a0a0a0a0", tags=tags)
    return scene


def mode_observe() -> Scene:
    """Reported, never done."""
    scene = Scene(web_fleet(mode=Mode.OBSERVE))
    scene.in_service()
    scene.terminated("web/1")
    return scene


def mode_approve() -> Scene:
    """Waits for a person, with the command that releases it."""
    scene = Scene(postgres_fleet(mode=Mode.APPROVE))
    scene.in_service()
    scene.terminated("shared-postgres/1")
    return scene


def mode_approve_approved() -> Scene:
    """The person's word releases the course."""
    scene = mode_approve()
    released = approval_id(CELL, slot("shared-postgres/1"), 1, Course.KEEP_THE_DATA, Gate.APPROVE)
    scene.approved(released, Gate.APPROVE)
    return scene


def paused_in_the_document() -> Scene:
    """`paused: true` holds everything of the fleet."""
    scene = Scene(web_fleet(paused=True))
    scene.in_service()
    scene.terminated("web/1")
    return scene


def paused_by_a_person() -> Scene:
    """A pause of one slot holds that slot alone."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    scene.terminated("web/2")
    scene.paused("web/1")
    return scene


def next_type_when_capacity_is_short() -> Scene:
    """A capacity error is remembered: the next declared type is taken there."""
    scene = Scene(web_fleet())
    scene.in_service()
    scene.terminated("web/1")
    for zone in ZONES:
        scene.no_capacity(zone, "m6i.large")
    return scene


def no_capacity_anywhere() -> Scene:
    """Every type in every zone is short: withheld until the first may be asked again."""
    scene = next_type_when_capacity_is_short()
    for zone in ZONES:
        scene.no_capacity(zone, "m5.large", lasting=10 * MINUTE)
    return scene


def more_repairs_than_at_once() -> Scene:
    """No more than a fifth of a fleet, and two, is repaired at once."""
    scene = Scene(web_fleet(replicas=5))
    scene.in_service()
    for ordinal in range(4):
        scene.terminated(f"web/{ordinal}")
    return scene


WISHES = (
    drift_in_place,
    a_volume_larger_than_declared,
    image_changed_on_replace,
    image_changed_rolling,
    a_rolling_update_waits_for_trouble,
    a_large_shrink,
    a_large_shrink_confirmed,
    a_stateful_shrink,
    fleet_retired,
    a_stray_of_ours,
    mode_observe,
    mode_approve,
    mode_approve_approved,
    paused_in_the_document,
    paused_by_a_person,
    next_type_when_capacity_is_short,
    no_capacity_anywhere,
    more_repairs_than_at_once,
)
