"""Courses carried to their end, pass after pass: each converges, and then stays as it is without a single call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from desired_state.model import Fleet, LadderStep, Mode, ServeWhen, UpdateStrategy
from providers.errors import CloudError, RetryClass
from providers.observed import Gap, GapSubject, InstanceState, Volume, VolumeState
from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Bucket, Gate
from reconciler.planning.identity import Tag
from tests.support.fleets import (
    HOUR,
    MINUTE,
    data_claim,
    health_spec,
    http_probe,
    instance_spec,
    postgres_fleet,
    repair_spec,
    tcp_probe,
    user_data,
    web_fleet,
)
from tests.support.passes import Passes

DATABASE = "shared-postgres/0"


PROBED = health_spec(tcp_probe())
ONLY_REPLACE = repair_spec(ladder=(LadderStep.REPLACE,))


def a_database(**changes: Any) -> Fleet:
    return postgres_fleet(replicas=1, health=PROBED, **changes)


def fails(passes: Passes, instance_id: str, check: str = "system") -> None:
    """EC2's check of it fails from now on, and its service no longer answers."""
    passes.cloud.impair(instance_id, check)
    passes.services.down.add(instance_id)


def brought_up(*fleets: Fleet) -> Passes:
    passes = Passes(*fleets)
    passes.until_converged()
    return passes


def test_a_bring_up_converges_and_then_sends_nothing() -> None:
    passes = brought_up(web_fleet(replicas=4), a_database())
    assert len(passes.sent(LaunchInstance)) == 5
    assert passes.stays_quiet()


def test_a_bring_up_spreads_over_the_zones() -> None:
    passes = brought_up(web_fleet(replicas=6))
    zones = sorted(item.zone for item in passes.cloud.alive())
    assert zones == ["use1-az1", "use1-az1", "use1-az2", "use1-az2", "use1-az4", "use1-az4"]


def test_a_terminated_web_instance_is_replaced() -> None:
    passes = brought_up(web_fleet(health=health_spec(http_probe())))
    gone = passes.occupant("web/1").id
    passes.cloud.terminate_by_hand(gone)
    passes.until_converged()
    assert passes.occupant("web/1").id != gone
    assert passes.occupant("web/1").tags[Tag.INCARNATION] == "2"
    assert passes.stays_quiet()


def test_a_sick_web_instance_goes_up_the_ladder_and_is_replaced_before_it_is_terminated() -> None:
    passes = brought_up(web_fleet(health=health_spec(http_probe())))
    sick = passes.occupant("web/1").id
    fails(passes, sick, "instance")
    passes.until_converged(within=2 * HOUR)
    steps = [
        type(request)
        for request in passes.cloud.mutations
        if getattr(request, "instance_id", None) == sick
    ]
    assert steps == [RebootInstance, StopInstance, StartInstance, TerminateInstance]
    commit = next(i for i in passes.cloud.mutations if isinstance(i, SetTags) and i.commit)
    ended = TerminateInstance(instance_id=sick)
    assert passes.cloud.mutations.index(commit) < passes.cloud.mutations.index(ended)
    assert sick not in {item.id for item in passes.cloud.alive()}
    assert passes.stays_quiet()


def test_a_terminated_database_instance_gives_its_volume_to_the_next() -> None:
    passes = brought_up(a_database())
    (volume,) = passes.data_volumes(DATABASE)
    passes.cloud.terminate_by_hand(passes.occupant(DATABASE).id)
    passes.until_converged()
    (same,) = passes.data_volumes(DATABASE)
    assert same.id == volume.id
    assert [item.instance_id for item in same.attachments] == [passes.occupant(DATABASE).id]
    assert passes.stays_quiet()


def test_an_unhealthy_database_instance_is_fenced_before_its_volume_moves() -> None:
    passes = brought_up(a_database())
    (volume,) = passes.data_volumes(DATABASE)
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.until_converged(within=2 * HOUR)
    course = [
        type(item)
        for item in passes.cloud.mutations
        if isinstance(
            item,
            StopInstance | StartInstance | DetachVolume | AttachVolume | TerminateInstance,
        )
    ]
    restart, fence = [StopInstance, StartInstance], [StopInstance]
    assert course == [*restart, *fence, DetachVolume, AttachVolume, TerminateInstance]
    (same,) = passes.data_volumes(DATABASE)
    assert same.id == volume.id
    assert passes.stays_quiet()


