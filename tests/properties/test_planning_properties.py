"""What holds of every plan, whatever the scene."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desired_state.model import Mode
from providers.observed import GapSubject, InstanceState
from providers.requests import (
    AttachVolume,
    DetachVolume,
    LaunchInstance,
    RebootInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Bucket, named_ids
from reconciler.planning.case import Case
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of, slot_of
from reconciler.planning.plan import plan
from tests.properties.random_scenes import cases, shuffled

thorough = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@thorough
@given(cases())
def test_planning_twice_gives_the_same_plan(case: Case) -> None:
    assert plan(case) == plan(case)


@thorough
@given(st.data())
def test_the_order_of_what_is_observed_changes_nothing(data: Any) -> None:
    case = data.draw(cases())
    assert plan(shuffled(data.draw, case)) == plan(case)


@thorough
@given(cases())
def test_no_plan_breaks_a_rule_of_its_own_check(case: Case) -> None:
    check_plan(plan(case), case)


@thorough
@given(cases())
def test_every_slot_is_in_exactly_one_bucket(case: Case) -> None:
    seen = Counter(str(item.slot) for item in plan(case).slots)
    wanted = {f"{fleet.name}/{n}" for fleet in case.desired.fleets for n in range(fleet.replicas)}
    assert set(seen.values()) <= {1}
    assert wanted <= set(seen)


@thorough
@given(cases())
def test_everything_withheld_says_by_which_gate_and_why(case: Case) -> None:
    made = plan(case)
    assert all(item.gate and item.reason and item.place for item in made.withheld)
    held = {item.slot for item in made.withheld}
    acting = {item.slot for item in made.actions}
    for item in made.slots:
        if item.bucket is Bucket.WITHHELD:
            assert item.slot in held
        if item.bucket is Bucket.ACTING:
            assert item.slot in acting


@thorough
@given(cases())
def test_a_slot_gets_at_most_one_exclusive_action_and_none_while_one_is_open(case: Case) -> None:
    counts = Counter(item.slot for item in plan(case).actions if item.exclusive)
    busy = {item.action.slot for item in case.memory.open_intents if item.action.exclusive}
    assert set(counts.values()) <= {1}
    assert not busy & set(counts)


@thorough
@given(cases())
def test_nothing_planned_rests_on_a_gap(case: Case) -> None:
    observation = case.observation
    for item in plan(case).actions:
        named = [
            observation.instances.get(id_) or observation.volumes[id_]
            for id_ in named_ids(item.request)
        ]
        zones: set[str | None] = {thing.zone for thing in named} or {None}
        for subject in (GapSubject.INSTANCES, GapSubject.ZONES):
            assert all(observation.lacks(subject, zone) is None for zone in zones)


@thorough
@given(cases())
def test_nothing_is_launched_beside_what_may_live(case: Case) -> None:
    """The ground truth is told from tags and memory alone, without the planner's own arrangement."""
    observation = case.observation
    released = {item.gate for item in case.memory.approvals.values()}
    for item in plan(case).actions:
        if not isinstance(item.request, LaunchInstance) or item.slot is None:
            continue
        living = [
            instance
            for instance in observation.instances.values()
            if instance.alive
            and instance.tags.get(Tag.OWNER) == case.owner
            and slot_of(instance.tags) == item.slot
        ]
        assert all(incarnation_of(instance.tags) < item.incarnation for instance in living)
        if item.request.tags[Tag.ROLE] == Role.OCCUPANT:
            assert not living
            unseen = [
                known
                for known in case.memory.known.values()
                if known.slot == item.slot
                and known.kind == "instance"
                and not known.ended
                and known.id not in observation.instances
                and known.absent_since is None
            ]
            assert not unseen or released


@thorough
@given(cases())
def test_no_volume_leaves_an_instance_that_may_write(case: Case) -> None:
    observation = case.observation
    for item in plan(case).actions:
        if isinstance(item.request, DetachVolume):
            holder = observation.instances[item.request.instance_id]
            assert holder.state in (InstanceState.STOPPED, InstanceState.TERMINATED)
        if isinstance(item.request, AttachVolume):
            assert observation.volumes[item.request.volume_id].attachments == ()


@thorough
@given(cases())
def test_what_serves_alone_is_never_taken_down(case: Case) -> None:
    """Reboot, stop and terminate hit a serving occupant only when a newer one lives, or nobody wants the slot."""
    observation = case.observation
    for item in plan(case).actions:
        if not isinstance(item.request, TerminateInstance | StopInstance | RebootInstance):
            continue
        target = observation.instances[item.request.instance_id]
        verdict = case.verdicts.get(target.id)
        if item.slot is None or verdict is None or not verdict.serving:
            continue
        fleet = case.desired.fleet(item.slot.fleet)
        wanted = fleet is not None and item.slot.ordinal < fleet.replicas
        newer = any(
            other.alive
            and slot_of(other.tags) == item.slot
            and incarnation_of(other.tags) > incarnation_of(target.tags)
            and role_of(other.tags) is Role.OCCUPANT
            for other in observation.instances.values()
        )
        spare = role_of(target.tags) is Role.REPLACEMENT
        assert newer or spare or not wanted


@thorough
@given(cases())
def test_nothing_is_done_in_a_fleet_that_is_paused_or_only_observed(case: Case) -> None:
    still = {
        fleet.name for fleet in case.desired.fleets if fleet.paused or fleet.mode is Mode.OBSERVE
    }
    assert not {item.slot.fleet for item in plan(case).actions if item.slot} & still
