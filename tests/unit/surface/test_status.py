from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.planning.actions import Bucket, Course, Gate, Withheld
from reconciler.planning.intents import IntentState
from reconciler.planning.losses.asking import STAND_IN
from reconciler.planning.orders import OrderKind
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.store.passes import PassSummary
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import plain_text
from reconciler.surface.status import Standing, status_lines, statuses_document
from tests.support.actions import launch
from tests.support.cases import Scene
from tests.support.fleets import MINUTE, SECOND, web_fleet
from tests.support.resources import NOW, instance_id, slot


def outcome(text: str, bucket: Bucket, summary: str = "", **fields: str) -> SlotOutcome:
    """Where a slot stands."""
    return SlotOutcome(
        slot=slot(text), bucket=bucket, summary=summary, instance_id=fields.get("instance")
    )


def standing(*outcomes: SlotOutcome, scene: Scene | None = None) -> Standing:
    """A cell with these slots, looked at 12 s after its last pass."""
    counts = {bucket: sum(item.bucket is bucket for item in outcomes) for bucket in Bucket}
    fleet = FleetSummary(name="web", declared=True, replicas=len(outcomes), tier=2, counts=counts)
    return Standing(
        case=(scene or Scene(web_fleet())).case(),
        plan=Plan(made_at=NOW, slots=outcomes, fleets=(fleet,)),
        last_pass=PassSummary(as_of=NOW - 12 * SECOND, complete=True, counts={}),
    )


def text(given: Standing) -> str:
    """The status as a pipe would get it."""
    return plain_text(status_lines(given, width=100))


def test_a_healthy_cell_is_a_header_a_line_per_fleet_and_a_sentence() -> None:
    healthy = [outcome(f"web/{number}", Bucket.HEALTHY) for number in range(3)]
    assert text(standing(*healthy)).partition("observed")[2] == (
        "   2026-04-21T12:00:00Z: 0 instances, 0 volumes\n"
        "last pass  2026-04-21T11:59:48Z, 12 s ago\n"
        "\n"
        "Fleets\n"
        "  web  tier 2  3 declared  3 healthy\n"
        "\n"
        "All 3 slots are healthy.\n"
    )


def test_every_slot_that_is_not_healthy_is_named_with_its_instance_and_why() -> None:
    shown = text(
        standing(
            outcome("web/0", Bucket.HEALTHY),
            outcome("web/1", Bucket.WAITING, "starting: 40 s of 10 min", instance="i-0a"),
            outcome("web/2", Bucket.UNKNOWN, "not seen"),
            outcome("web/3", Bucket.UNKNOWN, "not seen"),
        )
    )
    assert "  web/1  waiting  i-0a: starting: 40 s of 10 min\n" in shown
    assert "  web/2, web/3  unknown  not seen\n" in shown
    assert "web/0" not in shown
    assert shown.endswith("1 of 4 slots healthy.\n")


def test_a_store_without_a_pass_says_that_nothing_worked_here_yet() -> None:
    given = Standing(case=Scene().case(), plan=Plan(made_at=NOW), last_pass=None)
    assert "none on record" in text(given)


def test_what_is_under_way_is_listed_with_how_long_it_takes_already() -> None:
    scene = Scene(web_fleet())
    scene.began(launch("web/1"), ago=4 * MINUTE, state=IntentState.ACCEPTED)
    shown = text(standing(scene=scene))
    assert "  web/1  launch m6i.large in use1-az2, accepted for 4 min\n" in shown


def test_what_people_said_and_what_ec2_refused_is_shown_while_it_is_in_force() -> None:
    scene = Scene(web_fleet())
    scene.paused("*")
    scene.approved("web-1-a1b2c3", Gate.APPROVE)
    scene.no_capacity("use1-az1", "m6i.large")
    scene.no_capacity("use1-az2", "m6i.large", ago=60 * MINUTE)
    shown = " ".join(text(standing(scene=scene)).split())
    assert (
        "* the whole cell paused by erin until 2026-04-21T15:00:00Z, in 3 h: maintenance" in shown
    )
    assert "* web-1-a1b2c3 approved by erin (mode-approve) until 2026-04-22T12:00:00Z" in shown
    assert "* m6i.large in use1-az1 passed over until 2026-04-21T12:02:00Z" in shown
    assert "use1-az2" not in shown