def test_a_database_replacement_waits_in_staging_and_is_let_in_once_it_has_its_data() -> None:
    passes = brought_up(a_database())
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.until_converged(within=2 * HOUR)
    launch = passes.sent(LaunchInstance)[-1]
    assert isinstance(launch, LaunchInstance)
    assert launch.security_groups == ("sg-staging",)
    attach = passes.cloud.mutations.index(passes.sent(AttachVolume)[-1])
    groups = passes.cloud.mutations.index(passes.sent(SetSecurityGroups)[-1])
    assert attach < groups
    assert passes.occupant(DATABASE).security_groups == ("sg-postgres",)


def test_a_replacement_that_may_serve_before_its_commit_boots_in_the_service_groups() -> None:
    passes = brought_up(a_database(serve=ServeWhen.BEFORE_COMMIT))
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.until_converged(within=2 * HOUR)
    assert passes.sent(SetSecurityGroups) == []


def test_every_claim_of_a_slot_moves() -> None:
    claims = (data_claim(), data_claim("wal", device="/dev/sdg", size_gib=50))
    passes = brought_up(a_database(claims=claims))
    before = {item.id for item in passes.data_volumes(DATABASE)}
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.until_converged(within=2 * HOUR)
    after = passes.data_volumes(DATABASE)
    assert {item.id for item in after} == before
    assert len(before) == 2
    new = passes.occupant(DATABASE).id
    assert {item.attachments[0].instance_id for item in after} == {new}
    assert passes.stays_quiet()


def test_a_volume_that_somebody_detached_comes_back() -> None:
    passes = brought_up(a_database())
    (volume,) = passes.data_volumes(DATABASE)
    passes.cloud.detach_by_hand(volume.id)
    passes.until_converged()
    (same,) = passes.data_volumes(DATABASE)
    assert same.attachments[0].instance_id == passes.occupant(DATABASE).id
    assert len(passes.sent(LaunchInstance)) == 1
    assert passes.stays_quiet()


def test_an_edited_tag_is_set_back() -> None:
    passes = brought_up(web_fleet())
    edited = passes.occupant("web/2").id
    passes.cloud.tag_by_hand(edited, {"team": "checkout"})
    passes.until_converged()
    assert passes.occupant("web/2").tags["team"] == "shop"
    assert passes.stays_quiet()


def test_a_role_tag_that_was_taken_off_is_put_back() -> None:
    passes = brought_up(web_fleet())
    edited = passes.occupant("web/2").id
    passes.cloud.tag_by_hand(edited, {Tag.ROLE: None})
    passes.until_converged()
    assert passes.occupant("web/2").id == edited
    assert passes.stays_quiet()


def test_tags_that_change_while_the_fleet_starts_are_set_once_each() -> None:
    passes = Passes(web_fleet())
    passes.some(2)
    passes.declare(web_fleet(instance=instance_spec(tags={"team": "storefront"})))
    passes.until_converged()
    assert {item.tags["team"] for item in passes.cloud.alive()} == {"storefront"}
    assert passes.stays_quiet()


def test_a_rolling_update_of_a_web_fleet_never_has_fewer_than_declared() -> None:
    passes = brought_up(web_fleet(health=health_spec(http_probe())))
    changed = instance_spec(user_data=user_data("#!/bin/sh\necho 2\n"))
    passes.declare(
        web_fleet(health=health_spec(http_probe()), update=UpdateStrategy.ROLLING, instance=changed)
    )
    while not passes.one().converged:
        running = [i for i in passes.cloud.alive() if i.state is InstanceState.RUNNING]
        assert len(running) >= 3
    assert passes.stays_quiet()
    assert {item.tags[Tag.INCARNATION] for item in passes.cloud.alive()} == {"2"}


def test_a_rolling_update_of_databases_takes_out_one_at_a_time() -> None:
    fleet = postgres_fleet(replicas=3, health=PROBED)
    passes = brought_up(fleet)
    volumes = {item.id for item in _volumes(passes, 3)}
    passes.declare(
        replace(
            fleet,
            update=UpdateStrategy.ROLLING,
            instance=replace(fleet.instance, image="ami-0fedcba9876543210"),
        )
    )
    while not (plan := passes.one()).converged:
        down = [s for s in plan.slots if s.verdict is None or not s.verdict.serving]
        assert len(down) <= 1
    assert {item.image for item in passes.cloud.alive()} == {"ami-0fedcba9876543210"}
    assert {item.id for item in _volumes(passes, 3)} == volumes
    assert passes.stays_quiet()


