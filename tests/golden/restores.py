"""Scenes of restores: under way, withheld for a person's word, and what they owe and leave behind."""

from __future__ import annotations

from datetime import timedelta

from providers.observed import InstanceState, SnapshotState
from providers.requests import StopInstance
from reconciler.planning.actions import Course, Gate, Reason
from reconciler.planning.intents import IntentState
from reconciler.planning.orders import OrderKind
from tests.support.actions import action
from tests.support.backed_up import DATABASE, VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.kept import final_snapshot, left_behind, undone_copy
from tests.support.plans import the_hold
from tests.support.restored import COPY, OLD, in_error, prepared, taken_over


def _stuck(*, lasting: timedelta = 8 * MINUTE) -> Scene:
    """The volume of the one database does not answer; its newest snapshot is a little older than that."""
    scene = backed_up()
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.stalled(VOLUME, lasting=lasting)
    return scene


def restore_1_launch() -> Scene:
    """A volume is stuck: a replacement with a copy is launched at once, in any zone that works."""
    return _stuck()


def restore_2_prepared() -> Scene:
    """The copy is prepared and takes over late: until then the original may come back."""
    scene = prepared(backed_up())
    scene.change(VOLUME, state=scene.volumes[COPY].state)
    scene.stalled(VOLUME, lasting=12 * MINUTE)
    return scene


def restore_3_commit() -> Scene:
    """The original's volume is lost: nothing is gained by waiting."""
    return prepared()


def restore_4_fence() -> Scene:
    """After the commit the original is stopped before the copy's service is let in."""
    return taken_over()


def restore_5_quarantine() -> Scene:
    """The original is stopped: it and its volume are dated, and kept until then."""
    return taken_over(original=InstanceState.STOPPED)


def restore_withheld() -> Scene:
    """The newest snapshot that can be used is three hours old; a better one is still pending."""
    scene = in_error()
    scene.snapshot(VOLUME, ago=3 * HOUR)
    scene.snapshot(VOLUME, ago=40 * MINUTE, state=SnapshotState.PENDING, progress="43%")
    return scene


def restore_approved_for_less() -> Scene:
    """A person approved a loss of three hours; the restore point it came from is gone since."""
    scene = in_error()
    shown = scene.snapshot(VOLUME, ago=3 * HOUR)
    approval = the_hold(scene)
    scene.approved(approval.approval_id or "", Gate.RESTORE, max_loss=approval.loss)
    del scene.snapshots[shown.id]
    scene.snapshot(VOLUME, ago=5 * HOUR)
    return scene


def empty_stand_in_approved() -> Scene:
    """Nothing can be restored, and a person let an empty volume stand in."""
    scene = in_error()
    scene.approved(the_hold(scene).approval_id or "", Gate.RESTORE, empty=True)
    return scene


def _owing() -> Scene:
    """A forced stop of the original hung two minutes ago."""
    scene = taken_over(original=InstanceState.STOPPING)
    forced = StopInstance(instance_id=OLD, forced=True)
    done = action(DATABASE, forced, course=Course.RESTORE, reason=Reason.SERVE_FENCE)
    scene.began(done, ago=2 * MINUTE, state=IntentState.DEAD)
    return scene


def serve_fence_owed() -> Scene:
    """The original can't be proved stopped, so the copy must not serve: tried again, or a person vouches for it."""
    return _owing()


def serve_fence_vouched_for() -> Scene:
    """A person vouches that the original is off: the copy's service is let in, and everybody is told why."""
    scene = _owing()
    scene.ordered(
        DATABASE,
        OrderKind.FENCED,
        incarnation=2,
        instance_id=OLD,
        reason="its host was powered off, ticket 4711",
    )
    return scene


def restore_ordered() -> Scene:
    """A person wants a healthy database back as it was: the loss was shown and taken."""
    scene = backed_up(databases(replicas=2))
    scene.snapshot(VOLUME, ago=20 * MINUTE)
    scene.ordered(DATABASE, OrderKind.RESTORE, reason="a table was dropped", max_loss=20 * MINUTE)
    return scene


def replacement_ordered() -> Scene:
    """A person wants a healthy database on another instance; its volume moves."""
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE)
    scene.ordered(DATABASE, OrderKind.REPLACE, reason="its host is to be retired")
    return scene


def kept_1_final_snapshot() -> Scene:
    """What was left behind two weeks ago has had its time: a last snapshot of it is taken first."""
    return left_behind()


def kept_2_deletion() -> Scene:
    """Its final snapshot is completed, and what took its place has a restore point: it goes."""
    scene = left_behind()
    final_snapshot(scene)
    return scene


def kept_3_undone_copy() -> Scene:
    """The original recovered before the commit; an hour later the copy goes."""
    return undone_copy()


RESTORES = (
    restore_1_launch,
    restore_2_prepared,
    restore_3_commit,
    restore_4_fence,
    restore_5_quarantine,
    restore_withheld,
    restore_approved_for_less,
    empty_stand_in_approved,
    serve_fence_owed,
    serve_fence_vouched_for,
    restore_ordered,
    replacement_ordered,
    kept_1_final_snapshot,
    kept_2_deletion,
    kept_3_undone_copy,
)
