"""What became of our own calls: an accepted launch is no success before its instance is healthy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.observed import InstanceState, VolumeState
from reconciler.health.capabilities import CallOutcome, CallResult, CapabilityKind
from reconciler.health.verdict import RememberedHealth, Status
from reconciler.planning.actions import Reason
from reconciler.planning.identity import Tag
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.call_outcomes import outcomes_of, recall_outcomes
from tests.support.actions import (
    attach,
    commit,
    data_volume,
    launch,
    retag,
    snapshot,
    terminate,
)
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, SECOND, postgres_fleet, web_fleet
from tests.support.resources import instance_id

LAUNCH, VOLUME, SNAPSHOT = CapabilityKind.LAUNCH, CapabilityKind.VOLUME, CapabilityKind.SNAPSHOT
PROVEN, FAILED, WAITING = CallResult.PROVEN, CallResult.FAILED, CallResult.WAITING


def told(scene: Scene) -> tuple[CallOutcome, ...]:
    return outcomes_of(scene.memory, scene.desired(), scene.observation(), scene.now)


def the_outcome(scene: Scene) -> CallOutcome:
    (outcome,) = told(scene)
    return outcome


def dated(scene: Scene, text: str, in_service_since: str | None = None) -> None:
    """The date of service in the tags of that slot's instance."""
    instance = scene.instances[instance_id(text)]
    tags = {**instance.tags, Tag.IN_SERVICE_SINCE.value: in_service_since or ""}
    if in_service_since is None:
        del tags[Tag.IN_SERVICE_SINCE]
    scene.instances[instance.id] = replace(instance, tags=tags)


def late(scene: Scene, text: str, *, status: Status = Status.UNHEALTHY) -> None:
    """Launched 20 minutes ago, running, and never healthy."""
    scene.instance(text, age=20 * MINUTE)
    dated(scene, text)
    never = RememberedHealth(status=status, status_since=scene.now - 9 * MINUTE)
    scene.remembering(health={**scene.memory.health, instance_id(text): never})
    scene.began(
        launch(text),
        ago=20 * MINUTE,
        state=IntentState.OBSERVED,
        resource_id=instance_id(text),
    )


def web() -> Scene:
    return Scene(web_fleet(replicas=3))


# Launches


def test_a_launch_is_proven_when_its_instance_became_healthy() -> None:
    scene = web()
    scene.instance("web/0", age=10 * MINUTE)
    scene.began(
        launch("web/0"),
        ago=10 * MINUTE,
        state=IntentState.OBSERVED,
        resource_id=instance_id("web/0"),
    )
    outcome = the_outcome(scene)
    assert (outcome.kind, outcome.zone, outcome.result) == (LAUNCH, "use1-az1", PROVEN)
    assert outcome.began_at == scene.now - 10 * MINUTE


@pytest.mark.parametrize("state", [IntentState.ACCEPTED, IntentState.OBSERVED])
def test_an_accepted_launch_waits_to_be_proven(state: IntentState) -> None:
    scene = web()
    scene.instance("web/0", age=MINUTE, state=InstanceState.PENDING)
    dated(scene, "web/0")
    scene.began(launch("web/0"), state=state, resource_id=instance_id("web/0"))
    outcome = the_outcome(scene)
    assert (outcome.result, outcome.unanswered) == (WAITING, False)


def test_accepted_and_then_ended_by_ec2_is_a_failure() -> None:
    """So launches looked in April 2011: pending, then terminated."""
    scene = web()
    why = "i-1 is terminated: Server.InternalError"
    scene.began(
        launch("web/0"), state=IntentState.DEAD, resource_id="i-1", error_message=why, ago=MINUTE
    )
    assert the_outcome(scene).result is FAILED
    assert the_outcome(scene).known_at == scene.now - MINUTE


@pytest.mark.parametrize(
    "why", ["Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"]
)
def test_what_a_person_or_the_instance_itself_ended_says_nothing_of_the_zone(why: str) -> None:
    scene = web()
    said = f"i-1 is terminated: {why}"
    scene.began(launch("web/0"), state=IntentState.DEAD, resource_id="i-1", error_message=said)
    assert the_outcome(scene).kind is None


def test_a_launch_that_was_never_found_is_a_failure() -> None:
    scene = web()
    scene.began(launch("web/0"), state=IntentState.LOST, resource_id="i-1")
    assert the_outcome(scene).result is FAILED


def test_two_minutes_without_an_answer_are_a_failure_of_the_service() -> None:
    scene = web()
    scene.began(launch("web/0"), ago=2 * MINUTE - SECOND)
    assert (the_outcome(scene).result, the_outcome(scene).fault) == (WAITING, False)
    scene = web()
    scene.began(launch("web/0"), ago=2 * MINUTE)
    assert (the_outcome(scene).result, the_outcome(scene).fault) == (FAILED, True)
    assert the_outcome(scene).unanswered


