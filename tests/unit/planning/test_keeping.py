"""A healthy occupant is kept as declared: drift field by field, in place where EC2 can, else by the update strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from desired_state.model import SsmImage, UpdateStrategy
from providers.requests import (
    KeepVolumeOnTermination,
    LaunchInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    TerminateInstance,
)
from reconciler.health.verdict import Sign
from reconciler.planning.actions import Bucket, Change, Course, Gate, Reason
from reconciler.planning.identity import Role, Tag
from reconciler.planning.intents import IntentState
from tests.support.cases import Scene
from tests.support.fleets import (
    HOUR,
    MINUTE,
    data_claim,
    health_spec,
    http_probe,
    instance_spec,
    postgres_fleet,
    user_data,
    web_fleet,
)
from tests.support.plans import bucket, done, held, planned, the_action, the_hold
from tests.support.resources import instance_id, volume_id

OCCUPANT = instance_id("web/0")
DATABASE = "shared-postgres/0"
VOLUME = volume_id(DATABASE)


def web(**changes: Any) -> Scene:
    scene = Scene(web_fleet(**changes))
    scene.in_service()
    return scene


def postgres(**changes: Any) -> Scene:
    scene = Scene(postgres_fleet())
    scene.in_service()
    scene.declare(postgres_fleet(**changes))
    return scene


def without(scene: Scene, identifier: str, tag: str) -> None:
    item = scene.instances.get(identifier) or scene.volumes[identifier]
    scene.change(identifier, tags={key: value for key, value in item.tags.items() if key != tag})


def test_what_is_as_declared_is_left_alone() -> None:
    scene = Scene(web_fleet(), postgres_fleet())
    scene.in_service()
    plan = planned(scene)
    assert plan.actions == plan.withheld == ()
    assert plan.converged


# In place


def test_a_users_tag_is_set_back() -> None:
    scene = web()
    tags = {**scene.instances[OCCUPANT].tags, "team": "checkout", "extra": "stays"}
    scene.change(OCCUPANT, tags=tags)
    step = the_action(scene)
    assert step.request == SetTags(resource_id=OCCUPANT, tags={"team": "shop"})
    assert step.changes == (Change(field="tags.team", old="checkout", new="shop"),)
    assert (step.course, step.reason) == (Course.CORRECT, Reason.DRIFT)


def test_security_groups_are_set_back() -> None:
    scene = web()
    scene.change(OCCUPANT, security_groups=("sg-other", "sg-service"))
    step = the_action(scene)
    assert step.request == SetSecurityGroups(instance_id=OCCUPANT, security_groups=("sg-service",))
    (change,) = step.changes
    assert (change.old, change.new) == ("sg-other, sg-service", "sg-service")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("imds_v2_required", Change(field="metadata.httpTokens", old="optional", new="required")),
        (
            "tags_in_metadata",
            Change(field="metadata.instanceMetadataTags", old="disabled", new="enabled"),
        ),
    ],
)
def test_metadata_options_are_set_back(field: str, change: Change) -> None:
    scene = web()
    scene.change(OCCUPANT, **{field: False})
    step = the_action(scene)
    assert step.request == SetMetadataOptions(instance_id=OCCUPANT)
    assert step.changes == (change,)


@pytest.mark.parametrize(
    ("declared", "field", "old", "new"),
    [
        ({"size_gib": 300}, "size", "200GiB", "300GiB"),
        ({"type": "io2", "iops": 4000}, "type", "gp3", "io2"),
        ({"iops": 6000}, "iops", None, "6000"),
        ({"throughput_mib_s": 250}, "throughput", None, "250"),
    ],
)
def test_a_volume_is_modified_in_place(
    declared: dict[str, Any], field: str, old: str | None, new: str
) -> None:
    step = the_action_of(DATABASE, postgres(claims=(data_claim(**declared),)))
    assert isinstance(step.request, ResizeVolume)
    assert Change(field=f"{VOLUME}.{field}", old=old, new=new) in step.changes


def test_what_is_left_out_of_a_claim_is_ec2s_to_choose() -> None:
    scene = postgres()
    scene.change(VOLUME, iops=3000, throughput_mib_s=125)
    assert done(scene) == []


def test_a_volume_never_shrinks_and_that_is_told() -> None:
    plan = planned(postgres(claims=(data_claim(size_gib=100),)))
    assert plan.actions == ()
    assert any("a volume never shrinks" in note for note in plan.notes)


def test_encryption_is_set_when_a_volume_is_made_and_that_is_told() -> None:
    plan = planned(postgres(claims=(data_claim(encrypted=False),)))
    assert plan.actions == ()
    assert any("only a new volume can change that" in note for note in plan.notes)


def the_action_of(text: str, scene: Scene) -> Any:
    (step,) = [item for item in planned(scene).actions if str(item.slot) == text]
    return step


def test_a_volume_that_would_die_with_its_instance_is_kept_whatever_the_health() -> None:
    for ailing in (False, True):
        scene = postgres()
        if ailing:
            scene.sick(DATABASE, Sign.SYSTEM_CHECK, lasting=MINUTE)
        (attachment,) = scene.instances[DATABASE_ID].attachments
        doomed = replace(attachment, delete_on_termination=True)
        scene.change(DATABASE_ID, attachments=(doomed,))
        assert the_action(scene).request == KeepVolumeOnTermination(
            instance_id=DATABASE_ID, volume_id=VOLUME, device="/dev/sdf"
        )


DATABASE_ID = instance_id(DATABASE)


def test_two_volumes_that_would_die_are_kept_by_two_operations() -> None:
    claims = (data_claim(), data_claim("wal", device="/dev/sdg"))
    scene = Scene(postgres_fleet(replicas=1, claims=claims))
    scene.in_service()
    doomed = tuple(
        replace(item, delete_on_termination=True)
        for item in scene.instances[DATABASE_ID].attachments
    )
    scene.change(DATABASE_ID, attachments=doomed)
    assert done(scene) == [f"keep-volume {DATABASE}"] * 2


def test_a_volume_that_came_with_its_instance_gets_its_claims_name() -> None:
    scene = postgres()
    without(scene, VOLUME, Tag.CLAIM)
    step = the_action(scene)
    assert step.request == SetTags(resource_id=VOLUME, tags={"fleet-reconciler:claim": "data"})
    assert step.reason is Reason.CLAIM_NAMED


def test_the_date_of_service_is_written_once() -> None:
    scene = web()
    without(scene, OCCUPANT, Tag.IN_SERVICE_SINCE)
    step = the_action(scene)
    assert step.request == SetTags(
        resource_id=OCCUPANT,
        tags={"fleet-reconciler:in-service-since": "2026-04-21T12:00:00Z"},
    )


def test_two_changes_of_the_same_tags_are_never_sent_under_one_operation() -> None:
    scene = web()
    without(scene, OCCUPANT, Tag.IN_SERVICE_SINCE)
    scene.declare(web_fleet(instance=instance_spec(tags={"team": "storefront"})))
    assert done(scene) == ["tag web/0", "tag web/1", "tag web/2"]


def test_a_correction_under_way_is_not_begun_again() -> None:
    scene = web()
    scene.change(OCCUPANT, security_groups=("sg-other",))
    scene.began(the_action(scene), state=IntentState.ACCEPTED)
    assert done(scene) == []
    assert bucket(scene, "web/0") is Bucket.WAITING


def test_groups_that_were_changed_by_hand_are_set_back_before_the_service_is_given_up() -> None:
    scene = Scene(web_fleet(health=health_spec(http_probe())))
    scene.in_service()
    scene.sick("web/0", Sign.PROBE, lasting=4 * MINUTE)
    scene.change(OCCUPANT, security_groups=("sg-other",))
    assert done(scene) == ["security-groups web/0"]


# What only a launch sets

NEW_IMAGE = instance_spec(image="ami-0000000000000000f")


@pytest.mark.parametrize(
    ("spec", "field", "old", "new"),
    [
        (
            {"image": "ami-0000000000000000f"},
            "image",
            "ami-0abc1234def567890",
            "ami-0000000000000000f",
        ),
        ({"types": ("m7i.large",)}, "type", "m6i.large", "m7i.large"),
        ({"instance_profile": "web"}, "instanceProfile", None, "web"),
        ({"user_data": user_data()}, "userData", None, "a8076d3d28d21e02"),
    ],
)
def test_with_on_replace_a_launch_field_is_told_and_waits(
    spec: dict[str, Any], field: str, old: str | None, new: str
) -> None:
    scene = web()
    scene.declare(web_fleet(instance=instance_spec(**spec)))
    plan = planned(scene)
    assert plan.actions == plan.withheld == ()
    assert f"web/0: changes at its next replacement: {field} {old} → {new}" in plan.notes


def test_another_declared_type_or_zone_is_no_drift() -> None:
    scene = web()
    scene.change(OCCUPANT, type="m5.large", zone="use1-az4")
    assert planned(scene).notes == ()


def test_a_rolling_update_begins_with_one_replacement() -> None:
    scene = web(update=UpdateStrategy.ROLLING)
    scene.declare(web_fleet(update=UpdateStrategy.ROLLING, instance=NEW_IMAGE))
    step = the_action(scene)
    assert isinstance(step.request, LaunchInstance)
    assert step.course is Course.UPDATE
    assert held(scene) == ["max-unavailable web/1", "max-unavailable web/2"]


def test_a_rolling_update_waits_while_another_slot_is_in_trouble() -> None:
    scene = web(update=UpdateStrategy.ROLLING)
    scene.declare(web_fleet(update=UpdateStrategy.ROLLING, instance=NEW_IMAGE))
    scene.sick("web/2", Sign.SYSTEM_CHECK, lasting=MINUTE)
    assert done(scene) == []
    assert held(scene) == ["max-unavailable web/0", "max-unavailable web/1"]


def test_an_image_that_could_not_be_resolved_is_no_drift() -> None:
    parameter = instance_spec(image=SsmImage(ssm="/images/web"))
    scene = web()
    scene.declare(web_fleet(update=UpdateStrategy.ROLLING, instance=parameter))
    assert done(scene) == held(scene) == []


def updating(image: str) -> Scene:
    """A healthy original, and a replacement that was launched with that image."""
    fleet = web_fleet(update=UpdateStrategy.ROLLING)
    scene = Scene(fleet)
    scene.in_service()
    scene.declare(replace(fleet, instance=NEW_IMAGE))
    scene.instance("web/0", incarnation=2, role=Role.REPLACEMENT, age=20 * MINUTE)
    scene.change(instance_id("web/0", 2), image=image)
    return scene


def of_the_slot(scene: Scene) -> list[Any]:
    return [item.request for item in planned(scene).actions if str(item.slot) == "web/0"]


def test_an_update_is_committed_when_its_replacement_is_healthy() -> None:
    (request,) = of_the_slot(updating("ami-0000000000000000f"))
    assert isinstance(request, SetTags)
    assert request.commit


def test_a_replacement_of_a_spec_that_changed_again_is_undone() -> None:
    new = instance_id("web/0", 2)
    assert of_the_slot(updating("ami-00000000000000bad")) == [TerminateInstance(instance_id=new)]


def test_a_replacement_of_an_update_that_was_taken_back_is_undone() -> None:
    scene = updating("ami-0000000000000000f")
    scene.declare(web_fleet(update=UpdateStrategy.ROLLING))
    assert of_the_slot(scene) == [TerminateInstance(instance_id=instance_id("web/0", 2))]


def test_with_on_replace_an_original_that_recovers_stays_although_its_image_is_old() -> None:
    scene = updating("ami-0000000000000000f")
    scene.declare(web_fleet(update=UpdateStrategy.ON_REPLACE, instance=NEW_IMAGE))
    assert of_the_slot(scene) == [TerminateInstance(instance_id=instance_id("web/0", 2))]


# What fits nowhere


def test_a_second_replacement_is_reclaimed_after_the_grace() -> None:
    for age, expected in ((30 * MINUTE, []), (HOUR, ["terminate web/0"])):
        scene = web()
        stray = scene.instance("web/0", incarnation=1, role=Role.REPLACEMENT, age=age)
        copy = replace(stray, id="i-0stray")
        del scene.instances[stray.id]
        scene.in_service("web/0")
        scene.instances[copy.id] = copy
        assert done(scene) == expected


def test_two_that_claim_the_slot_are_a_conflict() -> None:
    scene = web()
    scene.instances["i-0twin"] = replace(scene.instances[OCCUPANT], id="i-0twin")
    hold = the_hold(scene)
    assert hold.gate is Gate.CONFLICT
    assert "claims the slot as well" in hold.reason


def test_a_volume_on_an_instance_of_another_slot_is_a_conflict() -> None:
    scene = postgres()
    scene.detached(VOLUME)
    scene.attached(VOLUME, instance_id("shared-postgres/1"), device="/dev/sdz")
    assert the_hold(scene).gate is Gate.CONFLICT


def test_two_volumes_for_one_claim_are_a_conflict() -> None:
    scene = postgres()
    scene.detached(VOLUME)
    scene.volumes["vol-0twin"] = replace(scene.volumes[VOLUME], id="vol-0twin")
    hold = the_hold(scene)
    assert hold.gate is Gate.CONFLICT
    assert "several volumes fill it" in hold.reason


def test_an_instance_that_exists_without_our_tags_is_an_incident_and_never_gone() -> None:
    scene = web()
    without(scene, OCCUPANT, Tag.OWNER)
    hold = the_hold(scene)
    assert hold.gate is Gate.TAGS_REMOVED
    assert OCCUPANT in hold.reason


@pytest.mark.parametrize("value", [None, "7", "none"])
def test_an_edited_incarnation_is_an_incident_and_moves_nothing(value: str | None) -> None:
    scene = web()
    tags = {k: v for k, v in scene.instances[OCCUPANT].tags.items() if k != Tag.INCARNATION}
    scene.change(OCCUPANT, tags=tags if value is None else {**tags, Tag.INCARNATION.value: value})
    assert the_hold(scene).gate is Gate.TAGS_REMOVED


def test_an_instance_whose_slot_tag_was_edited_moves_nowhere() -> None:
    scene = web()
    tags = {**scene.instances[OCCUPANT].tags, Tag.SLOT.value: "1"}
    scene.change(OCCUPANT, tags=tags)
    assert set(held(scene)) == {"tags-removed web/0", "conflict web/1"}
    assert done(scene) == []


def test_an_instance_without_a_role_is_taken_for_the_occupant_and_told_so() -> None:
    scene = web()
    without(scene, OCCUPANT, Tag.ROLE)
    step = the_action(scene)
    assert step.request == SetTags(resource_id=OCCUPANT, tags={"fleet-reconciler:role": "occupant"})


def test_an_instance_without_a_readable_slot_is_left_for_a_person() -> None:
    scene = web()
    stray = scene.instance("web/0", incarnation=2)
    scene.remembering(known={k: v for k, v in scene.memory.known.items() if k != stray.id})
    without(scene, stray.id, Tag.SLOT)
    assert the_hold(scene).gate is Gate.ORPHAN
