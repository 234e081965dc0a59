"""A plan is seconds old. What it rests on is read again before anything that cannot be taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from providers.errors import CloudError, RetryClass
from providers.observed import ProbeOutcome
from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.execution.outcomes import Outcome, Result
from reconciler.planning.actions import Action, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.outcome import Plan
from tests.support.acting import Acting, action_of, launch_of
from tests.support.actions import data_volume
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import slot


def refused(acting: Acting, action: Action) -> str:
    """Why it was not done; asserts that nothing was sent and nothing begun."""
    sent = len(acting.cloud.mutations)
    (outcome,) = acting.carry_out(action)
    assert outcome.result is Result.PRECHECK_FAILED
    assert len(acting.cloud.mutations) == sent
    assert acting.journal.intent(action.operation_id) is None
    return outcome.message


def done(acting: Acting, action: Action) -> Outcome:
    (outcome,) = acting.carry_out(action)
    assert outcome.result is Result.ACCEPTED, outcome.message
    return outcome


def terminate(instance_id: str, text: str = "web/0", **fields: Any) -> Action:
    return action_of(text, TerminateInstance(instance_id=instance_id), **fields)


def with_data(acting: Acting, text: str = "shared-postgres/0") -> tuple[str, str]:
    """A running instance with a data volume; their ids."""
    made = acting.cloud.world.carry_out(
        launch_of(text, volumes=(data_volume(),), volume_tags={Tag.OWNER: "prod-east"}).request,
        None,
    )
    acting.clock.advance(MINUTE)
    acting.cloud.world.let_time_work()
    instance = acting.now(made or "")
    (volume_id,) = (item.volume_id for item in instance.attachments if item.device == "/dev/sdf")
    ref = slot(text)
    acting.cloud.tag_by_hand(
        volume_id, {Tag.FLEET: ref.fleet, Tag.SLOT: str(ref.ordinal), Tag.CLAIM: "data"}
    )
    return instance.id, volume_id


def stop_now(acting: Acting, instance_id: str) -> None:
    acting.cloud.stop_by_hand(instance_id)
    acting.clock.advance(MINUTE)


def test_what_still_holds_is_done(acting: Acting) -> None:
    done(acting, terminate(acting.running("web/0").id))


@pytest.mark.parametrize(
    "request_type",
    [TerminateInstance, StopInstance, RebootInstance],
    ids=lambda item: item.__name__,
)
def test_nothing_is_done_to_what_lost_our_tag(
    acting: Acting, request_type: type[TerminateInstance | StopInstance | RebootInstance]
) -> None:
    instance = acting.running("web/0")
    acting.cloud.tag_by_hand(instance.id, {Tag.OWNER: None})
    reason = refused(acting, action_of("web/0", request_type(instance_id=instance.id)))
    assert reason == f"{instance.id} does not carry our owner tag"


def test_nothing_is_done_to_what_belongs_to_another_installation(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.tag_by_hand(instance.id, {Tag.OWNER: "staging"})
    assert "owner tag" in refused(acting, terminate(instance.id))


def test_nothing_is_done_to_what_now_belongs_to_another_slot(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.tag_by_hand(instance.id, {Tag.SLOT: "7"})
    assert "carries the tags of web/7, not of web/0" in refused(acting, terminate(instance.id))


def test_an_orphan_needs_our_tag_and_no_slot(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.tag_by_hand(instance.id, {Tag.SLOT: None})
    done(acting, replace(terminate(instance.id), slot=None))


def test_what_cannot_be_found_or_read_is_left_alone(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.unreadable.add(instance.id)
    assert "could not be read again" in refused(acting, terminate(instance.id))
    acting.cloud.unreadable.clear()
    acting.cloud.hidden.add(instance.id)
    assert "was not found" in refused(acting, terminate(instance.id))


def test_what_ended_meanwhile_is_not_terminated_again(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.terminate_by_hand(instance.id)
    assert "is shutting-down already" in refused(acting, terminate(instance.id))


def test_an_instance_is_not_terminated_while_that_would_delete_its_data(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting)
    delete_with_instance(acting, volume_id)
    reason = refused(acting, terminate(instance_id, "shared-postgres/0"))
    assert reason == (f"{volume_id} would be deleted with {instance_id}: DeleteOnTermination is on")


def test_the_root_volume_may_go_with_its_instance(acting: Acting) -> None:
    instance_id, _ = with_data(acting)
    done(acting, terminate(instance_id, "shared-postgres/0"))


def test_an_instance_of_an_undeclared_fleet_keeps_every_volume_but_the_root(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting, "forgotten/0")
    acting.cloud.tag_by_hand(volume_id, {Tag.CLAIM: None})
    delete_with_instance(acting, volume_id)
    assert "would be deleted" in refused(acting, terminate(instance_id, "forgotten/0"))


def test_a_stateless_instance_may_lose_what_its_image_brought(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting, "web/0")
    acting.cloud.tag_by_hand(volume_id, {Tag.CLAIM: None})
    delete_with_instance(acting, volume_id)
    done(acting, terminate(instance_id))


def delete_with_instance(acting: Acting, volume_id: str) -> None:
    """Someone switched DeleteOnTermination on."""
    world = acting.cloud.world
    volume = world.volumes[volume_id]
    (held,) = volume.attachments
    doomed = replace(held, delete_on_termination=True)
    world.volumes[volume_id] = replace(volume, attachments=(doomed,))
    instance = world.instances[held.instance_id]
    others = tuple(item for item in instance.attachments if item.volume_id != volume_id)
    world.instances[instance.id] = replace(instance, attachments=(*others, doomed))


@pytest.mark.parametrize(
    "request_type", [StopInstance, RebootInstance], ids=lambda item: item.__name__
)
def test_an_instance_that_stopped_meanwhile_is_not_stopped_or_rebooted(
    acting: Acting, request_type: type[StopInstance | RebootInstance]
) -> None:
    instance = acting.running("web/0")
    stop_now(acting, instance.id)
    reason = refused(acting, action_of("web/0", request_type(instance_id=instance.id)))
    assert reason == f"{instance.id} is stopped now"


def test_a_hanging_stop_may_be_forced_and_not_merely_repeated(acting: Acting) -> None:
    instance = acting.running("web/0")
    acting.cloud.world.stuck.add(instance.id)
    acting.cloud.stop_by_hand(instance.id)
    again = StopInstance(instance_id=instance.id)
    assert "is stopping now" in refused(acting, action_of("web/0", again))
    done(acting, action_of("web/0", replace(again, forced=True), name="forced"))


def test_a_start_needs_no_second_look(acting: Acting) -> None:
    instance = acting.running("web/0")
    stop_now(acting, instance.id)
    done(acting, action_of("web/0", StartInstance(instance_id=instance.id)))


def test_a_replacement_that_ended_meanwhile_is_not_made_the_occupant(acting: Acting) -> None:
    instance = acting.running("web/0")
    role = {str(Tag.ROLE): str(Role.OCCUPANT)}
    commit = SetTags(resource_id=instance.id, tags=role, commit=True)
    acting.cloud.terminate_by_hand(instance.id)
    assert "is shutting-down now" in refused(acting, action_of("web/0", commit))


def test_a_volume_is_detached_only_from_what_can_no_longer_write(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting)
    detach = action_of(
        "shared-postgres/0",
        DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf"),
    )
    assert refused(acting, detach) == f"{instance_id} is running now"
    acting.cloud.stop_by_hand(instance_id)
    assert refused(acting, detach) == f"{instance_id} is stopping now"
    acting.clock.advance(MINUTE)
    done(acting, detach)


def test_a_fence_that_was_seen_and_then_broken_stops_the_detach(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting)
    stop_now(acting, instance_id)
    detach = action_of(
        "shared-postgres/0",
        DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdf"),
    )
    case = acting.case()
    acting.cloud.world.carry_out(StartInstance(instance_id=instance_id), None)
    (outcome,) = acting.executor.carry_out(Plan(made_at=case.now, actions=(detach,)), case)
    assert outcome.result is Result.PRECHECK_FAILED
    assert "is pending now" in outcome.message


def test_a_volume_that_is_elsewhere_now_is_not_detached(acting: Acting) -> None:
    instance_id, volume_id = with_data(acting)
    detach = DetachVolume(volume_id=volume_id, instance_id=instance_id, device="/dev/sdg")
    assert "is not on" in refused(acting, action_of("shared-postgres/0", detach))


def free_volume(acting: Acting) -> tuple[str, AttachVolume]:
    """An available volume of slot 0, and the attach that brings it to a second instance of its zone."""
    instance_id, volume_id = with_data(acting)
    acting.cloud.terminate_by_hand(instance_id)
    acting.clock.advance(MINUTE)
    made = acting.cloud.world.carry_out(launch_of("shared-postgres/0", incarnation=2).request, None)
    acting.clock.advance(MINUTE)
    acting.cloud.world.let_time_work()
    attach = AttachVolume(volume_id=volume_id, instance_id=made or "", device="/dev/sdf")
    return volume_id, attach


def test_an_available_volume_is_attached_in_its_zone(acting: Acting) -> None:
    _, attach = free_volume(acting)
    done(acting, action_of("shared-postgres/0", attach))


def test_a_volume_that_was_taken_meanwhile_is_not_attached(acting: Acting) -> None:
    volume_id, attach = free_volume(acting)
    acting.cloud.world.carry_out(attach, None)
    reason = refused(acting, action_of("shared-postgres/0", attach))
    assert reason == f"{volume_id} is in-use now, not available"


def test_a_volume_is_not_attached_across_zones(acting: Acting) -> None:
    _, attach = free_volume(acting)
    other = launch_of("shared-postgres/0", incarnation=3, zone="use1-az4")
    made = acting.cloud.world.carry_out(other.request, None)
    acting.clock.advance(MINUTE)
    elsewhere = replace(attach, instance_id=made or "")
    assert "is in use1-az1 and" in refused(acting, action_of("shared-postgres/0", elsewhere))


def test_a_device_name_that_is_taken_is_not_used_again(acting: Acting) -> None:
    _, attach = free_volume(acting)
    taken = replace(attach, device="/dev/xvda")
    assert "/dev/xvda of" in refused(acting, action_of("shared-postgres/0", taken))


def test_a_volume_is_not_attached_to_what_still_starts(acting: Acting) -> None:
    _, attach = free_volume(acting)
    acting.cloud.stop_by_hand(attach.instance_id)
    assert "is stopping now" in refused(acting, action_of("shared-postgres/0", attach))


def probed_out(acting: Acting, outcome: ProbeOutcome) -> Action:
    """A reboot whose evidence is a failing probe, which now says something else."""
    instance = acting.running("web/0")
    acting.prober.outcomes[instance.id] = outcome
    return action_of("web/0", RebootInstance(instance_id=instance.id), reason=Reason.PROBE)


def test_a_probe_that_was_the_evidence_is_repeated(acting: Acting) -> None:
    done(acting, probed_out(acting, ProbeOutcome.FAILED))
    assert len(acting.prober.probed) == 1


def test_a_probe_that_passes_again_saves_the_instance(acting: Acting) -> None:
    assert "its probe passes now" in refused(acting, probed_out(acting, ProbeOutcome.PASSED))


def test_a_probe_that_cannot_be_repeated_is_no_evidence(acting: Acting) -> None:
    assert "could not be repeated" in refused(acting, probed_out(acting, ProbeOutcome.UNKNOWN))


def test_other_evidence_asks_for_no_probe(acting: Acting) -> None:
    instance = acting.running("web/0")
    done(acting, terminate(instance.id, reason=Reason.SYSTEM_CHECK))
    assert acting.prober.probed == []


def test_a_constructive_call_is_made_without_reading_first(acting: Acting) -> None:
    acting.carry_out(launch_of("web/0"))
    kinds = [call.operation for call in acting.cloud.calls[-1:]]
    assert kinds == [LaunchInstance.__name__]


def test_a_read_that_fails_means_that_nothing_is_done(acting: Acting) -> None:
    instance = acting.running("web/0")
    broken = CloudError(
        operation="DescribeInstances",
        code="InternalError",
        message="sorry",
        retry=RetryClass.TRANSIENT,
    )
    acting.cloud.fail_reads(broken, times=3)
    acting.clock.advance(SECOND)
    assert "could not be read again: DescribeInstances: InternalError" in refused(
        acting, terminate(instance.id)
    )


def test_a_read_that_fails_once_is_tried_again(acting: Acting) -> None:
    instance = acting.running("web/0")
    throttled = CloudError(
        operation="DescribeInstances",
        code="RequestLimitExceeded",
        message="",
        retry=RetryClass.THROTTLE,
    )
    acting.cloud.fail_reads(throttled, times=2)
    done(acting, terminate(instance.id))
