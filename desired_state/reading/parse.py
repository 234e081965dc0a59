"""Strict YAML: libyaml's events built into values with places, and nothing that surprises.

Of YAML 1.2 this takes mappings with string keys, sequences, and scalars: quoted and block text, `true`, `false`,
`null`, `~`, and plain decimal numbers. Everything else that is plain is text, so that `no`, `012`, `1_000` and
`12:30:00` stay what was written. Duplicate keys, anchors, aliases, merge keys, tags, keys that are not strings and
nesting beyond a limit are refused, each at its place. The pure-Python parser stands in where libyaml is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from desired_state.reading.diagnostics import Diagnostic, quoted
from desired_state.reading.source import Source, has_control_characters
from desired_state.reading.syntax import explain_syntax_error
from desired_state.reading.tree import Place, YamlMapping, YamlSequence, YamlValue

NESTING_LIMIT = 64
"""A fleet is 6 levels deep. The limit keeps hostile input from the interpreter's stack."""

MOST_DOCUMENTS = 1000
"""In one file; a fleet has one, and nobody reads a file with more of them."""

MOST_REFUSED = 100
"""A file with more of them is of another kind; telling each would take longer than reading it."""

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")


class _StopReadingError(Exception):
    """The rest of the file is not worth reading, or not safe to."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The documents of a file that are mappings, and what is wrong with its YAML.

    `refused_places` are the places of values that were refused; later complaints about the same places would only
    repeat the first.
    """

    documents: tuple[YamlMapping, ...]
    diagnostics: tuple[Diagnostic, ...]
    refused_places: frozenset[Place]


def parse(source: Source) -> Parsed:
    """Build the documents of a file. Raises nothing: what is wrong is in the result."""
    builder = _Builder(source)
    try:
        builder.build_all()
    except _StopReadingError as error:
        builder.diagnostics.append(source.diagnostic(error.place, str(error)))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The pure-Python parser lets errors of chr() through for impossible escapes.
        builder.diagnostics.append(explain_syntax_error(source, error))
    return Parsed(
        documents=tuple(builder.documents),
        diagnostics=tuple(builder.diagnostics),
        refused_places=frozenset(builder.refused_places),
    )


class _Builder:
    """Turns events into values, one document after another, collecting what is refused on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents: list[YamlMapping] = []
        self.diagnostics: list[Diagnostic] = []
        self.refused_places: set[Place] = set()
        self._next_event = _new_parser(source.text).get_event

    def refuse(self, place: Place, message: str, hint: str | None = None) -> None:
        if len(self.diagnostics) >= MOST_REFUSED:
            raise _StopReadingError(place, "too many errors: the rest of the file is not read")
        self.diagnostics.append(self.source.diagnostic(place, message, hint=hint))
        self.refused_places.add(place)

    def build_all(self) -> None:
        while type(event := self._next_event()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                self._document()

    def _document(self) -> None:
        event = self._next_event()
        if len(self.documents) == MOST_DOCUMENTS:
            message = f"more than {MOST_DOCUMENTS} documents: the rest of the file is not read"
            raise _StopReadingError(_place(event), message)
        document = self._value(event, depth=1)
        if isinstance(document, YamlMapping):
            self.documents.append(document)
        elif not _is_absent(event):
            # Nothing between two `---` is no document at all, as other tools read it.
            self.refuse(
                _place(event),
                "a document must be a mapping that begins with `apiVersion` and `kind`",
            )

    def _value(self, event: Any, depth: int) -> YamlValue:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            self.refuse(_place(event), f"the alias `*{event.anchor}` is not allowed", _WRITE_OUT)
            return None
        if depth > NESTING_LIMIT:
            raise _StopReadingError(_place(event), f"nested more than {NESTING_LIMIT} levels deep")
        self._refuse_anchor_and_tag(event)
        if kind is MappingStartEvent:
            return self._mapping(event, depth)
        return self._sequence(event, depth)

    def _scalar(self, event: Any) -> YamlValue:
        text: str = event.value
        if event.anchor is not None or event.tag is not None:
            self._refuse_anchor_and_tag(event)
        if has_control_characters(text):
            self.refuse(_place(event), "the text holds a control character", "remove the escape")
        return resolve_plain(text) if event.implicit[0] else text

    def _refuse_anchor_and_tag(self, event: Any) -> None:
        if event.anchor is not None:
            self.refuse(_place(event), f"the anchor `&{event.anchor}` is not allowed", _WRITE_OUT)
        if event.tag is not None:
            self.refuse(
                _place(event),
                f"the tag {quoted(_short_tag(event.tag))} is not allowed",
                "remove it; put text that looks like a number in quotes",
            )

    def _sequence(self, start: Any, depth: int) -> YamlSequence:
        sequence = YamlSequence(_place(start))
        while type(event := self._next_event()) is not SequenceEndEvent:
            sequence.append(self._value(event, depth + 1))
            sequence.item_places.append(_place(event))
        return sequence

    def _mapping(self, start: Any, depth: int) -> YamlMapping:
        mapping = YamlMapping(_place(start))
        while type(event := self._next_event()) is not MappingEndEvent:
            key_place = _place(event)
            key = self._key(event, depth, mapping)
            value_event = self._next_event()
            value = self._value(value_event, depth + 1)
            if key is None:
                continue
            mapping[key] = value
            mapping.key_places[key] = key_place
            mapping.value_places[key] = (
                key_place if _is_absent(value_event) else _place(value_event)
            )
        return mapping

    def _key(self, event: Any, depth: int, mapping: YamlMapping) -> str | None:
        """The key, or None when it was refused."""
        place = _place(event)
        if type(event) is not ScalarEvent:
            self._value(event, depth + 1)
            if type(event) is not AliasEvent:
                self.refuse(place, "a key must be a string, not a list or a mapping")
            return None
        key = self._scalar(event)
        if not isinstance(key, str):
            hint = f'put it in quotes: "{event.value}"'
            self.refuse(place, f"a key must be a string, not {quoted(event.value)}", hint)
            return None
        if key == "<<" and event.implicit[0]:
            self.refuse(place, "the merge key `<<` is not allowed", _WRITE_OUT)
            return None
        if key in mapping:
            first = mapping.key_places[key][0]
            self.refuse(place, f"duplicate key {quoted(key)}, first on line {first}", "remove one")
            return None
        return key


_WRITE_OUT = "write the value out where it is used"


def resolve_plain(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-0123456789":
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _is_absent(event: Any) -> bool:
    """Whether nothing is written where a value could be."""
    return type(event) is ScalarEvent and event.value == "" and event.implicit[0]


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


class _PurePythonParser(Reader, Scanner, Parser):
    """Ten times slower than libyaml's, and the same events."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _new_parser(text: str) -> Any:
    """The parser of libyaml, or the pure-Python one where PyYAML was built without libyaml."""
    try:
        from yaml._yaml import CParser  # noqa: PLC0415 - may be missing
    except ImportError:
        return _PurePythonParser(text)
    return CParser(text)
