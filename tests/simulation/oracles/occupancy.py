"""S1 and S4: who may live in a slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from providers.simulated.changes import Change
from providers.simulated.records import Instance, Volume
from tests.simulation.oracles.ledger import OLDEST_VIEW, SentCall
from tests.simulation.oracles.oracle import Oracle
from tests.simulation.oracles.tags import (
    CLAIM,
    OWNER,
    QUARANTINE_UNTIL,
    RESTORE_FROM,
    ROLE,
    incarnation_of,
    slot_of,
)

MOST_ALIVE = 3
"""An occupant, its replacement, and one of a lower incarnation that waits for its end."""


class AtMostOne(Oracle):
    """S1. Of each slot and incarnation at most one instance lives, and at most one replacement; at most one volume
    exists of each claim and incarnation. A superseded instance may still live, but never a crowd of them.
    """

    rule = "S1"

    def after_effect(self, changes: Sequence[Change], now: datetime) -> Iterable[str]:
        touched = {
            slot
            for change in changes
            if isinstance(change.after, (Instance, Volume)) and (slot := slot_of(change.after.tags))
        }
        for slot in sorted(touched):
            yield from self._instances(slot)
            yield from self._volumes(slot)

    def _instances(self, slot: str) -> Iterable[str]:
        living = self.ledger.living(slot)
        for incarnation, count in Counter(incarnation_of(i.tags) for i in living).items():
            if count > 1:
                yield f"{slot} has {count} living instances of incarnation {incarnation}"
        replacements = [item.id for item in living if item.tags.get(ROLE) == "replacement"]
        if len(replacements) > 1:
            yield f"{slot} has several replacements: {', '.join(replacements)}"
        active = [item.id for item in living if not _is_in_quarantine(item)]
        if len(active) > MOST_ALIVE:
            yield f"{slot} has {len(active)} living instances: {', '.join(active)}"

    def _volumes(self, slot: str) -> Iterable[str]:
        named = Counter(
            (item.tags[CLAIM], incarnation_of(item.tags))
            for item in self.ledger.truth.volumes.values()
            if CLAIM in item.tags
            and item.tags.get(OWNER) == self.ledger.owner
            and slot_of(item.tags) == slot
            and item.state != "deleting"
        )
        for (claim, incarnation), count in named.items():
            if count > 1:
                yield f"{slot} has {count} volumes for {claim} of incarnation {incarnation}"


class AbsenceIsNotEvidence(Oracle):
    """S4. Nothing is launched to hold a slot while the instance that holds it lives, whatever the lists say; and no
    empty volume is made for a claim whose volume exists, unless a person let it stand in.
    """

    rule = "S4"

    def before_call(self, call: SentCall, now: datetime) -> Iterable[str]:
        if call.operation != "RunInstances":
            return
        tags = _tags(call, "instance")
        slot = slot_of(tags)
        if slot is None or self._made_already(call):
            return
        if tags.get(ROLE) == "occupant":
            yield from self._living_occupant(slot, incarnation_of(tags), now)
        mappings = call.parameters.get("BlockDeviceMappings", ())
        empty = any("SnapshotId" not in item["Ebs"] for item in mappings)
        if RESTORE_FROM in tags:
            return  # What an archive is replayed onto gets its base from there; see `archives`.
        if empty and slot not in self.ledger.may_stand_in:
            yield from self._existing_volume(slot, now)

    def _made_already(self, call: SentCall) -> bool:
        token = call.parameters.get("ClientToken")
        return any(i.client_token == token for i in self.ledger.truth.instances.values())

    def _living_occupant(self, slot: str, incarnation: int, now: datetime) -> Iterable[str]:
        for item in self.ledger.truth.instances.values():
            born = self.ledger.born.get(item.id)
            if born is None or born[0] != slot or not item.alive or born[1] >= incarnation:
                continue
            known = self.ledger.remembers(self.ledger.born_at[item.id]) or OWNER in item.tags
            if known and not self.ledger.touched_lately(item.id, now):
                yield f"{slot} is to be held by a new instance while {item.id} is {item.state}"

    def _existing_volume(self, slot: str, now: datetime) -> Iterable[str]:
        for volume in self.ledger.truth.volumes.values():
            if slot_of(volume.tags) != slot or volume.tags.get(OWNER) != self.ledger.owner:
                continue
            if _is_root(volume) or volume.state == "deleting":
                continue
            seen = now - volume.created_at > OLDEST_VIEW
            if seen and not self.ledger.touched_lately(volume.id, now):
                yield f"{slot} is to get an empty volume while {volume.id} is {volume.state}"


def _tags(call: SentCall, kind: str) -> dict[str, str]:
    return {
        tag["Key"]: tag["Value"]
        for item in call.parameters.get("TagSpecifications", ())
        if item["ResourceType"] == kind
        for tag in item["Tags"]
    }


def _is_root(volume: Volume) -> bool:
    """Roots are made from the image's snapshot and wear the same tags (EC2 tags all volumes of a launch alike). What is
    restored from one of ours has the data of another volume.
    """
    of_image = volume.snapshot_id is not None and volume.data.lineage == volume.id
    return of_image or (volume.attachment is not None and volume.attachment.delete_on_termination)


def _is_in_quarantine(instance: Instance) -> bool:
    """Stopped, and kept for a person to look at."""
    return instance.state == "stopped" and QUARANTINE_UNTIL in instance.tags
