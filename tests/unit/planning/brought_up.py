"""Fleets for the tests of courses: brought up in memory, and made to fail."""

from __future__ import annotations

from typing import Any

from desired_state.model import Fleet, LadderStep
from providers.observed import Volume
from tests.support.fleets import (
    health_spec,
    postgres_fleet,
    repair_spec,
    tcp_probe,
)
from tests.support.passes import Passes

DATABASE = "shared-postgres/0"


PROBED = health_spec(tcp_probe())
ONLY_REPLACE = repair_spec(ladder=(LadderStep.REPLACE,))


def a_database(**changes: Any) -> Fleet:
    return postgres_fleet(replicas=1, health=PROBED, **changes)


def fails(passes: Passes, instance_id: str, check: str = "system") -> None:
    """EC2's check of it fails from now on, and its service no longer answers."""
    passes.cloud.impair(instance_id, check)
    passes.services.down.add(instance_id)


def brought_up(*fleets: Fleet) -> Passes:
    passes = Passes(*fleets)
    passes.until_converged()
    return passes


def volumes_of(passes: Passes, replicas: int) -> list[Volume]:
    return [
        volume
        for ordinal in range(replicas)
        for volume in passes.data_volumes(f"shared-postgres/{ordinal}")
    ]
