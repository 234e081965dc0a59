"""How open intents end. Told with a cell in which one thing happened, and an observation of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from providers.observed import (
    Attachment,
    AttachmentState,
    Gap,
    GapSubject,
    InstanceState,
    Observation,
    Presence,
    Volume,
    VolumeState,
)
from providers.requests import (
    AttachVolume,
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
from reconciler.planning.actions import Action
from reconciler.planning.identity import Tag
from reconciler.planning.intents import MOVES, Intent, IntentState
from reconciler.planning.memory import Memory
from reconciler.planning.settling import (
    Missing,
    Resend,
    Settled,
    Settlement,
    Waiting,
    memory_after,
    settle,
)
from tests.support.acting import action_of, launch_of
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, postgres_fleet, safety_policy, web_fleet
from tests.support.resources import NOW, instance_id, volume_id

POLICY = safety_policy()
WINDOW = POLICY.consistency_window
WEB = instance_id("web/0")
DB = instance_id("shared-postgres/0")
DATA = volume_id("shared-postgres/0")


def observed(**changes: Any) -> Observation:
    """Everything in service, as seen just now."""
    scene = Scene(web_fleet(replicas=2), postgres_fleet(replicas=1))
    scene.in_service()
    return replace(scene.case().observation, as_of=NOW, **changes)


def without(observation: Observation, key: str) -> Observation:
    """The same view with that instance or volume in no list."""
    instances = {k: v for k, v in observation.instances.items() if k != key}
    volumes = {k: v for k, v in observation.volumes.items() if k != key}
    return replace(observation, instances=instances, volumes=volumes)


def seen_as(key: str, **changes: Any) -> Observation:
    """Everything in service, but that instance or volume reads so."""
    view = observed()
    if key in view.instances:
        changed = replace(view.instances[key], **changes)
        return replace(view, instances={**view.instances, key: changed})
    return replace(view, volumes={**view.volumes, key: replace(view.volumes[key], **changes)})


def launched(action: Action, **changes: Any) -> Observation:
    """Everything in service, and an instance with that launch's operation tag."""
    view = observed()
    made = replace(
        view.instances[WEB],
        id="i-made",
        client_token=None,
        tags={**view.instances[WEB].tags, Tag.OPERATION: action.operation_id},
        launched_at=NOW - MINUTE,
        **changes,
    )
    return replace(view, instances={**view.instances, "i-made": made})


def blind(view: Observation, subject: GapSubject, zone: str | None = None) -> Observation:
    """The same view with a gap."""
    gap = Gap(subject=subject, zone=zone, code="Unavailable", detail="")
    return replace(view, gaps=(gap,))


def later(view: Observation, by: timedelta) -> Observation:
    """The same things seen again."""
    return replace(view, as_of=view.as_of + by)


def intent_of(
    action: Action,
    state: IntentState = IntentState.BEGUN,
    *,
    ago: timedelta = 30 * SECOND,
    **fields: Any,
) -> Intent:
    """That action in the journal."""
    return Intent(action=action, state=state, begun_at=NOW - ago, updated_at=NOW - ago, **fields)


def settled_one(intent: Intent, view: Observation, now: datetime | None = None) -> Settlement:
    (settlement,) = settle([intent], view, POLICY, now or view.as_of)
    if isinstance(settlement, Settled):
        assert settlement.state in MOVES[intent.state], "the store would refuse this move"
    return settlement


def on_web(request_type: Any, **fields: Any) -> Action:
    return action_of("web/0", request_type(instance_id=WEB, **fields))


ATTACH = AttachVolume(volume_id=DATA, instance_id=DB, device="/dev/sdf")
DETACH = DetachVolume(volume_id=DATA, instance_id=DB, device="/dev/sdf")


def on_db(request: Request) -> Action:
    return action_of("shared-postgres/0", request)


def held(state: AttachmentState, *, on: str = DB, device: str = "/dev/sdf") -> tuple[Attachment]:
    return (
        Attachment(
            volume_id=DATA,
            instance_id=on,
            device=device,
            state=state,
            delete_on_termination=False,
        ),
    )


# Launches.

LAUNCH = launch_of("web/0", incarnation=2)


