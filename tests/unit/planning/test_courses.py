"""Courses carried to their end, pass after pass: each converges, and then stays as it is without a single call."""

from __future__ import annotations

from desired_state.model import ServeWhen
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
from reconciler.planning.identity import Tag
from tests.support.fleets import (
    HOUR,
    data_claim,
    health_spec,
    http_probe,
    instance_spec,
    web_fleet,
)
from tests.support.passes import Passes
from tests.unit.planning.brought_up import DATABASE, ONLY_REPLACE, a_database, brought_up, fails


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
