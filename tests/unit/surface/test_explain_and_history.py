from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.health.verdict import Sign, Status, Verdict
from reconciler.planning.actions import Action, Bucket, Course, Gate, Withheld
from reconciler.planning.memory import Override
from reconciler.planning.orders import Order, OrderKind
from reconciler.planning.outcome import Plan, SlotOutcome
from reconciler.store.journal import HistoryEntry
from reconciler.store.words import GivenOrder, GivenOverride
from reconciler.surface.explain import UnknownSlot, explain_document, explain_lines
from reconciler.surface.history import (
    History,
    histories_document,
    history_lines,
    whole_history_lines,
)
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import plain_text
from tests.support.actions import launch, terminate
from tests.support.cases import Scene
from tests.support.fleets import DAY, HOUR, MINUTE, postgres_fleet
from tests.support.resources import NOW, instance_id, slot, volume_id
from tests.support.verdicts import failing

SLOT = slot("shared-postgres/1")


def entry(action: Action, event: str, **fields: object) -> HistoryEntry:
    """One line of the journal."""
    given = {
        "at": NOW - 4 * MINUTE,
        "resource_id": None,
        "error_code": None,
        "message": None,
        "epoch": 1,
        **fields,
    }
    return HistoryEntry(action=action, event=event, **given)  # type: ignore[arg-type]


def unhealthy() -> Verdict:
    """A system check that has failed for five minutes."""
    return failing(Sign.SYSTEM_CHECK, since=NOW - 5 * MINUTE)


def held_plan() -> Plan:
    """The slot is unhealthy and its repair is withheld."""
    outcome = SlotOutcome(
        slot=SLOT,
        bucket=Bucket.WITHHELD,
        summary="system check fails for 5 min",
        instance_id=instance_id(str(SLOT)),
        verdict=unhealthy(),
        next_check_at=NOW + 2 * MINUTE,
        to_come=("attach the volume to the replacement",),
    )
    held = Withheld(
        slot=SLOT,
        course=Course.REPAIR,
        gate=Gate.APPROVE,
        reason="the fleet is in mode approve",
        approval_id="shared-postgres-1-a1b2c3",
    )
    return Plan(made_at=NOW, slots=(outcome,), withheld=(held,))


def explained(plan: Plan, *history: HistoryEntry, width: int = 100) -> str:
    """The story of the slot as a pipe would get it."""
    scene = Scene(postgres_fleet())
    scene.in_service()
    return plain_text(explain_lines(scene.case(), plan, SLOT, history, width=width))


def test_a_slot_is_explained_from_where_it_stands_to_what_was_done() -> None:
    shown = explained(held_plan(), entry(launch(str(SLOT)), "begun"))
    headings = ["Verdict", "To come", "Held back", "What would change it", "History"]
    positions = [shown.index(f"\n{heading}\n") for heading in headings]
    assert positions == sorted(positions)
    assert shown.startswith("shared-postgres/1  withheld  system check fails for 5 min\n")


def test_the_instance_and_volume_that_hold_the_slot_are_shown() -> None:
    shown = " ".join(explained(held_plan()).split())
    instance, volume = instance_id(str(SLOT)), volume_id(str(SLOT))
    assert f"{instance} running, m6i.large in use1-az2, occupant, incarnation 1" in shown
    assert f"{volume} in-use, 200 GiB gp3 in use1-az2, claim data, attached to {instance}" in shown


def test_the_verdict_comes_with_its_evidence_source_and_since() -> None:
    shown = explained(held_plan())
    assert "  unhealthy since 2026-04-21T11:55:00Z, 5 min ago; not serving\n" in shown
    assert "  bad      system-check (ec2): fails, since 2026-04-21T11:55:00Z, 5 min ago\n" in shown


def test_what_holds_it_comes_with_what_lets_it_go_and_when_time_does() -> None:
    shown = explained(held_plan())
    assert "release   reconciler approve shared-postgres-1-a1b2c3\n" in shown
    assert "  * mode-approve opens with approve it, or declare mode auto\n" in shown
    assert "  * time alone, at 2026-04-21T12:02:00Z, in 2 min\n" in shown


def test_an_empty_slot_says_that_there_is_nothing_to_judge() -> None:
    outcome = SlotOutcome(slot=SLOT, bucket=Bucket.ACTING, summary="no instance yet")
    plan = Plan(made_at=NOW, slots=(outcome,), actions=(launch(str(SLOT)),))
    shown = plain_text(explain_lines(Scene(postgres_fleet()).case(), plan, SLOT, (), width=100))
    assert "instance  none is observed\n" in shown
    assert "None: there is no instance to judge." in shown
    assert "Planned now\n  + shared-postgres/1  launch m6i.large" in shown
    assert "Nothing was done: the journal holds no action for this." in shown


