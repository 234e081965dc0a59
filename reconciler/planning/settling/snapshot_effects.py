"""What the list of snapshots shows of a snapshot that was asked for, or of one that was to be deleted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import assert_never

from providers.observed import (
    Gap,
    GapSubject,
    Observation,
    Snapshot,
    SnapshotList,
    SnapshotState,
)
from providers.requests import (
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
)
from reconciler.planning.actions import other_region
from reconciler.planning.identity import Tag
from reconciler.planning.intents import Intent
from reconciler.planning.settling.effects import Effect, Sighting

BackupRequest = CreateSnapshot | CreateSnapshots | DeleteSnapshot | CopySnapshot | DeleteCopy


class Taken:
    """Which snapshots of an observation each operation made. A list is gone through once, when something asks of it."""

    def __init__(self) -> None:
        self._by_operation: dict[str | None, Mapping[str, Sequence[Snapshot]]] = {}

    def by(self, intent: Intent, seen: SnapshotList) -> Sequence[Snapshot]:
        """Those in the list that carry its operation, and the one that its answer named."""
        region = other_region(intent.action.request)
        if region not in self._by_operation:
            self._by_operation[region] = _by_operation(seen)
        made = self._by_operation[region].get(intent.action.operation_id, ())
        named = seen.snapshots.get(intent.resource_id or "")
        return made if named is None or named in made else (*made, named)


def _by_operation(seen: SnapshotList) -> Mapping[str, Sequence[Snapshot]]:
    found: defaultdict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in seen.snapshots.values():
        if (operation_id := snapshot.tags.get(Tag.OPERATION)) is not None:
            found[operation_id].append(snapshot)
    return found


def backup_sighting(
    intent: Intent, request: BackupRequest, observation: Observation, taken: Taken
) -> tuple[Sighting, str | None]:
    """The effect of the intent's request, and the snapshot that shows it."""
    seen = list_for(request, observation)
    if seen is None:
        return _blind("snapshots were not read"), None
    if gap := _gap_over(request, observation):
        return _blind(f"snapshots could not be read: {gap.code}"), None
    if seen.as_of <= intent.updated_at:
        return _blind("the list of snapshots is older than the call"), None
    match request:
        case DeleteSnapshot() | DeleteCopy():
            return _deleted(request, seen), request.snapshot_id
        case CreateSnapshot() | CreateSnapshots() | CopySnapshot():
            return _taken(taken.by(intent, seen))
        case _:
            assert_never(request)


def list_for(request: BackupRequest, observation: Observation) -> SnapshotList | None:
    """The list that would show the request's effect, as it was last read whole; None when it never was."""
    region = other_region(request)
    if region is not None:
        return observation.copies.get(region)
    as_of = observation.snapshots_as_of
    return SnapshotList(as_of=as_of, snapshots=observation.snapshots) if as_of else None


def _gap_over(request: BackupRequest, observation: Observation) -> Gap | None:
    region = other_region(request)
    if region is not None:
        return observation.lacks(GapSubject.COPIES, region)
    return observation.lacks(GapSubject.SNAPSHOTS)


def _taken(made: Sequence[Snapshot]) -> tuple[Sighting, str | None]:
    """Its point in time is fixed as soon as it is there; that it is still pending keeps nothing waiting."""
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


def _deleted(request: DeleteSnapshot | DeleteCopy, seen: SnapshotList) -> Sighting:
    if request.snapshot_id in seen.snapshots:
        detail = f"{request.snapshot_id} is still there"
        return Sighting(effect=Effect.NOT_SEEN, detail=detail)
    return Sighting(effect=Effect.SEEN, detail=f"{request.snapshot_id} is gone")


def _blind(detail: str) -> Sighting:
    return Sighting(effect=Effect.BLIND, detail=detail)
