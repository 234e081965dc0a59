"""Which slots and volumes of a cell count as in service, and what of them serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import GapSubject, InstanceState, ProbeOutcome, ProbeResult
from providers.requests import SetTags
from reconciler.health.census import Census, SlotFacts, Tally, ZoneTally
from reconciler.health.conditions import ScopeKind
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Course, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.judging.census import TakenCensus, retake_census, take_census
from reconciler.planning.judging.instances import judge_all
from reconciler.planning.plan import world_of
from tests.support.actions import action, terminate
from tests.support.cases import Scene
from tests.support.censuses import judged
from tests.support.fleets import (
    HOUR,
    MINUTE,
    SECOND,
    health_spec,
    http_probe,
    postgres_fleet,
    tcp_probe,
    web_fleet,
)
from tests.support.resources import instance_id, volume_id

DATABASE = "shared-postgres/0"


def scene(*, webs: int = 6, databases: int = 3) -> Scene:
    told = Scene(
        web_fleet(replicas=webs, health=health_spec(http_probe())),
        postgres_fleet(replicas=databases, health=health_spec(tcp_probe())),
    )
    told.in_service()
    return told


def counted(told: Scene) -> Census:
    case = told.case()
    return take_census(
        world_of(case), case.verdicts, case.volume_verdicts, case.memory, case.observation
    )


def facts(told: Scene, text: str) -> SlotFacts:
    return next(item for item in counted(told).slots if item.slot == text)


def sick_by(told: Scene) -> dict[str, int]:
    """How many slots are sick in each zone where any is."""
    return {
        zone: tally.instances.sick
        for zone, tally in counted(told).zones.items()
        if tally.instances.sick
    }


def is_down(told: Scene, text: str) -> None:
    """Its host fails, and so does what it serves, for an hour."""
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        told.sick(text, sign, lasting=HOUR)


def total(census: Census) -> Tally:
    return sum(census.zones.values(), ZoneTally()).instances


def test_a_healthy_slot_serves_and_ec2_is_fine() -> None:
    told = scene()
    assert facts(told, "web/1") == SlotFacts(
        slot="web/1",
        fleet="web",
        zone=told.occupant("web/1").zone,
        in_service=True,
        serving=True,
        ec2_fine=True,
    )
    assert counted(told).quiet
    assert total(counted(told)) == Tally(of=9)


def test_a_sick_slot_counts_in_the_zone_of_its_occupant() -> None:
    told = scene()
    is_down(told, "web/1")
    assert sick_by(told) == {told.occupant("web/1").zone: 1}
    assert not counted(told).quiet


def test_a_slot_whose_probe_passes_serves_whatever_ec2_says() -> None:
    told = scene()
    told.sick("web/1", Sign.SYSTEM_CHECK, lasting=HOUR)
    assert (facts(told, "web/1").serving, facts(told, "web/1").ec2_fine) == (True, False)


@pytest.mark.parametrize(
    ("sign", "by_judgement", "ec2_fine"),
    [
        (Sign.PROBE, True, True),
        (Sign.SYSTEM_CHECK, False, False),
        (Sign.INSTANCE_CHECK, False, False),
        (Sign.ATTACHED_EBS_CHECK, False, False),
    ],
)
def test_a_failing_probe_is_our_word_and_a_failing_check_is_ec2s(
    sign: Sign, *, by_judgement: bool, ec2_fine: bool
) -> None:
    told = scene()
    told.sick(DATABASE, Sign.PROBE)
    told.sick(DATABASE, sign)
    found = facts(told, DATABASE)
    assert (found.serving, found.by_judgement, found.ec2_fine) == (False, by_judgement, ec2_fine)


def test_a_probe_that_fails_on_a_stuck_volume_is_not_our_word_alone() -> None:
    told = scene()
    told.sick(DATABASE, Sign.PROBE)
    told.stalled(volume_id(DATABASE))
    found = facts(told, DATABASE)
    assert (found.serving, found.by_judgement, found.ec2_fine) == (False, False, False)


def test_a_probe_that_failed_fewer_times_than_its_threshold_says_nothing_yet() -> None:
    told = scene()
    told.probe("web/1", ProbeOutcome.FAILED)
    assert facts(told, "web/1").serving


def test_one_that_was_unhealthy_and_still_fails_its_probe_does_not_serve() -> None:
    told = scene()
    told.sick("web/1", Sign.SYSTEM_CHECK, lasting=HOUR)
    identifier = instance_id("web/1")
    case = told.case()
    learnt = judge_all(world_of(case), case.desired, case.observation, case.memory, case.now)
    told.remembering(health=learnt.remembered)
    told.checks[identifier] = told.checks[instance_id("web/2")]
    told.probe("web/1", ProbeOutcome.FAILED)
    assert not facts(told, "web/1").serving


def test_what_a_gap_hides_is_unread_and_no_sign_of_trouble() -> None:
    told = scene()
    told.checks.clear()
    told.probes.clear()
    told.gap(GapSubject.STATUS_CHECKS)
    assert total(counted(told)) == Tally(unread=9, of=9)
    assert facts(told, "web/1").by_judgement


def test_an_instance_that_is_not_shown_is_unread_until_its_end_is_known() -> None:
    told = scene()
    zone = told.occupant("web/1").zone
    told.vanished(instance_id("web/1"))
    found = facts(told, "web/1")
    assert (found.zone, found.unread, found.by_judgement) == (zone, True, True)


def test_a_terminated_instance_counts_where_it_was() -> None:
    told = scene()
    zone = told.occupant("web/1").zone
    told.terminated("web/1")
    found = facts(told, "web/1")
    assert (found.zone, found.sick, found.by_judgement) == (zone, True, False)


def test_a_slot_that_others_stopped_is_sick_by_ec2s_word() -> None:
    told = scene()
    told.stopped("web/1")
    assert sick_by(told) == {told.occupant("web/1").zone: 1}
    assert not facts(told, "web/1").by_judgement


# What counts nowhere


def never_in_service(told: Scene, text: str, *, incarnation: int = 1) -> None:
    """As after a launch: no date of service, and never seen healthy."""
    identifier = instance_id(text, incarnation)
    tags = dict(told.instances[identifier].tags)
    tags.pop(Tag.IN_SERVICE_SINCE, None)
    told.change(identifier, tags=tags)
    health = {key: value for key, value in told.memory.health.items() if key != identifier}
    told.remembering(health=health)


def test_a_first_bring_up_counts_nowhere() -> None:
    told = Scene(web_fleet(replicas=400))
    for ordinal in range(400):
        told.instance(f"web/{ordinal}", age=MINUTE, state=InstanceState.PENDING)
        never_in_service(told, f"web/{ordinal}")
    assert total(counted(told)) == Tally()
    assert counted(told).quiet


def test_slots_without_any_instance_yet_count_nowhere() -> None:
    assert total(counted(Scene(web_fleet(replicas=400)))) == Tally()


def test_a_replacement_that_died_before_it_served_does_not_count_where_it_was() -> None:
    told = Scene(web_fleet(replicas=3))
    told.instance("web/1", age=MINUTE)
    never_in_service(told, "web/1")
    told.terminated("web/1")
    assert total(counted(told)) == Tally()


def test_a_slot_that_was_scaled_away_counts_nowhere() -> None:
    told = scene()
    is_down(told, "web/5")
    told.declare(replace(told.fleets["web"], replicas=5))
    assert sick_by(told) == {}


def restored_elsewhere() -> Scene:
    """A database was restored into another zone: its replacement took over, and is still starting up."""
    told = scene()
    told.sick(DATABASE, Sign.SYSTEM_CHECK)
    new = told.instance(
        DATABASE, incarnation=2, role=Role.OCCUPANT, age=10 * MINUTE, zone="use1-az4"
    )
    tags = {key: value for key, value in new.tags.items() if key != Tag.IN_SERVICE_SINCE}
    told.change(new.id, tags=tags)
    told.detached(volume_id(DATABASE))
    told.volume(DATABASE, on=new.id, incarnation=2)
    commit = SetTags(resource_id=new.id, tags={Tag.ROLE.value: Role.OCCUPANT.value}, commit=True)
    told.began(
        action(
            DATABASE,
            commit,
            incarnation=2,
            course=Course.RESTORE,
            reason=Reason.REPLACEMENT_PROVEN,
        ),
        ago=2 * MINUTE,
        state=IntentState.OBSERVED,
    )
    told.sick(DATABASE, Sign.PROBE, incarnation=2, lasting=MINUTE)
    return told


def test_a_restored_slot_that_is_starting_up_does_not_make_its_new_zone_sick() -> None:
    told = restored_elsewhere()
    assert not facts(told, DATABASE).in_service
    assert sick_by(told) == {}


def test_a_restored_slot_counts_once_it_was_in_service() -> None:
    told = restored_elsewhere()
    new = told.instances[instance_id(DATABASE, 2)]
    since = {Tag.IN_SERVICE_SINCE.value: f"{told.now - MINUTE:%Y-%m-%dT%H:%M:%SZ}"}
    told.change(new.id, tags={**new.tags, **since})
    assert sick_by(told) == {"use1-az4": 1}


def test_what_we_ended_while_it_served_is_no_sign_of_trouble() -> None:
    told = scene()
    told.began(terminate("web/1"), state=IntentState.OBSERVED)
    told.terminated("web/1")
    told.stopped("web/2")
    assert sick_by(told) == {told.occupant("web/2").zone: 1}


def test_what_we_stopped_because_it_was_sick_still_counts() -> None:
    told = scene()
    is_down(told, "web/1")
    told.began(terminate("web/1", course=Course.REPAIR), ago=MINUTE)
    assert sick_by(told) == {told.occupant("web/1").zone: 1}


def test_a_call_without_an_effect_took_nothing_out() -> None:
    told = scene()
    told.began(terminate("web/1"), state=IntentState.REJECTED)
    told.stopped("web/1", ago=5 * SECOND)
    assert sick_by(told) == {told.occupant("web/1").zone: 1}


# Volumes


def test_a_stuck_volume_counts_in_its_zone() -> None:
    told = scene()
    told.stalled(volume_id(DATABASE))
    zone = told.volumes[volume_id(DATABASE)].zone
    assert counted(told).zones[zone].volumes.sick == 1
    assert sum(tally.volumes.of for tally in counted(told).zones.values()) == 3


def test_a_volume_whose_io_is_disabled_does_not_serve_either() -> None:
    told = scene()
    told.stalled(volume_id(DATABASE), disabled=True)
    assert sum(tally.volumes.sick for tally in counted(told).zones.values()) == 1


def test_a_stuck_volume_of_which_nothing_is_read_any_more_is_stuck_still() -> None:
    told = scene()
    told.stalled(volume_id(DATABASE))
    told.gap(GapSubject.VOLUME_STATUS)
    assert sum(tally.volumes.sick for tally in counted(told).zones.values()) == 1
    told.volumes.pop(volume_id(DATABASE))
    assert sum(tally.volumes.sick for tally in counted(told).zones.values()) == 0
    told.gap(GapSubject.VOLUMES)
    assert sum(tally.volumes.sick for tally in counted(told).zones.values()) == 1


# The whole


def test_sentinels_tell_whether_we_can_see() -> None:
    told = scene()
    assert not counted(told).sentinel_answers
    for outcome, answers in ((ProbeOutcome.FAILED, False), (ProbeOutcome.PASSED, True)):
        name = "sentinel 10.0.0.2:53"
        told.probes[name] = ProbeResult(instance_id=name, outcome=outcome, detail="", at=told.now)
        assert counted(told).sentinel_answers is answers


def test_a_zone_that_is_lost_is_critical_and_no_other_is() -> None:
    told = scene(webs=30)
    for ordinal in range(30):
        if told.occupant(f"web/{ordinal}").zone == "use1-az1":
            is_down(told, f"web/{ordinal}")
    found = judged(counted(told)).conditions
    assert [(item.kind, item.name) for item in found.verdicts] == [(ScopeKind.ZONE, "use1-az1")]


def retaken(told: Scene, last: TakenCensus | None) -> TakenCensus:
    case = told.case()
    return retake_census(
        world_of(case),
        case.verdicts,
        case.volume_verdicts,
        case.memory,
        case.observation,
        last=last,
    )


def test_a_census_is_taken_again_only_when_something_changed() -> None:
    told = scene()
    first = retaken(told, None)
    assert retaken(told, first) is first
    is_down(told, "web/1")
    second = retaken(told, first)
    assert second.census.zones != first.census.zones
    assert second.census == retaken(told, None).census


def test_a_lost_store_counts_what_tags_say_was_in_service() -> None:
    told = scene()
    is_down(told, "web/1")
    zone = told.occupant("web/1").zone
    told.memory = replace(told.memory, health={}, known={}, conditions={})
    assert sick_by(told) == {zone: 1}
