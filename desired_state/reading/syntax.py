"""What a YAML parser complains of, in words that say what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from desired_state.reading.diagnostics import Diagnostic
from desired_state.reading.source import Source
from desired_state.reading.tree import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explanation:
    """`sign` is looked for in the parser's context and problem; `{line}` is where the context begins.

    The place told is that of the problem, or with `at_beginning` that of the context.
    """

    sign: re.Pattern[str]
    message: str
    hint: str | None = None
    at_beginning: bool = False


# Both parsers, libyaml's and the pure-Python one, are covered; their wording differs.
_EXPLANATIONS = (
    _Explanation(
        sign=re.compile(r"mapping values are not allowed"),
        message="a `: ` cannot stand here",
        hint="check the indentation of this line and the one above, or put the text in quotes",
    ),
    _Explanation(
        sign=re.compile(r"while scanning a quoted scalar.*unexpected end", re.DOTALL),
        message="the quoted text that begins here does not end",
        hint="close it, or double a quote that is part of it",
        at_beginning=True,
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
        sign=re.compile(r"while scanning an (?:alias|anchor)"),
        message="`*` and `&` cannot begin a value",
        hint="put the value in quotes",
        at_beginning=True,
    ),
    _Explanation(
        sign=re.compile(r"expected (?:the )?node content"),
        message="a value cannot begin so",
        hint="put the value in quotes",
    ),
    _Explanation(
        sign=re.compile(r"could not find expected ':'"),
        message="a key without `:`",
        hint="write `key: value`, with a space after the colon",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a block mapping", re.DOTALL),
        message="this does not fit the mapping that begins on line {line}",
        hint="check the indentation and the quotes",
    ),
    _Explanation(
        sign=re.compile(r"while parsing a block collection", re.DOTALL),
        message="this does not fit the list that begins on line {line}",
        hint="check the indentation and the quotes",
    ),
)


def explain_syntax_error(source: Source, error: Exception) -> Diagnostic:
    """A diagnostic for an error of the parser, with its place where the parser tells it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Diagnostic(file=source.file, message=f"cannot be read as YAML: {error}")
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Diagnostic(file=source.file, message=f"cannot be read as YAML: {error.problem}")
    place = _place(source, mark)
    began = _place(source, error.context_mark or mark)
    said = f"{error.context or ''} {error.problem or ''}"
    if "cannot start any token" in said:
        return _explain_character(source, place)
    if "node content" in said and _is_at_end(source, place):
        return source.diagnostic(place, "the file ends in the middle of a list or a mapping")
    for explanation in _EXPLANATIONS:
        if explanation.sign.search(said):
            message = explanation.message.format(line=began[0])
            at = began if explanation.at_beginning else place
            return source.diagnostic(at, message, hint=explanation.hint)
    return source.diagnostic(place, f"cannot be read as YAML: {error.problem}")


def _place(source: Source, mark: yaml.Mark) -> Place:
    """The mark's place; the parsers put the end of a file on a line of its own."""
    if mark.line >= len(source.lines):
        return len(source.lines), len(source.lines[-1]) + 1
    return mark.line + 1, mark.column + 1


def _is_at_end(source: Source, place: Place) -> bool:
    line, column = place
    rest = [source.lines[line - 1][column - 1 :], *source.lines[line:]]
    return not any(text.strip() for text in rest)


def _explain_character(source: Source, place: Place) -> Diagnostic:
    line, column = place
    character = source.lines[line - 1][column - 1 : column]
    if character == "\t":
        return source.diagnostic(place, "a tab cannot indent", hint="use spaces")
    return source.diagnostic(
        place, f"'{character}' cannot begin a value", hint="put the value in quotes"
    )
