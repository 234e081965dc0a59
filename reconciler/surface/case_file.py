"""A case as a file: what `observe` records, what `plan --case` plans again offline, what drops into the tests.

A recorded case holds what was read and remembered, but no secrets: of user data only the hash is kept. It is planned
with the code of today, so an old case shows what today's planner would have done.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desired_state.model import DesiredState, Fleet
from reconciler.planning.case import Case
from reconciler.store.encoding import decode_case, encode_case

LARGEST_CASE_MIB = 512
"""A case of 100,000 slots takes about 200 MiB."""


class CaseFileError(Exception):
    """A recorded case that cannot be read or written; says which file and what is wrong with it."""


def write_case(case: Case, path: Path) -> None:
    """Record the case in that file, readable by its owner only. CaseFileError when that fails."""
    text = case_text(case)
    try:
        if (
            path.exists() and not path.is_file()
        ):  # A pipe or a device is written to, never replaced.
            path.write_text(text, encoding="utf-8")
            return
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
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
        return decode_case(text)
    except ValueError as error:
        raise CaseFileError(f"cannot plan {path}: {error}") from error


def case_text(case: Case) -> str:
    """The case as JSON text without the text of any user data."""
    return encode_case(replace(case, desired=_without_user_data(case.desired)))


def _without_user_data(desired: DesiredState) -> DesiredState:
    return replace(desired, fleets=tuple(_fleet_without_text(fleet) for fleet in desired.fleets))


def _fleet_without_text(fleet: Fleet) -> Fleet:
    data = fleet.instance.user_data
    if data is None:
        return fleet
    return replace(fleet, instance=replace(fleet.instance, user_data=replace(data, text="")))
