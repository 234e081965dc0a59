"""Why a fleet has not converged, in words: what the last plan waits for, and what ground truth lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from providers.simulated.records import Guest, Instance, Io
from reconciler.planning.outcome import Plan
from tests.simulation.oracles.ledger import Ledger
from tests.simulation.oracles.tags import OWNER, QUARANTINE_UNTIL, slot_of
from tests.simulation.seeds import DrawnFleet

MOST_TOLD = 6
HOUSEKEEPING = (
    "snapshot",
    "snapshots",
    "delete-snapshot",
    "copy-snapshot",
    "delete-copy",
    "delete-volume",
)
"""Kinds of requests that are shared: no slot waits for them."""


def pending(plan: Plan, ledger: Ledger, fleets: Iterable[DrawnFleet]) -> str | None:
    """What is still to come; None when the plan is converged and the truth is as declared."""
    reasons = [*_planned(plan), *_true(ledger, fleets), *_open(ledger)]
    if not reasons:
        return None
    more = len(reasons) - MOST_TOLD
    return "; ".join(reasons[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def _planned(plan: Plan) -> Iterator[str]:
    """Housekeeping is no part of it: snapshots come and go while a fleet is there, and what is kept has its time."""
    if plan.converged:
        return
    for item in plan.withheld:
        if item.action is not None and item.action.request.kind in HOUSEKEEPING:
            continue
        yield f"{item.slot} is withheld by {item.gate}: {item.reason}"
    for action in plan.actions:
        if action.request.kind in HOUSEKEEPING:
            continue
        yield f"{action.slot}: {action.request.kind} is due: {action.detail}"
    held = [item.action for item in plan.withheld if item.action is not None]
    due = [(item.slot, item.request.kind in HOUSEKEEPING) for item in (*plan.actions, *held)]
    tidied = {slot for slot, tidying in due if tidying} - {
        slot for slot, tidying in due if not tidying
    }
    for slot in plan.slots:
        if slot.bucket in ("acting", "withheld") and slot.slot in tidied:
            continue
        if slot.bucket not in ("healthy", "released"):
            yield f"{slot.slot} is {slot.bucket}: {slot.summary}"


def _true(ledger: Ledger, fleets: Iterable[DrawnFleet]) -> Iterator[str]:
    wanted = {f"{fleet.name}/{n}": fleet for fleet in fleets for n in range(fleet.replicas)}
    for slot, fleet in wanted.items():
        living = [item for item in ledger.living(slot) if not _is_kept_to_be_looked_at(item)]
        if len(living) != 1:
            ids = ", ".join(f"{item.id} {item.state}" for item in living) or "none"
            yield f"truth: {slot} is held by {ids}"
            continue
        (holder,) = living
        if holder.state != "running" or holder.guest is not Guest.WELL:
            yield f"truth: {holder.id} of {slot} is {holder.state} and {holder.guest}"
        if fleet.stateful:
            yield from _data(ledger, slot, holder.id)
    for item in ledger.truth.instances.values():
        ours = item.alive and item.tags.get(OWNER) == ledger.owner
        if ours and slot_of(item.tags) not in wanted:
            yield f"truth: {item.id} of {slot_of(item.tags)} is {item.state}; nobody declares it"


def _is_kept_to_be_looked_at(item: Instance) -> bool:
    """What a restore has replaced: stopped and dated, it stays for days and holds no slot."""
    return item.state == "stopped" and QUARANTINE_UNTIL in item.tags


def _data(ledger: Ledger, slot: str, holder: str) -> Iterator[str]:
    attached = [
        volume
        for volume in ledger.truth.volumes.values()
        if volume.attachment is not None
        and volume.attachment.instance_id == holder
        and volume.attachment.device in ledger.declared[slot.rpartition("/")[0]].devices
    ]
    states = [volume.attachment.state for volume in attached if volume.attachment]
    if states != ["attached"] * len(ledger.declared[slot.rpartition("/")[0]].devices):
        yield f"truth: {holder} of {slot} lacks its data"
    for volume in attached:
        if volume.io is not Io.NORMAL:
            yield f"truth: {volume.id} of {slot} is {volume.io}"


def _open(ledger: Ledger) -> Iterator[str]:
    for intent in ledger.intents().values():
        if intent.state in ("begun", "accepted") and intent.kind not in HOUSEKEEPING:
            yield f"the journal: {intent.kind} {intent.operation_id[:8]} is {intent.state}"
