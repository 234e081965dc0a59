"""The page reader on the wire: a client with it and one without read the same from a real server."""

from __future__ import annotations

from typing import Any

import pytest

from providers.ec2.pages import PAGES
from tests.support.botocore_parsing import cut_down, without_empty_lists
from tests.support.ec2_cell import Ec2Cell


@pytest.mark.parametrize(
    ("method", "operation", "arguments"),
    [
        ("describe_instances", "DescribeInstances", {}),
        ("describe_volumes", "DescribeVolumes", {}),
        ("describe_instance_status", "DescribeInstanceStatus", {"IncludeAllInstances": True}),
    ],
)
def test_with_and_without_the_page_reader_a_client_reads_the_same(
    cell: Ec2Cell, method: str, operation: str, arguments: dict[str, Any]
) -> None:
    cell.launched()
    stopped = cell.launched(client_token="b" * 64)
    cell.aws.stop_instances(InstanceIds=[stopped])
    cell.aws.terminate_instances(InstanceIds=[cell.launched(client_token="c" * 64)])
    page = PAGES[operation]
    with_reader = getattr(cell.clients.ec2, method)(**arguments)
    without = getattr(cell.aws, method)(**arguments)
    theirs = [cut_down(item, page.item) for item in without[page.member]]
    assert len(theirs) >= 2
    assert without_empty_lists(with_reader[page.member]) == theirs
    assert with_reader["ResponseMetadata"]["RequestId"] == without["ResponseMetadata"]["RequestId"]


def test_pages_are_followed_by_the_token_that_the_reader_left(cell: Ec2Cell) -> None:
    """Moto pages this list by reservations."""
    for token in "abcde":
        cell.launched(client_token=token * 64)
    first = cell.clients.ec2.describe_instances(MaxResults=5)
    assert "NextToken" not in first or not first["NextToken"]
    cell.launched(client_token="f" * 64)
    first = cell.clients.ec2.describe_instances(MaxResults=5)
    second = cell.clients.ec2.describe_instances(MaxResults=5, NextToken=first["NextToken"])
    assert (len(first["Reservations"]), len(second["Reservations"])) == (5, 1)
