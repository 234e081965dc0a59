"""What every part of a document has in common: nothing unknown, nothing converted, names as in YAML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

ApiVersion = Literal["reconciler/v1"]


class Document(BaseModel):
    """A mapping with known keys, written in camelCase. Values are taken as written or refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, validate_by_alias=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A broken rule: the end of a sentence that begins with the key, and where, from the value that was checked."""

    message: str
    at: tuple[str | int, ...] = ()
    hint: str | None = None


PROBLEMS_ERROR = "problems"


def refuse(problems: Iterable[Problem]) -> None:
    """End validation of a value with all of its problems, if there are any."""
    found = tuple(problems)
    if found:
        raise PydanticCustomError(PROBLEMS_ERROR, "breaks a rule", {"problems": found})
