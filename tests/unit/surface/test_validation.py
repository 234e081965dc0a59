from __future__ import annotations

from dataclasses import replace

from desired_state.reading.diagnostics import Diagnostic
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import plain_text
from reconciler.surface.validation import refused_document, valid_document, valid_lines
from tests.support.fleets import desired, postgres_fleet, web_fleet


def test_a_valid_desired_state_is_a_line_per_fleet_and_the_sum() -> None:
    found = desired(web_fleet(paused=True), postgres_fleet())
    assert plain_text(valid_lines(replace(found, warnings=("one zone",)))) == (
        "  shared-postgres  tier 1  3 replicas  mode auto          volumes data 200 GiB"
        "  shared-postgres.yaml:1\n"
        "  web              tier 2  3 replicas  mode auto, paused  no volumes          "
        "  web.yaml:1\n"
        "\n"
        "Valid: 2 fleets with 6 slots, safety policy default; 1 warning.\n"
    )


def test_the_same_as_json_names_every_fleet_and_warning() -> None:
    document = valid_document(replace(desired(postgres_fleet()), warnings=("one zone",)))
    json_text(document)
    assert document["valid"] is True
    assert document["fleets"][0]["claims"] == ["data"]
    assert document["warnings"] == ["one zone"]


def test_errors_as_json_carry_their_position_and_hint() -> None:
    error = Diagnostic(file="web.yaml", message="unknown key", line=5, column=3, hint="replicas?")
    document = refused_document([error])
    json_text(document)
    assert document["valid"] is False
    assert document["errors"][0]["line"] == 5
    assert document["errors"][0]["hint"] == "replicas?"
