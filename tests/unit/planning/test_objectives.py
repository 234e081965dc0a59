"""What each claim would lose now, held against what was declared; the worst first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from desired_state.model import Archive
from providers.observed import GapSubject, SnapshotState
from reconciler.planning.objectives import ClaimBackup, Protection, claim_backups
from reconciler.planning.slots import arrange
from tests.support.backed_up import VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, data_claim, postgres_fleet, snapshots_of
from tests.support.resources import volume_id

MAX_LOSS = 45 * MINUTE


def backups(scene: Scene) -> list[ClaimBackup]:
    case = scene.case()
    world = arrange(
        desired=case.desired,
        observation=case.observation,
        memory=case.memory,
        owner=case.owner,
        now=case.now,
    )
    return list(claim_backups(world.slots, case.now))


def backup(scene: Scene) -> ClaimBackup:
    (found,) = backups(scene)
    return found


@pytest.mark.parametrize(
    ("age", "expected"),
    [(MAX_LOSS, Protection.GOOD), (MAX_LOSS + MINUTE / 60, Protection.LATE)],
)
def test_the_loss_is_held_against_what_was_declared(age: timedelta, expected: Protection) -> None:
    scene = backed_up()
    point = scene.snapshot(VOLUME, ago=age)
    found = backup(scene)
    assert (found.protection, found.loss, found.max_loss) == (expected, age, MAX_LOSS)
    assert found.restore_point == point


def test_what_somebody_else_took_protects_too() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE, ours=False)
    assert backup(scene).protection is Protection.GOOD


def test_only_what_is_usable_protects() -> None:
    scene = backed_up()
    pending = scene.snapshot(VOLUME, ago=MINUTE, state=SnapshotState.PENDING)
    scene.snapshot(VOLUME, ago=2 * MINUTE, state=SnapshotState.ERROR)
    scene.snapshot(VOLUME, ago=3 * MINUTE, storage_tier="archive")
    found = backup(scene)
    assert (found.protection, found.restore_point) == (Protection.UNPROTECTED, None)
    assert found.pending == pending


def test_what_was_not_read_is_unknown() -> None:
    scene = backed_up()
    scene.snapshot(VOLUME, ago=MINUTE)
    scene.gap(GapSubject.SNAPSHOTS)
    assert backup(scene).protection is Protection.UNKNOWN


def test_an_archive_is_not_looked_at_yet_and_so_unknown() -> None:
    declared = snapshots_of()
    archive = Archive(tool="wal-g", url="s3://backups/{slot}/{incarnation}")
    claim = data_claim(backup=replace(declared, archive=archive))
    scene = backed_up(postgres_fleet(replicas=1, claims=(claim,)))
    scene.snapshot(VOLUME, ago=3 * HOUR)
    assert backup(scene).protection is Protection.UNKNOWN


def test_a_claim_that_may_be_lost_says_so() -> None:
    found = backup(backed_up(postgres_fleet(replicas=1)))
    assert (found.protection, found.max_loss) == (Protection.NOT_DECLARED, None)


def test_a_claim_that_was_never_filled_has_nothing_to_lose() -> None:
    assert backups(Scene(databases())) == []


def test_the_worst_come_first() -> None:
    scene = backed_up(databases(replicas=5))
    for ordinal, age in ((0, MINUTE), (1, 2 * HOUR), (3, 3 * HOUR), (4, 2 * MINUTE)):
        scene.snapshot(volume_id(f"shared-postgres/{ordinal}"), ago=age)
    assert [item.slot.ordinal for item in backups(scene)] == [2, 3, 1, 4, 0]
