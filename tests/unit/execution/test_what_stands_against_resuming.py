"""What people have said since is heeded: an open intent is not sent again against a person's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Mode
from providers.requests import LaunchInstance, SetTags
from reconciler.execution.outcomes import Result
from reconciler.execution.standing import standing_against
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.memory import ColdStart, Pause
from reconciler.store.passes import PassRecord
from tests.support.acting import Acting, action_of, launch_of
from tests.support.fleets import HOUR, desired, web_fleet
from tests.support.memory_of_passes import lessons


class Crash(BaseException):
    """The process is gone."""


def paused(scope: str) -> Callable[[Acting], None]:
    def tell(acting: Acting) -> None:
        now = acting.clock.now()
        acting.journal.pause(
            Pause(scope=scope, reason="", paused_at=now, expires_at=now + HOUR, paused_by="erin")
        )

    return tell


def declared(**changes: object) -> Callable[[Acting], None]:
    def tell(acting: Acting) -> None:
        acting.desired = desired(replace(web_fleet(replicas=4), **changes))  # type: ignore[arg-type]  # fields by name

    return tell


def released(acting: Acting) -> None:
    acting.desired = desired(web_fleet("other"))


def cold(acting: Acting) -> None:
    start = ColdStart(since=acting.clock.now(), complete_observations=1)
    acting.journal.record_pass(PassRecord(lessons=lessons(cold=start)))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (paused("*"), "the cell is paused"),
        (paused("web"), "web/0 is paused"),
        (paused("web/0"), "web/0 is paused"),
        (declared(paused=True), "web/0 is paused"),
        (declared(mode=Mode.OBSERVE), "fleet web is only observed"),
        (released, "fleet web is no longer declared"),
        (cold, "the cell is cold"),
    ],
)
def test_what_was_begun_is_not_sent_again_against_a_word(
    acting: Acting, word: Callable[[Acting], None], said: str
) -> None:
    action = launch_of("web/0")
    acting.cloud.fail_next(LaunchInstance, Crash())
    with pytest.raises(Crash):
        acting.carry_out(action)
    word(acting)
    (outcome,) = acting.look_again()
    assert outcome.result is Result.SKIPPED
    assert said in outcome.message
    assert acting.intent(action).state is IntentState.BEGUN
    assert len(acting.cloud.mutations) == 1


def test_what_somebody_took_from_us_is_not_tagged_again(acting: Acting) -> None:
    """Its tags went by hand between the intent and the call: seed 2204 of the simulation."""
    instance = acting.running("web/0")
    tags = {Tag.IN_SERVICE_SINCE.value: "2026-03-01T12:00:00Z"}
    action = action_of("web/0", SetTags(resource_id=instance.id, tags=tags))
    case = acting.case()
    assert standing_against(action, case) is None
    shown = {instance.id: replace(instance, tags={})}
    case = replace(case, observation=replace(case.observation, instances=shown))
    said = standing_against(action, case)
    assert said == f"{instance.id} does not carry our owner tag any more"


def test_a_pause_of_another_slot_stops_nothing_here(acting: Acting) -> None:
    acting.cloud.fail_next(LaunchInstance, Crash())
    with pytest.raises(Crash):
        acting.carry_out(launch_of("web/0"))
    paused("web/1")(acting)
    (outcome,) = acting.look_again(after=timedelta(seconds=1))
    assert outcome.result is Result.ACCEPTED
