"""CloudWatch on the simulated cloud: what a minute was like is told a minute after its end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from providers.simulated.faults import Throttled, When, ZoneDisrupted
from providers.simulated.records import Io
from tests.support.simulated_account import ZONE, SimulatedAccount

MINUTE = timedelta(minutes=1)


def told(account: SimulatedAccount, volume_id: str, metric: str) -> list[float]:
    """The values of the last five minutes, oldest first."""
    now = account.clock.now()
    reply = account.cloud.cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "q0",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/EBS",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "VolumeId", "Value": volume_id}],
                    },
                    "Period": 60,
                    "Stat": "Average",
                },
            }
        ],
        StartTime=now - 5 * MINUTE,
        EndTime=now,
    )
    [result] = reply["MetricDataResults"]
    points: list[tuple[datetime, float]] = zip(  # type: ignore[assignment]
        result["Timestamps"], result["Values"], strict=True
    )
    return [value for _, value in sorted(points)]


def on_the_minute(account: SimulatedAccount) -> None:
    account.wait(seconds=60 - account.clock.now().second)


@pytest.mark.parametrize(
    ("io", "check", "queue_stands"),
    [
        (Io.NORMAL, 0, False),
        (Io.SLOW, 0, False),
        (Io.STALLED, 1, True),
        (Io.DISABLED, 0, False),
    ],
)
def test_each_kind_of_trouble_has_its_values(io: Io, check: int, *, queue_stands: bool) -> None:
    account = SimulatedAccount()
    volume_id = account.data_volume(account.launched()).id
    account.cloud.make_sick(volume_id, io)
    account.wait(minutes=8)
    assert set(told(account, volume_id, "VolumeStalledIOCheck")) == {check}
    queue = told(account, volume_id, "VolumeQueueLength")[-1]
    operations = [told(account, volume_id, f"Volume{kind}Ops")[-1] for kind in ("Read", "Write")]
    assert (queue > 0 and sum(operations) == 0) is queue_stands


def test_a_stall_shows_a_minute_after_its_first_whole_minute() -> None:
    account = SimulatedAccount()
    volume_id = account.data_volume(account.launched()).id
    on_the_minute(account)
    account.wait(seconds=20)
    account.cloud.make_sick(volume_id, Io.STALLED)
    account.wait(seconds=159)
    assert told(account, volume_id, "VolumeStalledIOCheck")[-1] == 0
    account.wait(seconds=1)
    assert told(account, volume_id, "VolumeStalledIOCheck")[-1] == 1


def test_a_volume_that_is_on_no_instance_or_lost_has_no_values() -> None:
    account = SimulatedAccount()
    free, lost = account.volume(), account.data_volume(account.launched()).id
    account.cloud.make_sick(lost, Io.FAILED)
    account.wait(minutes=8)
    for volume_id in (free, lost, "vol-0123456789abcdef0"):
        assert told(account, volume_id, "VolumeQueueLength") == []


def test_trouble_of_ec2_is_not_cloudwatchs_and_it_has_trouble_of_its_own() -> None:
    account = SimulatedAccount(ZoneDisrupted(when=When(zones=frozenset({ZONE}))))
    assert told(account, "vol-0123456789abcdef0", "VolumeReadOps") == []
    down = When(operations=frozenset({"GetMetricData"}))
    throttled = SimulatedAccount(Throttled(when=down))
    with pytest.raises(ClientError):
        told(throttled, "vol-0123456789abcdef0", "VolumeReadOps")
    assert throttled.launched()


def test_a_volume_from_a_snapshot_is_slow_until_it_is_filled() -> None:
    account = SimulatedAccount()
    source = account.data_volume(account.launched()).id
    snapshot_id = account.ec2.create_snapshot(VolumeId=source)["SnapshotId"]
    account.wait(minutes=10)
    volume_id = account.volume(SnapshotId=snapshot_id, Size=200)

    def shown() -> tuple[str, int]:
        [item] = account.ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"]
        return item["VolumeStatus"]["Status"], item["InitializationStatusDetails"]["Progress"]

    account.wait(minutes=10)
    status, percent = shown()
    assert status == "warning"
    assert 0 < percent < 50
    account.wait(minutes=40)
    assert shown() == ("ok", 100)
