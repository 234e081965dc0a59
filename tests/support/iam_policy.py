"""As much of IAM's evaluation as our policy needs: an explicit deny wins, then an allow is needed.

moto's own engine ignores Resource and Condition, so nothing can be concluded from it. Source: IAM user guide, policy
evaluation logic and condition operators. An operator that is not known here raises KeyError and is not passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One action on one resource; `context` holds condition keys, e.g. `aws:ResourceTag/team`."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(policy: Document, asked: Asked) -> bool:
    """Whether this policy alone lets the request through."""
    effects = {
        statement["Effect"] for statement in policy["Statement"] if _applies(statement, asked)
    }
    return effects == {"Allow"}


def _applies(statement: Document, asked: Asked) -> bool:
    return (
        any(fnmatchcase(asked.action, pattern) for pattern in _several(statement["Action"]))
        and any(fnmatchcase(asked.resource, pattern) for pattern in _several(statement["Resource"]))
        and all(
            _OPERATORS[operator](asked.context.get(key), _several(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    # A key that is missing matches no value, and so always matches a negated operator.
    "StringEquals": lambda actual, wanted: actual in wanted,
    "StringNotEquals": lambda actual, unwanted: actual not in unwanted,
    "Null": lambda actual, wanted: str(actual is None).lower() in wanted,
}
