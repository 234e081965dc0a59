"""Edits of EC2's replies for the fault proxy: what moto never says of itself.

proxy.add(Rule("DescribeInstanceStatus", EditReply(failing_check("systemStatus", {"i-1"}))))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lxml import etree

Edit = Callable[[bytes], bytes]

_EC2 = "{http://ec2.amazonaws.com/doc/2016-11-15}"


def failing_check(
    check: str, instance_ids: Collection[str], *, since: str = "2026-11-22T02:00:00.000Z"
) -> Edit:
    """`check` is `systemStatus`, `instanceStatus` or `attachedEbsStatus`; `since` is when it began to fail."""

    def edit(body: bytes) -> bytes:
        root = etree.fromstring(body)
        for item in root.iterfind(f"{_EC2}instanceStatusSet/{_EC2}item"):
            if item.findtext(f"{_EC2}instanceId") in instance_ids:
                for old in item.findall(_EC2 + check):
                    item.remove(old)
                item.append(_impaired(check, since))
        return etree.tostring(root)

    return edit


def without_items(list_name: str) -> Edit:
    """A list, e.g. `reservationSet`, that comes back empty with status 200."""

    def edit(body: bytes) -> bytes:
        root = etree.fromstring(body)
        for items in root.iter(_EC2 + list_name):
            items.clear()
        return etree.tostring(root)

    return edit


def with_texts(texts: Mapping[str, str]) -> Edit:
    """Every element of a name gets a text, e.g. `{"ownerId": "999999999999"}`."""

    def edit(body: bytes) -> bytes:
        root = etree.fromstring(body)
        for name, text in texts.items():
            for element in root.iter(_EC2 + name):
                element.text = text
        return etree.tostring(root)

    return edit


def without_elements(*names: str) -> Edit:
    """Every element of these names is taken out."""

    def edit(body: bytes) -> bytes:
        root = etree.fromstring(body)
        etree.strip_elements(root, *(_EC2 + name for name in names), with_tail=False)
        return etree.tostring(root)

    return edit


def with_next_token(token: str) -> Edit:
    """The page says that another one follows."""

    def edit(body: bytes) -> bytes:
        root = etree.fromstring(body)
        for old in root.findall(f"{_EC2}nextToken"):
            root.remove(old)
        etree.SubElement(root, f"{_EC2}nextToken").text = token
        return etree.tostring(root)

    return edit


def cut_in_half(body: bytes) -> bytes:
    """The connection ended in the middle of the document."""
    return body[: len(body) // 2]


def _impaired(check: str, since: str) -> etree._Element:
    element = etree.Element(_EC2 + check)
    etree.SubElement(element, f"{_EC2}status").text = "impaired"
    details = etree.SubElement(element, f"{_EC2}details")
    item = etree.SubElement(details, f"{_EC2}item")
    etree.SubElement(item, f"{_EC2}name").text = "reachability"
    etree.SubElement(item, f"{_EC2}status").text = "failed"
    etree.SubElement(item, f"{_EC2}impairedSince").text = since
    return element
