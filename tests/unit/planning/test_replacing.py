"""A replacement is proven and committed, its service let in, and only then is the original let go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from desired_state.model import Fleet, LadderStep, ServeWhen
from providers.observed import Attachment, AttachmentState, InstanceState, ProbeOutcome, VolumeState
from providers.requests import (
    KeepVolumeOnTermination,
    LaunchInstance,
    SetSecurityGroups,
    SetTags,
    TerminateInstance,
)
from reconciler.health.verdict import Sign, Status
from reconciler.planning.actions import Bucket, Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.actions import commit
from tests.support.cases import Scene
from tests.support.databases import DATABASE, DATABASES, NEW, OLD, VOLUME, committed
from tests.support.fleets import (
    DAY,
    HOUR,
    MINUTE,
    health_spec,
    http_probe,
    repair_spec,
    web_fleet,
)
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import instance_id

WEB = web_fleet(health=health_spec(http_probe()))


def web_with_a_replacement(*, age: timedelta = 20 * MINUTE) -> Scene:
    """The original fails its probe and its check; a replacement runs beside it."""
    scene = Scene(WEB)
    scene.in_service()
    for sign in (Sign.INSTANCE_CHECK, Sign.PROBE):
        scene.sick("web/0", sign, lasting=HOUR)
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=age)
    return scene


def database_with_a_replacement(fleet: Fleet = DATABASES) -> Scene:
    scene = Scene(fleet)
    scene.in_service()
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    scene.instance(DATABASE, incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE, zone="use1-az1")
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=2)
    return scene


# Proof and commit


def test_a_web_replacement_that_is_healthy_takes_over() -> None:
    step = the_action(web_with_a_replacement())
    assert step.request == SetTags(
        resource_id=instance_id("web/0", 2), tags={"fleet-reconciler:role": "occupant"}, commit=True
    )
    assert (step.course, step.reason) == (Course.REPLACE, Reason.REPLACEMENT_PROVEN)


def test_a_web_replacement_whose_probe_fails_is_waited_for() -> None:
    scene = web_with_a_replacement(age=2 * MINUTE)
    health = scene.memory.health
    new = instance_id("web/0", 2)
    scene.remembering(health={key: value for key, value in health.items() if key != new})
    scene.probe("web/0", ProbeOutcome.FAILED, incarnation=2)
    assert done(scene) == []
    assert bucket(scene, "web/0") is Bucket.WAITING


def test_a_replacement_that_never_serves_is_ended() -> None:
    scene = web_with_a_replacement(age=HOUR)
    scene.sick("web/0", Sign.INSTANCE_CHECK, lasting=40 * MINUTE, incarnation=2)
    scene.probe("web/0", ProbeOutcome.FAILED, incarnation=2)
    step = the_action(scene)
    assert step.request == TerminateInstance(instance_id=instance_id("web/0", 2))
    assert (step.course, step.reason) == (Course.RECLAIM, Reason.REPLACEMENT_FAILED)


def test_a_database_replacement_is_proven_by_its_checks_since_it_serves_only_later() -> None:
    step = the_action(database_with_a_replacement())
    assert isinstance(step.request, SetTags)
    assert step.request.commit
    assert step.course is Course.KEEP_THE_DATA


def test_a_database_replacement_that_initializes_past_its_deadline_has_failed() -> None:
    scene = database_with_a_replacement()
    scene.sick(DATABASE, Sign.INSTANCE_CHECK, lasting=15 * MINUTE, incarnation=2)
    assert the_action(scene).request == TerminateInstance(instance_id=NEW)


def test_an_original_that_recovers_before_the_commit_stays() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=MINUTE)
    step = the_action(scene)
    assert step.request == TerminateInstance(instance_id=instance_id("web/0", 2))
    assert step.reason is Reason.ORIGINAL_RECOVERED


def test_a_replacement_whose_original_is_gone_is_committed_too() -> None:
    scene = Scene(WEB)
    scene.in_service()
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    scene.terminated("web/0")
    step = the_action(scene)
    assert isinstance(step.request, SetTags)
    assert step.request.commit


def test_a_replacement_waits_while_its_original_may_yet_recover() -> None:
    scene = web_with_a_replacement()
    original = instance_id("web/0")
    scene.checks[original] = scene.checks[instance_id("web/0", 2)]
    scene.probe("web/0", ProbeOutcome.PASSED)
    health = scene.memory.health
    latched = replace(health[original], status=Status.UNHEALTHY, since={}, probe_failures=0)
    scene.remembering(health={**health, original: latched})
    assert done(scene) == []
    assert bucket(scene, "web/0") is Bucket.WAITING


# Forward only


def test_what_was_superseded_does_not_return_when_its_successor_dies() -> None:
    scene = committed()
    scene.terminated(DATABASE, incarnation=2)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert request.tags[Tag.INCARNATION] == "3"
    assert request.tags[Tag.ROLE] == Role.REPLACEMENT


def test_a_commit_in_the_journal_is_enough_when_its_instance_is_long_gone() -> None:
    scene = committed()
    scene.ended(NEW)
    scene.began(commit(DATABASE), ago=3 * HOUR, state=IntentState.OBSERVED)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert request.tags[Tag.ROLE] == Role.REPLACEMENT


def three_alive() -> Scene:
    """One is stopped with the volume still on it, one never came into service, and a sick one holds the slot."""
    replaced_at_once = replace(DATABASES, repair=repair_spec(ladder=(LadderStep.REPLACE,)))
    scene = committed(original=InstanceState.STOPPED, fleet=replaced_at_once)
    scene.instance(DATABASE, incarnation=3, age=HOUR, zone="use1-az1")
    scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=HOUR, incarnation=3)
    scene.sick(DATABASE, Sign.PROBE, lasting=HOUR, incarnation=3)
    return scene


def test_of_three_that_never_came_into_service_one_is_let_go() -> None:
    assert the_action(three_alive()).request == TerminateInstance(instance_id=NEW)


def test_not_where_its_own_record_shows_the_volume_whatever_that_of_the_volume_says() -> None:
    scene = three_alive()
    on_the_original = next(
        item for item in scene.instances[OLD].attachments if item.volume_id == VOLUME
    )
    shown = (*scene.instances[NEW].attachments, replace(on_the_original, instance_id=NEW))
    scene.change(NEW, attachments=shown)
    assert held(scene) == [f"last-copy {DATABASE}"]


def test_what_was_left_behind_and_is_not_dated_yet_still_counts_as_alive() -> None:
    scene = three_alive()
    copy = scene.volume(DATABASE, "data", on=instance_id(DATABASE, 3), incarnation=3).id
    scene.detached(copy)
    assert held(scene) == [f"last-copy {DATABASE}"]
    dated = {Tag.QUARANTINE_UNTIL.value: f"{scene.now + DAY:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(OLD, tags={**scene.instances[OLD].tags, **dated})
    assert isinstance(the_action(scene).request, LaunchInstance)


def test_beside_three_that_may_live_nothing_is_launched() -> None:
    """One holds the volume still, one is the sick occupant, and of one the tags were taken off: none can be let go."""
    scene = three_alive()
    between = scene.instances[NEW]
    since = {Tag.IN_SERVICE_SINCE.value: f"{scene.now - HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    scene.change(NEW, tags={**between.tags, **since})
    assert held(scene) == [f"last-copy {DATABASE}"]
    scene.change(NEW, tags={})
    assert held(scene) == [f"last-copy {DATABASE}"], "though no list shows whose it is"


# In service


def test_once_it_has_its_data_its_service_is_let_in() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    step = the_action(scene)
    assert step.request == SetSecurityGroups(instance_id=NEW, security_groups=("sg-postgres",))
    assert step.reason is Reason.IN_SERVICE


def test_its_service_is_let_in_however_unhealthy_it_looks_from_outside() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    scene.change(NEW, launched_at=scene.now - DAY)
    scene.sick(DATABASE, Sign.PROBE, lasting=DAY, incarnation=2)
    assert done(scene) == [f"security-groups {DATABASE}"]
    scene.instance(DATABASE, incarnation=3, role=Role.REPLACEMENT, age=MINUTE, zone="use1-az1")
    assert done(scene) == [f"security-groups {DATABASE}"], "though another is prepared already"


def test_before_it_has_its_data_it_stays_in_staging() -> None:
    scene = committed(original=InstanceState.STOPPED)
    assert not any(isinstance(a.request, SetSecurityGroups) for a in planned(scene).actions)


def test_only_a_fleet_with_volumes_that_serves_after_its_commit_is_staged() -> None:
    staged = replace(WEB.instance, staging_security_groups=("sg-staging",))
    scene = Scene(replace(WEB, instance=staged))
    scene.in_service()
    scene.sick("web/0", Sign.SYSTEM_CHECK, lasting=HOUR)
    request = the_action(scene).request
    assert isinstance(request, LaunchInstance)
    assert request.security_groups == ("sg-service",)
    early = database_with_a_replacement(replace(DATABASES, serve=ServeWhen.BEFORE_COMMIT))
    early.terminated(DATABASE, incarnation=2)
    early.change(OLD, state=InstanceState.PENDING, launched_at=early.now - HOUR)
    request = the_action(early).request
    assert isinstance(request, LaunchInstance)
    assert request.security_groups == ("sg-postgres",)


def test_the_original_is_let_go_when_the_slot_is_healthy() -> None:
    scene = committed(original=InstanceState.STOPPED)
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    scene.change(NEW, security_groups=("sg-postgres",))
    scene.probe(DATABASE, ProbeOutcome.PASSED, incarnation=2)
    step = the_action(scene)
    assert step.request == TerminateInstance(instance_id=OLD)
    assert step.reason is Reason.SUPERSEDED


def test_no_data_volume_goes_down_with_an_instance() -> None:
    scene = web_with_a_replacement()
    kept = Attachment(
        volume_id="vol-0kept",
        instance_id=instance_id("web/0"),
        device="/dev/sdx",
        state=AttachmentState.ATTACHED,
        delete_on_termination=True,
    )
    scene.change(instance_id("web/0"), attachments=(kept,))
    scene.change(instance_id("web/0", 2), tags=as_occupant(scene))
    step = the_action(scene)
    assert step.request == KeepVolumeOnTermination(
        instance_id=instance_id("web/0"), volume_id="vol-0kept", device="/dev/sdx"
    )


def as_occupant(scene: Scene) -> dict[str, str]:
    tags = dict(scene.instances[instance_id("web/0", 2)].tags)
    return tags | {Tag.ROLE.value: Role.OCCUPANT.value}


def test_an_instance_that_still_holds_the_data_is_not_let_go() -> None:
    scene = database_with_a_replacement()
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    scene.sick(DATABASE, Sign.INSTANCE_CHECK, lasting=30 * MINUTE, incarnation=2)
    assert the_hold(scene).gate in (Gate.LAST_COPY, Gate.CONFLICT)
    assert done(scene) == []


def test_a_lost_volume_of_an_unhealthy_occupant_is_withheld_for_a_restore() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
        scene.sick(DATABASE, sign, lasting=HOUR)
    scene.detached(VOLUME)
    scene.ended(VOLUME)
    assert the_hold(scene).gate is Gate.RESTORE


def test_a_new_instance_whose_volume_is_not_shown_yet_is_not_called_a_loss() -> None:
    scene = Scene(DATABASES)
    scene.in_service("shared-postgres/1", "shared-postgres/2")
    scene.instance(DATABASE, age=MINUTE)
    scene.remembering(health={})
    assert held(scene) == []
    assert bucket(scene, DATABASE) is Bucket.WAITING


def test_a_volume_in_error_whose_service_answers_waits_for_a_person() -> None:
    scene = Scene(DATABASES)
    scene.in_service()
    scene.change(VOLUME, state=VolumeState.ERROR)
    assert the_hold(scene).gate is Gate.SERVING
    assert the_hold(scene).approval_id is not None


# One replacement after the other


def one_after_the_other() -> Scene:
    """The original still holds the volume, its replacement never got it, and that one's is sick as well."""
    replaced_at_once = replace(DATABASES, repair=repair_spec(ladder=(LadderStep.REPLACE,)))
    scene = committed(original=InstanceState.STOPPED, fleet=replaced_at_once)
    scene.instance(DATABASE, incarnation=3, age=20 * MINUTE, zone="use1-az1")
    scene.probe(DATABASE, ProbeOutcome.FAILED, incarnation=3)
    for incarnation in (2, 3):
        for sign in (Sign.SYSTEM_CHECK, Sign.PROBE):
            scene.sick(DATABASE, sign, lasting=HOUR, incarnation=incarnation)
    scene.change(NEW, launched_at=scene.now - 2 * HOUR)
    health = scene.memory.health
    for_long = replace(health[NEW], trouble_since=scene.now - HOUR)
    scene.remembering(health={**health, NEW: for_long})
    return scene


def test_a_superseded_instance_that_is_of_no_use_goes_before_another_is_launched() -> None:
    step = the_action(one_after_the_other())
    assert step.request == TerminateInstance(instance_id=NEW)
    assert step.reason is Reason.SUPERSEDED


def test_an_original_that_holds_the_data_stays_when_the_next_is_launched() -> None:
    scene = one_after_the_other()
    scene.change(NEW, state=InstanceState.TERMINATED)
    assert done(scene) == [f"launch {DATABASE}"]


def test_an_original_whose_data_has_left_it_goes_before_another_is_launched() -> None:
    scene = one_after_the_other()
    scene.detached(VOLUME)
    scene.attached(VOLUME, NEW)
    assert the_action(scene).request == TerminateInstance(instance_id=OLD)