def test_what_was_answered_only_after_that_stays_a_failure_until_it_is_proven() -> None:
    scene = web()
    scene.instance("web/0", age=5 * MINUTE)
    dated(scene, "web/0")
    scene.remembering(health={})
    scene.began(
        launch("web/0"),
        ago=8 * MINUTE,
        state=IntentState.OBSERVED,
        resource_id=instance_id("web/0"),
    )
    assert [item.result for item in told(scene)] == [FAILED, WAITING]


def test_late_is_a_failure_of_the_zone_where_the_spec_is_proven() -> None:
    scene = web()
    scene.instance("web/1")
    late(scene, "web/0")
    outcome = the_outcome(scene)
    assert (outcome.kind, outcome.result) == (LAUNCH, FAILED)
    assert outcome.known_at == scene.now - 9 * MINUTE


def test_late_says_nothing_of_the_zone_where_nothing_of_that_spec_ever_proved_itself() -> None:
    scene = web()
    late(scene, "web/0")
    assert the_outcome(scene).kind is None


def test_a_spec_is_not_proven_by_less_than_a_quarter_of_an_hour() -> None:
    scene = web()
    scene.instance("web/1", age=23 * MINUTE)  # Healthy for 14 minutes when the other was late.
    late(scene, "web/0")
    assert the_outcome(scene).kind is None


@pytest.mark.parametrize("tag", [Tag.FLEET, Tag.USER_DATA])
def test_the_same_image_proves_nothing_for_another_fleet_or_boot_script(tag: Tag) -> None:
    scene = web()
    other = scene.instance("web/1")
    scene.instances[other.id] = replace(other, tags={**other.tags, tag.value: "another"})
    late(scene, "web/0")
    assert the_outcome(scene).kind is None


def test_an_instance_that_nobody_can_see_is_not_late() -> None:
    scene = web()
    scene.instance("web/1")
    late(scene, "web/0", status=Status.UNKNOWN)
    assert the_outcome(scene).result is WAITING


def test_what_was_late_and_came_good_has_both_outcomes() -> None:
    """In October 2025 instances got their network hours after they ran."""
    scene = web()
    scene.instance("web/1")
    scene.instance("web/0", age=3 * HOUR)
    dated(scene, "web/0", "2026-04-21T11:56:00Z")
    healthy = replace(scene.memory.health[instance_id("web/0")], healthy_at=scene.now - 5 * MINUTE)
    scene.remembering(health={**scene.memory.health, instance_id("web/0"): healthy})
    scene.began(
        launch("web/0"),
        ago=3 * HOUR,
        state=IntentState.OBSERVED,
        resource_id=instance_id("web/0"),
    )
    found = [(item.result, scene.now - item.known_at) for item in told(scene)]
    assert found == [(FAILED, 3 * HOUR - 10 * MINUTE), (PROVEN, 5 * MINUTE)]


def test_a_date_of_service_that_somebody_wrote_without_its_zone_is_read_as_utc() -> None:
    scene = web()
    scene.instance("web/0", age=20 * MINUTE)
    scene.began(
        launch("web/0"),
        ago=20 * MINUTE,
        state=IntentState.OBSERVED,
        resource_id=instance_id("web/0"),
    )
    scene.remembering(health={})
    dated(scene, "web/0", f"{scene.now - 15 * MINUTE:%Y-%m-%dT%H:%M:%S}")
    outcome = the_outcome(scene)
    assert (outcome.result, outcome.known_at) == (PROVEN, scene.now - 15 * MINUTE)


def test_an_instance_that_we_ended_because_it_was_late_stays_a_failure() -> None:
    scene = web()
    scene.instance("web/1")
    launched, ended = launch("web/0"), terminate("web/0", reason=Reason.REPLACEMENT_FAILED)
    gone: dict[str, Any] = {"state": IntentState.OBSERVED, "resource_id": instance_id("web/0")}
    scene.began(launched, ago=30 * MINUTE, **gone)
    scene.began(ended, ago=15 * MINUTE, **gone)
    assert told(scene)[0].result is FAILED


def test_an_instance_that_proved_itself_and_is_gone_stays_proven() -> None:
    scene = web()
    gone: dict[str, Any] = {"state": IntentState.OBSERVED, "resource_id": instance_id("web/0", 2)}
    scene.began(launch("web/0"), ago=30 * MINUTE, **gone)
    scene.began(commit("web/0"), ago=25 * MINUTE, **gone)
    scene.began(terminate("web/0", incarnation=2), ago=15 * MINUTE, **gone)
    assert (told(scene)[0].result, told(scene)[0].known_at) == (PROVEN, scene.now - 25 * MINUTE)


