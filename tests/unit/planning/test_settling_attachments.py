"""How an attach and a detach end: by exactly their own attachment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from providers.observed import (
    Attachment,
    AttachmentState,
    GapSubject,
    InstanceState,
    VolumeState,
)
from reconciler.planning.intents import IntentState
from reconciler.planning.settling.settle import (
    Missing,
    Resend,
    Settled,
    Waiting,
)
from tests.support.fleets import MINUTE, SECOND
from tests.support.resources import NOW
from tests.support.settling import (
    ATTACH,
    DATA,
    DB,
    DETACH,
    POLICY,
    WINDOW,
    blind,
    held,
    intent_of,
    later,
    on_db,
    seen_as,
    settled_one,
)


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
