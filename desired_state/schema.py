"""The JSON Schema of both kinds of document, for editors: generated from the models and committed.

With `# yaml-language-server: $schema=<path of schema.json>` on its first line, editors check and complete a file.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from desired_state.documents.fleet import FleetDocument
from desired_state.documents.policy import SafetyPolicyDocument
from desired_state.load import DEFAULT_POLICY_FILE
from desired_state.reading.parse import parse
from desired_state.reading.quantities import format_duration
from desired_state.reading.source import read_source
from desired_state.reading.tree import YamlMapping

SCHEMA_FILE = Path(__file__).parent / "schema.json"

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_AnyDocument = Annotated[FleetDocument | SafetyPolicyDocument, Field(discriminator="kind")]


def json_schema() -> dict[str, Any]:
    """The schema of one document, of either kind."""
    schema = TypeAdapter(_AnyDocument).json_schema(schema_generator=SchemaOfFiles)
    _show_default_policy(schema["$defs"])
    return {"$schema": DIALECT, "title": "Desired state of the fleet reconciler", **schema}


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(json_schema(), indent=2) + "\n"


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Bring the committed schema up to date with the models."""
    path.write_text(schema_text(), encoding="utf-8")


class SchemaOfFiles(GenerateJsonSchema):
    """As files are written: no nulls, durations as `10m`, and no titles that repeat the key."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        mapping = super().dict_schema(schema)
        # Keys are either matched by a pattern or refused.
        return mapping | ({"additionalProperties": False} if "patternProperties" in mapping else {})

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return format_duration(dft)
        if isinstance(dft, dict):
            return {self.encode_default(key): self.encode_default(dft[key]) for key in dft}
        encoded = super().encode_default(dft)
        return _without_nulls(encoded) if isinstance(encoded, dict) else encoded

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the hook's signature
        return False


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


def _show_default_policy(definitions: dict[str, Any]) -> None:
    """The defaults of a policy stand in a file of their own; editors show them all the same."""
    (default,) = parse(read_source(DEFAULT_POLICY_FILE)).documents
    spec = default["spec"]
    assert isinstance(spec, YamlMapping)  # noqa: S101 - a committed file, tested
    for key, value in spec.items():
        definitions["SafetyPolicySpec"]["properties"][key]["default"] = value
