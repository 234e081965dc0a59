"""The page reader against botocore's own parser and its model of EC2, on documents written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ListShape, StructureShape
from botocore.model import Shape as ModelShape
from lxml import etree

from providers.ec2.pages import PAGES, Items, Shape, Structure, taken_from
from tests.support.botocore_parsing import (
    operation_model,
    parsed_by_botocore,
    without_empty_lists,
)

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"

INSTANCES = f"""<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="{NAMESPACE}">
  <requestId>8f7724cf</requestId>
  <reservationSet>
    <!-- a comment between items -->
    <item>
      <reservationId>r-1</reservationId>
      <ownerId>123456789012</ownerId>
      <groupSet><item><groupId>sg-classic</groupId></item></groupSet>
      <instancesSet>
        <item>
          <instanceId>i-1</instanceId>
          <instanceState><code>16</code><name>running</name></instanceState>
          <reason>User initiated (2026-11-22 02:30:00 GMT)</reason>
          <stateReason><code>Client.UserInitiatedShutdown</code><message>m</message></stateReason>
          <placement><availabilityZone>us-east-1a</availabilityZone><tenancy>default</tenancy></placement>
          <launchTime>2026-11-22T01:00:00.000Z</launchTime>
          <groupSet><item><groupId>sg-1</groupId><groupName>a &amp; b</groupName></item></groupSet>
          <blockDeviceMapping>
            <item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId><status>attached</status>
              <deleteOnTermination>true</deleteOnTermination></ebs></item>
            <item><deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-2</volumeId><status>attached</status>
              <deleteOnTermination>false</deleteOnTermination></ebs></item>
          </blockDeviceMapping>
          <networkInterfaceSet><item><tagSet><item><key>not</key><value>ours</value></item></tagSet></item></networkInterfaceSet>
          <tagSet><item><key>naïve</key><value>日本 &lt;&#x1F600;&gt;</value></item><item><key>empty</key><value/></item></tagSet>
          <metadataOptions><httpTokens>required</httpTokens><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>
        </item>
        <item><instanceId>i-2</instanceId><instanceState><name>terminated</name></instanceState><tagSet/></item>
      </instancesSet>
    </item>
    <item><ownerId>123456789012</ownerId><instancesSet/></item>
  </reservationSet>
  <nextToken>more&amp;more</nextToken>
</DescribeInstancesResponse>
"""  # noqa: E501 - as long as EC2 writes them

VOLUMES = f"""<DescribeVolumesResponse xmlns="{NAMESPACE}"><requestId>r</requestId><volumeSet>
  <item><volumeId>vol-1</volumeId><size>200</size><snapshotId/><availabilityZone>us-east-1a</availabilityZone>
    <availabilityZoneId>use1-az6</availabilityZoneId><status>in-use</status>
    <createTime>2026-11-22T01:00:00.123Z</createTime><volumeType>gp3</volumeType><iops>3000</iops>
    <throughput>125</throughput><encrypted>false</encrypted>
    <attachmentSet><item><volumeId>vol-1</volumeId><instanceId>i-1</instanceId><device>/dev/sdf</device>
      <status>attached</status><attachTime>2026-11-22T01:00:01.000Z</attachTime>
      <deleteOnTermination>false</deleteOnTermination></item></attachmentSet></item>
</volumeSet></DescribeVolumesResponse>"""

STATUSES = f"""<DescribeInstanceStatusResponse xmlns="{NAMESPACE}"><requestId>r</requestId><instanceStatusSet>
  <item><instanceId>i-1</instanceId>
    <eventsSet><item><code>instance-retirement</code><description>d</description>
      <notBefore>2026-12-01T00:00:00.000Z</notBefore></item></eventsSet>
    <systemStatus><status>impaired</status><details><item><name>reachability</name><status>failed</status>
      <impairedSince>2026-11-22T00:00:00.000Z</impairedSince></item></details></systemStatus>
    <instanceStatus><status>ok</status><details><item><name>reachability</name><status>passed</status></item>
      </details></instanceStatus>
    <attachedEbsStatus><status>not-applicable</status></attachedEbsStatus></item>
</instanceStatusSet></DescribeInstanceStatusResponse>"""

SNAPSHOTS = f"""<DescribeSnapshotsResponse xmlns="{NAMESPACE}"><requestId>r</requestId><snapshotSet>
  <item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>error</status>
    <statusMessage>An internal error occurred</statusMessage><startTime>2026-11-22T01:00:00.123Z</startTime>
    <progress>40%</progress><ownerId>123456789012</ownerId><volumeSize>200</volumeSize>
    <encrypted>true</encrypted><kmsKeyId>arn:aws:kms:us-east-1:123456789012:key/1</kmsKeyId>
    <storageTier>archive</storageTier>
    <tagSet><item><key>fleet-reconciler:slot</key><value>3</value></item></tagSet></item>
</snapshotSet></DescribeSnapshotsResponse>"""

VOLUME_STATUSES = f"""<DescribeVolumeStatusResponse xmlns="{NAMESPACE}"><requestId>r</requestId><volumeStatusSet>
  <item><volumeId>vol-1</volumeId><availabilityZone>us-east-1a</availabilityZone>
    <volumeStatus><status>impaired</status><details>
      <item><name>io-enabled</name><status>failed</status></item>
      <item><name>io-performance</name><status>stalled</status></item></details></volumeStatus>
    <eventsSet><item><eventId>evol-1</eventId><eventType>io-performance:stalled</eventType>
      <description>d</description></item></eventsSet>
    <actionsSet><item><code>enable-volume-io</code><eventId>evol-1</eventId></item></actionsSet>
    <initializationStatusDetails><initializationType>default</initializationType><progress>40</progress>
      </initializationStatusDetails></item>
  <item><volumeId>vol-2</volumeId><volumeStatus><status>ok</status><details/></volumeStatus></item>
