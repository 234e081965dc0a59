"""Tags that users may put on their instances."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from desired_state.documents.document import Problem, refuse
from desired_state.documents.secret_values import secret_problems
from desired_state.reading.diagnostics import quoted

OUR_PREFIX = "fleet-reconciler:"
MOST_TAGS = 40
"""EC2 takes 50 on a resource; the rest is for the controller's own and for what AWS services add."""

LONGEST_KEY = 128
LONGEST_VALUE = 256

_KEY = re.compile(r"[A-Za-z0-9+\-=.,_:@]+")
"""What EC2 accepts while tags are exposed in instance metadata, which our launches need."""

_NO_KEYS = (".", "..", "_index")


def _check_key(key: str) -> str:
    refuse(_key_problems(key))
    return key


def _key_problems(key: str) -> Iterator[Problem]:
    for prefix, owner in ((OUR_PREFIX, "the controller"), ("aws:", "AWS")):
        if key.lower().startswith(prefix):
            message = f"begins with {prefix}, which is kept for {owner}"
            yield Problem(message=f"{message}: {quoted(key)}", hint="choose another key")
            return
    if len(key) > LONGEST_KEY:
        yield Problem(message=f"must have at most {LONGEST_KEY} characters, not {len(key)}")
    elif not _KEY.fullmatch(key) or key in _NO_KEYS:
        hint = "use letters, digits and + - = . , _ : @ only"
        yield Problem(message=f"is refused by EC2 in instance metadata: {quoted(key)}", hint=hint)


def _check_value(value: str) -> str:
    refuse(secret_problems(value))
    return value


Tags = Annotated[
    dict[
        Annotated[str, AfterValidator(_check_key)],
        Annotated[str, Field(max_length=LONGEST_VALUE), AfterValidator(_check_value)],
    ],
    Field(max_length=MOST_TAGS),
]
