"""Golden scenes of volumes: keeping the data step by step, and what can't be kept (design section 7.1)."""

from __future__ import annotations

from desired_state.model import LadderStep
from providers.observed import InstanceState, VolumeState
from reconciler.health.verdict import Sign
from reconciler.planning.identity import Role
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, postgres_fleet, repair_spec
from tests.support.resources import instance_id, volume_id

SLOT = "shared-postgres/1"


def _sick_database() -> Scene:
    scene = Scene(postgres_fleet(repair=repair_spec(ladder=(LadderStep.REPLACE,))))
    scene.in_service()
    scene.sick(SLOT, Sign.INSTANCE_CHECK, lasting=HOUR)
    return scene


def data_kept_1_launch() -> Scene:
    """The instance is sick and its volume is not: launch in the volume's zone."""
    return _sick_database()


def data_kept_2_commit() -> Scene:
    """The replacement runs and both its checks are ok: commit."""
    scene = _sick_database()
    scene.instance(SLOT, incarnation=2, role=Role.REPLACEMENT, age=10 * MINUTE)
    return scene


def data_kept_3_fence() -> Scene:
    """Committed: the original must not write any more."""
    scene = _sick_database()
    scene.instance(SLOT, incarnation=2, age=10 * MINUTE)
    return scene


def data_kept_4_detach() -> Scene:
    """The original is stopped: its volume can leave it."""
    scene = data_kept_3_fence()
    scene.stopped(SLOT, ago=MINUTE)
    return scene


def data_kept_5_attach() -> Scene:
    """The volume is free: it goes to the occupant."""
    scene = data_kept_4_detach()
    scene.detached(volume_id(SLOT))
    return scene


def data_kept_6_let_go() -> Scene:
    """The occupant is healthy with its volume: the original goes."""
    scene = data_kept_5_attach()
    scene.attached(volume_id(SLOT), instance_id(SLOT, 2))
    return scene


def volume_detached_by_somebody() -> Scene:
    """A healthy instance without its volume gets it back."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.detached(volume_id(SLOT))
    return scene


def volume_lost() -> Scene:
    """The instance runs and its volume is deleted: only a restore point can fill the claim."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.detached(volume_id(SLOT))
    scene.ended(volume_id(SLOT))
    return scene


def volume_in_error() -> Scene:
    """A volume in `error` is lost, whatever its instance's checks say."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.terminated(SLOT)
    scene.change(volume_id(SLOT), state=VolumeState.ERROR)
    return scene


def volume_on_a_stranger() -> Scene:
    """A volume on an instance of another slot: a conflict, untouched."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.detached(volume_id(SLOT))
    scene.attached(volume_id(SLOT), instance_id("shared-postgres/0"), device="/dev/sdg")
    return scene


def original_is_shutting_down() -> Scene:
    """On its irreversible way, and not there yet: waited for."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.change(instance_id(SLOT), state=InstanceState.SHUTTING_DOWN)
    return scene


MOVES = (
    data_kept_1_launch,
    data_kept_2_commit,
    data_kept_3_fence,
    data_kept_4_detach,
    data_kept_5_attach,
    data_kept_6_let_go,
    volume_detached_by_somebody,
    volume_lost,
    volume_in_error,
    volume_on_a_stranger,
    original_is_shutting_down,
)
