"""The rule of the last look about empty volumes: data gives way to nothing only on a person's word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from providers.requests import LaunchInstance
from reconciler.planning.actions import Action, Course, Gate, SlotRef
from reconciler.planning.checks.actions import Facts
from reconciler.planning.identity import Tag, approval_id, claim_of, owner_of, slot_of


def stand_ins_without_a_word(
    actions: Iterable[Action], facts: Facts
) -> Iterator[tuple[SlotRef, str]]:
    """Launches with empty volumes into slots that hold or held data, where nobody approved an empty stand-in."""
    launches = [
        (action.slot, action)
        for action in actions
        if action.slot is not None and _brings_empty_volumes(action)
    ]
    held = _data_of({slot for slot, _ in launches}, facts) if launches else {}
    for slot, action in launches:
        if slot in held and not _approved(action, slot, facts):
            yield slot, f"{held[slot]} holds data of {slot}, and nobody approved an empty stand-in"


def _brings_empty_volumes(action: Action) -> bool:
    """Volumes that nothing is replayed onto."""
    request = action.request
    return (
        isinstance(request, LaunchInstance)
        and Tag.RESTORE_FROM not in request.tags
        and any(volume.snapshot_id is None for volume in request.volumes)
    )


def _data_of(slots: set[SlotRef], facts: Facts) -> dict[SlotRef, str]:
    """For each of the slots that has any, one volume or snapshot that is named for it and a claim; known ones too."""
    case, found = facts.case, dict[SlotRef, str]()
    volumes = ((item.id, item.tags) for item in case.observation.volumes.values())
    snapshots = ((item.id, item.tags) for item in case.observation.snapshots.values())
    for id_, tags in (*volumes, *snapshots):
        slot = slot_of(tags)
        ours = claim_of(tags) is not None and owner_of(tags) == case.owner
        if ours and slot is not None and slot in slots:
            found[slot] = id_
    for known in case.memory.known.values():
        named = known.kind == "volume" and known.claim is not None
        if named and known.slot is not None and known.slot in slots:
            found.setdefault(known.slot, known.id)
    return found


def _approved(action: Action, slot: SlotRef, facts: Facts) -> bool:
    """By an approval of this very slot, for the incarnation that it had or an earlier one."""
    cell, memory = facts.case.observation.cell, facts.case.memory
    ids = (
        approval_id(cell, slot, incarnation, Course.RESTORE, Gate.RESTORE)
        for incarnation in range(action.incarnation)
    )
    approvals = (memory.approvals.get(id_) for id_ in ids)
    return any(item is not None and item.lets_stand_in(facts.case.now) for item in approvals)
