"""The plan as JSON: complete, stable, and as docs/plan-json.md describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from providers.observed import GapSubject
from reconciler.health.verdict import Evidence, Sign, Verdict
from reconciler.planning.actions import Action, Bucket, Change, Course, Gate, Withheld
from reconciler.planning.outcome import FleetSummary, Plan, SlotOutcome
from reconciler.surface.json_values import camel, json_text
from reconciler.surface.plan_json import FORMAT_VERSION, plans_document
from tests.support.actions import attach, commit, launch, retag, terminate
from tests.support.cases import Scene
from tests.support.fleets import web_fleet
from tests.support.resources import NOW, instance_id, slot
from tests.support.verdicts import failing

DOCUMENTED = Path(__file__).resolve().parents[3] / "docs" / "plan-json.md"


def full_plan() -> Plan:
    """A plan in which every field is set."""
    verdict = failing(Sign.SYSTEM_CHECK, since=NOW)
    return Plan(
        made_at=NOW,
        actions=(launch("web/0"), attach("web/1"), commit("web/2"), retag("web/3")),
        withheld=(
            Withheld(
                slot=slot("web/4"),
                course=Course.REMOVE,
                gate=Gate.APPROVE,
                reason="mode approve",
                action=terminate("web/4"),
                since=NOW,
                place=1,
                earliest_release=NOW,
                approval_id="web-4-a1b2c3",
            ),
        ),
        slots=(
            SlotOutcome(
                slot=slot("web/0"),
                bucket=Bucket.ACTING,
                summary="unhealthy",
                instance_id=instance_id("web/0"),
                verdict=verdict,
                next_check_at=NOW,
                notes=("a note",),
            ),
        ),
        fleets=(
            FleetSummary(
                name="web",
                declared=True,
                replicas=5,
                tier=2,
                counts={Bucket.ACTING: 4, Bucket.HEALTHY: 0},
            ),
        ),
        notes=("a note",),
        next_check_at=NOW,
        held_since={"web/4|mode-approve": NOW},
    )


def document() -> dict[str, Any]:
    """The full plan as it is printed."""
    scene = Scene(web_fleet(replicas=5))
    scene.in_service()
    scene.gap(GapSubject.PROBES)
    written: dict[str, Any] = json.loads(json_text(plans_document([(scene.case(), full_plan())])))
    return written


def keys_in(value: Any) -> Iterator[str]:
    """Every key anywhere in a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_in(item)


def test_the_document_says_its_version_and_kind() -> None:
    written = document()
    assert written["formatVersion"] == FORMAT_VERSION
    assert written["kind"] == "plan"


def test_no_field_of_a_plan_is_left_out() -> None:
    (cell,) = document()["cells"]
    plan = cell["plan"]
    parts: list[tuple[type, dict[str, Any]]] = [
        (Plan, plan),
        (Action, plan["actions"][0]),
        (Withheld, plan["withheld"][0]),
        (SlotOutcome, plan["slots"][0]),
        (FleetSummary, plan["fleets"][0]),
        (Verdict, plan["slots"][0]["verdict"]),
        (Evidence, plan["slots"][0]["verdict"]["evidence"][0]),
        (Change, plan["actions"][3]["changes"][0]),
    ]
    for kind, written in parts:
        assert {camel(item.name) for item in fields(kind)} <= set(written), kind


def test_a_request_is_complete_and_of_user_data_only_the_hash() -> None:
    (cell,) = document()["cells"]
    launched = cell["plan"]["actions"][0]["request"]
    assert launched["kind"] == "launch"
    assert {"zone", "subnet", "image", "tags", "clientToken", "userDataSha256"} <= set(launched)
    assert "userData" not in set(keys_in(cell))


def test_a_bucket_without_slots_is_left_out_of_the_counts() -> None:
    (cell,) = document()["cells"]
    assert cell["plan"]["fleets"][0]["counts"] == {"acting": 4}


def test_what_could_not_be_read_is_said_with_the_cell() -> None:
    (cell,) = document()["cells"]
    assert [gap["subject"] for gap in cell["gaps"]] == ["probes"]
    assert cell["complete"] is True


def test_the_same_plan_is_written_the_same_way_however_its_mappings_are_ordered() -> None:
    case = Scene().case()
    one = Plan(made_at=NOW, held_since={"a": NOW, "b": NOW})
    other = Plan(made_at=NOW, held_since={"b": NOW, "a": NOW})
    assert json_text(plans_document([(case, one)])) == json_text(plans_document([(case, other)]))


def test_every_key_is_described_in_the_documentation() -> None:
    described = set(re.findall(r"`([A-Za-z0-9]+)`", DOCUMENTED.read_text(encoding="utf-8")))
    free = {key for key in keys_in(document()) if ":" in key or "|" in key} | {"team", "acting"}
    undescribed = set(keys_in(document())) - free - described
    assert undescribed == set()
