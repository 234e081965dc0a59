"""The cloud in memory keeps EC2's rules where a controller can tell the difference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.errors import CloudError, RetryClass
from providers.observed import AttachmentState, InstanceState, Presence, VolumeState
from providers.requests import (
    AttachVolume,
    CreateSnapshot,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    ResizeVolume,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.identity import Tag
from tests.support.actions import data_volume, launch_request
from tests.support.fleets import MINUTE
from tests.support.manual_clock import ManualClock
from tests.support.memory_cloud import MemoryCloud
from tests.support.resources import OWNER


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def wait(cloud: MemoryCloud) -> None:
    assert isinstance(cloud.clock, ManualClock)
    cloud.clock.advance(MINUTE)


def running(cloud: MemoryCloud, text: str = "web/0", **changes: object) -> str:
    request = launch_request(text, volume_tags={Tag.OWNER: OWNER}, **changes)
    made = cloud.perform(request).resource_id
    wait(cloud)
    return made or ""


def state_of(cloud: MemoryCloud, key: str) -> InstanceState:
    _, instance = cloud.read_instances([key])[key]
    assert instance is not None
    return instance.state


def data_of(cloud: MemoryCloud, instance_id: str) -> str:
    _, instance = cloud.read_instances([instance_id])[instance_id]
    assert instance is not None
    (key,) = (item.volume_id for item in instance.attachments if item.device == "/dev/sdf")
    return key


def refused(code: str, call: Callable[[], object]) -> RetryClass:
    with pytest.raises(CloudError) as raised:
        call()
    assert raised.value.code == code
    return raised.value.retry


def test_the_same_token_in_the_same_zone_is_the_same_instance(cloud: MemoryCloud) -> None:
    request = launch_request("web/0")
    assert cloud.perform(request).resource_id == cloud.perform(request).resource_id
    assert len(cloud.alive()) == 1


def test_the_same_token_in_another_zone_is_another_instance(cloud: MemoryCloud) -> None:
    for zone in ("use1-az1", "use1-az2"):
        cloud.perform(launch_request("web/0", zone=zone))
    assert len(cloud.alive()) == 2


def test_the_same_token_with_other_parameters_is_refused(cloud: MemoryCloud) -> None:
    cloud.perform(launch_request("web/0"))
    other = launch_request("web/0", type="m5.large")
    kind = refused("IdempotentParameterMismatch", lambda: cloud.perform(other))
    assert kind is RetryClass.TOKEN_MISMATCH


def test_the_token_of_an_ended_instance_is_refused(cloud: MemoryCloud) -> None:
    cloud.perform(TerminateInstance(instance_id=running(cloud)))
    again = launch_request("web/0", volume_tags={Tag.OWNER: OWNER})
    kind = refused("IdempotentInstanceTerminated", lambda: cloud.perform(again))
    assert kind is RetryClass.TOKEN_TERMINATED


def test_states_take_their_time(cloud: MemoryCloud) -> None:
    key = cloud.perform(launch_request("web/0")).resource_id or ""
    told = [state_of(cloud, key)]
    for request in (StopInstance(instance_id=key), TerminateInstance(instance_id=key)):
        wait(cloud)
        told.append(state_of(cloud, key))
        cloud.perform(request)
        told.append(state_of(cloud, key))
    wait(cloud)
    told.append(state_of(cloud, key))
    assert told == ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]


def test_what_is_stuck_stays_on_its_way(cloud: MemoryCloud) -> None:
    key = running(cloud)
    cloud.world.let_time_work()
    cloud.world.stuck.add(key)
    cloud.perform(StopInstance(instance_id=key))
    wait(cloud)
    assert state_of(cloud, key) is InstanceState.STOPPING


def test_terminating_and_stopping_twice_is_no_error(cloud: MemoryCloud) -> None:
    key = running(cloud)
    for request in (StopInstance(instance_id=key), TerminateInstance(instance_id=key)):
        cloud.perform(request)
        wait(cloud)
        cloud.perform(request)


def test_a_state_that_a_call_does_not_fit_refuses_it(cloud: MemoryCloud) -> None:
    key = running(cloud)
    cloud.perform(TerminateInstance(instance_id=key))
    for request in (
        StartInstance(instance_id=key),
        StopInstance(instance_id=key),
        RebootInstance(instance_id=key),
    ):
        kind = refused("IncorrectInstanceState", lambda: cloud.perform(request))  # noqa: B023 - called at once
        assert kind is RetryClass.STATE


def test_an_unknown_id_is_not_found(cloud: MemoryCloud) -> None:
    kind = refused(
        "InvalidInstanceID.NotFound",
        lambda: cloud.perform(TerminateInstance(instance_id="i-unknown")),
    )
    assert kind is RetryClass.CONSISTENCY


def test_a_data_volume_outlives_its_instance_and_the_root_does_not(cloud: MemoryCloud) -> None:
    key = running(cloud, volumes=(data_volume(),))
    data = data_of(cloud, key)
    cloud.perform(TerminateInstance(instance_id=key))
    assert cloud.world.volumes[data].state is VolumeState.IN_USE
    wait(cloud)
    cloud.world.let_time_work()
    states = {volume.id: volume.state for volume in cloud.world.volumes.values()}
    assert states.pop(data) is VolumeState.AVAILABLE
    assert set(states.values()) == {VolumeState.DELETED}


def test_a_volume_moves_only_when_free_in_its_zone_to_a_free_device(cloud: MemoryCloud) -> None:
    first = running(cloud, volumes=(data_volume(),))
    data = data_of(cloud, first)
    same_zone = running(cloud, "web/3")
    elsewhere = running(cloud, "web/1")
    attach = AttachVolume(volume_id=data, instance_id=same_zone, device="/dev/sdf")
    assert refused("VolumeInUse", lambda: cloud.perform(attach)) is RetryClass.STATE
    detach = DetachVolume(volume_id=data, instance_id=first, device="/dev/sdf")
    cloud.perform(detach)
    assert refused("VolumeInUse", lambda: cloud.perform(attach)) is RetryClass.STATE
    wait(cloud)
    far = AttachVolume(volume_id=data, instance_id=elsewhere, device="/dev/sdf")
    refused("InvalidVolume.ZoneMismatch", lambda: cloud.perform(far))
    taken = AttachVolume(volume_id=data, instance_id=same_zone, device="/dev/xvda")
    refused("InvalidParameterValue", lambda: cloud.perform(taken))
    cloud.perform(attach)
    assert cloud.world.volumes[data].attachments[0].state is AttachmentState.ATTACHING
    wait(cloud)
    cloud.world.let_time_work()
    (held,) = cloud.world.volumes[data].attachments
    assert (held.instance_id, held.state) == (same_zone, AttachmentState.ATTACHED)
    assert held in cloud.world.instances[same_zone].attachments
    refused("IncorrectState", lambda: cloud.perform(detach))


def test_no_capacity_is_of_one_type_in_one_zone(cloud: MemoryCloud) -> None:
    cloud.world.no_capacity.add(("use1-az1", "m6i.large"))
    kind = refused("InsufficientInstanceCapacity", lambda: cloud.perform(launch_request("web/0")))
    assert kind is RetryClass.CAPACITY
    cloud.perform(launch_request("web/0", type="m5.large"))
    cloud.perform(launch_request("web/1"))


def test_a_volume_can_only_grow(cloud: MemoryCloud) -> None:
    data = data_of(cloud, running(cloud, volumes=(data_volume(),)))
    grow = ResizeVolume(volume_id=data, size_gib=300, type="gp3", iops=None, throughput_mib_s=None)
    cloud.perform(grow)
    shrink = ResizeVolume(
        volume_id=data, size_gib=100, type="gp3", iops=None, throughput_mib_s=None
    )
    refused("InvalidParameterValue", lambda: cloud.perform(shrink))


def test_only_what_carries_the_owners_tag_is_observed(cloud: MemoryCloud) -> None:
    key = running(cloud)
    now = cloud.clock.now()
    assert key in cloud.observe(owner=OWNER, image_parameters=(), now=now).instances
    assert cloud.observe(owner="staging", image_parameters=(), now=now).instances == {}
    cloud.tag_by_hand(key, {Tag.OWNER: None})
    assert cloud.observe(owner=OWNER, image_parameters=(), now=now).instances == {}


def test_what_is_hidden_is_in_no_view_and_still_there(cloud: MemoryCloud) -> None:
    key = running(cloud)
    cloud.hidden.add(key)
    assert cloud.read_instances([key])[key] == (Presence.NOT_FOUND, None)
    assert cloud.find_launch(launch_request("web/0")) is None
    assert [item.id for item in cloud.alive()] == [key]


def test_a_fault_comes_before_or_after_the_effect(cloud: MemoryCloud) -> None:
    for after_effect, alive in ((False, 0), (True, 1)):
        cloud.fail_next(LaunchInstance, RuntimeError(), after_effect=after_effect)
        with pytest.raises(RuntimeError):
            cloud.perform(launch_request("web/0"))
        assert len(cloud.alive()) == alive


def test_every_mutating_call_is_recorded_even_when_it_fails(cloud: MemoryCloud) -> None:
    tags = SetTags(resource_id="i-unknown", tags={})
    refused("InvalidID", lambda: cloud.perform(tags))
    cloud.identity()
    assert cloud.mutations == (tags,)
    assert cloud.calls[0].at == cloud.clock.now()


def snapshot_of(cloud: MemoryCloud, volume_id: str) -> str:
    request = CreateSnapshot(volume_id=volume_id, due_at=cloud.clock.now(), tags={})
    return cloud.perform(request).resource_id or ""


def test_volumes_are_launched_from_completed_snapshots_alone(cloud: MemoryCloud) -> None:
    snapshot_id = snapshot_of(cloud, data_of(cloud, running(cloud, volumes=(data_volume(),))))
    copy = launch_request("web/1", volumes=(data_volume(snapshot_id=snapshot_id),))
    refused("IncorrectState", lambda: cloud.perform(copy))
    wait(cloud)
    wait(cloud)
    assert cloud.perform(copy).resource_id
    nowhere = launch_request("web/2", volumes=(data_volume(snapshot_id="snap-unknown"),))
    refused("InvalidSnapshot.NotFound", lambda: cloud.perform(nowhere))


def shown(cloud: MemoryCloud, volume_id: str) -> tuple[str, set[bool | None]]:
    """The volume's status, and whether its metrics call it stalled."""
    now = cloud.clock.now()
    status = cloud.observe_volume_status(volume_ids=[volume_id], now=now).statuses[volume_id]
    io = cloud.observe_volume_io(volume_ids=[volume_id], now=now).readings[volume_id]
    return status.status, {minute.stalled for minute in io.minutes[-2:]}


def test_a_volume_that_stalls_answers_again_a_while_after_the_next_launch_into_its_slot(
    cloud: MemoryCloud,
) -> None:
    tags = {**launch_request("web/0").tags, Tag.INCARNATION: "1"}
    data = data_of(cloud, running(cloud, volumes=(data_volume(),)))
    cloud.tag_by_hand(data, tags)
    cloud.stall(data, lasts_after_launch=2 * MINUTE)
    for _ in range(9):
        wait(cloud)
    assert not cloud.answers(data)
    assert shown(cloud, data) == ("impaired", {True})
    second = {**tags, Tag.INCARNATION: "2"}
    cloud.perform(launch_request("web/0", client_token="another", tags=second))
    wait(cloud)
    assert not cloud.answers(data)
    wait(cloud)
    assert cloud.answers(data)
    wait(cloud)
    wait(cloud)
    assert shown(cloud, data) == ("ok", {False})


def test_a_volume_in_error_answers_no_more(cloud: MemoryCloud) -> None:
    data = data_of(cloud, running(cloud, volumes=(data_volume(),)))
    assert cloud.answers(data)
    cloud.fail_volume(data)
    assert not cloud.answers(data)
