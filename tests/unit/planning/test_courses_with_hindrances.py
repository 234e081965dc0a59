"""Courses under hindrance: stops by hand, lost answers, gaps, short capacity, calls that hang."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Fleet, Mode
from providers.errors import CloudError, RetryClass
from providers.observed import Gap, GapSubject
from providers.requests import (
    DetachVolume,
    LaunchInstance,
    StartInstance,
    StopInstance,
)
from reconciler.planning.actions import Bucket, Gate
from reconciler.planning.identity import Tag
from tests.support.fleets import (
    HOUR,
    MINUTE,
    health_spec,
    http_probe,
    instance_spec,
    postgres_fleet,
    web_fleet,
)
from tests.support.passes import Passes
from tests.unit.planning.brought_up import (
    DATABASE,
    ONLY_REPLACE,
    PROBED,
    a_database,
    brought_up,
    fails,
)


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
            passes.approve(item.approval_id, item.gate, max_loss=item.loss)
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
