"""Faults first, then healed: whatever happened, no rule is broken on the way, and in the end all is as declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desired_state.model import Fleet, UpdateStrategy
from providers.errors import CloudError, RetryClass
from providers.observed import Gap, GapSubject, Instance, InstanceState, VolumeState
from providers.requests import AttachVolume, DetachVolume, LaunchInstance, StopInstance
from reconciler.planning.identity import Role, Tag, incarnation_of, role_of
from reconciler.planning.orders import OrderKind
from tests.support.fleets import (
    data_claim,
    health_spec,
    http_probe,
    postgres_fleet,
    tcp_probe,
    web_fleet,
)
from tests.support.passes import Passes

WEB = web_fleet(replicas=2, health=health_spec(http_probe()))
DATABASES = postgres_fleet(replicas=2, health=health_spec(tcp_probe()))
SLOTS = ("web/0", "web/1", "shared-postgres/0", "shared-postgres/1")
Draw = Callable[[st.SearchStrategy[Any]], Any]

NO_ANSWER = CloudError(
    operation="Any", code="RequestTimeout", message="no answer", retry=RetryClass.TRANSIENT
)


# What may happen. Each event may find nothing to happen to.


def _any_instance(draw: Draw, passes: Passes) -> Instance | None:
    alive = passes.alive(draw(st.sampled_from(SLOTS)))
    return draw(st.sampled_from(alive)) if alive else None


def nothing(_draw: Draw, passes: Passes) -> None:
    passes.clock.advance(timedelta(minutes=5))


def a_termination(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        passes.cloud.terminate_by_hand(instance.id)


def a_stop(draw: Draw, passes: Passes) -> None:
    instance = _any_instance(draw, passes)
    if instance is not None and instance.state is InstanceState.RUNNING:
        passes.cloud.stop_by_hand(instance.id)


def a_failing_check(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        check = draw(st.sampled_from(["system", "instance", "attached_ebs"]))
        passes.cloud.impair(instance.id, check)


def a_service_that_fails(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        passes.services.down.add(instance.id)


def a_detached_volume(draw: Draw, passes: Passes) -> None:
    for volume in passes.data_volumes(draw(st.sampled_from(SLOTS[2:]))):
        if volume.attachments:
            passes.cloud.detach_by_hand(volume.id)


def a_shortage(draw: Draw, passes: Passes) -> None:
    zone = draw(st.sampled_from(["use1-az1", "use1-az2", "use1-az4"]))
    passes.cloud.world.no_capacity |= {(zone, "m6i.large"), (zone, "m5.large")}


def a_lagging_view(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        passes.cloud.hidden.add(instance.id)


def a_gap(draw: Draw, passes: Passes) -> None:
    subject = draw(st.sampled_from([GapSubject.INSTANCES, GapSubject.VOLUMES]))
    zone = draw(st.sampled_from([None, "use1-az1", "use1-az2"]))
    passes.cloud.gaps.append(Gap(subject=subject, zone=zone, code="Timeout", detail="no answer"))


def something_stuck(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        passes.cloud.world.stuck.add(instance.id)
        passes.cloud.world.stuck |= {item.volume_id for item in instance.attachments}


def a_lost_answer(draw: Draw, passes: Passes) -> None:
    request = draw(st.sampled_from([LaunchInstance, AttachVolume, DetachVolume, StopInstance]))
    passes.cloud.fail_next(request, NO_ANSWER, after_effect=draw(st.booleans()))


def an_edited_tag(draw: Draw, passes: Passes) -> None:
    if (instance := _any_instance(draw, passes)) is not None:
        edits = [{"team": "other"}, {Tag.IN_SERVICE_SINCE: None}]
        passes.cloud.tag_by_hand(instance.id, draw(st.sampled_from(edits)))


def a_changed_spec(draw: Draw, passes: Passes) -> None:
    for fleet in tuple(passes.fleets.values()):
        image = draw(st.sampled_from(["ami-00000000000000001", "ami-00000000000000002"]))
        passes.declare(
            replace(
                fleet,
                update=draw(st.sampled_from(UpdateStrategy)),
                instance=replace(fleet.instance, image=image),
            )
        )


def a_lost_store(_draw: Draw, passes: Passes) -> None:
    """Views lag for minutes: what neither the store nor any list knows for longer than that can't be known."""
    passes.cloud.hidden.clear()
    passes.forget()


