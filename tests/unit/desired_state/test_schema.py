"""The committed JSON Schema: up to date, valid, and in agreement with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from desired_state.load import POLICIES, SHIPPED_POLICIES
from desired_state.schema import DIALECT, SCHEMA_FILE, json_schema, schema_text, write_schema
from tests.unit.desired_state.test_resolving import EVERY_FIELD
from tests.unit.desired_state.written import POLICY, POSTGRES, WEB, refusal_of, with_change


def complaints(document: str) -> list[str]:
    """What an editor would underline."""
    validator = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(yaml.safe_load(document))]


def test_the_committed_schema_is_what_the_models_generate() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run `make schema`"


def test_the_schema_can_be_written_again(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert (tmp_path / "schema.json").read_bytes() == SCHEMA_FILE.read_bytes()


def test_the_schema_is_a_valid_one_of_its_draft() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    assert "$id" not in schema
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "document",
    [
        *(WEB, POSTGRES, POLICY, EVERY_FIELD),
        *((POLICIES / f"{name}.yaml").read_text(encoding="utf-8") for name in SHIPPED_POLICIES),
    ],
    ids=["web", "postgres", "policy", "every field", *SHIPPED_POLICIES],
)
def test_the_schema_accepts_what_the_loader_takes(document: str) -> None:
    assert complaints(document) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("replicas: 6", "replica: 6"),
        ("replicas: 6", "replicas: six"),
        ("replicas: 6", "replicas: 5001"),
        ("replicas: 6", "replicas:"),
        ("replicas: 6", "replicas: 6\n  mode: automatic"),
        ("kind: Fleet", "kind: Fleets"),
        ("reconciler/v1", "reconciler/v2"),
        ('"210987654321"', "210987654321"),
        ("name: web", "name: Web"),
        ("[m6i.large]", "[m6i.large, m6i.large]"),
        ("use1-az2: subnet-2", "Zone 2: subnet-2"),
        ("use1-az2: subnet-2", "use1-az2: vpc-2"),
        ("{tcp: 80}", "{tcp: 80, interval: 10}"),
        ("{tcp: 80}", "{tcp: 0}"),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(old: str, new: str) -> None:
    document = with_change(WEB, old, new)
    assert refusal_of(document)
    assert complaints(document)


def described(node: Any, where: str = "") -> list[str]:
    """The places of properties without a description of their own or of what they refer to."""
    missing = []
    for name, field in node.get("properties", {}).items():
        if name not in {"apiVersion", "kind"} and not {"description", "$ref"} & set(field):
            missing.append(f"{where}.{name}")
    return missing


def test_every_field_is_described() -> None:
    definitions = json_schema()["$defs"]
    assert [gap for name, node in definitions.items() for gap in described(node, name)] == []
    assert [name for name, node in definitions.items() if not node.get("description")] == []


def test_optional_fields_cannot_be_null_because_leaving_them_out_says_it() -> None:
    assert '"null"' not in schema_text()
