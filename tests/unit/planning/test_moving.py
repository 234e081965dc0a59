"""The data moves behind a write fence: stop, detach, attach, one at a time, and nothing is forced off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import Attachment, AttachmentState, InstanceState
from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    StopInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import action
from tests.support.cases import Scene
from tests.support.databases import DATABASE, DATABASES, NEW, OLD, VOLUME, committed
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    data_claim,
)
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import volume_id
from tests.support.volume_health import slow

# The write fence


def test_the_original_is_stopped_before_its_volume_moves() -> None:
    step = the_action(committed())
    assert step.request == StopInstance(instance_id=OLD)
    assert (step.course, step.reason) == (Course.KEEP_THE_DATA, Reason.WRITE_FENCE)


def test_while_it_stops_it_is_waited_for() -> None:
    scene = committed(original=InstanceState.STOPPING)
    scene.change(OLD, state_changed_at=scene.now - MINUTE)
    assert done(scene) == []
    assert bucket(scene, DATABASE) is Bucket.WAITING


def test_a_stop_of_somebody_else_that_hangs_is_forced() -> None:
    scene = committed(original=InstanceState.STOPPING)
    scene.change(OLD, state_changed_at=scene.now - 4 * MINUTE)
    assert the_action(scene).request == StopInstance(instance_id=OLD, forced=True)


def test_our_stop_that_hangs_is_forced() -> None:
    scene = committed(original=InstanceState.STOPPING)
    fenced(scene, StopInstance(instance_id=OLD), ago=4 * MINUTE, state=IntentState.DEAD)
    assert the_action(scene).request == StopInstance(instance_id=OLD, forced=True)


def test_a_stop_that_was_lost_on_the_way_is_simply_sent_again() -> None:
    scene = committed()
    fenced(scene, StopInstance(instance_id=OLD), ago=10 * MINUTE, state=IntentState.LOST)
    assert the_action(scene).request == StopInstance(instance_id=OLD)


def test_a_fence_that_is_not_proved_is_told_and_tried_again_and_again() -> None:
    scene = committed(original=InstanceState.STOPPING)
    forced = StopInstance(instance_id=OLD, forced=True)
    fenced(scene, StopInstance(instance_id=OLD), ago=10 * MINUTE, state=IntentState.DEAD)
    fenced(scene, forced, ago=5 * MINUTE, state=IntentState.DEAD)
    hold = the_hold(scene)
    assert hold.gate is Gate.FENCE
    assert hold.earliest_release == scene.now + MINUTE
    later = committed(original=InstanceState.STOPPING)
    fenced(later, forced, ago=6 * MINUTE, state=IntentState.DEAD)
    assert the_action(later).request == forced


@pytest.mark.parametrize("state", [InstanceState.RUNNING, InstanceState.STOPPING])
def test_no_volume_is_detached_from_an_instance_that_may_write(state: InstanceState) -> None:
    scene = committed(original=state)
    assert not any(isinstance(a.request, DetachVolume) for a in planned(scene).actions)


def fenced(
    scene: Scene,
    request: StopInstance | DetachVolume,
    *,
    ago: timedelta,
    state: IntentState,
) -> None:
    step = action(
        DATABASE, request, course=Course.KEEP_THE_DATA, reason=Reason.WRITE_FENCE, claim="data"
    )
    scene.began(step, ago=ago, state=state)


# Detach and attach


def test_from_a_stopped_original_the_volume_is_detached() -> None:
    step = the_action(committed(original=InstanceState.STOPPED))
    assert step.request == DetachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf")


def test_a_free_volume_is_attached_to_the_occupant() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    step = the_action(scene)
    assert step.request == AttachVolume(volume_id=VOLUME, instance_id=NEW, device="/dev/sdf")
    assert (step.course, step.claim) == (Course.KEEP_THE_DATA, "data")


def test_a_volume_is_not_attached_before_its_instance_runs() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.change(NEW, state=InstanceState.PENDING, launched_at=scene.now - MINUTE)
    assert done(scene) == []


def test_a_detach_that_hangs_of_a_volume_that_is_not_well_is_told_and_nothing_is_forced() -> None:
    scene = committed(original=InstanceState.STOPPED)
    detach = DetachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf")
    fenced(scene, detach, ago=7 * MINUTE, state=IntentState.DEAD)
    in_motion(scene, AttachmentState.BUSY)
    scene.volume_status[VOLUME] = slow(VOLUME)
    assert the_hold(scene).gate is Gate.FENCE
    assert done(scene) == []


def test_a_detach_that_hung_yesterday_from_another_instance_says_nothing() -> None:
    scene = committed(original=InstanceState.STOPPED)
    other = DetachVolume(volume_id=VOLUME, instance_id="i-0other", device="/dev/sdf")
    fenced(scene, other, ago=20 * HOUR, state=IntentState.DEAD)
    assert done(scene) == [f"detach {DATABASE}"]


def attaching(*, ended: IntentState | None = IntentState.DEAD) -> Scene:
    """The volume is attaching to the occupant; our attachment ended so, none means that it is somebody else's."""
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW, state=AttachmentState.ATTACHING)
    if ended is not None:
        request = AttachVolume(volume_id=VOLUME, instance_id=NEW, device="/dev/sdf")
        course, reason = Course.KEEP_THE_DATA, Reason.MOVE_DATA
        step = action(DATABASE, request, course=course, reason=reason, claim="data")
        scene.began(step, ago=4 * MINUTE, state=ended)
    return scene


