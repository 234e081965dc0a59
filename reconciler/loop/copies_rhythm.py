"""The copies of a cell's snapshots in other regions, looked at as often as the snapshots (design section 5).

Each region has a look and a gap of its own: what one does not answer touches neither the others nor the cell. A cell in
which no claim names a region asks none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from desired_state.model import DesiredState
from providers.observed import Gap, Observation, SnapshotList
from providers.port import Cloud
from reconciler.loop.snapshot_rhythm import SnapshotRhythm
from reconciler.planning.actions import other_region
from reconciler.planning.declared_here import fleets_here
from reconciler.planning.memory import Memory


@dataclass(slots=True)
class CopiesRhythm:
    """The last looks at other regions. `whole` stays the same object until one of them is looked at anew."""

    by_region: dict[str, SnapshotRhythm] = field(default_factory=dict)
    whole: Mapping[str, SnapshotList] = field(default_factory=dict)

    def look(self, cloud: Cloud, region: str, owner: str, now: datetime) -> Mapping[str, int]:
        """Look at a region where that is due; the calls that it took. Raises as the port does."""
        rhythm = self.by_region.setdefault(region, SnapshotRhythm())
        if not rhythm.is_due(now):
            return {}
        seen = cloud.observe_copies(owner=owner, region=region, now=now)
        rhythm.keep(seen)
        if rhythm.whole is not None and seen.gap is None:
            self.whole = {**self.whole, region: replace(rhythm.whole, calls={})}
        return seen.calls

    def gaps(self, regions: Iterable[str]) -> tuple[Gap, ...]:
        """Of those regions, as they were last looked at."""
        last = (self.by_region[region].last for region in regions)
        return tuple(seen.gap for seen in last if seen is not None and seen.gap is not None)

    def forget_others(self, regions: Iterable[str]) -> None:
        """What nobody asks for any more is not known any more."""
        if self.whole.keys() - set(regions):
            self.whole = {region: self.whole[region] for region in regions if region in self.whole}
        self.by_region = {region: self.by_region[region] for region in regions}


def with_copies(
    observation: Observation,
    *,
    cloud: Cloud,
    rhythm: CopiesRhythm,
    desired: DesiredState,
    memory: Memory,
    owner: str,
    now: datetime,
) -> Observation:
    """The observation with the copies as last seen, looked at anew where that is due. Raises as the port does."""
    regions = sorted(_declared(desired, observation) | _acted_on(memory))
    if not regions:
        return observation
    calls = Counter(observation.calls)
    for region in regions:
        calls.update(rhythm.look(cloud, region, owner, now))
    rhythm.forget_others(regions)
    gaps = rhythm.gaps(regions)
    return replace(
        observation,
        copies=rhythm.whole,
        gaps=(*observation.gaps, *gaps) if gaps else observation.gaps,
        calls=dict(calls),
    )


def _declared(desired: DesiredState, observation: Observation) -> set[str]:
    """The regions that claims of this cell's fleets name."""
    return {
        claim.backup.copy_to
        for fleet in fleets_here(desired, observation.cell)
        for claim in fleet.claims
        if claim.backup is not None and claim.backup.copy_to is not None
    }


def _acted_on(memory: Memory) -> set[str]:
    """Where a call of ours is still to be settled, whatever is declared now."""
    found = (other_region(intent.action.request) for intent in memory.open_intents)
    return {region for region in found if region is not None}
