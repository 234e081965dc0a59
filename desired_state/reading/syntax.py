"""What a YAML parser complains of, in words that say what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from desired_state.reading.diagnostics import Diagnostic
from desired_state.reading.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explanation:
    """`sign` is looked for in the parser's problem and context; `{line}` is where the context begins."""

    sign: re.Pattern[str]
    message: str
    hint: str | None = None


# Both parsers, libyaml's and the pure-Python one, are covered; their wording differs.
_EXPLANATIONS = (
    _Explanation(
        sign=re.compile(r"mapping values are not allowed"),
        message="a `: ` cannot stand here",
        hint="check the indentation of this line and the one above, or put the text in quotes",
    ),
    _Explanation(
        sign=re.compile(r"while scanning a quoted scalar.*unexpected end", re.DOTALL),
        message="the quoted text that begins on line {line} does not end",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a flow sequence", re.DOTALL),
        message="the list that begins on line {line} needs a `,` or a `]` here",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a flow mapping", re.DOTALL),
        message="the mapping that begins on line {line} needs a `,` or a `}}` here",
    ),
    _Explanation(
        sign=re.compile(r"could not find expected ':'"),
        message="a key without `:`",
        hint="write `key: value`, with a space after the colon",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a block mapping", re.DOTALL),
        message="this does not fit the mapping that begins on line {line}",
        hint="check the indentation",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a block collection", re.DOTALL),
        message="this does not fit the list that begins on line {line}",
        hint="check the indentation",
    ),
)


def explain_syntax_error(source: Source, error: Exception) -> Diagnostic:
    """A diagnostic for an error of the parser, with its place where the parser tells it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Diagnostic(file=source.file, message=f"cannot be read as YAML: {error}")
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Diagnostic(file=source.file, message=f"cannot be read as YAML: {error.problem}")
    place = (mark.line + 1, mark.column + 1)
    began = error.context_mark.line + 1 if error.context_mark else place[0]
    said = f"{error.context or ''} {error.problem or ''}"
    if "cannot start any token" in said:
        return _explain_character(source, place)
    for explanation in _EXPLANATIONS:
        if explanation.sign.search(said):
            message = explanation.message.format(line=began)
            return source.diagnostic(place, message, hint=explanation.hint)
    return source.diagnostic(place, f"cannot be read as YAML: {error.problem}")


def _explain_character(source: Source, place: tuple[int, int]) -> Diagnostic:
    line, column = place
    character = source.lines[line - 1][column - 1 : column]
    if character == "\t":
        return source.diagnostic(place, "a tab cannot indent", hint="use spaces")
    return source.diagnostic(
        place, f"`{character}` cannot begin a value", hint="put the value in quotes"
    )