def test_an_update_that_is_taken_back_half_way_leaves_the_original() -> None:
    fleet = a_database()
    passes = brought_up(fleet)
    original = passes.occupant(DATABASE).id
    changed = replace(fleet.instance, image="ami-0fedcba9876543210")
    passes.declare(replace(fleet, update=UpdateStrategy.ROLLING, instance=changed))
    passes.some(2)
    assert len(passes.alive(DATABASE)) == 2
    passes.declare(replace(fleet, update=UpdateStrategy.ROLLING))
    passes.until_converged()
    assert [item.id for item in passes.alive(DATABASE)] == [original]
    assert passes.stays_quiet()


def test_a_spec_that_changes_again_during_an_update_is_what_the_update_ends_with() -> None:
    fleet = web_fleet(update=UpdateStrategy.ROLLING, replicas=2)
    passes = brought_up(fleet)
    for image in ("ami-00000000000000002", "ami-00000000000000003"):
        passes.declare(replace(fleet, instance=replace(fleet.instance, image=image)))
        passes.some(2)
    passes.until_converged(within=3 * HOUR)
    assert {item.image for item in passes.cloud.alive()} == {"ami-00000000000000003"}
    assert passes.stays_quiet()


def test_a_small_scale_down_needs_no_word() -> None:
    passes = brought_up(web_fleet(replicas=5))
    passes.declare(web_fleet(replicas=4))
    passes.until_converged()
    assert len(passes.cloud.alive()) == 4
    assert passes.alive("web/4") == []
    assert passes.stays_quiet()


def test_a_database_scale_down_waits_for_a_word_and_keeps_the_volume() -> None:
    fleet = postgres_fleet(replicas=2, health=PROBED)
    passes = brought_up(fleet)
    passes.declare(replace(fleet, replicas=1))
    (held,) = passes.one().withheld
    assert held.gate is Gate.SHRINK
    passes.approve(held.approval_id, held.gate)
    passes.until_converged()
    (volume,) = passes.data_volumes("shared-postgres/1")
    assert volume.state is VolumeState.AVAILABLE
    assert passes.stays_quiet()


def test_a_slot_that_returns_gets_its_old_volume_back() -> None:
    fleet = postgres_fleet(replicas=2, health=PROBED)
    passes = brought_up(fleet)
    (before,) = passes.data_volumes("shared-postgres/1")
    passes.declare(replace(fleet, replicas=1))
    (held,) = passes.one().withheld
    passes.approve(held.approval_id, held.gate)
    passes.until_converged()
    passes.declare(fleet)
    passes.until_converged()
    (after,) = passes.data_volumes("shared-postgres/1")
    assert after.id == before.id
    assert after.attachments[0].instance_id == passes.occupant("shared-postgres/1").id


def test_a_stop_by_hand_is_left_alone_for_four_hours_and_then_started_again() -> None:
    passes = brought_up(web_fleet())
    stopped = passes.occupant("web/0").id
    passes.cloud.stop_by_hand(stopped)
    for plan in passes.lasting(timedelta(hours=3, minutes=58)):
        assert plan.actions == ()
    passes.until_converged()
    assert passes.sent(StartInstance) == [StartInstance(instance_id=stopped)]
    assert passes.occupant("web/0").id == stopped
    assert passes.stays_quiet()


def test_an_instance_that_recovers_while_its_replacement_starts_stays() -> None:
    passes = brought_up(a_database(repair=ONLY_REPLACE))
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    while len(passes.alive(DATABASE)) == 1:
        passes.one()
    passes.cloud.heal(sick)
    passes.services.down.clear()
    passes.until_converged()
    assert [item.id for item in passes.alive(DATABASE)] == [sick]
    assert passes.stays_quiet()


def test_what_was_superseded_never_holds_the_slot_again() -> None:
    passes = brought_up(a_database(repair=ONLY_REPLACE))
    first = passes.occupant(DATABASE).id
    fails(passes, first)
    while len(passes.sent(DetachVolume)) == 0:
        passes.one()
    second = passes.occupant(DATABASE).id
    assert second != first
    passes.cloud.terminate_by_hand(second)
    passes.until_converged()
    third = passes.occupant(DATABASE).id
    assert third not in (first, second)
    (volume,) = passes.data_volumes(DATABASE)
    assert volume.attachments[0].instance_id == third
    assert passes.sent(StartInstance) == []
    assert passes.stays_quiet()


