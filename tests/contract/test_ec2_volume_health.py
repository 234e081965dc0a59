"""How volumes serve reads and writes, through the adapter over the wire: their status, and CloudWatch's metrics.

moto lacks DescribeVolumeStatus; the embedded cloud answers it, with every volume well. What EC2 says of volumes in
trouble is written into its replies on their way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from providers.observed import Gap, GapSubject, VolumeStatusList
from providers.observed_volumes import IoMinute, IoPerformance, StatusOfVolume
from reconciler.clock import SystemClock
from reconciler.demo.embedded import REGION, EmbeddedCloud
from tests.support.ec2_cell import NOW, Ec2Cell
from tests.support.edited_replies import cut_in_half, with_next_token, without_elements
from tests.support.fault_proxy import AnswerError, DropReply, EditReply, Parameters, Rule

MINUTE = timedelta(minutes=1)
OPERATION = "DescribeVolumeStatus"


@pytest.fixture
def volume_id(cell: Ec2Cell) -> str:
    """A data volume on an instance."""
    return cell.data_volume_of(cell.launched())


def seen(cell: Ec2Cell, *volume_ids: str) -> VolumeStatusList:
    return cell.cloud.observe_volume_status(volume_ids=volume_ids, now=NOW)


def whole_list(sent: Parameters) -> bool:
    return "availability-zone" not in sent.values()


def edited(cell: Ec2Cell, *replacements: tuple[bytes, bytes]) -> None:
    def edit(body: bytes) -> bytes:
        for old, new in replacements:
            assert old in body, body
            body = body.replace(old, new)
        return body

    cell.proxy.add(Rule(OPERATION, EditReply(edit)))


def the_gap(found: VolumeStatusList) -> Gap:
    (gap,) = found.gaps
    return gap


# Status


def test_moto_still_lacks_what_the_embedded_cloud_answers_for_it() -> None:
    """Once this fails, `embedded_volume_status` may go."""
    with pytest.raises(NotImplementedError):
        ElasticBlockStore.describe_volume_status(None)  # type: ignore[arg-type]  # it only raises


def test_the_status_of_the_volumes_that_were_asked_for_is_seen_and_of_no_others(
    cell: Ec2Cell, volume_id: str
) -> None:
    found = seen(cell, volume_id, "vol-0123456789abcdef0")
    (status,) = found.statuses.values()
    assert (status.volume_id, status.status) == (volume_id, StatusOfVolume.OK)
    assert (status.io_disabled, status.io_performance) == (False, IoPerformance.NORMAL)
    assert not status.filling
    assert found.gaps == ()


def test_a_list_costs_its_pages_whatever_the_number_of_volumes(cell: Ec2Cell) -> None:
    found = seen(cell, *(f"vol-{number:017x}" for number in range(1_000)))
    assert found.calls == {OPERATION: 1}


def test_a_stalled_volume_is_seen_as_such(cell: Ec2Cell, volume_id: str) -> None:
    edited(
        cell,
        (b"<status>ok</status>", b"<status>impaired</status>"),
        (b"<status>normal</status>", b"<status>stalled</status>"),
    )
    status = seen(cell, volume_id).statuses[volume_id]
    assert status.status is StatusOfVolume.IMPAIRED
    assert status.io_performance is IoPerformance.STALLED
    assert not status.io_disabled


def test_disabled_io_is_seen_by_its_check(cell: Ec2Cell, volume_id: str) -> None:
    edited(
        cell,
        (b"<status>ok</status>", b"<status>impaired</status>"),
        (b"<status>passed</status>", b"<status>failed</status>"),
    )
    assert seen(cell, volume_id).statuses[volume_id].io_disabled


def test_a_volume_that_is_being_filled_is_seen_as_such(cell: Ec2Cell, volume_id: str) -> None:
    progress = b"<initializationStatusDetails><progress>40</progress></initializationStatusDetails>"
    edited(cell, (b"<volumeId>", progress + b"<volumeId>"))
    status = seen(cell, volume_id).statuses[volume_id]
    assert (status.filling, status.initialized_percent) == (True, 40)


def test_a_status_that_did_not_change_is_the_same_object(cell: Ec2Cell, volume_id: str) -> None:
    first, second = seen(cell, volume_id), seen(cell, volume_id)
    assert second.statuses is first.statuses
    edited(cell, (b"<status>ok</status>", b"<status>warning</status>"))
    assert seen(cell, volume_id).statuses != first.statuses


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "UnauthorizedOperation", "InternalError"])
def test_a_list_that_fails_is_a_gap_and_holds_nothing(
    cell: Ec2Cell, volume_id: str, code: str
) -> None:
    """A missing permission too: the rest is healed all the same."""
    cell.observe()
    cell.proxy.add(Rule(OPERATION, AnswerError(code)))
    found = seen(cell, volume_id)
    assert found.statuses == {}
    assert {(gap.subject, gap.code) for gap in found.gaps} == {(GapSubject.VOLUME_STATUS, code)}


def test_a_denial_names_the_permission(cell: Ec2Cell, volume_id: str) -> None:
    cell.proxy.add(Rule(OPERATION, AnswerError("UnauthorizedOperation")))
    assert "ec2:DescribeVolumeStatus" in the_gap(seen(cell, volume_id)).detail


def test_while_one_zone_is_in_trouble_the_others_are_still_seen(cell: Ec2Cell) -> None:
    cell.observe()
    here = cell.data_volume_of(cell.launched())
    elsewhere = cell.data_volume_of(
        cell.launched(client_token="b" * 64, zone="use1-az2", subnet=cell.subnets["use1-az2"])
    )
    cell.proxy.add(Rule(OPERATION, AnswerError("InternalError", status=500), when=whole_list))
    in_trouble = AnswerError("Unavailable", status=503)
    name = cell.aws.describe_volumes(VolumeIds=[elsewhere])["Volumes"][0]["AvailabilityZone"]
    cell.proxy.add(Rule(OPERATION, in_trouble, when=lambda sent: name in sent.values()))
    found = seen(cell, here, elsewhere)
    assert set(found.statuses) == {here}
    assert (the_gap(found).zone, the_gap(found).code) == ("use1-az2", "Unavailable")


@pytest.mark.parametrize(
    "effect",
    [
        DropReply(),
        EditReply(cut_in_half),
        EditReply(without_elements("volumeStatusSet")),
        EditReply(without_elements("volumeId")),
    ],
    ids=["reply lost", "cut in half", "no list", "an item without its id"],
)
def test_a_reply_that_is_not_whole_is_a_gap(cell: Ec2Cell, volume_id: str, effect: Any) -> None:
    cell.proxy.add(Rule(OPERATION, effect))
    found = seen(cell, volume_id)
    assert found.statuses == {}
    assert found.gaps


def test_a_lost_second_page_loses_the_list(cell: Ec2Cell, volume_id: str) -> None:
    cell.proxy.add(Rule(OPERATION, EditReply(with_next_token("2")), nth=1))
    cell.proxy.add(Rule(OPERATION, AnswerError("InternalError", status=500)))
    found = seen(cell, volume_id)
    assert found.statuses == {}
    assert "page 2" in the_gap(found).detail


# Metrics


@pytest.fixture
def now() -> datetime:
    """CloudWatch goes by its own clock."""
    return SystemClock().now().replace(second=30, microsecond=0)


@pytest.fixture
def metrics_of_moto(moto_server: EmbeddedCloud, cell: Ec2Cell) -> Any:
    """A plain client behind everyone's back; emptied with the cell."""
    assert cell.proxy.calls == {}
    return boto3.client("cloudwatch", region_name=REGION, endpoint_url=moto_server.endpoint)


