"""What the list of snapshots shows of a snapshot that was asked for, or of one that was to be deleted. Pure."""

from __future__ import annotations

from typing import assert_never

from providers.observed import GapSubject, Observation, Snapshot, SnapshotState
from providers.requests import CreateSnapshot, CreateSnapshots, DeleteSnapshot
from reconciler.planning.effects import Effect, Sighting
from reconciler.planning.identity import Tag
from reconciler.planning.intents import Intent

BackupRequest = CreateSnapshot | CreateSnapshots | DeleteSnapshot


def backup_sighting(
    intent: Intent, request: BackupRequest, observation: Observation
) -> tuple[Sighting, str | None]:
    """The effect of the intent's request, and the snapshot that shows it."""
    if observation.snapshots_as_of is None:
        return _blind("snapshots were not read"), None
    if gap := observation.lacks(GapSubject.SNAPSHOTS):
        return _blind(f"snapshots could not be read: {gap.code}"), None
    if observation.snapshots_as_of <= intent.updated_at:
        return _blind("the list of snapshots is older than the call"), None
    match request:
        case DeleteSnapshot():
            return _deleted(request, observation), request.snapshot_id
        case CreateSnapshot() | CreateSnapshots():
            return _taken(intent, observation)
        case _:
            assert_never(request)


def _taken(intent: Intent, observation: Observation) -> tuple[Sighting, str | None]:
    """Its point in time is fixed as soon as it is there; that it is still pending keeps nothing waiting."""
    made = [item for item in observation.snapshots.values() if _is_of(item, intent)]
    if not made:
        return Sighting(
            effect=Effect.NOT_SEEN, detail="no snapshot carries its operation tag"
        ), None
    failed = [item for item in made if item.state is SnapshotState.ERROR]
    shown = min(failed or made, key=lambda item: item.id)
    said = f"{shown.id} is {shown.state}"
    if failed:
        why = f"{said}: {shown.state_message or 'no reason given'}"
        return Sighting(effect=Effect.IMPOSSIBLE, detail=why), shown.id
    return Sighting(effect=Effect.SEEN, detail=said), shown.id


def _is_of(snapshot: Snapshot, intent: Intent) -> bool:
    tagged = snapshot.tags.get(Tag.OPERATION) == intent.action.operation_id
    return tagged or snapshot.id == intent.resource_id


def _deleted(request: DeleteSnapshot, observation: Observation) -> Sighting:
    if request.snapshot_id in observation.snapshots:
        detail = f"{request.snapshot_id} is still there"
        return Sighting(effect=Effect.NOT_SEEN, detail=detail)
    return Sighting(effect=Effect.SEEN, detail=f"{request.snapshot_id} is gone")


def _blind(detail: str) -> Sighting:
    return Sighting(effect=Effect.BLIND, detail=detail)
