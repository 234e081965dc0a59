"""EC2's big lists, parsed by lxml instead of botocore's general parser, at a fraction of the CPU.

`install` hooks into botocore's `before-parse` event: a page is read into boto3-shaped dicts that hold the members that
`translation` reads and no others, and the body is replaced by a small document with the page's token and request id.
Signing, errors, paging and everything else stay boto3's; so does any reply that is not the expected document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:  # The stubs are a development dependency.
    from mypy_boto3_ec2 import EC2Client

Element = etree._Element  # noqa: SLF001 - the only name that lxml gives its elements
Read = Callable[[Element], Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A string, or whatever `read` makes of it."""

    read: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Structure:
    """Wire name to (member of the boto3-shaped dict, its shape); other children are skipped."""

    members: Mapping[str, tuple[str, Shape]]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of `<item>` elements."""

    of: Structure


Shape = Text | Structure | Items

STRING = Text()
INTEGER = Text(int)
BOOLEAN = Text(lambda text: text == "true")
INSTANT = Text(datetime.fromisoformat)

_TAGS = Items(Structure({"key": ("Key", STRING), "value": ("Value", STRING)}))

_INSTANCE = Structure(
    {
        "instanceId": ("InstanceId", STRING),
        "instanceState": ("State", Structure({"name": ("Name", STRING)})),
        "stateReason": ("StateReason", Structure({"code": ("Code", STRING)})),
        "reason": ("StateTransitionReason", STRING),
        "instanceType": ("InstanceType", STRING),
        "imageId": ("ImageId", STRING),
        "placement": (
            "Placement",
            Structure(
                {
                    "availabilityZone": ("AvailabilityZone", STRING),
                    "availabilityZoneId": ("AvailabilityZoneId", STRING),
                }
            ),
        ),
        "subnetId": ("SubnetId", STRING),
        "privateIpAddress": ("PrivateIpAddress", STRING),
        "groupSet": ("SecurityGroups", Items(Structure({"groupId": ("GroupId", STRING)}))),
        "iamInstanceProfile": ("IamInstanceProfile", Structure({"arn": ("Arn", STRING)})),
        "launchTime": ("LaunchTime", INSTANT),
        "rootDeviceName": ("RootDeviceName", STRING),
        "blockDeviceMapping": (
            "BlockDeviceMappings",
            Items(
                Structure(
                    {
                        "deviceName": ("DeviceName", STRING),
                        "ebs": (
                            "Ebs",
                            Structure(
                                {
                                    "volumeId": ("VolumeId", STRING),
                                    "status": ("Status", STRING),
                                    "deleteOnTermination": ("DeleteOnTermination", BOOLEAN),
                                }
                            ),
                        ),
                    }
                )
            ),
        ),
        "metadataOptions": (
            "MetadataOptions",
            Structure(
                {
                    "httpTokens": ("HttpTokens", STRING),
                    "instanceMetadataTags": ("InstanceMetadataTags", STRING),
                }
            ),
        ),
        "clientToken": ("ClientToken", STRING),
        "tagSet": ("Tags", _TAGS),
    }
)

_VOLUME = Structure(
    {
        "volumeId": ("VolumeId", STRING),
        "status": ("State", STRING),
        "size": ("Size", INTEGER),
        "volumeType": ("VolumeType", STRING),
        "iops": ("Iops", INTEGER),
        "throughput": ("Throughput", INTEGER),
        "encrypted": ("Encrypted", BOOLEAN),
        "kmsKeyId": ("KmsKeyId", STRING),
        "availabilityZone": ("AvailabilityZone", STRING),
        "availabilityZoneId": ("AvailabilityZoneId", STRING),
        "snapshotId": ("SnapshotId", STRING),
        "createTime": ("CreateTime", INSTANT),
        "attachmentSet": (
            "Attachments",
            Items(
                Structure(
                    {
                        "instanceId": ("InstanceId", STRING),
                        "device": ("Device", STRING),
                        "status": ("State", STRING),
                        "deleteOnTermination": ("DeleteOnTermination", BOOLEAN),
                    }
                )
            ),
        ),
        "tagSet": ("Tags", _TAGS),
    }
)

_SNAPSHOT = Structure(
    {
        "snapshotId": ("SnapshotId", STRING),
        "volumeId": ("VolumeId", STRING),
        "status": ("State", STRING),
        "statusMessage": ("StateMessage", STRING),
        "startTime": ("StartTime", INSTANT),
        "progress": ("Progress", STRING),
        "ownerId": ("OwnerId", STRING),
        "volumeSize": ("VolumeSize", INTEGER),
        "encrypted": ("Encrypted", BOOLEAN),
        "kmsKeyId": ("KmsKeyId", STRING),
        "storageTier": ("StorageTier", STRING),
        "tagSet": ("Tags", _TAGS),
    }
)

_SUMMARY = Structure(
    {
        "status": ("Status", STRING),
        "details": ("Details", Items(Structure({"impairedSince": ("ImpairedSince", INSTANT)}))),
    }
)

_INSTANCE_STATUS = Structure(
    {
        "instanceId": ("InstanceId", STRING),
        "systemStatus": ("SystemStatus", _SUMMARY),
        "instanceStatus": ("InstanceStatus", _SUMMARY),
        "attachedEbsStatus": ("AttachedEbsStatus", _SUMMARY),
        "eventsSet": (
            "Events",
            Items(
                Structure(
                    {
                        "code": ("Code", STRING),
                        "description": ("Description", STRING),
                        "notBefore": ("NotBefore", INSTANT),
                    }
                )
            ),
        ),
    }
)

_VOLUME_STATUS = Structure(
    {
        "volumeId": ("VolumeId", STRING),
        "volumeStatus": (
            "VolumeStatus",
            Structure(
                {
                    "status": ("Status", STRING),
                    "details": (
                        "Details",
                        Items(Structure({"name": ("Name", STRING), "status": ("Status", STRING)})),
                    ),
                }
            ),
        ),
        "eventsSet": ("Events", Items(Structure({"eventType": ("EventType", STRING)}))),
        "actionsSet": ("Actions", Items(Structure({"code": ("Code", STRING)}))),
        "initializationStatusDetails": (
            "InitializationStatusDetails",
            Structure({"progress": ("Progress", INTEGER)}),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """A reply that is one list: the element that holds its items, the boto3 member, and the shape of an item."""

    element: str
    member: str
    item: Structure


_RESERVATION = Structure(
    {"ownerId": ("OwnerId", STRING), "instancesSet": ("Instances", Items(_INSTANCE))}
)

PAGES: Mapping[str, Page] = {
    "DescribeInstances": Page("reservationSet", "Reservations", _RESERVATION),
    "DescribeVolumes": Page("volumeSet", "Volumes", _VOLUME),
    "DescribeInstanceStatus": Page("instanceStatusSet", "InstanceStatuses", _INSTANCE_STATUS),
    "DescribeVolumeStatus": Page("volumeStatusSet", "VolumeStatuses", _VOLUME_STATUS),
    "DescribeSnapshots": Page("snapshotSet", "Snapshots", _SNAPSHOT),
}
"""The members that `translation` reads, by operation."""

_LEFT_TO_BOTOCORE = ("nextToken", "requestId")


def install(client: EC2Client) -> None:
    """Read this client's big lists with lxml."""
    for operation in PAGES:
        client.meta.events.register(f"before-parse.ec2.{operation}", _take_list)


