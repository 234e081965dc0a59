"""What is stored comes back exactly, and what cannot be read is said to be so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from providers.requests import (
    AttachVolume,
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    RebootInstance,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.health.capabilities import (
    BreakerState,
    Capabilities,
    Capability,
    CapabilityKind,
)
from reconciler.health.conditions import (
    Condition,
    Conditions,
    ConditionVerdict,
    Count,
    RememberedCondition,
    Scope,
    ScopeKind,
)
from reconciler.health.reads import Look, RememberedReads
from reconciler.health.verdict import RememberedHealth, Sign, Status
from reconciler.planning.actions import Change
from reconciler.planning.case import Case
from reconciler.planning.memory import Override
from reconciler.planning.plan import plan
from reconciler.store.encoding import (
    decode_action,
    decode_case,
    decode_health,
    encode_action,
    encode_case,
    encode_health,
)
from tests.support.actions import data_volume, launch, launch_request, terminate
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, postgres_fleet, web_fleet
from tests.support.resources import NOW

REQUESTS: tuple[Request, ...] = (
    launch_request("web/1"),
    launch_request("web/1", volumes=(data_volume(), data_volume(iops=6000, snapshot_id="snap-1"))),
    TerminateInstance(instance_id="i-1"),
    StopInstance(instance_id="i-1"),
    StopInstance(instance_id="i-1", forced=True),
    StartInstance(instance_id="i-1"),
    RebootInstance(instance_id="i-1"),
    AttachVolume(volume_id="vol-1", instance_id="i-1", device="/dev/sdf"),
    DetachVolume(volume_id="vol-1", instance_id="i-1", device="/dev/sdf"),
    SetTags(resource_id="i-1", tags={"team": "größe", "": ""}),
    SetTags(resource_id="i-1", tags={}, commit=True),
    SetSecurityGroups(instance_id="i-1", security_groups=("sg-1", "sg-2")),
    KeepVolumeOnTermination(instance_id="i-1", volume_id="vol-1", device="/dev/sdf"),
    SetMetadataOptions(instance_id="i-1"),
    ResizeVolume(volume_id="vol-1", size_gib=9, type="gp3", iops=None, throughput_mib_s=1),
    CreateSnapshot(volume_id="vol-1", due_at=NOW, tags={"team": "größe"}),
    CreateSnapshots(
        instance_id="i-1",
        volume_ids=("vol-1", "vol-2"),
        left_out=("vol-3",),
        due_at=NOW,
        tags={"team": "data"},
    ),
    DeleteSnapshot(snapshot_id="snap-1", restore_point_id="snap-2", due_at=NOW),
    DeleteSnapshot(snapshot_id="snap-1", restore_point_id=None, due_at=NOW),
    CopySnapshot(
        snapshot_id="snap-1",
        from_region="us-east-1",
        to_region="eu-west-1",
        encrypted=True,
        kms_key_id=None,
        due_at=NOW,
        tags={"team": "data"},
    ),
    DeleteCopy(region="eu-west-1", snapshot_id="snap-1", restore_point_id="snap-2", due_at=NOW),
    DeleteCopy(region="eu-west-1", snapshot_id="snap-1", restore_point_id=None, due_at=NOW),
    DeleteVolume(
        volume_id="vol-1",
        quarantined_until=NOW,
        final_snapshot_id="snap-1",
        restore_point_ids=("snap-2", "snap-3"),
    ),
    DeleteVolume(
        volume_id="vol-1", quarantined_until=NOW, final_snapshot_id=None, restore_point_ids=()
    ),
)


def scene() -> Scene:
    """A cell with both kinds of fleet, open and closed intents, and something of everything remembered."""
    told = Scene(web_fleet(replicas=3), postgres_fleet(replicas=2))
    told.in_service()
    told.terminated("web/1")
    told.began(launch("web/1", incarnation=2))
    told.remembering(highest_incarnations={launch("web/1").slot: 2})
    told.paused("web")
    told.no_capacity("use1-az1", "m6i.large")
    return told


def braked(case: Case) -> Case:
    """The case with something of all that brakes."""
    zone = Scope(ScopeKind.ZONE, "use1-az1")
    sick = ConditionVerdict(
        scope=zone,
        condition=Condition.CRITICAL,
        since=NOW,
        reason="4 of 9 instances do not serve",
        counts=(Count(what="instances", sick=4, of=9),),
    )
    launches = Capability(kind=CapabilityKind.LAUNCH, zone=zone.name, state=BreakerState.OPEN)
    remembered = RememberedCondition(condition=Condition.CRITICAL, since=NOW, calm_since=NOW)
    unread = RememberedReads(looks=(Look(at=NOW, lacked="Unavailable"),), open_since=NOW)
    given = Override(reason="real", given_at=NOW, expires_at=NOW + HOUR, given_by="erin")
    return replace(
        case,
        conditions=Conditions(verdicts={zone: sick}, broken_fleets={"web": "2 of 3"}, blind="5"),
        capabilities=Capabilities(of_zones={(zone.name, CapabilityKind.LAUNCH): launches}),
        memory=replace(
            case.memory,
            conditions={zone: remembered},
            reads={zone.name: unread},
            override=given,
            recorded_since=NOW,
        ),
    )


def test_a_case_comes_back_with_all_that_brakes() -> None:
    case = braked(scene().case())
    assert decode_case(encode_case(case)) == case


def test_a_case_that_was_recorded_before_there_were_brakes_is_read_as_one_without() -> None:
    case = scene().case()
    raw = json.loads(encode_case(case))
    for part in ("conditions", "capabilities"):
        del raw[part]
    for name in ("conditions", "reads", "override", "recorded_since"):
        del raw["memory"][name]
    assert decode_case(json.dumps(raw)) == replace(
        case, memory=replace(case.memory, recorded_since=None)
    )


@pytest.mark.parametrize("key", ["use1-az1", "town use1-az1", 7])
def test_a_place_that_is_none_is_said_to_be_damage(key: Any) -> None:
    raw = json.loads(encode_case(scene().case()))
    raw["memory"]["conditions"] = {key: {}}
    with pytest.raises(ValueError, match="damaged"):
        decode_case(json.dumps(raw))


def test_every_kind_of_request_has_an_example_here() -> None:
    assert {type(request) for request in REQUESTS} == set(get_args(Request))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda item: item.kind)
def test_an_action_comes_back_exactly(request_: Request) -> None:
    changes = (Change(field="size", old=None, new="9"),)
    action = replace(terminate("web/1"), request=request_, changes=changes)
    decoded = decode_action(encode_action(action))
    assert decoded == action
    assert type(decoded.request) is type(request_)


def test_an_orphan_without_a_slot_comes_back_exactly() -> None:
    orphan = replace(terminate("web/1"), slot=None)
    assert decode_action(encode_action(orphan)) == orphan


def test_remembered_health_comes_back_exactly() -> None:
    health = RememberedHealth(
        status=Status.UNHEALTHY,
        status_since=NOW,
        since=dict.fromkeys(Sign, NOW),
        healthy_at=NOW - MINUTE,
        probe_failures=2,
    )
    assert decode_health(encode_health(health)) == health


@pytest.mark.parametrize("decode", [decode_action, decode_health])
def test_what_is_not_understood_is_said_with_its_place(decode: Any) -> None:
    with pytest.raises(ValueError, match="is not readable: "):
        decode('{"status": "merry", "request": {"kind": "levitate"}}')


def test_a_recorded_case_comes_back_exactly_and_plans_the_same() -> None:
    case = scene().case()
    decoded = decode_case(encode_case(case))
    assert decoded == case
    assert plan(decoded) == plan(case)


def test_recording_the_same_case_twice_gives_the_same_file() -> None:
    case = scene().case()
    assert encode_case(decode_case(encode_case(case))) == encode_case(case)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        ("[" * 5_000, "it is not JSON"),
        ("[]", "record one with `reconciler observe`"),
        ('{"kind": "Fleet"}', "record one with `reconciler observe`"),
        ('{"format": 99, "observation": {}}', "has format 99, this version reads format 1"),
        ('{"format": null, "observation": {}}', "has format null"),
        ('{"format": 1, "observation": {}}', "is damaged: now: Field required"),
    ],
)
def test_a_file_that_is_no_case_gets_one_clear_message(text: str | bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        decode_case(text)


def test_a_damaged_case_is_refused_with_the_places_of_its_faults() -> None:
    raw = json.loads(encode_case(scene().case()))
    raw["observation"]["as_of"] = "yesterday"
    raw["memory"]["highest_incarnations"] = {"web": 1}
    with pytest.raises(ValueError, match="'web' is not a slot"):
        decode_case(json.dumps(raw))
    raw["memory"]["highest_incarnations"] = {}
    with pytest.raises(ValueError, match=r"is damaged: observation\.as_of: "):
        decode_case(json.dumps(raw))
