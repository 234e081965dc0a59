"""Dataclasses as JSON and back, exactly: actions in the journal, remembered health, recorded cases.

pydantic builds the codecs from the dataclasses' own annotations, so that a field added there is stored here. Unions of
requests are told apart by their literal `kind`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from functools import cache, lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from reconciler.health.capabilities import CapabilityKind
from reconciler.health.conditions import RememberedCondition, Scope
from reconciler.health.reads import RememberedReads
from reconciler.health.verdict import RememberedHealth
from reconciler.health.volumes import RememberedVolume
from reconciler.planning.actions import Action, SlotRef
from reconciler.planning.case import CASE_FORMAT, Case

_SHOWN_FAULTS = 5


class UnreadableError(ValueError):
    """What is in the store was written by a version that this one does not understand, or is damaged."""


DECODED_AT_MOST = 16_384
"""Texts whose objects are kept: a pass reads the same memory as the one before it."""


@cache
def _actions() -> TypeAdapter[Action]:
    return TypeAdapter(Action)


@cache
def _healths() -> TypeAdapter[RememberedHealth]:
    return TypeAdapter(RememberedHealth)


@cache
def _volumes() -> TypeAdapter[RememberedVolume]:
    return TypeAdapter(RememberedVolume)


@cache
def _conditions() -> TypeAdapter[RememberedCondition]:
    return TypeAdapter(RememberedCondition)


@cache
def _reads() -> TypeAdapter[RememberedReads]:
    return TypeAdapter(RememberedReads)


@cache
def _cases() -> TypeAdapter[Case]:
    return TypeAdapter(Case)


def encode_action(action: Action) -> str:
    """The action as JSON, with its whole request: what may be sent again verbatim."""
    return _actions().dump_json(action).decode()


@lru_cache(maxsize=DECODED_AT_MOST)
def decode_action(text: str) -> Action:
    """The action that was encoded; the same object for the same text, since nothing can change it.

    UnreadableError when this version does not understand it.
    """
    try:
        return _actions().validate_json(text)
    except ValidationError as fault:
        raise UnreadableError(
            f"an action in the journal is not readable: {_faults(fault)}"
        ) from fault


def encode_health(health: RememberedHealth) -> str:
    """What judging remembers of one instance, as JSON."""
    return _healths().dump_json(health).decode()


@lru_cache(maxsize=DECODED_AT_MOST)
def decode_health(text: str) -> RememberedHealth:
    """The remembered health that was encoded; the same object for the same text.

    UnreadableError when this version does not understand it.
    """
    try:
        return _healths().validate_json(text)
    except ValidationError as fault:
        raise UnreadableError(f"remembered health is not readable: {_faults(fault)}") from fault


def encode_volume(volume: RememberedVolume) -> str:
    """What judging remembers of one volume, as JSON."""
    return _volumes().dump_json(volume).decode()


@lru_cache(maxsize=DECODED_AT_MOST)
def decode_volume(text: str) -> RememberedVolume:
    """The remembered volume that was encoded; the same object for the same text.

    UnreadableError when this version does not understand it.
    """
    try:
        return _volumes().validate_json(text)
    except ValidationError as fault:
        raise UnreadableError(f"a remembered volume is not readable: {_faults(fault)}") from fault


def encode_condition(condition: RememberedCondition) -> str:
    """What judging remembers of one place, as JSON."""
    return _conditions().dump_json(condition).decode()


@lru_cache(maxsize=DECODED_AT_MOST)
def decode_condition(text: str) -> RememberedCondition:
    """The remembered condition that was encoded; the same object for the same text.

    UnreadableError when this version does not understand it.
    """
    try:
        return _conditions().validate_json(text)
    except ValidationError as fault:
        raise UnreadableError(
            f"a remembered condition is not readable: {_faults(fault)}"
        ) from fault


def decode_scope(text: str) -> Scope:
    """The place that was written. UnreadableError when this version knows no such place."""
    try:
        return Scope.parse(text)
    except ValueError as fault:
        raise UnreadableError(f"a place with a condition is not readable: {fault}") from fault


def encode_reads(reads: RememberedReads) -> str:
    """What is remembered of the looks at one zone, as JSON."""
    return _reads().dump_json(reads).decode()


@lru_cache(maxsize=DECODED_AT_MOST)
def decode_reads(text: str) -> RememberedReads:
    """The remembered looks that were encoded; the same object for the same text.

    UnreadableError when this version does not understand it.
    """
    try:
        return _reads().validate_json(text)
    except ValidationError as fault:
        raise UnreadableError(f"remembered looks are not readable: {_faults(fault)}") from fault


def encode_case(case: Case) -> str:
    """A whole case as indented JSON, to be planned again offline with `reconciler plan --case`."""
    return _cases().dump_json(case, indent=1).decode() + "\n"


def decode_case(text: str | bytes) -> Case:
    """The case that was encoded. ValueError, with what is wrong and where, for anything else."""
    try:
        raw: Any = from_json(text)
    except ValueError as fault:
        raise ValueError(f"this is not a recorded case: it is not JSON ({fault})") from fault
    if not isinstance(raw, dict) or "format" not in raw or "observation" not in raw:
        raise ValueError("this is not a recorded case: record one with `reconciler observe`")
    if raw["format"] != CASE_FORMAT:
        raise ValueError(
            f"this case has format {json.dumps(raw['format'])}, this version reads format {CASE_FORMAT}:"
            " record it again, or plan it with the version that recorded it"
        )
    try:
        _restore_keys(raw)
    except ValueError as fault:
        raise ValueError(f"this recorded case is damaged: {fault}") from fault
    try:
        return _cases().validate_python(raw)
    except ValidationError as fault:
        raise ValueError(f"this recorded case is damaged: {_faults(fault)}") from fault


def _restore_keys(raw: dict[str, Any]) -> None:
    """JSON has only text as keys: slots are written as `fleet/ordinal` there, places as `zone use1-az1`, and the
    capabilities of zones as `use1-az1,launch`.
    """
    _parse_keys(raw, "memory", "highest_incarnations", SlotRef.parse)
    _parse_keys(raw, "memory", "conditions", Scope.parse)
    _parse_keys(raw, "conditions", "verdicts", Scope.parse)
    _parse_keys(raw, "capabilities", "of_zones", _capability_key)


def _parse_keys(
    raw: dict[str, Any], part: str, name: str, parse: Callable[[str], Hashable]
) -> None:
    """A case that was recorded before there was such a part has none."""
    holder = raw.get(part)
    by_text = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and isinstance(by_text, dict):
        holder[name] = {parse(key): by_text[key] for key in by_text}


def _capability_key(text: str) -> tuple[str, CapabilityKind]:
    zone, _, kind = text.rpartition(",")
    return zone, CapabilityKind(kind)


def _faults(fault: ValidationError) -> str:
    faults = fault.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        f"{'.'.join(str(part) for part in item['loc']) or 'the whole'}: {item['msg']}"
        for item in faults[:_SHOWN_FAULTS]
    ]
    more = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