def _take_list(
    operation_model: Any,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: Any,
) -> None:
    """Botocore's hook: move the list from the body into the parsed reply."""
    if response_dict["status_code"] != 200:
        return
    taken = taken_from(operation_model.name, response_dict["body"])
    if taken is not None:
        members, rest = taken
        customized_response_dict.update(members)
        response_dict["body"] = rest


def taken_from(operation: str, body: bytes) -> tuple[dict[str, Any], bytes] | None:
    """The members of a page and the small rest for botocore; None for anything but the operation's own document.

    Each item is read and dropped as soon as it is complete: the tree of a whole page takes ten times its bytes.
    """
    items: list[Any] = []
    try:
        parsing = _parsing(body)
        reply: _Reply | None = None
        for _, element in parsing:
            reply = reply or _reply(element.getroottree().getroot(), operation)
            if reply is None:
                return None
            holder = element.getparent()
            if holder is not None and holder.tag == reply.list_tag:
                items.append(reply.read_item(element))
                _drop(element, holder)
        reply = reply or _reply(parsing.root, operation)
    except (etree.XMLSyntaxError, ValueError):
        # Not XML, or a number or time that is none; botocore says what is wrong with it.
        return None
    if reply is None:
        return None
    # botocore would take a list that is not there for an empty one.
    there = reply.root.find(reply.list_tag) is not None
    return {PAGES[operation].member: items if there else None}, _rest(reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The operation's own document while it is read. No list holds another one of its name."""

    root: Element
    namespace: str
    list_tag: str
    read_item: Read


def _reply(root: Element, operation: str) -> _Reply | None:
    """None for any other document, and for one that declares entities."""
    name = etree.QName(root)
    declares = root.getroottree().docinfo.internalDTD is not None
    if name.localname != f"{operation}Response" or declares:
        return None
    namespace = f"{{{name.namespace}}}" if name.namespace else ""
    return _Reply(
        root=root,
        namespace=namespace,
        list_tag=namespace + PAGES[operation].element,
        read_item=_reader(operation, namespace),
    )


def _parsing(body: bytes) -> etree.iterparse[Any]:
    """The end of every item, nested ones too, while the body is read. Nothing outside the document is ever loaded."""
    return etree.iterparse(
        BytesIO(body),
        events=("end",),
        tag="{*}item",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _drop(element: Element, holder: Element) -> None:
    """Empty what was read, and remove the one before it: the parser may still append a tail to the newest."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # The stubs are older than it.
    before = element.getprevious()
    if before is not None:
        holder.remove(before)


def _rest(reply: _Reply) -> bytes:
    rest = etree.Element(reply.root.tag)
    for name in _LEFT_TO_BOTOCORE:
        rest.extend(reply.root.findall(reply.namespace + name))
    return etree.tostring(rest)


@lru_cache(maxsize=16)
def _reader(operation: str, namespace: str) -> Read:
    return _reader_of(PAGES[operation].item, namespace)


def _reader_of(shape: Shape, namespace: str) -> Read:
    """The shape as a function, built once, since it runs a hundred times for each item."""
    if isinstance(shape, Text):
        convert = shape.read
        return lambda element: convert(element.text or "")
    if isinstance(shape, Items):
        read_item = _reader_of(shape.of, namespace)
        return lambda element: [read_item(item) for item in element]
    readers = {
        namespace + wire_name: (member, _reader_of(inner, namespace))
        for wire_name, (member, inner) in shape.members.items()
    }

    def read_structure(element: Element) -> dict[str, Any]:
        found = {}
        for child in element:
            if (known := readers.get(child.tag)) is not None:
                member, read = known
                found[member] = read(child)
        return found

    return read_structure
