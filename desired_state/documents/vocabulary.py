"""Which keys and words a document may use at a path, for suggestions. Read from the JSON Schema of the models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from desired_state.reading.tree import Path


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the mapping at the path may have."""
    return [key for node in _nodes_at(model, path) for key in node.get("properties", {})]


def known_words(model: type[BaseModel], path: Path) -> list[str]:
    """The words that the value at the path may be, when only some are allowed."""
    words: list[str] = []
    for node in _nodes_at(model, path):
        words += node.get("enum", [])
        words += [node["const"]] if "const" in node else []
    return words


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _nodes_at(model: type[BaseModel], path: Path) -> list[dict[str, Any]]:
    schema = _schema(model)
    nodes = list(_alternatives(schema, schema))
    for step in path:
        below = [child for node in nodes for child in _children(node, step)]
        nodes = [alternative for child in below for alternative in _alternatives(schema, child)]
    return nodes


def _children(node: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    if isinstance(step, int):
        if "items" in node:
            yield node["items"]
    elif step in node.get("properties", {}):
        yield node["properties"][step]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _alternatives(schema: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node itself, or what its references and unions lead to."""
    if "$ref" in node:
        yield from _alternatives(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    for union in ("anyOf", "oneOf"):
        for alternative in node.get(union, []):
            yield from _alternatives(schema, alternative)
    if not {"$ref", "anyOf", "oneOf"} & set(node):
        yield node