</volumeStatusSet></DescribeVolumeStatusResponse>"""

DOCUMENTS = {
    "DescribeInstances": INSTANCES,
    "DescribeVolumes": VOLUMES,
    "DescribeInstanceStatus": STATUSES,
    "DescribeSnapshots": SNAPSHOTS,
    "DescribeVolumeStatus": VOLUME_STATUSES,
}


def items_of(operation: str, document: str) -> Any:
    taken = taken_from(operation, document.encode())
    assert taken is not None
    return taken[0][PAGES[operation].member]


@pytest.mark.parametrize("operation", sorted(DOCUMENTS))
def test_a_page_says_the_same_as_to_botocore(operation: str) -> None:
    document = DOCUMENTS[operation]
    ours = without_empty_lists(items_of(operation, document))
    assert ours == parsed_by_botocore(operation, document.encode())


@pytest.mark.parametrize("operation", sorted(DOCUMENTS))
def test_a_page_without_a_namespace_says_the_same(operation: str) -> None:
    bare = DOCUMENTS[operation].replace(f' xmlns="{NAMESPACE}"', "")
    assert items_of(operation, bare) == items_of(operation, DOCUMENTS[operation])


def test_members_of_nested_lists_of_the_same_name_are_not_mixed_up() -> None:
    """Reservations have a groupSet too, and network interfaces a tagSet."""
    instance = items_of("DescribeInstances", INSTANCES)[0]["Instances"][0]
    assert instance["SecurityGroups"] == [{"GroupId": "sg-1"}]
    assert [tag["Key"] for tag in instance["Tags"]] == ["naïve", "empty"]


def test_values_have_their_types() -> None:
    [volume] = items_of("DescribeVolumes", VOLUMES)
    assert (volume["Size"], volume["Encrypted"]) == (200, False)
    assert volume["CreateTime"] == datetime(2026, 11, 22, 1, 0, 0, 123000, tzinfo=UTC)


def test_token_and_request_id_are_left_to_botocore() -> None:
    taken = taken_from("DescribeInstances", INSTANCES.encode())
    assert taken is not None
    rest = etree.fromstring(taken[1])
    assert rest.findtext(f"{{{NAMESPACE}}}nextToken") == "more&more"
    assert rest.findtext(f"{{{NAMESPACE}}}requestId") == "8f7724cf"
    assert len(rest) == 2


def test_a_list_that_is_not_there_is_told_from_an_empty_one() -> None:
    def document(inside: str) -> str:
        return f'<DescribeVolumesResponse xmlns="{NAMESPACE}">{inside}</DescribeVolumesResponse>'

    assert items_of("DescribeVolumes", document("<volumeSet/>")) == []
    assert items_of("DescribeVolumes", document("<requestId>r</requestId>")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><html lang=en><title>500</title></html>",
        INSTANCES.encode()[:900],
        b"<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>",
        VOLUMES.encode(),
        INSTANCES.replace("2026-11-22T01:00:00.000Z", "yesterday").encode(),
        INSTANCES.encode() + b"<trailing/>",
    ],
    ids=["empty", "HTML", "cut off", "an error", "another list", "not a time", "trailing element"],
)
def test_what_is_not_the_expected_document_is_left_to_botocore(body: bytes) -> None:
    assert taken_from("DescribeInstances", body) is None


def test_entities_are_never_expanded() -> None:
    """Neither a file of this machine nor a bomb; botocore then refuses or reads the document by itself."""
    for declaration in ('<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY x "boom">'):
        body = (
            f"<!DOCTYPE d [{declaration}]>"
            f'<DescribeVolumesResponse xmlns="{NAMESPACE}"><volumeSet><item><volumeId>&x;</volumeId></item>'
            "</volumeSet></DescribeVolumesResponse>"
        )
        assert taken_from("DescribeVolumes", body.encode()) is None


@pytest.mark.parametrize("operation", sorted(PAGES))
def test_every_member_is_one_of_ec2s_model_under_its_own_wire_name(operation: str) -> None:
    page = PAGES[operation]
    items = operation_model(operation).output_shape.members[page.member]
    assert items.serialization["name"] == page.element
    assert list(mismatches(page.item, items.member)) == []


def mismatches(ours: Shape, theirs: ModelShape) -> Iterator[str]:
    """Members that botocore's model does not have, or has under another wire name or kind."""
    if isinstance(ours, Items):
        if isinstance(theirs, ListShape):
            yield from mismatches(ours.of, theirs.member)
        else:
            yield f"{theirs.name} is no list"
    elif isinstance(ours, Structure):
        if not isinstance(theirs, StructureShape):
            yield f"{theirs.name} is no structure"
            return
        for wire_name, (member, inner) in ours.members.items():
            model = theirs.members.get(member)
            if model is None or model.serialization.get("name") != wire_name:
                yield f"{theirs.name}.{member} is not called {wire_name}"
            else:
                yield from mismatches(inner, model)
    elif isinstance(theirs, (ListShape, StructureShape)):
        yield f"{theirs.name} is no text"
