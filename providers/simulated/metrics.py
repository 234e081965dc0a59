"""CloudWatch's metrics of EBS volumes, from the truth of their last minutes. TRUSTED.md gives the sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from providers.simulated.fault_plan import FaultPlan
from providers.simulated.gate import Gate, Reply
from providers.simulated.outages import MonitoringOff
from providers.simulated.records import Io, Volume
from providers.simulated.world import World

MINUTE = timedelta(minutes=1)
LATE_BY = MINUTE
"""From the end of a minute until its values are there."""

VALUES: Mapping[str, Mapping[Io, float]] = {
    "VolumeStalledIOCheck": {Io.NORMAL: 0, Io.SLOW: 0, Io.STALLED: 1, Io.DISABLED: 0},
    "VolumeQueueLength": {Io.NORMAL: 0.1, Io.SLOW: 12, Io.STALLED: 8, Io.DISABLED: 0},
    "VolumeReadOps": {Io.NORMAL: 240, Io.SLOW: 20, Io.STALLED: 0, Io.DISABLED: 0},
    "VolumeWriteOps": {Io.NORMAL: 600, Io.SLOW: 30, Io.STALLED: 0, Io.DISABLED: 0},
}
"""Of a whole minute in which the volume was so. One that failed has none."""


class SimulatedCloudWatch:
    """Has the face of boto3's CloudWatch client."""

    def __init__(self, world: World, gate: Gate, faults: FaultPlan) -> None:
        self._world = world
        self._gate = gate
        self._faults = faults

    def get_metric_data(self, **parameters: Any) -> Reply:
        return self._gate.call("GetMetricData", parameters, self._metric_data)

    def _metric_data(self, parameters: Mapping[str, Any]) -> Reply:
        start, end = parameters["StartTime"], parameters["EndTime"]
        return {
            "MetricDataResults": [
                self._result(query, start, end) for query in parameters["MetricDataQueries"]
            ]
        }

    def _result(self, query: Mapping[str, Any], start: datetime, end: datetime) -> Reply:
        metric = query["MetricStat"]["Metric"]
        named = {item["Name"]: item["Value"] for item in metric["Dimensions"]}
        points = dict(self._points(named.get("VolumeId", ""), metric["MetricName"], start, end))
        newest_first = sorted(points, reverse=True)
        return {
            "Id": query["Id"],
            "Label": metric["MetricName"],
            "Timestamps": newest_first,
            "Values": [points[at] for at in newest_first],
            "StatusCode": "Complete",
        }

    def _points(
        self, volume_id: str, metric: str, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, float]]:
        """The minutes that have ended long enough ago, of a volume that was attached all the while."""
        volume = self._world.volumes.current.get(volume_id)
        if self._faults.strikes(
            MonitoringOff, "GetMetricData", zones={volume.zone} if volume else None
        ):
            return
        at = start.replace(second=0, microsecond=0)
        while at < end and at + MINUTE + LATE_BY <= self._world.now:
            io = self._io_during(volume_id, at)
            if io is not None and io in VALUES.get(metric, {}):
                yield at, VALUES[metric][io]
            at += MINUTE

    def _io_during(self, volume_id: str, minute: datetime) -> Io | None:
        """How it was all through a minute; in one in which it changed it still served. None when on no instance."""
        timeline = self._world.volumes.timeline(volume_id)
        if timeline is None:
            return None
        records = [
            version.record for version in timeline.since(minute) if version.at < minute + MINUTE
        ]
        if not records or any(not _is_attached(record) for record in records):
            return None
        kinds = {record.io for record in records if record is not None}
        return kinds.pop() if len(kinds) == 1 else Io.SLOW


def _is_attached(volume: Volume | None) -> bool:
    return volume is not None and volume.attachment is not None and volume.state == "in-use"