def lasting(scene: Scene, trouble: timedelta) -> Scene:
    health = scene.memory.health
    since = replace(health[NEW], trouble_since=scene.now - trouble)
    scene.remembering(health={**health, NEW: since})
    return scene


def test_an_attachment_of_somebody_else_is_waited_for_and_then_told() -> None:
    for trouble, gates in ((2 * MINUTE, []), (3 * MINUTE, [f"fence {DATABASE}"])):
        assert held(lasting(attaching(ended=None), trouble)) == gates


def test_for_one_of_ours_that_ended_at_its_deadline_another_instance_is_launched() -> None:
    step = the_action(attaching())
    assert isinstance(step.request, LaunchInstance)
    assert (step.request.zone, step.request.volumes) == ("use1-az1", ())
    assert (step.course, step.reason) == (Course.KEEP_THE_DATA, Reason.ATTACHMENT_HANGS)


def superseding() -> Scene:
    """A third instance took the slot over from the second, on which the attachment hangs."""
    scene = attaching()
    scene.instance(DATABASE, incarnation=3, age=5 * MINUTE, zone="use1-az1")
    return scene


def test_the_instance_on_which_it_hangs_is_fenced_before_the_volume_leaves_it() -> None:
    assert the_action(superseding()).request == StopInstance(instance_id=NEW)


def test_from_the_stopped_one_it_is_detached() -> None:
    scene = superseding()
    scene.change(NEW, state=InstanceState.STOPPED)
    step = the_action(scene)
    assert step.request == DetachVolume(volume_id=VOLUME, instance_id=NEW, device="/dev/sdf")


def in_motion(scene: Scene, state: AttachmentState) -> None:
    (attachment,) = scene.volumes[VOLUME].attachments
    scene.change(VOLUME, attachments=(replace(attachment, state=state),))


def test_a_volume_that_somebody_detached_is_attached_again() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    scene.detached(VOLUME)
    step = the_action(scene)
    assert step.request == AttachVolume(volume_id=VOLUME, instance_id=OLD, device="/dev/sdf")
    assert (step.course, step.reason) == (Course.REATTACH, Reason.CLAIM_UNATTACHED)


def test_a_device_that_is_taken_is_a_conflict_and_not_an_endless_attempt() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    scene.detached(VOLUME)
    foreign = Attachment(
        volume_id="vol-0foreign",
        instance_id=OLD,
        device="/dev/sdf",
        state=AttachmentState.ATTACHED,
        delete_on_termination=False,
    )
    scene.change(OLD, attachments=(foreign,))
    assert the_hold(scene).gate is Gate.CONFLICT
    assert "/dev/sdf" in the_hold(scene).reason


def test_a_volume_that_somebody_put_on_another_device_is_told_and_left_where_it_is() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    scene.detached(VOLUME)
    scene.attached(VOLUME, OLD, device="/dev/sdz")
    hold = the_hold(scene)
    assert hold.gate is Gate.CONFLICT
    assert "/dev/sdz" in hold.reason
    assert "declares /dev/sdf" in hold.reason
    assert done(scene) == []


def test_a_volume_on_another_device_is_not_lost_because_its_claim_is_not_tagged_yet() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    unnamed(scene, VOLUME)
    scene.detached(VOLUME)
    scene.attached(VOLUME, OLD, device="/dev/sdz")
    assert the_hold(scene).gate is Gate.CONFLICT
    assert "declares /dev/sdf" in the_hold(scene).reason


def test_with_several_claims_a_volume_without_a_name_is_anybodys_and_none_of_them_is_lost() -> None:
    scene = Scene(replace(DATABASES, claims=(data_claim(), data_claim("wal", device="/dev/sdg"))))
    scene.in_service()
    unnamed(scene, VOLUME)
    scene.detached(VOLUME)
    hold = the_hold(scene)
    assert hold.gate is Gate.CONFLICT
    assert VOLUME in hold.reason
    assert Tag.CLAIM in hold.reason
    assert done(scene) == []


def unnamed(scene: Scene, volume: str) -> None:
    """As it is between the launch that made it and the call that tags it."""
    tags = {k: v for k, v in scene.volumes[volume].tags.items() if k != Tag.CLAIM}
    scene.change(volume, tags=tags)
    known = scene.memory.known
    scene.remembering(known={**known, volume: replace(known[volume], claim=None)})


def test_an_instance_that_is_sick_is_repaired_whatever_its_devices_are_called() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    scene.detached(VOLUME)
    scene.attached(VOLUME, OLD, device="/dev/sdz")
    assert done(scene) == [f"stop {DATABASE}"]


def test_data_is_not_brought_to_an_instance_that_ec2_speaks_against() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    scene.detached(VOLUME)
    assert not any(isinstance(a.request, AttachVolume) for a in planned(scene).actions)


def test_data_is_brought_to_an_instance_whose_service_fails_for_want_of_it() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    scene.sick(DATABASE, Sign.PROBE, lasting=DAY)
    scene.detached(VOLUME)
    assert done(scene) == [f"attach {DATABASE}"]


def test_a_claim_after_the_other_is_moved() -> None:
    claims = (data_claim(), data_claim("wal", device="/dev/sdg"))
    scene = Scene(replace(DATABASES, claims=claims))
    scene.in_service()
    scene.detached(VOLUME)
    scene.detached(volume_id(DATABASE, "wal"))
    assert done(scene) == [f"attach {DATABASE}"]
