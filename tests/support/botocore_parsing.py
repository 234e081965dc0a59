"""What botocore's own parser makes of a page, cut down to the members that our page reader knows."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel
from botocore.parsers import ResponseParserFactory

from providers.ec2.pages import PAGES, Items, Shape, Structure


@cache
def operation_model(operation: str) -> OperationModel:
    """EC2's model of the operation, as botocore ships it."""
    model = botocore.session.Session().get_service_model("ec2")
    return model.operation_model(operation)


def parsed_by_botocore(operation: str, body: bytes) -> list[Any]:
    """The items of the page."""
    page = PAGES[operation]
    model = operation_model(operation)
    assert model.output_shape is not None
    parser = ResponseParserFactory().create_parser(model.service_model.protocol)
    reply = parser.parse(
        {"status_code": 200, "headers": {}, "body": body, "context": {}}, model.output_shape
    )
    return [cut_down(item, page.item) for item in reply[page.member]]


def cut_down(value: Any, shape: Shape) -> Any:
    """Only known members. Lists that are not in the document are left out; botocore makes them empty ones."""
    if isinstance(shape, Items):
        return [cut_down(item, shape.of) for item in value]
    if isinstance(shape, Structure):
        return {
            member: cut_down(value[member], inner)
            for member, inner in shape.members.values()
            if value.get(member, []) != []
        }
    return value


def without_empty_lists(value: Any) -> Any:
    """The same for what our reader made, which keeps lists that are there and empty."""
    if isinstance(value, dict):
        return {key: without_empty_lists(item) for key, item in value.items() if item != []}
    if isinstance(value, list):
        return [without_empty_lists(item) for item in value]
    return value
