"""Volumes in the cloud in memory that stop answering, and what EC2 and CloudWatch say of them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.observed import Instance, Volume, VolumeState
from providers.observed_volumes import VolumeIo, VolumeStatus
from reconciler.planning.identity import incarnation_of, slot_key
from tests.support.volume_health import MINUTE, metrics, stalled, status_of

LOOKS_BACK = 5
"""Minutes of metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Since when a volume does not answer, and for how long after the next launch into its slot; None: for ever."""

    since: datetime
    lasts_after_launch: timedelta | None

    def is_on(self, volume: Volume, instances: Iterable[Instance], now: datetime) -> bool:
        """Whether it does not answer at that instant."""
        ends_at = self._ends_at(volume, instances)
        return self.since <= now and (ends_at is None or now < ends_at)

    def status(self, volume: Volume, instances: Iterable[Instance], now: datetime) -> VolumeStatus:
        """As EC2 shows it, at once."""
        return stalled(volume.id) if self.is_on(volume, instances, now) else status_of(volume.id)

    def io(self, volume: Volume, instances: Iterable[Instance], now: datetime) -> VolumeIo:
        """As CloudWatch shows the last whole minutes, in each of which it served or did not."""
        until = now.replace(second=0, microsecond=0)
        instances = tuple(instances)
        minutes = [
            "stalled" if self.is_on(volume, instances, until - number * MINUTE) else "served"
            for number in range(LOOKS_BACK, 0, -1)
        ]
        return metrics(volume.id, *minutes, until=until)

    def _ends_at(self, volume: Volume, instances: Iterable[Instance]) -> datetime | None:
        if self.lasts_after_launch is None:
            return None
        launched = [
            item.launched_at
            for item in instances
            if slot_key(item.tags) == slot_key(volume.tags)
            and incarnation_of(item.tags) > incarnation_of(volume.tags)
        ]
        return min(launched) + self.lasts_after_launch if launched else None


def answers(
    volume: Volume, stall: Stall | None, instances: Iterable[Instance], now: datetime
) -> bool:
    """Whether a volume serves reads and writes."""
    stuck = stall is not None and stall.is_on(volume, instances, now)
    return volume.state is not VolumeState.ERROR and not stuck