@pytest.mark.parametrize("state", [IntentState.BEGUN, IntentState.ACCEPTED, IntentState.ABANDONED])
def test_a_launch_is_observed_once_its_instance_runs(state: IntentState) -> None:
    settlement = settled_one(intent_of(LAUNCH, state), launched(LAUNCH))
    assert settlement == Settled(
        operation_id=LAUNCH.operation_id,
        state=IntentState.OBSERVED,
        resource_id="i-made",
        detail="i-made is running",
    )


def test_a_launch_is_found_by_its_id_when_its_tags_are_gone() -> None:
    view = launched(LAUNCH)
    bare = replace(view.instances["i-made"], tags={}, client_token=None)
    view = replace(view, instances={**view.instances, "i-made": bare})
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    assert isinstance(settled_one(intent, view), Settled)


def test_a_launch_is_found_by_its_client_token() -> None:
    view = observed()
    made = replace(view.instances[WEB], id="i-made", client_token=LAUNCH.operation_id)
    view = replace(view, instances={**view.instances, "i-made": made})
    settlement = settled_one(intent_of(LAUNCH), view)
    assert isinstance(settlement, Settled)
    assert settlement.resource_id == "i-made"


def test_a_pending_launch_without_an_answer_is_accepted_by_being_seen() -> None:
    view = launched(LAUNCH, state=InstanceState.PENDING)
    settlement = settled_one(intent_of(LAUNCH), view)
    assert isinstance(settlement, Settled)
    assert (settlement.state, settlement.resource_id) == (IntentState.ACCEPTED, "i-made")


def test_a_pending_launch_waits_until_its_deadline_and_is_dead_then() -> None:
    view = launched(LAUNCH, state=InstanceState.PENDING)
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    deadline = NOW - MINUTE + POLICY.deadlines.pending
    assert settled_one(intent, view) == Waiting(
        operation_id=LAUNCH.operation_id, why="i-made is pending", until=deadline
    )
    settlement = settled_one(intent, replace(view, as_of=deadline))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


