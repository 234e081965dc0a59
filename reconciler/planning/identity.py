"""Names that are derived and never minted: operation ids, tags, approval ids (design sections 5, 8, 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from providers.observed import CellIdentity
from reconciler.planning.actions import Course, Gate, SlotRef

PREFIX = "fleet-reconciler:"


class Tag(StrEnum):
    """Our tag keys. EC2 refuses `/` in keys that are exposed in instance metadata, hence the colon."""

    OWNER = PREFIX + "owner"
    FLEET = PREFIX + "fleet"
    SLOT = PREFIX + "slot"
    INCARNATION = PREFIX + "incarnation"
    CLAIM = PREFIX + "claim"
    OPERATION = PREFIX + "operation"
    DUE = PREFIX + "due"
    """Of snapshots alone: the date that one is for. Tools that copy a volume's tags to theirs have none to copy."""
    COPIED_FROM = PREFIX + "copied-from"
    """Of copies alone, as the next two are: the snapshot that one was made from."""
    COPIED_FROM_REGION = PREFIX + "copied-from-region"
    TAKEN_AT = PREFIX + "taken-at"
    """The point in time that a copy holds; EC2 dates it from when it was copied."""
    ROLE = PREFIX + "role"
    IN_SERVICE_SINCE = PREFIX + "in-service-since"
    QUARANTINE_UNTIL = PREFIX + "quarantine-until"
    USER_DATA = PREFIX + "user-data"
    RESTORE_FROM = PREFIX + "restore-from"
    """Of an instance alone: the incarnation whose archive its boot script replays. Its own is under its own."""


class Role(StrEnum):
    """Whether an instance holds its slot or is prepared to take it."""

    OCCUPANT = "occupant"
    REPLACEMENT = "replacement"


def operation_family(
    cell: CellIdentity, slot: SlotRef | None, incarnation: int, claim: str | None, kind: str
) -> str:
    """Everything of an operation id but the attempt; `kind` says what is done, and to which id where one is named."""
    fleet, ordinal = (slot.fleet, str(slot.ordinal)) if slot else ("", "")
    return "|".join(
        ("v1", cell.account, cell.region, fleet, ordinal, str(incarnation), claim or "", kind)
    )


def operation_id(family: str, attempt: int) -> str:
    """64 hex characters, EC2's limit for a client token. Parameters are not in it: the same operation with other
    parameters must fail with IdempotentParameterMismatch rather than make a second resource (design section 8).
    """
    return hashlib.sha256(f"{family}|{attempt}".encode()).hexdigest()


def approval_id(
    cell: CellIdentity,
    slot: SlotRef,
    incarnation: int,
    course: Course,
    gate: Gate,
    *,
    about: str = "",
) -> str:
    """Stable over passes and restarts: `<fleet>-<ordinal>-` and six hex. `about` narrows it to one way of doing it."""
    text = f"{cell.account}|{cell.region}|{slot}|{incarnation}|{course}|{gate}"
    text += f"|{about}" if about else ""
    return f"{slot.fleet}-{slot.ordinal}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def slot_of(tags: Mapping[str, str]) -> SlotRef | None:
    """The slot that our tags name; None when they are missing or unreadable."""
    key = slot_key(tags)
    return SlotRef(*key) if key else None


def slot_key(tags: Mapping[str, str]) -> tuple[str, int] | None:
    """Fleet and ordinal of the slot that our tags name; None when they are missing or unreadable."""
    return _slot_key(tags.get(_FLEET, ""), tags.get(_SLOT, ""))


@lru_cache(maxsize=65_536)  # Everything in a cell is asked for its slot, several times a pass.
def _slot_key(fleet: str, ordinal: str) -> tuple[str, int] | None:
    if not fleet or not ordinal.isascii() or not ordinal.isdigit():
        return None
    return fleet, int(ordinal)


def incarnation_of(tags: Mapping[str, str]) -> int:
    """The incarnation that our tags name; 0 when they are missing or unreadable."""
    text = tags.get(_INCARNATION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def role_of(tags: Mapping[str, str]) -> Role | None:
    """The role that our tags name, if any."""
    return _ROLES.get(tags.get(_ROLE, ""))


def owner_of(tags: Mapping[str, str]) -> str | None:
    """The installation that our tags name, if any."""
    return tags.get(_OWNER)


def claim_of(tags: Mapping[str, str]) -> str | None:
    """The claim that our tags name, if any."""
    return tags.get(_CLAIM)


def quarantined_until(tags: Mapping[str, str]) -> datetime | None:
    """Until when our tags keep a resource for somebody to look at; a date that can't be read never comes."""
    text = tags.get(_QUARANTINE_UNTIL)
    if text is None:
        return None
    return _date_of(text) or datetime.max.replace(tzinfo=UTC)


def in_service_since(tags: Mapping[str, str]) -> datetime | None:
    """Since when our tags say that an instance serves; None when they do not, or can't be read."""
    return _date_of(tags.get(Tag.IN_SERVICE_SINCE, ""))


def _date_of(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


# Looked up in the tags of everything in a cell, where a plain string is found several times faster than a member.
_OWNER, _FLEET, _SLOT, _INCARNATION, _ROLE, _CLAIM = (
    Tag.OWNER.value,
    Tag.FLEET.value,
    Tag.SLOT.value,
    Tag.INCARNATION.value,
    Tag.ROLE.value,
    Tag.CLAIM.value,
)
_QUARANTINE_UNTIL = Tag.QUARANTINE_UNTIL.value
_ROLES = {role.value: role for role in Role}
