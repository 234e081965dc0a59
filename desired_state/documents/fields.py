"""The kinds of value that fields hold: each is checked, explained when wrong, and described in the JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from desired_state.documents.document import Problem, refuse
from desired_state.model import Share
from desired_state.reading.diagnostics import quoted
from desired_state.reading.quantities import (
    DURATION_PATTERN,
    SHARE_PATTERN,
    SIZE_PATTERN,
    QuantityError,
    format_duration,
    format_percent,
    format_size,
    parse_duration,
    parse_percent,
    parse_share,
    parse_size_gib,
)

_Item = TypeVar("_Item", bound=str)


def _quantity(parse: Callable[[object], Any]) -> PlainValidator:
    def validate(value: object) -> Any:
        try:
            return parse(value)
        except QuantityError as error:
            refuse([Problem(message=str(error), hint=error.hint)])

    return PlainValidator(validate)


Duration = Annotated[
    timedelta,
    _quantity(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "15m", "7d"]}
    ),
]

SizeGib = Annotated[
    int,
    _quantity(parse_size_gib),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["200GiB", "1TiB"]}),
]

Percent = Annotated[
    float,
    _quantity(parse_percent),
    PlainSerializer(format_percent, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SHARE_PATTERN, "examples": ["20%"]}),
]


def _above_zero(percent: float) -> float:
    if percent == 0:
        refuse([Problem(message="must be more than 0%")])
    return percent


PositivePercent = Annotated[Percent, AfterValidator(_above_zero)]

CountOrShare = Annotated[
    Share,
    _quantity(parse_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": SHARE_PATTERN},
            ],
            "examples": [1, "20%"],
        }
    ),
]


@dataclass(frozen=True, slots=True)
class _Matching:
    """Strings that match the whole pattern; `expected` and `example` say what would."""

    pattern: str
    expected: str
    example: str
    longest: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            **handler(schema),
            "pattern": f"^(?:{self.pattern})$",
            "maxLength": self.longest,
            "examples": [self.example.strip('"')],
        }

    def _check(self, value: str) -> str:
        if len(value) > self.longest:
            message = f"must have at most {self.longest} characters, not {len(value)}"
            refuse([Problem(message=message)])
        if not re.fullmatch(self.pattern, value):
            message = f"must be {self.expected}, such as {self.example}, not {quoted(value)}"
            refuse([Problem(message=message)])
        return value


def _unique(items: list[_Item]) -> list[_Item]:
    seen: set[_Item] = set()
    problems = []
    for index, item in enumerate(items):
        if item in seen:
            problems.append(
                Problem(message=f"repeats {quoted(item)}", at=(index,), hint="remove one")
            )
        seen.add(item)
    refuse(problems)
    return items


UniqueList = Annotated[
    list[_Item], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})
]
"""A list whose items may not repeat."""


def _never_shorter(steps: list[timedelta]) -> list[timedelta]:
    problems = []
    for index in range(1, len(steps)):
        if steps[index] < steps[index - 1]:
            shorter, longer = format_duration(steps[index]), format_duration(steps[index - 1])
            message = f"is {shorter}, which cannot come after {longer}"
            hint = "each wait is at least the one before"
            problems.append(Problem(message=message, at=(index,), hint=hint))
    refuse(problems)
    return steps


Waits = Annotated[
    list[Duration], AfterValidator(_never_shorter), Field(min_length=1, max_length=20)
]
"""Waits after one failure, two in a row and so on; the last one stays."""


def _account_is_text(value: object) -> object:
    if type(value) is int:
        hint = f'write "{value}" in quotes: as a number an account loses its leading zeros'
        refuse([Problem(message="must be a string of 12 digits, not a number", hint=hint)])
    return value


_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME_IS = "lower-case letters, digits and inner hyphens"

FleetName = Annotated[str, _Matching(_NAME, _NAME_IS, "web", 63)]
ClaimName = Annotated[str, _Matching(_NAME, _NAME_IS, "data", 32)]
Account = Annotated[
    str,
    _Matching(r"[0-9]{12}", "12 digits in quotes", '"210987654321"', 12),
    BeforeValidator(_account_is_text),
]
Region = Annotated[
    str, _Matching(r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2}", "a region", "us-east-1", 32)
]
Zone = Annotated[
    str, _Matching(r"[a-z][a-z0-9]+(?:-[a-z0-9]+)+", "a zone's id or name", "use1-az1", 48)
]
ImageId = Annotated[
    str, _Matching(r"ami-[0-9a-f]{8,17}", "an image id", "ami-0abc1234def567890", 21)
]
SsmParameter = Annotated[
    str,
    _Matching(
        r"/[A-Za-z0-9_./-]+(?::[A-Za-z0-9_.-]+)?",
        "the name of an SSM parameter",
        "/fleet/image",
        1011,
    ),
]
InstanceType = Annotated[
    str, _Matching(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an instance type", "m6i.large", 64)
]
SubnetId = Annotated[str, _Matching(r"subnet-[0-9a-f]{1,17}", "a subnet id", "subnet-0a1b2c3d", 24)]
SecurityGroupId = Annotated[
    str,
    _Matching(r"sg-[0-9a-f]{1,17}", "the id of a security group", "sg-0a1b2c3d", 20),
]
InstanceProfile = Annotated[
    str,
    _Matching(r"[A-Za-z0-9+=,.@_-]+", "the name of an instance profile", "postgres", 128),
]
KmsKeyId = Annotated[
    str,
    _Matching(
        r"[0-9a-f-]{36}|mrk-[0-9a-f]{32}|alias/[A-Za-z0-9/_-]+"
        r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]+",
        "a KMS key's id, alias or ARN",
        "alias/data",
        2048,
    ),
]
HttpPath = Annotated[
    str, _Matching(r"/[!-~]*", "a path that begins with a slash", "/healthz", 1024)
]
Port = Annotated[int, Field(ge=1, le=65535)]
