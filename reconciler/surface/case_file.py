"""A case as a file: what `observe` records, what `plan --case` plans again offline, what drops into the tests.

A recorded case holds what was read and remembered, but no secrets: of user data only the hash is kept. It is planned
with the code of today, so an old case shows what today's planner would have done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from desired_state.model import DesiredState, Fleet
from reconciler.planning.actions import SlotRef
from reconciler.planning.case import CASE_FORMAT, Case

LARGEST_CASE_MIB = 512
"""A case of 100,000 slots takes about 200 MiB."""


class CaseFileError(Exception):
    """A recorded case that cannot be read or written; says which file and what is wrong with it."""


def write_case(case: Case, path: Path) -> None:
    """Record the case in that file, readable by its owner only. CaseFileError when that fails."""
    text = case_text(case)
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CaseFileError(f"cannot write the case to {path}: {error.strerror}") from error


def read_case(path: Path) -> Case:
    """The case recorded in that file. CaseFileError when it is not one, or of another format."""
    try:
        if path.stat().st_size > LARGEST_CASE_MIB * 1024 * 1024:
            raise CaseFileError(f"{path} is larger than {LARGEST_CASE_MIB} MiB; no case is")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaseFileError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CaseFileError(f"{path} is not a recorded case: it is not UTF-8 text") from error
    try:
        return case_of(text)
    except CaseFileError as error:
        raise CaseFileError(f"{path} is not a recorded case: {error}") from error


def case_text(case: Case) -> str:
    """The case as JSON text without the text of any user data."""
    stripped = replace(case, desired=_without_user_data(case.desired))
    memory = stripped.memory
    by_slot = {str(slot): number for slot, number in memory.highest_incarnations.items()}
    document = _adapter().dump_python(
        replace(stripped, memory=replace(memory, highest_incarnations={})), mode="json"
    )
    document["memory"]["highest_incarnations"] = by_slot
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def case_of(text: str) -> Case:
    """The case that the text holds. CaseFileError says what is wrong with it."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CaseFileError(f"it is not JSON ({error})") from error
    except RecursionError as error:
        raise CaseFileError("it is nested too deeply") from error
    if not isinstance(document, dict) or "format" not in document:
        raise CaseFileError("it has no `format`; record one with `reconciler observe -o FILE`")
    if document["format"] != CASE_FORMAT:
        raise CaseFileError(
            f"it has format {document['format']!r} and this release reads {CASE_FORMAT}; record it again"
        )
    incarnations = _incarnations(document)
    try:
        case = _adapter().validate_python(document, strict=False)
    except ValidationError as error:
        raise CaseFileError(_first_fault(error)) from error
    return replace(case, memory=replace(case.memory, highest_incarnations=incarnations))


def _incarnations(document: Mapping[str, Any]) -> dict[SlotRef, int]:
    """JSON knows no slots as keys, so these are read apart from the rest."""
    memory = document.get("memory")
    by_slot = memory.pop("highest_incarnations", {}) if isinstance(memory, dict) else {}
    try:
        return {SlotRef.parse(text): int(number) for text, number in by_slot.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise CaseFileError(f"memory.highest_incarnations: {error}") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    more = f" (and {error.error_count() - 1} more faults)" if error.error_count() > 1 else ""
    return f"{where}: {fault['msg']}{more}"


def _without_user_data(desired: DesiredState) -> DesiredState:
    return replace(desired, fleets=tuple(_fleet_without_text(fleet) for fleet in desired.fleets))


def _fleet_without_text(fleet: Fleet) -> Fleet:
    data = fleet.instance.user_data
    if data is None:
        return fleet
    return replace(fleet, instance=replace(fleet.instance, user_data=replace(data, text="")))


@cache
def _adapter() -> TypeAdapter[Case]:
    return TypeAdapter(Case)
