"""From a parsed document to a checked one, or to all that is wrong with it, each at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from desired_state.documents.document import PROBLEMS_ERROR, Problem
from desired_state.documents.vocabulary import known_keys, known_words
from desired_state.reading.diagnostics import (
    Diagnostic,
    Severity,
    described,
    did_you_mean,
    one_of,
    quoted,
)
from desired_state.reading.source import Source
from desired_state.reading.tree import (
    Path,
    YamlMapping,
    dotted,
    existing,
    paths_of_nulls,
    place_of_key,
    place_of_value,
)

MOST_EXPLAINED = 100
"""A document with more errors is of another kind; explaining each would take longer than reading it."""

_Model = TypeVar("_Model", bound=BaseModel)

_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def validate(
    model: type[_Model], tree: YamlMapping, source: Source
) -> tuple[_Model | None, list[Diagnostic]]:
    """The document as the model, or None and a diagnostic for each thing that is wrong."""
    error = None
    try:
        document = model.model_validate(tree)
    except ValidationError as invalid:
        document, error = None, invalid
    diagnostics = list(islice(_all_diagnostics(model, tree, source, error), MOST_EXPLAINED))
    if len(diagnostics) == MOST_EXPLAINED:
        diagnostics[-1] = replace(
            diagnostics[-1], message="there are more errors in this document", hint=None
        )
    return (None if diagnostics else document), diagnostics


def _all_diagnostics(
    model: type[BaseModel], tree: YamlMapping, source: Source, error: ValidationError | None
) -> Iterator[Diagnostic]:
    for path in paths_of_nulls(tree):
        yield _no_value(tree, path, source)
    for detail in error.errors(include_url=False) if error is not None else []:
        yield from _explain(model, tree, source, detail)


def place_problem(
    problem: Problem, tree: YamlMapping, source: Source, severity: Severity = Severity.ERROR
) -> Diagnostic:
    """The diagnostic for a problem; `at` counts from the root of the document.

    Where a step of `at` is not written, the nearest mapping that is stands for it.
    """
    path = existing(tree, problem.at)
    steps = _written_steps(problem.at)
    subject = f"`{dotted(path)}`"
    if steps[-1:] == ["[key]"]:
        place, subject = place_of_key(tree, path), f"a key of `{dotted(path[:-1])}`"
    elif len(path) < len(steps):
        place, subject = place_of_key(tree, path), f"`{dotted(steps)}`"
    else:
        place = place_of_value(tree, path)
    message = f"{subject} {problem.message}"
    return source.diagnostic(place, message, hint=problem.hint, severity=severity)


def _written_steps(path: Path) -> list[str | int]:
    """Without the steps that name an alternative of a union, which stand in parentheses."""
    return [step for step in path if not (isinstance(step, str) and step.startswith("("))]


def _no_value(tree: YamlMapping, path: tuple[str | int, ...], source: Source) -> Diagnostic:
    return source.diagnostic(
        place_of_value(tree, path),
        f"`{dotted(path)}` has no value",
        hint="give it one, or leave the key out for its default",
    )


def _explain(
    model: type[BaseModel], tree: YamlMapping, source: Source, detail: ErrorDetails
) -> Iterator[Diagnostic]:
    """The diagnostics for one of pydantic's errors; a problem of ours may hold several."""
    location = detail["loc"]
    path = existing(tree, location)
    value, kind, context = detail["input"], detail["type"], detail.get("ctx", {})
    if value is None and len(path) == len(_written_steps(location)):
        return  # Told once for all kinds, as a key without a value.
    if kind == PROBLEMS_ERROR:
        for problem in context["problems"]:
            placed = Problem(
                message=problem.message, at=(*location, *problem.at), hint=problem.hint
            )
            yield place_problem(placed, tree, source)
    elif kind == "missing":
        missing = f"`{dotted([*path, location[-1]])}` is missing"
        yield source.diagnostic(place_of_key(tree, path), missing)
    elif kind == "extra_forbidden":
        yield _unknown_key(model, tree, source, path)
    else:
        is_key = location[-1:] == ("[key]",)
        place = place_of_key(tree, path) if is_key else place_of_value(tree, path)
        subject = f"a key of `{dotted(path[:-1])}`" if is_key else f"`{dotted(path)}`"
        message, hint = _wrong_value(model, path, detail, value)
        yield source.diagnostic(place, f"{subject} {message}", hint=hint)


def _unknown_key(
    model: type[BaseModel], tree: YamlMapping, source: Source, path: list[str | int]
) -> Diagnostic:
    key, holder = str(path[-1]), path[:-1]
    known = known_keys(model, holder)
    inside = f" in `{dotted(holder)}`" if holder else ""
    hint = did_you_mean(key, known) or f"known keys: {', '.join(known)}"
    return source.diagnostic(
        place_of_key(tree, path), f"unknown key {quoted(key)}{inside}", hint=hint
    )


def _wrong_value(
    model: type[BaseModel], path: list[str | int], detail: ErrorDetails, value: object
) -> tuple[str, str | None]:
    """The end of the sentence about a value of the wrong kind or size, and the way out."""
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "string_type":
            quotes = f'put it in quotes: "{_as_written(value)}"' if _is_scalar(value) else None
            return f"must be a string, not {described(value)}", quotes
        case "int_type" | "int_from_float":
            return f"must be a whole number, not {described(value)}", _number_hint(value)
        case "float_type":
            return f"must be a number, not {described(value)}", _number_hint(value)
        case "bool_type":
            plain = _BOOLEANS.get(value.lower(), value.lower()) if isinstance(value, str) else ""
            hint = f"write {plain}, without quotes" if plain in {"true", "false"} else None
            return f"must be true or false, not {described(value)}", hint
        case "literal_error" | "enum":
            known = known_words(model, path) or _expected(context)
            hint = did_you_mean(value, known) if isinstance(value, str) else None
            return f"must be {one_of(known)}, not {described(value)}", hint
        case "list_type":
            hint = f"write [{value}]" if isinstance(value, str) else None
            return f"must be a list, not {described(value)}", hint
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping of keys to values, not {described(value)}", None
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {value}", None
        case "less_than_equal":
            return f"must be at most {context['le']}, not {value}", None
        case "too_short" | "string_too_short":
            return "must not be empty", None
        case "too_long" | "string_too_long":
            size = len(value) if isinstance(value, (str, list, dict)) else "more"
            unit = "characters" if isinstance(value, str) else "items"
            return f"must have at most {context['max_length']} {unit}, not {size}", None
        case _:
            return f"{detail['msg']}, not {described(value)}", None


def _number_hint(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    digits = value.replace("_", "").lstrip("0") or "0"
    return f"write {digits}, in decimal and without quotes" if digits.isdecimal() else None


def _is_scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def _as_written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expected(context: dict[str, Any]) -> list[str]:
    return [
        word.strip("' ")
        for word in str(context.get("expected", "")).replace(" or ", ",").split(",")
    ]
