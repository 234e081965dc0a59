"""What a replacement that a restore prepares was made from, and of which moment that is."""

from __future__ import annotations

from datetime import datetime

from providers.observed import Instance, Snapshot
from reconciler.planning.decision import Situation
from reconciler.planning.identity import Tag
from reconciler.planning.losses.lost import Trouble
from reconciler.planning.phrases import since_clause, span
from reconciler.planning.slots.restore_points import moment_of


def made_from(here: Situation, replacement: Instance, trouble: Trouble) -> str:
    """`i-1 has been prepared for 4 min: snap-1 of 2026-04-21T11:40:00Z, 18 min of writes are lost`."""
    prepared = (
        f"{replacement.id} has been prepared {since_clause(replacement.launched_at, here.now)}"
    )
    return f"{here.view.ref}: {prepared}: {_source(here, replacement, trouble)}"


def _source(here: Situation, replacement: Instance, trouble: Trouble) -> str:
    if Tag.RESTORE_FROM in replacement.tags:
        return f"the archive of incarnation {replacement.tags[Tag.RESTORE_FROM]} is replayed to its end"
    found = _snapshots(here, replacement)
    if not found:
        empty = snapshot_ids(here, replacement) == frozenset()
        return "its volumes were made empty" if empty else "its restore point is not shown"
    names = ", ".join(sorted(item.id for item in found))
    taken_at = moment_of(found)
    lost = span(trouble.since - taken_at)
    return f"{names} of {taken_at:%Y-%m-%dT%H:%M:%SZ}, {lost} of writes are lost"


def reached_by(here: Situation, replacement: Instance) -> datetime:
    """The last moment that what was prepared can hold: that of its snapshots, or up to which its archive goes; when it
    was launched, where that is not shown any more.
    """
    parent = replacement.tags.get(Tag.RESTORE_FROM)
    if parent is not None:
        points = (view.archive.point for view in here.view.claims if view.archive)
        until = [item.until for item in points if item and str(item.incarnation) == parent]
        return min([*until, replacement.launched_at])
    found = _snapshots(here, replacement)
    return moment_of(found) if found else replacement.launched_at


def snapshot_ids(here: Situation, replacement: Instance) -> frozenset[str] | None:
    """Of which its volumes were made, none where they were made empty; None while one of them is not shown."""
    volumes = [
        here.case.observation.volumes.get(item.volume_id)
        for item in replacement.attachments
        if item.device != replacement.root_device
    ]
    if None in volumes or not volumes:
        return None
    return frozenset(item.snapshot_id for item in volumes if item and item.snapshot_id)


def _snapshots(here: Situation, replacement: Instance) -> list[Snapshot]:
    ids = snapshot_ids(here, replacement) or frozenset()
    return [item for view in here.view.claims for item in view.snapshots or () if item.id in ids]
