"""Why a gate holds a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.actions import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a gate holds a draft, and when it may open."""

    gate: Gate
    reason: str
    earliest_release: datetime | None = None
    approvable: bool = False