@pytest.mark.parametrize("state", [InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED])
@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_a_launch_that_ended_is_dead_and_says_why(state: InstanceState, known: IntentState) -> None:
    view = launched(LAUNCH, state=state, state_reason="Server.InsufficientInstanceCapacity")
    settlement = settled_one(intent_of(LAUNCH, known), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD
    assert "Server.InsufficientInstanceCapacity" in settlement.detail


@pytest.mark.parametrize("state", [InstanceState.STOPPING, InstanceState.STOPPED])
def test_a_launch_that_someone_stopped_since_did_come_up(state: InstanceState) -> None:
    settlement = settled_one(intent_of(LAUNCH), launched(LAUNCH, state=state))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED


@pytest.mark.parametrize("gap", [None, GapSubject.INSTANCES])
def test_an_unanswered_launch_is_sent_again_even_blindly_since_its_token_looks_it_up(
    gap: GapSubject | None,
) -> None:
    view = blind(observed(), gap) if gap else observed()
    assert isinstance(settled_one(intent_of(LAUNCH), view), Resend)


def test_an_unanswered_launch_is_abandoned_after_ten_minutes() -> None:
    intent = intent_of(LAUNCH, ago=POLICY.deadlines.ambiguous)
    settlement = settled_one(intent, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.ABANDONED


def test_a_slot_has_at_most_one_abandoned_launch() -> None:
    first = intent_of(launch_of("web/0", incarnation=2), IntentState.ABANDONED, ago=30 * MINUTE)
    second = intent_of(launch_of("web/0", incarnation=3), ago=20 * MINUTE)
    other_slot = intent_of(launch_of("web/1", incarnation=3), ago=20 * MINUTE)
    _, here, there = settle([first, second, other_slot], observed(), POLICY, NOW)
    assert isinstance(here, Waiting)
    assert isinstance(there, Settled)


def test_a_launch_is_not_abandoned_while_its_zone_cannot_be_read() -> None:
    zone = LAUNCH.request.zone
    intent = intent_of(LAUNCH, ago=20 * MINUTE)
    assert isinstance(settled_one(intent, blind(observed(), GapSubject.INSTANCES, zone)), Waiting)
    elsewhere = blind(observed(), GapSubject.INSTANCES, "use1-az4")
    assert isinstance(settled_one(intent, elsewhere), Settled)


def test_an_accepted_launch_is_lost_only_after_two_looks_a_window_apart() -> None:
    intent = intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made")
    view = observed(by_id={"i-made": Presence.NOT_FOUND})
    assert settled_one(intent, view) == Missing(
        operation_id=LAUNCH.operation_id, first_missed_at=NOW
    )
    missed = replace(intent, first_missed_at=NOW)
    almost = settled_one(missed, later(view, WINDOW - SECOND))
    assert isinstance(almost, Waiting)
    assert almost.until == NOW + WINDOW
    settlement = settled_one(missed, later(view, WINDOW))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


@pytest.mark.parametrize("presence", [None, Presence.UNREADABLE, Presence.FOUND])
def test_an_id_that_was_not_refuted_is_never_lost(presence: Presence | None) -> None:
    intent = intent_of(
        LAUNCH,
        IntentState.ACCEPTED,
        ago=60 * MINUTE,
        resource_id="i-made",
        first_missed_at=NOW - 30 * MINUTE,
    )
    view = observed(by_id={"i-made": presence} if presence else {})
    assert isinstance(settled_one(intent, view), Waiting)


def test_an_abandoned_launch_proves_lost_in_time() -> None:
    intent = intent_of(LAUNCH, IntentState.ABANDONED, ago=30 * MINUTE)
    assert isinstance(settled_one(intent, observed()), Missing)
    missed = replace(intent, first_missed_at=NOW - WINDOW)
    settlement = settled_one(missed, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


def test_the_window_starts_again_after_our_own_last_write() -> None:
    intent = replace(
        intent_of(LAUNCH, IntentState.ACCEPTED, resource_id="i-made"),
        first_missed_at=NOW - 60 * MINUTE,
        updated_at=NOW - WINDOW + SECOND,
    )
    view = observed(by_id={"i-made": Presence.NOT_FOUND})
    assert isinstance(settled_one(intent, view), Waiting)


# What a state of a named instance proves.

STATES = tuple(InstanceState)
PROVES = {
    TerminateInstance: {InstanceState.TERMINATED: IntentState.OBSERVED},
    StopInstance: {
        InstanceState.STOPPED: IntentState.OBSERVED,
        InstanceState.TERMINATED: IntentState.OBSERVED,
    },
    StartInstance: {
        InstanceState.RUNNING: IntentState.OBSERVED,
        InstanceState.SHUTTING_DOWN: IntentState.DEAD,
        InstanceState.TERMINATED: IntentState.DEAD,
    },
}


@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("request_type", PROVES, ids=lambda item: item.__name__)
def test_what_each_state_proves(
    request_type: Any, state: InstanceState, known: IntentState
) -> None:
    settlement = settled_one(intent_of(on_web(request_type), known), seen_as(WEB, state=state))
    expected = PROVES[request_type].get(state)
    if expected:
        assert isinstance(settlement, Settled)
        assert settlement.state is expected
    else:
        assert isinstance(settlement, Waiting | Resend)


@pytest.mark.parametrize(
    ("request_type", "fields", "under_way", "deadline"),
    [
        (TerminateInstance, {}, InstanceState.SHUTTING_DOWN, POLICY.deadlines.terminate),
        (StopInstance, {}, InstanceState.STOPPING, POLICY.deadlines.stop),
        (StopInstance, {"forced": True}, InstanceState.STOPPING, POLICY.deadlines.stop_forced),
        (StartInstance, {}, InstanceState.PENDING, POLICY.deadlines.pending),
    ],
)
def test_what_is_under_way_past_its_deadline_lets_the_slot_escalate(
    request_type: Any, fields: dict[str, Any], under_way: InstanceState, deadline: timedelta
) -> None:
    intent = intent_of(on_web(request_type, **fields), IntentState.ACCEPTED, ago=timedelta(0))
    view = seen_as(WEB, state=under_way)
    assert settled_one(intent, later(view, deadline - SECOND)) == Waiting(
        operation_id=intent.action.operation_id,
        why=f"{WEB} is {under_way}",
        until=NOW + deadline,
    )
    settlement = settled_one(intent, later(view, deadline))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_a_view_that_is_older_than_the_call_proves_nothing() -> None:
    view = seen_as(WEB, state=InstanceState.STOPPED)
    stop = on_web(StopInstance)
    assert isinstance(settled_one(intent_of(stop, ago=-SECOND), view), Waiting)
    assert isinstance(settled_one(intent_of(stop, ago=timedelta(0)), view), Settled)


@pytest.mark.parametrize("request_type", PROVES, ids=lambda item: item.__name__)
def test_a_gap_proves_nothing_whatever_else_is_seen(request_type: Any) -> None:
    state = next(iter(PROVES[request_type]))
    view = blind(seen_as(WEB, state=state), GapSubject.INSTANCES)
    intent = intent_of(on_web(request_type), ago=60 * MINUTE, first_missed_at=NOW - 30 * MINUTE)
    assert isinstance(settled_one(intent, view), Waiting)


def test_a_gap_elsewhere_holds_nothing_up() -> None:
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    zone = view.instances[WEB].zone
    other = next(key for key in view.zones if key != zone)
    intent = intent_of(on_web(TerminateInstance))
    assert isinstance(settled_one(intent, blind(view, GapSubject.INSTANCES, other)), Settled)
    assert isinstance(settled_one(intent, blind(view, GapSubject.INSTANCES, zone)), Waiting)


def test_a_reboot_leaves_no_trace_and_counts_as_done() -> None:
    for known in (IntentState.BEGUN, IntentState.ACCEPTED):
        view = blind(observed(), GapSubject.INSTANCES)
        settlement = settled_one(intent_of(on_web(RebootInstance), known), view)
        assert isinstance(settlement, Settled)
        assert settlement.state is IntentState.OBSERVED


# Calls without an answer and without an effect.


@pytest.mark.parametrize("request_type", [TerminateInstance, StopInstance])
def test_a_disruptive_call_is_sent_again_only_while_its_plan_would_still_hold(
    request_type: Any,
) -> None:
    action = on_web(request_type)
    fresh = intent_of(action, ago=POLICY.plan_expires_after - SECOND)
    assert isinstance(settled_one(fresh, observed()), Resend)
    stale = intent_of(action, ago=POLICY.plan_expires_after)
    assert isinstance(settled_one(stale, observed()), Missing)


def test_a_disruptive_call_without_effect_is_lost_and_decided_afresh() -> None:
    stale = intent_of(on_web(TerminateInstance), ago=10 * MINUTE, first_missed_at=NOW - WINDOW)
    settlement = settled_one(stale, observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


def test_a_start_is_sent_again_for_as_long_as_it_may_be_ambiguous() -> None:
    view = seen_as(WEB, state=InstanceState.STOPPED)
    ambiguous = POLICY.deadlines.ambiguous
    start = on_web(StartInstance)
    assert isinstance(settled_one(intent_of(start, ago=ambiguous - SECOND), view), Resend)
    assert isinstance(settled_one(intent_of(start, ago=ambiguous), view), Missing)


@pytest.mark.parametrize(
    ("request_type", "expected"),
    [
        (TerminateInstance, IntentState.OBSERVED),
        (StopInstance, IntentState.OBSERVED),
        (StartInstance, IntentState.LOST),
    ],
)
def test_an_instance_that_is_positively_gone_ends_its_intents(
    request_type: Any, expected: IntentState
) -> None:
    view = without(observed(by_id={WEB: Presence.NOT_FOUND}), WEB)
    intent = intent_of(on_web(request_type), IntentState.ACCEPTED)
    assert isinstance(settled_one(intent, view), Missing)
    settlement = settled_one(replace(intent, first_missed_at=NOW - WINDOW), view)
    assert isinstance(settlement, Waiting), "our own write is younger than the window"
    old = replace(intent, first_missed_at=NOW - WINDOW, updated_at=NOW - WINDOW)
    settlement = settled_one(old, view)
    assert isinstance(settlement, Settled)
    assert settlement.state is expected


def test_an_instance_in_no_list_that_was_not_asked_for_is_waited_for() -> None:
    intent = intent_of(on_web(TerminateInstance), ago=60 * MINUTE)
    assert isinstance(settled_one(intent, without(observed(), WEB)), Waiting)


# Attachments.


@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_an_attach_is_observed_once_exactly_it_is_attached(known: IntentState) -> None:
    view = seen_as(DATA, attachments=held(AttachmentState.ATTACHED))
    settlement = settled_one(intent_of(on_db(ATTACH), known), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED


@pytest.mark.parametrize(
    "attachments",
    [
        held(AttachmentState.ATTACHED, on="i-other"),
        held(AttachmentState.ATTACHED, device="/dev/sdg"),
        (),
    ],
    ids=["another instance", "another device", "none"],
)
def test_another_attachment_is_not_ours(attachments: tuple[Attachment, ...]) -> None:
    view = seen_as(DATA, attachments=attachments)
    assert isinstance(settled_one(intent_of(on_db(ATTACH)), view), Missing)


def test_an_attach_is_never_sent_again_since_it_has_no_token() -> None:
    view = seen_as(DATA, attachments=(), state=VolumeState.AVAILABLE)
    for ago in (SECOND, 5 * MINUTE, 60 * MINUTE):
        assert not isinstance(settled_one(intent_of(on_db(ATTACH), ago=ago), view), Resend)


@pytest.mark.parametrize("known", [IntentState.BEGUN, IntentState.ACCEPTED])
def test_an_attach_of_a_volume_that_stays_available_is_lost_after_the_window(
    known: IntentState,
) -> None:
    view = seen_as(DATA, attachments=(), state=VolumeState.AVAILABLE)
    intent = intent_of(on_db(ATTACH), known, ago=WINDOW, first_missed_at=NOW - WINDOW)
    settlement = settled_one(intent, view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.LOST


def test_an_attach_that_hangs_lets_the_slot_escalate_at_its_deadline() -> None:
    view = seen_as(DATA, attachments=held(AttachmentState.ATTACHING))
    deadline = POLICY.deadlines.attach
    intent = intent_of(on_db(ATTACH), IntentState.ACCEPTED, ago=timedelta(0))
    assert isinstance(settled_one(intent, later(view, deadline - SECOND)), Waiting)
    settlement = settled_one(intent, later(view, deadline))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_an_attach_to_an_instance_that_ended_can_never_be_seen() -> None:
    view = seen_as(DB, state=InstanceState.TERMINATED)
    free = replace(view.volumes[DATA], attachments=(), state=VolumeState.AVAILABLE)
    view = replace(view, volumes={**view.volumes, DATA: free})
    settlement = settled_one(intent_of(on_db(ATTACH), IntentState.ACCEPTED), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


@pytest.mark.parametrize("state", [VolumeState.ERROR, VolumeState.DELETING, VolumeState.DELETED])
def test_an_attach_of_a_volume_that_is_broken_or_going_is_dead(state: VolumeState) -> None:
    view = seen_as(DATA, attachments=(), state=state)
    settlement = settled_one(intent_of(on_db(ATTACH)), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


@pytest.mark.parametrize(
    "attachments",
    [
        (),
        held(AttachmentState.DETACHED),
        held(AttachmentState.ATTACHED, on="i-other"),
        held(AttachmentState.ATTACHED, device="/dev/sdg"),
    ],
    ids=["available", "detached", "on another instance", "attached anew under another name"],
)
def test_a_detach_is_observed_once_that_attachment_is_gone(
    attachments: tuple[Attachment, ...],
) -> None:
    view = seen_as(DATA, attachments=attachments)
    settlement = settled_one(intent_of(on_db(DETACH)), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED


@pytest.mark.parametrize("state", [AttachmentState.DETACHING, AttachmentState.BUSY])
def test_a_detach_that_hangs_lets_the_slot_escalate_at_its_deadline(
    state: AttachmentState,
) -> None:
    view = seen_as(DATA, attachments=held(state))
    intent = intent_of(on_db(DETACH), IntentState.ACCEPTED, ago=timedelta(0))
    assert isinstance(settled_one(intent, later(view, 5 * MINUTE)), Waiting)
    settlement = settled_one(intent, later(view, POLICY.deadlines.detach))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_volumes_that_cannot_be_read_prove_nothing() -> None:
    view = blind(seen_as(DATA, attachments=()), GapSubject.VOLUMES)
    assert isinstance(settled_one(intent_of(on_db(DETACH)), view), Waiting)


# Values that are read back.


def volume_as(volume: Volume, **changes: Any) -> ResizeVolume:
    wanted = {
        "volume_id": volume.id,
        "size_gib": volume.size_gib,
        "type": volume.type,
        "iops": volume.iops,
        "throughput_mib_s": volume.throughput_mib_s,
        **changes,
    }
    return ResizeVolume(**wanted)


READ_BACK: dict[str, tuple[Request, Request]] = {
    "tags of an instance": (
        SetTags(resource_id=WEB, tags={"team": "shop"}),
        SetTags(resource_id=WEB, tags={"team": "other"}),
    ),
    "tags of a volume": (
        SetTags(resource_id=DATA, tags={Tag.CLAIM: "data"}),
        SetTags(resource_id=DATA, tags={Tag.CLAIM: "logs"}),
    ),
    "security groups": (
        SetSecurityGroups(instance_id=WEB, security_groups=("sg-service",)),
        SetSecurityGroups(instance_id=WEB, security_groups=("sg-service", "sg-more")),
    ),
    "size": (
        volume_as(observed().volumes[DATA]),
        volume_as(observed().volumes[DATA], size_gib=999),
    ),
    "rate": (
        volume_as(observed().volumes[DATA], iops=None),
        volume_as(observed().volumes[DATA], iops=16_000),
    ),
}


@pytest.mark.parametrize(("same", "different"), READ_BACK.values(), ids=READ_BACK)
def test_a_change_is_observed_once_it_reads_as_set(same: Request, different: Request) -> None:
    slot = "shared-postgres/0" if DATA in str(same) else "web/0"
    settlement = settled_one(intent_of(action_of(slot, same)), observed())
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.OBSERVED
    unset = action_of(slot, different)
    assert isinstance(settled_one(intent_of(unset), observed()), Resend)
    accepted = intent_of(unset, IntentState.ACCEPTED, ago=timedelta(0))
    assert isinstance(settled_one(accepted, observed()), Waiting)
    settlement = settled_one(accepted, later(observed(), POLICY.deadlines.ambiguous))
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


def test_metadata_options_are_observed_once_both_read_as_set() -> None:
    intent = intent_of(on_web(SetMetadataOptions))
    assert isinstance(settled_one(intent, observed()), Settled)
    assert isinstance(settled_one(intent, seen_as(WEB, tags_in_metadata=False)), Resend)
    assert isinstance(settled_one(intent, seen_as(WEB, imds_v2_required=False)), Resend)


def test_a_kept_volume_is_observed_once_it_no_longer_goes_with_its_instance() -> None:
    keep = on_db(KeepVolumeOnTermination(instance_id=DB, volume_id=DATA, device="/dev/sdf"))
    assert isinstance(settled_one(intent_of(keep), observed()), Settled)
    (attachment,) = held(AttachmentState.ATTACHED)
    doomed = (replace(attachment, delete_on_termination=True),)
    assert isinstance(settled_one(intent_of(keep), seen_as(DB, attachments=doomed)), Resend)


def test_changes_of_an_instance_that_ended_are_dead() -> None:
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    tags = action_of("web/0", SetTags(resource_id=WEB, tags={"team": "other"}))
    settlement = settled_one(intent_of(tags, IntentState.ACCEPTED), view)
    assert isinstance(settlement, Settled)
    assert settlement.state is IntentState.DEAD


# All of it.


@pytest.mark.parametrize("state", sorted(set(IntentState) - {"begun", "accepted", "abandoned"}))
def test_intents_that_have_ended_are_passed_over(state: IntentState) -> None:
    assert settle([intent_of(LAUNCH, state)], observed(), POLICY, NOW) == ()


def test_every_open_intent_gets_one_settlement_in_their_order() -> None:
    intents = [
        intent_of(launch_of("web/1", incarnation=2)),
        intent_of(on_web(StopInstance)),
        intent_of(on_db(ATTACH)),
    ]
    settlements = settle(intents, observed(), POLICY, NOW)
    assert [item.operation_id for item in settlements] == [
        item.action.operation_id for item in intents
    ]


def test_a_dry_run_plans_on_what_the_run_would_have_journaled() -> None:
    gone = intent_of(on_web(TerminateInstance), IntentState.ACCEPTED)
    lost = intent_of(LAUNCH, IntentState.ABANDONED, ago=60 * MINUTE)
    waits = intent_of(on_db(ATTACH))
    before = Memory(open_intents=(gone, waits), recent_intents=(lost,))
    view = seen_as(WEB, state=InstanceState.TERMINATED)
    view = replace(
        view, volumes={**view.volumes, DATA: replace(view.volumes[DATA], attachments=())}
    )
    settlements = settle((gone, waits, lost), view, POLICY, NOW)
    after = memory_after(before, settlements, NOW)
    assert [item.action for item in after.open_intents] == [waits.action]
    assert after.open_intents[0].first_missed_at == NOW
    states = {item.action.operation_id: item.state for item in after.recent_intents}
    assert states == {
        gone.action.operation_id: IntentState.OBSERVED,
        lost.action.operation_id: IntentState.ABANDONED,
    }
