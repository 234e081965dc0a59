"""Our tags as the oracles read them: written down here again, so that a mistake in the product is not repeated."""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "fleet-reconciler:"
OWNER, FLEET, SLOT = PREFIX + "owner", PREFIX + "fleet", PREFIX + "slot"
INCARNATION, ROLE = PREFIX + "incarnation", PREFIX + "role"
CLAIM, OPERATION = PREFIX + "claim", PREFIX + "operation"
DUE = PREFIX + "due"
COPIED_FROM = PREFIX + "copied-from"
QUARANTINE_UNTIL = PREFIX + "quarantine-until"
RESTORE_FROM = PREFIX + "restore-from"


BACKUP_CALLS = frozenset(
    {"CreateSnapshot", "CreateSnapshots", "DeleteSnapshot", "CopySnapshot", "DeleteVolume"}
)
"""What a converged fleet still needs, now and then."""


def slot_of(tags: Mapping[str, str]) -> str | None:
    """`fleet/ordinal`; None when the tags do not say."""
    fleet, ordinal = tags.get(FLEET), tags.get(SLOT)
    return f"{fleet}/{ordinal}" if fleet and ordinal else None


def incarnation_of(tags: Mapping[str, str]) -> int:
    """0 when the tags do not say."""
    text = tags.get(INCARNATION, "")
    return int(text) if text.isdigit() else 0