def an_order_by_hand(draw: Draw, passes: Passes) -> None:
    kind = draw(st.sampled_from([OrderKind.REPLACE, OrderKind.RESTORE]))
    lasting = timedelta(minutes=draw(st.sampled_from([5, 60])))
    passes.order(draw(st.sampled_from(SLOTS)), kind, lasting=lasting)


def everything_healed(_draw: Draw, passes: Passes) -> None:
    passes.cloud.checks.clear()
    passes.services.down.clear()
    passes.cloud.world.no_capacity.clear()
    passes.cloud.world.stuck.clear()
    passes.cloud.hidden.clear()
    passes.cloud.gaps.clear()


EVENTS = [
    nothing,
    a_termination,
    a_stop,
    a_failing_check,
    a_service_that_fails,
    a_detached_volume,
    a_shortage,
    a_lagging_view,
    a_gap,
    something_stuck,
    a_lost_answer,
    an_edited_tag,
    a_changed_spec,
    a_lost_store,
    an_order_by_hand,
    everything_healed,
]


# What must hold


def assert_safe(passes: Passes, fleets: tuple[Fleet, ...]) -> None:
    """At most one occupant that is not superseded and one replacement; every claim's data once, and kept."""
    for fleet in fleets:
        for ordinal in range(fleet.replicas):
            text = f"{fleet.name}/{ordinal}"
            living = passes.alive(text)
            prepared = [item for item in living if role_of(item.tags) is Role.REPLACEMENT]
            incarnations = [incarnation_of(item.tags) for item in living]
            assert len(set(incarnations)) == len(incarnations), text
            assert len(prepared) <= 1, text
            if fleet.stateful:
                assert len(passes.data_volumes(text)) <= len(fleet.claims), text


def person_at_work(passes: Passes, plan: Any) -> None:
    """Somebody approves whatever can be approved, and releases a cell that is cold."""
    for item in plan.withheld:
        if item.approval_id is not None:
            passes.approve(item.approval_id, item.gate, max_loss=item.loss)
    if passes.memory.cold is not None:
        passes.memory = replace(passes.memory, cold=replace(passes.memory.cold, released=True))


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_faults_break_no_rule_and_once_healed_everything_is_as_declared(data: Any) -> None:
    fleets = (WEB, _with_two_claims() if data.draw(st.booleans()) else DATABASES)
    passes = Passes(*fleets)
    passes.until_converged()
    volumes = {item.id for text in SLOTS for item in passes.data_volumes(text)}
    for event in data.draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=10)):
        event(data.draw, passes)
        for plan in (passes.one() for _ in range(data.draw(st.sampled_from([1, 4, 40, 90])))):
            assert_safe(passes, fleets)
            person_at_work(passes, plan)
    everything_healed(data.draw, passes)
    for _ in range(8 * 60 * 2):
        plan = passes.one()
        assert_safe(passes, fleets)
        person_at_work(passes, plan)
        if plan.converged:
            break
        passes.clock.advance(timedelta(seconds=15))
    assert plan.converged, [(str(s.slot), s.summary) for s in plan.slots]
    assert passes.stays_quiet(lasting=timedelta(minutes=30))
    kept = {item.id for text in SLOTS for item in passes.data_volumes(text)}
    assert kept == volumes
    assert all(item.state is VolumeState.IN_USE for t in SLOTS for item in passes.data_volumes(t))


def _with_two_claims() -> Fleet:
    claims = (data_claim(), data_claim("wal", device="/dev/sdg", size_gib=50))
    return replace(DATABASES, claims=claims)