def test_a_loss_that_was_taken_and_what_was_ordered_are_shown_with_who_said_it() -> None:
    scene = Scene(web_fleet())
    scene.approved("web-1-a1b2c3", Gate.RESTORE, max_loss=180 * MINUTE)
    scene.approved("web-2-a1b2c3", Gate.RESTORE, empty=True)
    scene.ordered("web/1", OrderKind.RESTORE, snapshot_id="snap-1", reason="a table was dropped")
    given = standing(scene=scene)
    shown = " ".join(text(given).split())
    assert "web-1-a1b2c3 approved by erin (restore, for a loss of 3 h at most) until" in shown
    assert "web-2-a1b2c3 approved by erin (restore, with an empty stand-in) until" in shown
    until = "2026-04-22T12:00:00Z, in 1 d"
    said = f"* web/1 to be restored from snap-1, ordered by erin until {until}: a table was dropped"
    assert said in shown
    (cell,) = statuses_document([given])["cells"]
    assert [item["maxLoss"] for item in cell["approvals"]] == [10_800.0, None]
    assert [item["kind"] for item in cell["orders"]] == ["restore"]


def test_what_waits_for_a_person_is_listed_with_the_commands_that_let_it_go() -> None:
    def asked(number: int, gate: Gate, **fields: Any) -> Withheld:
        return Withheld(
            slot=slot(f"web/{number}"), course=Course.RESTORE, gate=gate, reason="", **fields
        )

    given = standing()
    withheld = (
        asked(0, Gate.PAUSED),
        asked(1, Gate.APPROVE, approval_id="web-1-a1b2c3"),
        asked(2, Gate.APPROVE, approval_id="web-2-a1b2c3"),
        asked(
            3, Gate.RESTORE, approval_id="web-3-a1b2c3", loss=180 * MINUTE, alternatives=(STAND_IN,)
        ),
        asked(4, Gate.FENCE, earliest_release=NOW, confirmable_id="i-0a"),
    )
    shown = text(replace(given, plan=replace(given.plan, withheld=withheld)))
    assert (
        "Waiting for a person\n"
        "  web/1, web/2  restore (mode-approve)\n"
        "      reconciler approve web-1-a1b2c3 web-2-a1b2c3\n"
        "  web/3  restore (restore), would lose 3 h of writes\n"
        "      reconciler approve web-3-a1b2c3\n"
        "      reconciler approve web-3-a1b2c3 --empty\n"
        "  web/4  restore (fence)\n"
        "      reconciler fence web/4\n"
        '      reconciler fence web/4 --confirmed "how you know that i-0a is off"\n'
    ) in shown


def test_a_cold_cell_says_what_ends_the_cold() -> None:
    scene = Scene(web_fleet())
    scene.instance("web/0")
    scene.cold()
    assert "`reconciler resume --cold`" in " ".join(text(standing(scene=scene)).split())


def test_the_same_as_json_has_every_slot_and_all_that_is_in_force() -> None:
    scene = Scene(web_fleet())
    scene.paused("web")
    scene.began(launch("web/1"))
    given = standing(outcome("web/0", Bucket.HEALTHY, instance=instance_id("web/0")), scene=scene)
    document = statuses_document([given])
    json_text(document)
    (cell,) = document["cells"]
    assert document["kind"] == "status"
    assert [item["slot"] for item in cell["slots"]] == ["web/0"]
    assert [item["scope"] for item in cell["pauses"]] == ["web"]
    assert [item["state"] for item in cell["openIntents"]] == ["begun"]
    assert cell["lastPass"]["asOf"] == "2026-04-21T11:59:48Z"


def test_files_that_were_refused_are_said_before_anything_else() -> None:
    refused = "the changed files are invalid, the last good ones stay in force:\nweb.yaml:3:1: x"
    given = standing(outcome("web/0", Bucket.HEALTHY))
    last = PassSummary(as_of=NOW, complete=True, counts={}, refused=refused)
    shown = text(replace(given, last_pass=last))
    assert "Desired state refused: the changed files are invalid" in shown
    assert shown.index("web.yaml:3:1: x") < shown.index("Fleets")
