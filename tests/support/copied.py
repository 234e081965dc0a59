"""Databases whose snapshots are copied to another region, for tests of copies: one slot, healthy, well backed up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from desired_state.model import Fleet
from providers.observed import Snapshot
from reconciler.planning.actions import Action
from reconciler.planning.plan import plan
from tests.support.backed_up import EVERY, KEEP, in_time
from tests.support.cases import Scene
from tests.support.fleets import DAY, data_claim, postgres_fleet, snapshots_of

ELSEWHERE = "eu-west-1"


def copied_databases(*, replicas: int = 1, **changes: Any) -> Fleet:
    """As in `backed_up`, with copies in another region."""
    backup = replace(snapshots_of(EVERY, **KEEP), copy_to=ELSEWHERE)
    claims = (data_claim(backup=backup),)
    return postgres_fleet(replicas=replicas, **{"claims": claims, **changes})


def with_snapshot(fleet: Fleet | None = None) -> tuple[Scene, Snapshot]:
    """The database is in service with a good snapshot of the newest date."""
    scene = Scene(fleet or copied_databases())
    scene.in_service()
    return scene, in_time(scene)


def copying() -> tuple[Scene, Action]:
    """A copy of its newest snapshot is due; the action that makes it."""
    scene, _ = with_snapshot()
    (action,) = plan(scene.case()).actions
    return scene, action


def expiring() -> tuple[Scene, Action]:
    """An old copy has had its time, a newer one stays; the action that deletes the old one."""
    scene, newest = with_snapshot()
    scene.copied(newest)
    scene.copied(replace(newest, id="snap-gone", started_at=scene.now - 90 * DAY))
    (action,) = plan(scene.case()).actions
    return scene, action
