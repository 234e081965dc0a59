"""Dataclasses as JSON and back, exactly: actions in the journal, remembered health, recorded cases.

pydantic builds the codecs from the dataclasses' own annotations, so that a field added there is stored here. Unions of
requests are told apart by their literal `kind`.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

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
    _restore_slot_keys(raw)
    try:
        return _cases().validate_python(raw)
    except ValidationError as fault:
        raise ValueError(f"this recorded case is damaged: {_faults(fault)}") from fault


def _restore_slot_keys(raw: dict[str, Any]) -> None:
    """JSON has only text as keys; slots are written as `fleet/ordinal` there."""
    memory = raw.get("memory")
    if isinstance(memory, dict) and isinstance(memory.get("highest_incarnations"), dict):
        by_text = memory["highest_incarnations"]
        memory["highest_incarnations"] = {SlotRef.parse(key): by_text[key] for key in by_text}


def _faults(fault: ValidationError) -> str:
    faults = fault.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        f"{'.'.join(str(part) for part in item['loc']) or 'the whole'}: {item['msg']}"
        for item in faults[:_SHOWN_FAULTS]
    ]
    more = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
