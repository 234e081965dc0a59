"""What a replacement that a restore prepares was made from, for whoever reads a plan while it is under way."""

from __future__ import annotations

from providers.observed import Instance
from reconciler.planning.decision import Situation
from reconciler.planning.identity import Tag
from reconciler.planning.losses.lost import Trouble
from reconciler.planning.phrases import since_clause, span


def made_from(here: Situation, replacement: Instance, trouble: Trouble) -> str:
    """`i-1 has been prepared for 4 min: snap-1 of 2026-04-21T11:40:00Z, 18 min of writes are lost`."""
    prepared = (
        f"{replacement.id} has been prepared {since_clause(replacement.launched_at, here.now)}"
    )
    return f"{here.view.ref}: {prepared}: {_source(here, replacement, trouble)}"


def _source(here: Situation, replacement: Instance, trouble: Trouble) -> str:
    if Tag.RESTORE_FROM in replacement.tags:
        return f"the archive of incarnation {replacement.tags[Tag.RESTORE_FROM]} is replayed to its end"
    volumes = here.case.observation.volumes
    held = [
        volumes[item.volume_id] for item in replacement.attachments if item.volume_id in volumes
    ]
    ids = {item.snapshot_id for item in held}
    found = [item for view in here.view.claims for item in view.snapshots or () if item.id in ids]
    if not found:
        return "its volumes were made empty" if not any(ids) else "its restore point is not shown"
    names = ", ".join(sorted(item.id for item in found))
    taken_at = min(item.started_at for item in found)
    lost = span(trouble.since - taken_at)
    return f"{names} of {taken_at:%Y-%m-%dT%H:%M:%SZ}, {lost} of writes are lost"
