"""The JSON Schema of scenarios, for editors: generated from the models and committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from desired_state.schema import DIALECT, SchemaOfFiles
from reconciler.simulation.scenario_document import KEYS, ScenarioDocument

SCENARIO_SCHEMA_FILE = Path(__file__).parent / "scenario.schema.json"


def scenario_schema() -> dict[str, Any]:
    """The schema of one scenario."""
    schema = ScenarioDocument.model_json_schema(schema_generator=SchemaOfFiles)
    one_each = [{"required": [key]} for key in KEYS.values()]
    schema["$defs"]["TroubleDocument"]["oneOf"] = one_each
    return {"$schema": DIALECT, **schema, "title": "Scenario of the fleet reconciler"}


def scenario_schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(scenario_schema(), indent=2) + "\n"


def write_scenario_schema(path: Path = SCENARIO_SCHEMA_FILE) -> None:
    """Bring the committed schema up to date with the models."""
    path.write_text(scenario_schema_text(), encoding="utf-8")