def test_a_zone_without_capacity_is_passed_over() -> None:
    passes = Passes(web_fleet())
    for kind in ("m6i.large", "m5.large"):
        passes.cloud.world.no_capacity.add(("use1-az2", kind))
    passes.until_converged()
    assert {item.zone for item in passes.cloud.alive()} == {"use1-az1", "use1-az4"}


def test_a_type_without_capacity_gives_way_to_the_next() -> None:
    passes = Passes(a_database())
    for zone in ("use1-az1", "use1-az2", "use1-az4"):
        passes.cloud.world.no_capacity.add((zone, "m6i.large"))
    passes.until_converged()
    assert [item.type for item in passes.cloud.alive()] == ["m5.large"]
    assert passes.occupant(DATABASE).tags[Tag.INCARNATION] == "1"


def test_a_launch_whose_answer_is_lost_makes_one_instance() -> None:
    passes = Passes(web_fleet(replicas=1))
    lost = CloudError(
        operation="RunInstances",
        code="RequestTimeout",
        message="no answer",
        retry=RetryClass.TRANSIENT,
    )
    passes.cloud.fail_next(LaunchInstance, lost, after_effect=True)
    passes.until_converged()
    assert len(passes.cloud.alive()) == 1
    assert passes.stays_quiet()


def test_an_instance_that_the_lists_hide_for_a_while_is_not_replaced() -> None:
    passes = brought_up(web_fleet())
    hidden = passes.occupant("web/1").id
    passes.cloud.hidden.add(hidden)
    for plan in passes.lasting(4 * MINUTE):
        assert plan.actions == ()
    passes.cloud.hidden.clear()
    passes.until_converged()
    assert len(passes.sent(LaunchInstance)) == 3
    assert passes.stays_quiet()


def test_a_gap_of_an_hour_causes_nothing() -> None:
    passes = brought_up(web_fleet(), a_database())
    sent = len(passes.cloud.mutations)
    everything = [
        Gap(subject=subject, zone=None, code="Timeout", detail="no answer")
        for subject in (GapSubject.INSTANCES, GapSubject.VOLUMES, GapSubject.STATUS_CHECKS)
    ]
    hidden = {item.id for item in passes.cloud.alive()} | set(passes.cloud.world.volumes)
    passes.cloud.gaps.extend(everything)
    passes.cloud.hidden |= hidden
    passes.lasting(HOUR)
    passes.cloud.gaps.clear()
    passes.cloud.hidden.clear()
    passes.until_converged()
    assert len(passes.cloud.mutations) == sent


def test_a_lost_store_stops_everything_disruptive_until_a_person_releases_the_cell() -> None:
    passes = brought_up(web_fleet(), a_database())
    passes.forget()
    sick = passes.occupant("web/0").id
    passes.cloud.impair(sick, "system")
    sent = len(passes.cloud.mutations)
    plans = passes.lasting(HOUR)
    assert len(passes.cloud.mutations) == sent
    assert {item.gate for item in plans[-1].withheld} == {Gate.COLD}
    cold = passes.memory.cold
    assert cold is not None
    passes.memory = replace(passes.memory, cold=replace(cold, released=True))
    passes.until_converged(within=2 * HOUR)
    assert passes.stays_quiet()


def test_in_mode_approve_a_person_is_asked_once_for_a_whole_course() -> None:
    passes = brought_up(a_database(repair=ONLY_REPLACE))
    passes.declare(a_database(mode=Mode.APPROVE, repair=ONLY_REPLACE))
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    asked: set[str | None] = set()
    while not (plan := passes.one()).converged:
        for item in plan.withheld:
            asked.add(item.approval_id)
            passes.approve(item.approval_id, item.gate)
    assert passes.occupant(DATABASE).id != sick
    assert len(asked) == 1
    assert passes.stays_quiet()


