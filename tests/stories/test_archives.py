"""Databases that archive their log, told as stories: what the archive saves, and that nobody writes into another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from providers.simulated.archives import Archived
from providers.simulated.records import Io
from reconciler.planning.backups.objectives import Protection, claim_backups
from reconciler.planning.identity import Tag
from reconciler.planning.slots.archives import ArchivePoint
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.stories.databases import LAYOUT, heals, lasts, occupant, volume_of
from tests.stories.witness import Witness
from tests.support.archived import archived_databases
from tests.support.fleets import DAY, HOUR, MINUTE, desired, health_spec, tcp_probe

OWN, PARENTS = "shared-postgres/0/2", "shared-postgres/0/1"


@contextmanager
def archiving(folder: Path, *, bases_break_off: bool = False) -> Iterator[VirtualGuard]:
    """A database in service for an hour, with an archive and snapshots every quarter of an hour."""
    fleet = archived_databases(health=health_spec(tcp_probe()))
    store = folder / "store.sqlite"
    with virtual_guard(desired(fleet), store=store, layout=LAYOUT, seed=4) as guard:
        guard.cloud.archiving.bases_break_off = bases_break_off
        witness = Witness(guard.cloud, fleet, store)
        heals(guard)
        lasts(guard, HOUR)
        yield guard
        witness.objects_to_nothing()


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[VirtualGuard]:
    with archiving(tmp_path) as guard:
        yield guard


def truth_of(guard: VirtualGuard, path: str) -> Archived:
    return guard.cloud.archiving.truth[path]


def between_snapshots(guard: VirtualGuard) -> None:
    """Time goes on until the newest snapshot is ten minutes old."""
    while True:
        taken = max(item.started_at for item in guard.cloud.truth.snapshots.values())
        if guard.cloud.clock.now() - taken >= 10 * MINUTE:
            return
        guard.one_pass()


def test_a_stuck_volume_is_restored_from_the_archive_with_a_loss_of_about_a_minute(
    guard: VirtualGuard,
) -> None:
    between_snapshots(guard)
    before, stuck_at = occupant(guard), guard.cloud.clock.now()
    guard.cloud.make_sick(volume_of(before), Io.STALLED)
    heals(guard, within=3 * HOUR)
    after = occupant(guard)
    archived = truth_of(guard, PARENTS)
    assert after.tags[Tag.RESTORE_FROM] == "1"
    assert archived.last_at is not None
    assert timedelta() <= stuck_at - archived.last_at <= MINUTE
    copy = guard.cloud.truth.volumes[volume_of(after)]
    assert copy.snapshot_id is not None, "the log is replayed onto the newest snapshot"


def test_who_was_restored_from_an_archive_writes_its_own_and_nobody_the_parents(
    guard: VirtualGuard,
) -> None:
    before = occupant(guard)
    guard.cloud.make_sick(volume_of(before), Io.STALLED)
    heals(guard, within=3 * HOUR)
    guard.cloud.make_sick(volume_of(before), Io.NORMAL)
    lasts(guard, HOUR)
    assert truth_of(guard, PARENTS).writers == {before.id}
    assert truth_of(guard, OWN).writers == {occupant(guard).id}


def test_the_restored_database_is_protected_by_its_own_archive_soon(guard: VirtualGuard) -> None:
    guard.cloud.make_sick(volume_of(occupant(guard)), Io.STALLED)
    heals(guard, within=3 * HOUR)
    lasts(guard, 30 * MINUTE)
    seen = guard.look()
    (backup,) = claim_backups(seen.world.slots, seen.case.now)
    assert isinstance(backup.restore_point, ArchivePoint)
    assert (backup.protection, backup.restore_point.incarnation) == (Protection.GOOD, 2)


def test_an_archive_whose_base_was_never_finished_is_none_and_the_snapshot_is_used(
    tmp_path: Path,
) -> None:
    with archiving(tmp_path, bases_break_off=True) as guard:
        before = occupant(guard)
        guard.cloud.make_sick(volume_of(before), Io.STALLED)
        heals(guard, within=3 * HOUR)
        after = occupant(guard)
        assert after.id != before.id
        assert Tag.RESTORE_FROM not in after.tags
        copy = guard.cloud.truth.volumes[volume_of(after)]
        assert guard.cloud.truth.snapshots[copy.snapshot_id or ""].volume_id == volume_of(before)


def test_a_volume_that_is_lost_is_restored_from_the_archive_at_once(guard: VirtualGuard) -> None:
    between_snapshots(guard)
    guard.cloud.make_sick(volume_of(occupant(guard)), Io.FAILED)
    heals(guard, within=3 * HOUR)
    assert occupant(guard).tags[Tag.RESTORE_FROM] == "1"


def test_a_quiet_day_costs_few_calls(guard: VirtualGuard) -> None:
    before = sum(guard.cloud.bucket.counts.values())
    lasts(guard, DAY / 4)
    calls = sum(guard.cloud.bucket.counts.values()) - before
    assert calls <= 6 * 12 * 5, "every five minutes, a few calls"
