"""Client tokens: the same request gets the same resource, another request under the same token is refused.

RunInstances with a subnet or zone is idempotent in that zone, without one in the region (TRUSTED.md, part B).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from providers.simulated.refusals import Refused, invalid

LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a token was used for. `resource_ids` are those of the first answer."""

    parameters: str
    resource_ids: tuple[str, ...]
    at: datetime


class ClientTokens:
    """The tokens of one operation. `scope` is a zone id, or the empty text for the region."""

    def __init__(self, kept: timedelta) -> None:
        self._kept = kept
        self._used: dict[tuple[str, str], Used] = {}

    def earlier(
        self, token: str | None, scope: str, parameters: Mapping[str, Any], now: datetime
    ) -> Used | None:
        """What this very request made before; None when it is new. Raises Refused on a mismatch."""
        if token is None:
            return None
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise invalid(f"Invalid value '{token}' for clientToken: at most 64 ASCII characters")
        used = self._used.get((scope, token))
        if used is None or now - used.at > self._kept:
            return None
        if used.parameters != canonical(parameters):
            raise Refused(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )
        return used

    def use(
        self,
        token: str | None,
        scope: str,
        parameters: Mapping[str, Any],
        resource_ids: tuple[str, ...],
        now: datetime,
    ) -> None:
        """Remember what a request made. One that was refused is not remembered."""
        if token is not None:
            self._used[scope, token] = Used(
                parameters=canonical(parameters), resource_ids=resource_ids, at=now
            )


def canonical(parameters: Mapping[str, Any]) -> str:
    """A request as text, the same for the same request whatever its order of keys; its token is left out."""
    kept = {name: value for name, value in parameters.items() if name != "ClientToken"}
    return json.dumps(kept, sort_keys=True, default=str)
