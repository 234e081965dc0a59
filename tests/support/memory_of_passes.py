"""What passes leave behind, for tests: lessons with every field open to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.planning.learning import Lessons
from reconciler.planning.memory import KnownResource
from tests.support.resources import NOW, instance_id, slot


def lessons(**changes: Any) -> Lessons:
    """A quiet, complete pass that learnt nothing."""
    quiet = Lessons(
        as_of=NOW, complete_looks=1, known={}, health={}, volumes={}, held_since={}, cold=None
    )
    return replace(quiet, **changes)


def known(text: str, **changes: Any) -> KnownResource:
    """That slot's instance, seen just now."""
    resource = KnownResource(
        id=instance_id(text),
        kind="instance",
        slot=slot(text),
        claim=None,
        incarnation=1,
        zone="use1-az1",
        last_seen_at=NOW,
    )
    return replace(resource, **changes)
