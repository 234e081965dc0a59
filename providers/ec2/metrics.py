"""The metrics of EBS volumes, read from CloudWatch in batches (CloudWatch API reference, GetMetricData)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.ec2.calls import Calls
from providers.ec2.failures import unreadable
from providers.ec2.operations import OPERATIONS
from providers.ec2.session import CloudWatchClient
from providers.observed_volumes import IoMinute, VolumeIo

MINUTE = timedelta(minutes=1)
LOOKS_BACK = 5 * MINUTE
QUERIES_AT_ONCE = 500
"""The most that GetMetricData takes."""

STALLED, QUEUE, READS, WRITES = (
    "VolumeStalledIOCheck",
    "VolumeQueueLength",
    "VolumeReadOps",
    "VolumeWriteOps",
)
METRICS: Mapping[str, str] = {
    STALLED: "Maximum",
    QUEUE: "Average",
    READS: "Sum",
    WRITES: "Sum",
}
"""Metric to statistic (EBS user guide, CloudWatch metrics for EBS)."""

COMPLETE = ("Complete", "PartialData")
"""The rest of partial data is on the next page."""


@dataclass(frozen=True, slots=True)
class _Query:
    """One metric of one volume; `id` names its results."""

    id: str
    volume_id: str
    metric: str


def volume_io(
    calls: Calls, client: CloudWatchClient, volume_ids: Sequence[str], now: datetime
) -> dict[str, VolumeIo]:
    """The last five minutes of each of these volumes. Raises what `Calls.send` raises."""
    values: dict[str, _Values] = {id_: defaultdict(dict) for id_ in volume_ids}
    for batch in _batches(volume_ids):
        queries = {query.id: query for query in batch}
        for result in _results(calls, client, batch, now):
            query = queries.get(result.get("Id", ""))
            if query is None or result.get("StatusCode") not in COMPLETE:
                what = f"no data for {query.metric} of {query.volume_id}" if query else "a stray"
                raise unreadable(OPERATIONS["get_metric_data"], f"the reply has {what}")
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                values[query.volume_id][at.astimezone(UTC)][query.metric] = value
    return {id_: VolumeIo(volume_id=id_, minutes=_minutes(found)) for id_, found in values.items()}


_Values = defaultdict[datetime, dict[str, float]]
"""Metric to value, by the beginning of its minute."""


def _batches(volume_ids: Sequence[str]) -> Iterator[list[_Query]]:
    at_once = QUERIES_AT_ONCE // len(METRICS)
    for start in range(0, len(volume_ids), at_once):
        pairs = [(id_, metric) for id_ in volume_ids[start : start + at_once] for metric in METRICS]
        yield [_Query(f"q{number}", id_, metric) for number, (id_, metric) in enumerate(pairs)]


def _results(
    calls: Calls, client: CloudWatchClient, queries: Sequence[_Query], now: datetime
) -> list[Mapping[str, Any]]:
    minute = now.replace(second=0, microsecond=0)
    return calls.all_pages(
        client.get_metric_data,
        "MetricDataResults",
        {
            "MetricDataQueries": [
                {
                    "Id": query.id,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/EBS",
                            "MetricName": query.metric,
                            "Dimensions": [{"Name": "VolumeId", "Value": query.volume_id}],
                        },
                        "Period": int(MINUTE.total_seconds()),
                        "Stat": METRICS[query.metric],
                    },
                }
                for query in queries
            ],
            "StartTime": minute - LOOKS_BACK,
            "EndTime": now,
        },
    )


def _minutes(found: _Values) -> tuple[IoMinute, ...]:
    return tuple(_minute(at, found[at]) for at in sorted(found))


def _minute(at: datetime, values: Mapping[str, float]) -> IoMinute:
    operations = [values.get(READS), values.get(WRITES)]
    return IoMinute(
        at=at,
        stalled=values[STALLED] >= 1 if STALLED in values else None,
        queue_length=values.get(QUEUE),
        # Half of it would look like none.
        operations=None if None in operations else sum(v for v in operations if v is not None),
    )
