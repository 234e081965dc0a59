"""The replay serves what a real client can read: every item once, page by page, and it counts."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from tests.bench.measuring import measure
from tests.bench.plan_over_the_wire import replay_server
from tests.bench.prepared_cell import OWNER, CellSize, places
from tests.bench.prepared_items import instance
from tests.bench.replay import PreparedList
from tests.bench.tables import Report, Target

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_boto3_reads_every_item_in_the_fewest_calls() -> None:
    with replay_server(CellSize(fleets=11, slots=100)) as server:
        script = measure(
            [sys.executable, "-m", "tests.bench.plain_boto3", OWNER], server.environment()
        )
        calls = server.calls()

    assert json.loads(script.stdout) == {
        "instances": 1100,
        "volumes": 1100,
        "statuses": 1100,
        "volume_statuses": 2200,
        "zones": 3,
    }
    assert server.pages == {
        "DescribeInstances": 2,
        "DescribeVolumes": 3,
        "DescribeInstanceStatus": 2,
        "DescribeVolumeStatus": 3,
        "DescribeAvailabilityZones": 1,
    }
    assert calls == sum(server.pages.values()) + 1


def test_a_client_that_asks_for_small_pages_makes_more_calls() -> None:
    served = PreparedList(element="set", items=("<a/>", "<b/>", "<c/>"))

    assert b"<a/><b/></set><nextToken>2</nextToken>" in served.page("Describe", 0, 2)
    assert b"<set><c/></set></Describe" in served.page("Describe", 2, 2)


def test_an_instance_is_as_large_as_a_real_one() -> None:
    (place,) = places(CellSize(fleets=1, slots=1), NOW)

    assert 4_500 < len(instance(place)) < 6_500
    assert len(place.tags(None)) == 12


def test_a_missed_target_fails_the_report() -> None:
    kept = Target(what="memory", measured=130, limit=130)
    missed = Target(what="calls", measured=5, limit=6, exact=True)

    assert Report(title="", columns=("",), rows=(), targets=(kept,)).met
    assert not Report(title="", columns=("",), rows=(), targets=(kept, missed)).met
    assert "FAIL: calls: 5, exactly 6" in str(missed)
