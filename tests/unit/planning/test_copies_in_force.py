"""When a copy counts: not before it is on its instance, at once when its original is fenced, and for ever after."""

from __future__ import annotations

from dataclasses import replace

from providers.observed import AttachmentState, InstanceState, VolumeState
from providers.requests import AttachVolume, SetSecurityGroups, SetTags
from reconciler.planning.actions import Bucket, Reason
from reconciler.planning.identity import Tag
from tests.support.actions import terminate
from tests.support.backed_up import DATABASE, VOLUME
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.plans import bucket, planned, the_action
from tests.support.restored import COPY, NEW, OLD, given_up, prepared, taken_over


def still_attaching(*, launched_ago_minutes: int) -> Scene:
    """A replacement that is well by its checks and has not got its copy yet."""
    scene = prepared()
    attached = scene.instances[NEW].attachments
    scene.change(
        NEW,
        launched_at=scene.now - launched_ago_minutes * MINUTE,
        attachments=tuple(replace(item, state=AttachmentState.ATTACHING) for item in attached),
    )
    return scene


def test_a_replacement_that_booted_without_its_copy_is_not_committed() -> None:
    scene = still_attaching(launched_ago_minutes=5)
    assert planned(scene).actions == ()
    assert bucket(scene, DATABASE) is Bucket.WAITING


def test_a_replacement_whose_copy_never_comes_makes_room_for_the_next() -> None:
    action = the_action(given_up(still_attaching(launched_ago_minutes=11)))
    assert action.request == terminate(DATABASE, incarnation=2).request
    assert action.reason is Reason.REPLACEMENT_FAILED


def test_a_fenced_restore_is_let_in_together_with_the_dates_of_what_it_left_behind() -> None:
    requests = [
        item.request for item in planned(taken_over(original=InstanceState.STOPPED)).actions
    ]
    assert SetSecurityGroups(instance_id=NEW, security_groups=("sg-postgres",)) in requests
    dated = [
        item.resource_id
        for item in requests
        if isinstance(item, SetTags) and Tag.QUARANTINE_UNTIL.value in item.tags
    ]
    assert sorted(dated) == sorted([OLD, VOLUME])


def test_nobody_is_let_in_before_the_original_is_fenced() -> None:
    requests = [item.request for item in planned(taken_over()).actions]
    assert not [item for item in requests if isinstance(item, SetSecurityGroups)]


def test_what_a_committed_copy_superseded_never_fills_its_claim_again() -> None:
    """Neither has a date yet, and the copy's instance has ended: it is the copy that goes on."""
    scene = taken_over(original=InstanceState.STOPPED)
    scene.change(NEW, state=InstanceState.TERMINATED, attachments=())
    scene.change(VOLUME, state=VolumeState.IN_USE)
    scene.change(COPY, state=VolumeState.AVAILABLE, attachments=())
    scene.instance(DATABASE, incarnation=3, age=HOUR, zone="use1-az2")
    request = the_action(scene).request
    assert isinstance(request, AttachVolume)
    assert request.volume_id == COPY