def put(client: Any, volume_id: str, at: datetime, values: Mapping[str, float]) -> None:
    """What EBS would tell CloudWatch of one minute."""
    client.put_metric_data(
        Namespace="AWS/EBS",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "VolumeId", "Value": volume_id}],
                "Timestamp": at,
                "Value": value,
            }
            for name, value in values.items()
        ],
    )


def test_the_last_minutes_of_a_volume_are_seen_oldest_first(
    cell: Ec2Cell, metrics_of_moto: Any, now: datetime
) -> None:
    minute = now.replace(second=0)
    served = {"VolumeStalledIOCheck": 0.0, "VolumeQueueLength": 0.5, "VolumeReadOps": 7.0}
    put(metrics_of_moto, "vol-1", minute - 3 * MINUTE, served | {"VolumeWriteOps": 5.0})
    stalled = {"VolumeStalledIOCheck": 1.0, "VolumeQueueLength": 8.0, "VolumeReadOps": 0.0}
    put(metrics_of_moto, "vol-1", minute - 2 * MINUTE, stalled | {"VolumeWriteOps": 0.0})
    put(metrics_of_moto, "vol-1", minute - MINUTE, {"VolumeQueueLength": 8.0, "VolumeReadOps": 0.0})
    put(metrics_of_moto, "vol-1", minute - 7 * MINUTE, stalled)
    found = cell.cloud.observe_volume_io(volume_ids=["vol-1", "vol-2"], now=now)
    assert found.gap is None
    assert found.readings["vol-2"].minutes == ()
    assert found.readings["vol-1"].minutes == (
        IoMinute(at=minute - 3 * MINUTE, stalled=False, queue_length=0.5, operations=12),
        IoMinute(at=minute - 2 * MINUTE, stalled=True, queue_length=8, operations=0),
        IoMinute(at=minute - MINUTE, stalled=None, queue_length=8, operations=None),
    )
    stands = [item.queue_stands for item in found.readings["vol-1"].minutes]
    assert stands == [False, True, None]


def test_metrics_are_asked_in_batches_of_125_volumes(cell: Ec2Cell, now: datetime) -> None:
    """Four metrics each, and 500 queries at once are the most."""
    volume_ids = [f"vol-{number:017x}" for number in range(251)]
    found = cell.cloud.observe_volume_io(volume_ids=volume_ids, now=now)
    assert set(found.readings) == set(volume_ids)
    assert found.calls == {"GetMetricData": 3}
    assert cell.proxy.calls["GetMetricData"] == 3
    assert cell.proxy.mutating_calls == {}


def test_cloudwatch_that_fails_is_a_gap_and_says_nothing_of_any_volume(
    cell: Ec2Cell, now: datetime
) -> None:
    cell.proxy.add(Rule("GetMetricData", DropReply()))
    found = cell.cloud.observe_volume_io(volume_ids=["vol-1"], now=now)
    assert found.readings == {}
    assert found.gap is not None
    assert found.gap.subject is GapSubject.VOLUME_METRICS
    assert found.gap.detail.startswith("GetMetricData")
