"""What one pass may take over from the pass before, and what it must look into again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.observed import Gap, GapSubject, Presence
from providers.observed_volumes import VolumeStatus
from reconciler.health.verdict import Sign
from reconciler.health.volumes import VolumeCondition
from reconciler.planning.actions import Bucket
from reconciler.planning.case import Case
from reconciler.planning.deciding import decide_all
from reconciler.planning.identity import Role
from reconciler.planning.judging.instances import Judgement, judge_all
from reconciler.planning.judging.volumes import VolumeJudgement, judge_volumes
from reconciler.planning.slots.arranging import World, arrange
from tests.support.backed_up import backed_up, in_time
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, postgres_fleet, web_fleet
from tests.support.resources import instance_id, volume_id
from tests.support.volume_health import disabled, slow, stalled, status_of

DATA = volume_id("shared-postgres/0")


def arranged(case: Case, last: World | None = None) -> World:
    return arrange(
        desired=case.desired,
        observation=case.observation,
        memory=case.memory,
        owner=case.owner,
        now=case.now,
        last=last,
    )


def judged(case: Case, world: World, last: Judgement | None = None) -> Judgement:
    return judge_all(world, case.desired, case.observation, case.memory, case.now, last=last)


def in_service() -> Scene:
    scene = Scene(web_fleet(replicas=2), postgres_fleet(replicas=1))
    scene.in_service()
    return scene


def test_a_slot_in_which_nothing_changed_keeps_its_view_its_verdict_and_its_decision() -> None:
    case = in_service().case()
    world = arranged(case)
    judgement, decided = judged(case, world), decide_all(case, world)
    later = replace(case, now=case.now + MINUTE)
    again = arranged(later, world)
    assert all(new is old for new, old in zip(again.slots, world.slots, strict=True))
    verdicts = judged(later, again, judgement).verdicts
    assert all(verdicts[id_] is verdict for id_, verdict in judgement.verdicts.items())
    decisions = decide_all(later, again, decided).decisions
    assert all(new is old for new, old in zip(decisions, decided.decisions, strict=True))


def test_one_slot_that_changed_leaves_the_others_as_they_were() -> None:
    scene = in_service()
    before = arranged(scene.case())
    scene.terminated("web/1")
    after = arranged(scene.case(), before)
    same = [new is old for new, old in zip(after.slots, before.slots, strict=True)]
    assert [str(view.ref) for view in after.slots] == ["shared-postgres/0", "web/0", "web/1"]
    assert same == [True, True, False]


def test_what_is_not_shown_is_looked_for_again_although_nothing_else_changed() -> None:
    """Whether an absence is proved depends on more than the slot: on who else answers, and on the clock."""
    scene = in_service()
    scene.vanished(instance_id("web/1"), by_id=Presence.FOUND)
    case = scene.case()
    before = arranged(case)
    unreadable = replace(case.observation, by_id={instance_id("web/1"): Presence.UNREADABLE})
    blind = replace(case, observation=unreadable)
    assert arranged(blind, before).slots == arranged(blind).slots != before.slots


def test_views_come_back_with_a_list_that_failed_once() -> None:
    case = in_service().case()
    gap = Gap(subject=GapSubject.INSTANCES, zone=None, code="Unavailable", detail="overloaded")
    blind = replace(case, observation=replace(case.observation, instances={}, gaps=(gap,)))
    shown = arranged(case)
    hidden = arranged(blind, shown)
    again = arranged(case, hidden)
    assert hidden.slots == arranged(blind).slots
    assert all(new is old for new, old in zip(again.slots, shown.slots, strict=True))
    hidden_again = arranged(blind, again)
    assert all(new is old for new, old in zip(hidden_again.slots, hidden.slots, strict=True))


def test_a_decision_is_made_again_when_its_time_has_come() -> None:
    scene = backed_up()
    in_time(scene)
    case = scene.case()
    world = arranged(case)
    decided = decide_all(case, world)
    (decision,) = decided.decisions
    assert decision.rests_in is Bucket.HEALTHY
    assert decision.next_check_at is not None
    soon = replace(case, now=decision.next_check_at - MINUTE)
    assert decide_all(soon, world, decided).decisions[0] is decision
    due = replace(case, now=decision.next_check_at)
    assert decide_all(due, world, decided).decisions[0].drafts


def test_what_takes_its_time_is_decided_in_every_pass() -> None:
    scene = in_service()
    scene.stopped("web/1", ago=MINUTE)
    case = scene.case()
    world = arranged(case)
    decided = decide_all(case, world)
    later = replace(case, now=case.now + MINUTE)
    same = [
        new is old
        for new, old in zip(
            decide_all(later, world, decided).decisions, decided.decisions, strict=True
        )
    ]
    assert same == [True, True, False]


def test_another_declaration_is_decided_anew() -> None:
    scene = in_service()
    case = scene.case()
    world = arranged(case)
    decided = decide_all(case, world)
    other = replace(
        case, desired=Scene(web_fleet(replicas=2, tier=1), postgres_fleet(replicas=1)).desired()
    )
    decisions = decide_all(other, world, decided).decisions
    assert not any(new is old for new, old in zip(decisions, decided.decisions, strict=True))


def test_an_instance_that_fell_sick_is_judged_anew() -> None:
    scene = in_service()
    case = scene.case()
    world = arranged(case)
    judgement = judged(case, world)
    scene.sick("web/0", Sign.INSTANCE_CHECK)
    sick = scene.case()
    again = judged(sick, arranged(sick, world), judgement)
    assert again.verdicts == judged(sick, arranged(sick)).verdicts != judgement.verdicts


def test_what_fits_nowhere_is_reclaimed_when_its_grace_is_over() -> None:
    scene = Scene(web_fleet(replicas=1))
    stray = scene.instance("web/0", incarnation=1, role=Role.REPLACEMENT, age=30 * MINUTE)
    del scene.instances[stray.id]
    scene.in_service("web/0")
    scene.instances["i-0stray"] = replace(stray, id="i-0stray")
    case = scene.case()
    world = arranged(case)
    decided = decide_all(case, world)
    assert not decided.decisions[0].drafts
    later = replace(case, now=case.now + HOUR)
    assert decide_all(later, world, decided).decisions[0].drafts


# Volumes


def judged_volumes(
    case: Case, world: World, last: VolumeJudgement | None = None
) -> VolumeJudgement:
    return judge_volumes(world, case.observation, case.memory, case.now, last=last)


def test_a_volume_that_is_well_keeps_its_verdict_and_is_not_remembered() -> None:
    case = in_service().case()
    world = arranged(case)
    judgement = judged_volumes(case, world)
    later = replace(case, now=case.now + HOUR)
    again = judged_volumes(later, arranged(later, world), judgement)
    assert again.verdicts[DATA] is judgement.verdicts[DATA]
    assert again.remembered == judgement.remembered == {}


@pytest.mark.parametrize(
    "status",
    [slow(DATA), disabled(DATA), stalled(DATA), status_of(DATA, initialized_percent=50)],
)
def test_a_volume_of_which_something_else_is_said_is_judged_anew(status: VolumeStatus) -> None:
    scene = in_service()
    case = scene.case()
    world = arranged(case)
    judgement = judged_volumes(case, world)
    scene.volume_status[DATA] = status
    now_said = scene.case()
    again = judged_volumes(now_said, arranged(now_said, world), judgement)
    assert again == judged_volumes(now_said, arranged(now_said))
    assert DATA not in again.lasting or again.lasting[DATA].signs != judgement.lasting[DATA].signs


def test_a_gap_over_the_status_of_volumes_is_not_taken_for_what_was_said_before() -> None:
    scene = in_service()
    case = scene.case()
    world = arranged(case)
    judgement = judged_volumes(case, world)
    scene.gap(GapSubject.VOLUME_STATUS)
    blind = scene.case()
    again = judged_volumes(blind, arranged(blind, world), judgement)
    assert again.verdicts[DATA].condition is VolumeCondition.UNKNOWN


def test_a_slot_is_decided_anew_when_its_volume_is_judged_otherwise() -> None:
    """A snapshot is due, and waits for as long as the volume is not well."""
    scene = backed_up()
    scene.volume_status[DATA] = slow(DATA)
    case = scene.case()
    world = arranged(case)
    decided = decide_all(case, world)
    assert decided.resting
    assert not decided.decisions[0].drafts
    del scene.volume_status[DATA]
    well = scene.case()
    again = arranged(well, world)
    assert again.slots[0] is world.slots[0]
    assert decide_all(well, again, decided).decisions[0].drafts


def test_what_is_remembered_of_a_volume_stays_while_it_is_not_shown() -> None:
    scene = in_service()
    scene.stalled(DATA)
    kept = scene.memory.volumes[DATA]
    scene.vanished(DATA)
    case = scene.case()
    assert judged_volumes(case, arranged(case)).remembered == {DATA: kept}
    scene.ended(DATA)
    gone = scene.case()
    assert judged_volumes(gone, arranged(gone)).remembered == {}
