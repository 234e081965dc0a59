"""How volumes are said to serve reads and writes, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from providers.observed_volumes import (
    IoMinute,
    IoPerformance,
    StatusOfVolume,
    VolumeIo,
    VolumeStatus,
)

MINUTE = timedelta(minutes=1)


def status_of(volume_id: str, **changes: Any) -> VolumeStatus:
    """All is well, with every field open to change."""
    fields: dict[str, Any] = {
        "status": StatusOfVolume.OK,
        "io_disabled": False,
        "io_performance": IoPerformance.NORMAL,
    }
    return VolumeStatus(volume_id=volume_id, **fields | changes)


def stalled(volume_id: str, **changes: Any) -> VolumeStatus:
    """Impaired, because no I/O completes."""
    fields: dict[str, Any] = {
        "status": StatusOfVolume.IMPAIRED,
        "io_performance": IoPerformance.STALLED,
    }
    return status_of(volume_id, **fields | changes)


def slow(volume_id: str, **changes: Any) -> VolumeStatus:
    """Slower than expected."""
    fields: dict[str, Any] = {
        "status": StatusOfVolume.WARNING,
        "io_performance": IoPerformance.DEGRADED,
    }
    return status_of(volume_id, **fields | changes)


def disabled(volume_id: str) -> VolumeStatus:
    """Switched off by EBS until its owner enables it."""
    return status_of(
        volume_id,
        status=StatusOfVolume.IMPAIRED,
        io_disabled=True,
        io_performance=IoPerformance.NOT_APPLICABLE,
    )


def metrics(volume_id: str, *minutes: str, until: datetime) -> VolumeIo:
    """The minutes before `until`, oldest first: `served`, `stalled`, `queue`, `idle`, or `silent` for no values."""
    return VolumeIo(
        volume_id=volume_id,
        minutes=tuple(
            _MINUTES[what](until - (len(minutes) - number) * MINUTE)
            for number, what in enumerate(minutes)
            if what != "silent"
        ),
    )


def no_metrics(volume_id: str) -> VolumeIo:
    """CloudWatch has nothing about it."""
    return VolumeIo(volume_id=volume_id, minutes=())


_MINUTES = {
    "served": lambda at: IoMinute(at=at, stalled=False, queue_length=0.2, operations=840),
    "idle": lambda at: IoMinute(at=at, stalled=False, queue_length=0, operations=0),
    "stalled": lambda at: IoMinute(at=at, stalled=True, queue_length=None, operations=None),
    "queue": lambda at: IoMinute(at=at, stalled=None, queue_length=8, operations=0),
}
