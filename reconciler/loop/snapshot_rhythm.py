"""The snapshots of a cell, looked at in a slower rhythm than everything else (design section 5).

Their list may be a hundred times as long as that of the volumes, and nothing about them changes by the second. A cell
in which no fleet declares backups is never asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from desired_state.model import DesiredState
from providers.observed import Observation, SnapshotList
from providers.port import Cloud
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.memory import Memory

READ_EVERY = timedelta(minutes=5)
AGAIN_AFTER = timedelta(minutes=1)
"""After a list that failed, once; if it fails again it keeps its interval, so that trouble makes for no more calls."""


@dataclass(slots=True)
class SnapshotRhythm:
    """The last look at a cell's snapshots, and the last that was whole."""

    last: SnapshotList | None = None
    whole: SnapshotList | None = None
    failures: int = 0
    """Looks in a row that were not whole."""

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to look again."""
        if self.last is None:
            return True
        return now - self.last.as_of >= (AGAIN_AFTER if self.failures == 1 else READ_EVERY)

    def keep(self, seen: SnapshotList) -> None:
        """Remember a look; a snapshot that did not change stays the same object."""
        if seen.gap is None:
            before = self.whole.snapshots if self.whole else {}
            same = {
                key: old if (old := before.get(key)) == item else item
                for key, item in seen.snapshots.items()
            }
            seen = self.whole = replace(seen, snapshots=same)
        self.failures = self.failures + 1 if seen.gap else 0
        self.last = seen


def with_snapshots(
    observation: Observation,
    *,
    cloud: Cloud,
    rhythm: SnapshotRhythm,
    desired: DesiredState,
    memory: Memory,
    owner: str,
    now: datetime,
) -> Observation:
    """The observation with the snapshots as last seen, looked at anew where that is due. Raises as the port does."""
    if not _declares_backups(desired, observation):
        return observation
    calls = Counter(observation.calls)
    if rhythm.is_due(now):
        known = (item.id for item in memory.known.values() if item.kind == "volume")
        seen = cloud.observe_snapshots(
            owner=owner, volume_ids={*observation.volumes, *known}, now=now
        )
        rhythm.keep(seen)
        calls.update(seen.calls)
    last, whole = rhythm.last, rhythm.whole
    return replace(
        observation,
        snapshots=whole.snapshots if whole else {},
        snapshots_as_of=whole.as_of if whole else None,
        gaps=(*observation.gaps, last.gap) if last and last.gap else observation.gaps,
        calls=dict(calls),
    )


def _declares_backups(desired: DesiredState, observation: Observation) -> bool:
    """Also where only archives are declared: what others snapshot counts, and tells that a claim was filled before."""
    return any(
        claim.backup is not None
        for fleet in fleets_here(desired, observation.cell)
        for claim in fleet.claims
    )
