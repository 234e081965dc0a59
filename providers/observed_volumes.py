"""How EC2 and CloudWatch say that a volume serves reads and writes: views of single replies, in their own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StatusOfVolume(StrEnum):
    """EC2's summary of a volume's status checks. It says nothing of the volume's state (EBS user guide)."""

    OK = "ok"
    WARNING = "warning"
    """Slower than expected."""
    IMPAIRED = "impaired"
    """Stalled, or its I/O is disabled."""
    INSUFFICIENT_DATA = "insufficient-data"


class IoPerformance(StrEnum):
    """What the check of I/O performance says; EC2 makes it for io1, io2 and gp3 alone."""

    NORMAL = "normal"
    DEGRADED = "degraded"
    SEVERELY_DEGRADED = "severely-degraded"
    STALLED = "stalled"
    NOT_APPLICABLE = "not-applicable"
    INSUFFICIENT_DATA = "insufficient-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeStatus:
    """One volume as DescribeVolumeStatus shows it: checked every 5 minutes (EBS user guide, volume status checks)."""

    volume_id: str
    status: StatusOfVolume
    io_disabled: bool
    """EBS switched its I/O off for possibly inconsistent data; it waits for its owner (`enable-volume-io`)."""
    io_performance: IoPerformance
    initialized_percent: int | None = None
    """How much of it is filled from its snapshot; None where EC2 does not say."""

    @property
    def filling(self) -> bool:
        """Still being filled from a snapshot, and slow for that reason."""
        return self.initialized_percent is not None and self.initialized_percent < 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IoMinute:
    """One minute of a volume's metrics. None is a metric without a value for that minute."""

    at: datetime
    """Its beginning."""
    stalled: bool | None
    """VolumeStalledIOCheck."""
    queue_length: float | None
    """VolumeQueueLength, on average."""
    operations: float | None
    """VolumeReadOps and VolumeWriteOps together."""

    @property
    def queue_stands(self) -> bool | None:
        """Requests wait and none is served; None where that is not known."""
        if self.queue_length is None or self.operations is None:
            return None
        return self.queue_length > 0 and self.operations == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeIo:
    """The last minutes of a volume in CloudWatch, oldest first; minutes without any value are left out."""

    volume_id: str
    minutes: tuple[IoMinute, ...]