def test_a_healthy_slot_says_what_would_change_that() -> None:
    verdict = Verdict(status=Status.HEALTHY, since=NOW, serving=True)
    outcome = SlotOutcome(slot=SLOT, bucket=Bucket.HEALTHY, summary="healthy", verdict=verdict)
    assert "  * a bad sign, or a change of its declaration\n" in explained(
        Plan(made_at=NOW, slots=(outcome,))
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("shared-postgres/9", "shared-postgres has shared-postgres/1"),
        ("web/0", "there is no fleet web with slots; there are shared-postgres"),
    ],
)
def test_a_slot_that_is_not_there_is_answered_with_those_that_are(asked: str, said: str) -> None:
    with pytest.raises(UnknownSlot, match=said):
        explain_document(Scene().case(), held_plan(), slot(asked), ())


def test_the_same_as_json_has_resources_verdict_gates_and_history() -> None:
    scene = Scene(postgres_fleet())
    scene.in_service()
    history = (entry(launch(str(SLOT)), "begun"),)
    document = explain_document(scene.case(), held_plan(), SLOT, history)
    json_text(document)
    assert document["verdict"]["status"] == "unhealthy"
    assert [item["id"] for item in document["instances"]] == [instance_id(str(SLOT))]
    assert [item["gate"] for item in document["withheld"]] == ["mode-approve"]
    assert [item["event"] for item in document["history"]] == ["begun"]


def test_history_tells_when_what_and_why_it_was_begun() -> None:
    begun = entry(terminate("web/1", detail="web declares 1 replica"), "begun")
    assert plain_text(history_lines([begun], width=100)) == (
        f"2026-04-21T11:56:00Z  begun      web/1  terminate {instance_id('web/1')}\n"
        "    why       surplus: web declares 1 replica\n"
    )


def test_history_tells_what_was_made_and_what_was_refused() -> None:
    made = entry(launch("web/1"), "accepted", resource_id="i-0a", message="accepted")
    refused = entry(
        launch("web/2"),
        "rejected",
        error_code="InsufficientInstanceCapacity",
        message="no capacity in us-east-1a",
    )
    shown = plain_text(history_lines([made, refused], width=100))
    assert "resource  i-0a\n" in shown
    assert shown.count("accepted") == 1
    assert "error     InsufficientInstanceCapacity: no capacity in us-east-1a\n" in shown


def test_history_as_json_is_told_by_cell() -> None:
    begun = History(cell="1/us-east-1", entries=[entry(launch("web/1"), "begun")])
    document = histories_document([begun])
    json_text(document)
    (cell,) = document["cells"]
    assert cell["cell"] == "1/us-east-1"
    assert cell["entries"][0]["action"]["request"]["kind"] == "launch"


def test_what_was_ordered_stands_among_what_was_done_by_its_date() -> None:
    order = Order(
        slot=slot("web/1"),
        kind=OrderKind.FENCED,
        incarnation=2,
        reason="its host is off",
        given_at=NOW,
        expires_at=NOW + DAY,
        given_by="erin",
        instance_id="i-1",
    )
    before, after = (
        replace(entry(launch("web/1"), "begun"), at=NOW + shift) for shift in (-HOUR, HOUR)
    )
    history = History(
        cell="1/us-east-1",
        entries=[before, after],
        orders=[GivenOrder(order=order, ended_at=NOW + 2 * HOUR)],
    )
    lines = plain_text(whole_history_lines(history, width=100)).splitlines()
    told = [item for item in lines if item.startswith("2026")]
    assert told[1] == "2026-04-21T12:00:00Z  ordered    web/1  fenced by erin: its host is off"
    assert told[3] == "2026-04-21T14:00:00Z  ended      web/1  fenced, ordered 2026-04-21T12:00:00Z"
    (cell,) = histories_document([history])["cells"]
    assert cell["orders"][0]["givenBy"] == "erin"
    assert cell["orders"][0]["endedAt"] == "2026-04-21T14:00:00Z"


def test_what_lifted_the_brakes_stands_among_what_was_done_by_its_date() -> None:
    word = Override(
        reason="the probes are wrong", given_at=NOW, expires_at=NOW + HOUR, given_by="erin"
    )
    history = History(
        cell="1/us-east-1",
        entries=[],
        overrides=[GivenOverride(override=word, ended_at=NOW + HOUR / 2)],
    )
    assert plain_text(whole_history_lines(history, width=200)) == (
        "2026-04-21T12:00:00Z  lifted     the brakes  until 2026-04-21T13:00:00Z by erin: "
        "the probes are wrong\n"
        "2026-04-21T12:30:00Z  ended      the brakes  lifted 2026-04-21T12:00:00Z\n"
    )
    (cell,) = histories_document([history])["cells"]
    assert cell["overrides"][0]["reason"] == "the probes are wrong"
    assert cell["overrides"][0]["endedAt"] == "2026-04-21T12:30:00Z"