def test_a_replacement_that_never_serves_makes_room_and_the_limit_ends_the_loop() -> None:
    fleet = web_fleet(replicas=1, health=health_spec(http_probe()))
    passes = brought_up(fleet)
    passes.declare(
        replace(
            fleet,
            repair=ONLY_REPLACE,
            instance=instance_spec(image="ami-0000000000000bad0"),
        )
    )
    sick = passes.occupant("web/0").id
    fails(passes, sick, "instance")
    for _ in range(4 * 60 * 4):
        plan = passes.one()
        bad = {i.id for i in passes.cloud.alive() if i.image == "ami-0000000000000bad0"}
        passes.services.down |= bad
        assert len(passes.alive("web/0")) <= 2
    launches = len(passes.sent(LaunchInstance)) - 1
    assert 2 <= launches <= 4
    assert {item.gate for item in plan.withheld} == {Gate.REPLACEMENT_LIMIT}


def test_a_stop_that_hangs_is_forced_and_then_shown_as_a_fence_that_is_owed() -> None:
    passes = brought_up(a_database(repair=ONLY_REPLACE))
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.cloud.world.stuck.add(sick)
    plans = passes.lasting(40 * MINUTE)
    assert Gate.FENCE in {item.gate for plan in plans for item in plan.withheld}
    assert passes.sent(DetachVolume) == []
    stops = [item for item in passes.sent(StopInstance) if isinstance(item, StopInstance)]
    assert [item.forced for item in stops[:2]] == [False, True]
    passes.cloud.world.stuck.clear()
    passes.until_converged()
    (volume,) = passes.data_volumes(DATABASE)
    assert volume.attachments[0].instance_id == passes.occupant(DATABASE).id
    assert passes.stays_quiet()


def test_a_detach_that_hangs_is_shown_and_nothing_is_forced() -> None:
    passes = brought_up(a_database(repair=ONLY_REPLACE))
    (volume,) = passes.data_volumes(DATABASE)
    sick = passes.occupant(DATABASE).id
    fails(passes, sick)
    passes.cloud.world.stuck.add(volume.id)
    plans = passes.lasting(40 * MINUTE)
    assert {item.gate for item in plans[-1].withheld} == {Gate.FENCE}
    assert len(passes.sent(DetachVolume)) == 1
    passes.cloud.world.stuck.clear()
    passes.until_converged()
    assert passes.stays_quiet()


def test_an_attach_that_hangs_is_shown() -> None:
    passes = brought_up(a_database())
    (volume,) = passes.data_volumes(DATABASE)
    passes.cloud.detach_by_hand(volume.id)
    passes.some(1)
    passes.cloud.world.stuck.add(volume.id)
    plans = passes.lasting(20 * MINUTE)
    assert plans[-1].slots[0].bucket is Bucket.WITHHELD
    assert {item.gate for item in plans[-1].withheld} == {Gate.FENCE}


def test_a_web_instance_that_hangs_while_stopping_is_replaced() -> None:
    passes = brought_up(web_fleet())
    sick = passes.occupant("web/0").id
    passes.cloud.impair(sick, "system")
    passes.cloud.world.stuck.add(sick)
    passes.lasting(HOUR)
    assert passes.occupant("web/0").id != sick


def test_a_bring_up_in_mode_approve_waits_and_then_needs_one_word_a_slot() -> None:
    passes = Passes(postgres_fleet(replicas=2, mode=Mode.APPROVE, health=PROBED))
    first = passes.one()
    assert first.actions == ()
    for item in first.withheld:
        passes.approve(item.approval_id, item.gate)
    passes.until_converged()
    assert passes.stays_quiet()


def test_nothing_is_refused_by_the_prechecks_again_and_again() -> None:
    passes = brought_up(web_fleet(), a_database())
    passes.cloud.terminate_by_hand(passes.occupant("web/0").id)
    fails(passes, passes.occupant(DATABASE).id)
    passes.until_converged(within=2 * HOUR)
    assert passes.refused == []


@pytest.mark.parametrize("fleet", [web_fleet(), postgres_fleet()], ids=["stateless", "stateful"])
def test_two_terminations_by_hand_within_one_pass_are_both_repaired(fleet: Fleet) -> None:
    passes = brought_up(fleet)
    for ordinal in (0, 2):
        passes.cloud.terminate_by_hand(passes.occupant(f"{fleet.name}/{ordinal}").id)
    passes.until_converged()
    assert len(passes.cloud.alive()) == 3
    assert passes.stays_quiet()


def _volumes(passes: Passes, replicas: int) -> list[Volume]:
    return [
        volume
        for ordinal in range(replicas)
        for volume in passes.data_volumes(f"shared-postgres/{ordinal}")
    ]