@pytest.mark.parametrize(
    ("code", "throttled", "short", "blamed"),
    [
        ("RequestLimitExceeded", True, False, True),
        ("InsufficientInstanceCapacity", False, True, True),
        ("InvalidAMIID.NotFound", False, False, False),
        ("VcpuLimitExceeded", False, False, False),
        ("UnauthorizedOperation", False, False, False),
        ("NotSent", False, False, False),
    ],
)
def test_refusals_are_told_apart(
    code: str,
    throttled: bool,  # noqa: FBT001 - columns of the table
    short: bool,  # noqa: FBT001 - the same
    blamed: bool,  # noqa: FBT001 - the same
) -> None:
    scene = web()
    scene.began(launch("web/0"), state=IntentState.REJECTED, error_code=code)
    outcome = the_outcome(scene)
    assert (outcome.throttled, outcome.short) == (throttled, short)
    assert (outcome.kind is not None) is blamed
    assert outcome.type == "m6i.large"


# Volumes, snapshots, and all the others


def test_volumes_of_a_launch_that_hang_in_creation_are_a_failure_of_volumes() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    made = launch("shared-postgres/0", request={"volumes": (data_volume(),)})
    scene.instance("shared-postgres/0", age=6 * MINUTE, state=InstanceState.PENDING)
    volume = scene.volume("shared-postgres/0", "data")
    scene.volumes[volume.id] = replace(
        volume,
        state=VolumeState.CREATING,
        tags={**volume.tags, Tag.OPERATION.value: made.operation_id},
    )
    began: dict[str, Any] = {
        "state": IntentState.ACCEPTED,
        "resource_id": instance_id("shared-postgres/0"),
    }
    scene.began(made, ago=4 * MINUTE, **began)
    assert [(item.kind, item.result) for item in told(scene)] == [
        (LAUNCH, WAITING),
        (VOLUME, WAITING),
    ]
    scene.remembering(open_intents=())
    scene.began(made, ago=5 * MINUTE, **began)
    assert [(item.kind, item.result) for item in told(scene)][1] == (VOLUME, FAILED)


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (IntentState.OBSERVED, PROVEN),
        (IntentState.ACCEPTED, WAITING),
        (IntentState.DEAD, FAILED),
        (IntentState.LOST, FAILED),
    ],
)
def test_attachments_tell_of_volumes(state: IntentState, result: CallResult) -> None:
    scene = Scene(postgres_fleet(replicas=1))
    scene.in_service()
    scene.began(attach("shared-postgres/0", to=1), state=state)
    outcome = the_outcome(scene)
    assert (outcome.kind, outcome.zone, outcome.result) == (VOLUME, "use1-az1", result)


def test_snapshots_tell_of_snapshots() -> None:
    scene = Scene(postgres_fleet(replicas=1))
    scene.in_service()
    scene.began(snapshot(), state=IntentState.OBSERVED)
    assert (the_outcome(scene).kind, the_outcome(scene).result) == (SNAPSHOT, PROVEN)


def test_everything_else_tells_of_the_api_alone() -> None:
    scene = web()
    scene.in_service()
    scene.began(retag("web/0"), ago=3 * MINUTE)
    outcome = the_outcome(scene)
    assert (outcome.kind, outcome.fault) == (None, True)


# What a quiet pass costs


def test_outcomes_are_the_same_object_while_nothing_happens() -> None:
    scene = web()
    scene.in_service()
    began: dict[str, Any] = {"ago": DAY / 2, "state": IntentState.OBSERVED}
    for ordinal in range(3):
        text = f"web/{ordinal}"
        scene.began(launch(text), resource_id=instance_id(text), **began)
    scene.began(
        launch("web/0", request={"zone": "use1-az2"}, attempt=2),
        state=IntentState.REJECTED,
        error_code="InsufficientInstanceCapacity",
    )
    declared, observed = scene.desired(), scene.observation()
    first = recall_outcomes(scene.memory, declared, observed, scene.now)
    assert recall_outcomes(scene.memory, declared, observed, scene.now, first) is first
    again = replace(
        scene.memory, recent_intents=tuple(replace(item) for item in scene.memory.recent_intents)
    )
    second = recall_outcomes(again, declared, observed, scene.now + timedelta(hours=1), first)
    assert second.all is first.all


def test_what_waits_is_looked_into_again() -> None:
    scene = web()
    scene.began(launch("web/0"), ago=MINUTE)
    declared, observed = scene.desired(), scene.observation()
    first = recall_outcomes(scene.memory, declared, observed, scene.now)
    later = recall_outcomes(scene.memory, declared, observed, scene.now + 2 * MINUTE, first)
    assert (first.all[0].result, later.all[0].result) == (WAITING, FAILED)
