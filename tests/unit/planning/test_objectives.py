"""What each claim would lose now, held against what was declared; the worst first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.observed import GapSubject, SnapshotState
from reconciler.planning.backups.objectives import ClaimBackup, Protection, claim_backups
from reconciler.planning.plan import world_of
from reconciler.planning.slots.archives import ArchivePoint
from tests.support.archived import UNFINISHED, archived, archived_databases, state
from tests.support.backed_up import VOLUME, backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE, postgres_fleet
from tests.support.resources import volume_id

MAX_LOSS = 45 * MINUTE


def backups(scene: Scene) -> list[ClaimBackup]:
    case = scene.case()
    world = world_of(case)
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


def test_an_archive_protects_by_its_own_clock() -> None:
    scene = backed_up(archived_databases())
    scene.snapshot(VOLUME, ago=HOUR)
    archived(scene, state(scene, ago=3 * MINUTE))
    found = backup(scene)
    assert (found.protection, found.loss) == (Protection.GOOD, 3 * MINUTE)
    assert isinstance(found.restore_point, ArchivePoint)
    assert found.restore_point.url == "s3://backups/shared-postgres/0/1"


def test_a_snapshot_that_is_newer_than_the_end_of_an_archive_counts() -> None:
    scene = backed_up(archived_databases())
    point = scene.snapshot(VOLUME, ago=10 * MINUTE)
    archived(scene, state(scene, ago=3 * HOUR))
    assert (backup(scene).restore_point, backup(scene).loss) == (point, 10 * MINUTE)


def test_an_archive_that_fell_behind_is_late() -> None:
    scene = backed_up(archived_databases(with_snapshots=False))
    archived(scene, state(scene, ago=MAX_LOSS + MINUTE))
    assert backup(scene).protection is Protection.LATE


def test_an_archive_without_a_finished_base_protects_nothing() -> None:
    scene = backed_up(archived_databases())
    archived(scene, state(scene, why_not=UNFINISHED))
    found = backup(scene)
    assert found.protection is Protection.UNPROTECTED
    assert found.archive_why_not == f"s3://backups/shared-postgres/0/1: {UNFINISHED}"


def test_what_an_archive_protects_is_not_known_until_it_was_read() -> None:
    scene = backed_up(archived_databases())
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
