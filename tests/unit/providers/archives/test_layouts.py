"""What the objects of an archive say: the newest complete base, and how far its log goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from providers.archives.reading import StoredArchives
from providers.observed import ArchiveList, GapSubject
from providers.observed_archives import ArchiveAddress, ArchiveHistory, ArchiveState
from tests.support.stored import BEGAN, BUCKET, Barman, Bucket, PgBackRest, WalG, minute, segment

PATH = "shared-postgres/0"
NOW = BEGAN + timedelta(hours=12)


def observed(bucket: Bucket, tool: str, *slots: int, name: str = BUCKET) -> ArchiveList:
    addresses = [
        ArchiveAddress(tool=tool, url=f"s3://{name}/shared-postgres/{slot}/{{incarnation}}")
        for slot in slots or (0,)
    ]
    return StoredArchives(store=bucket).observe_archives(addresses, now=NOW)


def history(bucket: Bucket, tool: str = "wal-g") -> ArchiveHistory:
    (found,) = observed(bucket, tool).archives.values()
    return found


def newest(bucket: Bucket, tool: str = "wal-g") -> ArchiveState:
    return history(bucket, tool).states[0]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def wal_g(bucket: Bucket) -> WalG:
    return WalG(bucket=bucket, path=f"{PATH}/1")


@pytest.fixture
def pgbackrest(bucket: Bucket) -> PgBackRest:
    return PgBackRest(bucket=bucket, path=f"{PATH}/1")


@pytest.fixture
def barman(bucket: Bucket) -> Barman:
    return Barman(bucket=bucket, path=f"{PATH}/1")


# WAL-G


def test_a_base_with_its_log_is_restored_up_to_its_newest_segment(
    bucket: Bucket, wal_g: WalG
) -> None:
    name = wal_g.base(5, last=7)
    wal_g.segments(1, 300)
    assert newest(bucket) == ArchiveState(
        url="s3://backups/shared-postgres/0/1",
        incarnation=1,
        why_not=None,
        base=name,
        recoverable_from=minute(7).replace(microsecond=0),
        recoverable_until=minute(300),
        last_segment=segment(300),
    )


def test_a_base_without_its_sentinel_is_none(bucket: Bucket, wal_g: WalG) -> None:
    wal_g.unfinished_base(f"base_{segment(5)}", 5)
    wal_g.segments(1, 30)
    assert newest(bucket).why_not == "none of its 1 base backups is finished"


def test_an_unfinished_base_leaves_the_finished_one_before_it(bucket: Bucket, wal_g: WalG) -> None:
    name = wal_g.base(5)
    wal_g.unfinished_base(f"base_{segment(25)}", 25)
    wal_g.segments(1, 30)
    assert (newest(bucket).base, newest(bucket).usable) == (name, True)


def test_the_newest_base_is_the_one_that_was_finished_last_and_not_the_last_by_name(
    bucket: Bucket, wal_g: WalG
) -> None:
    """After an upgrade the timeline begins again and names sort before older ones."""
    wal_g.base(5, timeline=9)
    newer = wal_g.base(20, timeline=1)
    wal_g.segments(20, 30)
    assert newest(bucket).base == newer


def test_a_delta_needs_every_base_that_it_rests_on(bucket: Bucket, wal_g: WalG) -> None:
    full = wal_g.base(2)
    middle = wal_g.base(5, rests_on=2)
    name = wal_g.base(9, rests_on=5)
    wal_g.segments(1, 30)
    assert (newest(bucket).base, newest(bucket).usable) == (name, True)
    wal_g.take_away(f"basebackups_005/{middle}_backup_stop_sentinel.json")
    assert newest(bucket).why_not == (
        f"base {name} rests on base_{segment(5)}, which is not complete"
    )
    wal_g.base(5, rests_on=2)
    wal_g.take_away(f"basebackups_005/{full}_backup_stop_sentinel.json")
    assert not newest(bucket).usable


def test_a_missing_segment_is_where_it_ends(bucket: Bucket, wal_g: WalG) -> None:
    wal_g.base(5)
    wal_g.segments(1, 600)
    wal_g.take_away(f"wal_005/{segment(300)}.lz4")
    state = newest(bucket)
    assert (state.recoverable_until, state.last_segment) == (minute(299), segment(299))


def test_a_base_whose_own_log_is_not_whole_restores_nothing(bucket: Bucket, wal_g: WalG) -> None:
    name = wal_g.base(5, last=8)
    wal_g.segments(1, 30)
    wal_g.take_away(f"wal_005/{segment(7)}.lz4")
    assert newest(bucket).why_not == (
        f"base {name} needs segment {segment(7)}, which is not in the archive"
    )


def test_partial_segments_and_labels_are_no_segments(bucket: Bucket, wal_g: WalG) -> None:
    wal_g.base(5)
    wal_g.segments(5, 20)
    wal_g.put(f"wal_005/{segment(21)}.partial.lz4", minute(21))
    wal_g.put(f"wal_005/{segment(21)}.00000028.backup.lz4", minute(21))
    assert newest(bucket).last_segment == segment(20)


def test_the_log_goes_on_with_the_newest_timeline_whose_history_is_there(
    bucket: Bucket, wal_g: WalG
) -> None:
    wal_g.base(5)
    wal_g.segments(5, 20)
    wal_g.segments(18, 40, timeline=2)
    assert newest(bucket).last_segment == segment(20), "nobody says where timeline 2 comes from"
    wal_g.history(2)
    assert newest(bucket).last_segment == segment(40, timeline=2)
    wal_g.take_away(f"wal_005/{segment(19, timeline=2)}.lz4")
    assert newest(bucket).last_segment == segment(18, timeline=2), "it never goes back to 1"


def test_only_what_comes_after_the_base_is_listed(bucket: Bucket, wal_g: WalG) -> None:
    wal_g.base(500)
    wal_g.segments(1, 510)
    assert newest(bucket).last_segment == segment(510)
    assert f"{PATH}/1/wal_005/{segment(500)[:-1]}" in bucket.listed_after


# pgBackRest


def test_pgbackrest_tells_its_backups_in_backup_info(
    bucket: Bucket, pgbackrest: PgBackRest
) -> None:
    pgbackrest.base("20261122-030500F", 5)
    label = pgbackrest.base("20261122-030500F_20261122-032000I", 20, rests_on="20261122-030500F")
    pgbackrest.segments(1, 300)
    state = newest(bucket, "pgbackrest")
    assert (state.base, state.usable) == (label, True)
    assert (state.recoverable_from, state.recoverable_until) == (minute(20), minute(300))


def test_a_backup_without_its_manifest_is_none(bucket: Bucket, pgbackrest: PgBackRest) -> None:
    pgbackrest.base("20261122-030500F", 5)
    pgbackrest.base("20261122-030500F_20261122-032000I", 20, rests_on="20261122-030500F")
    pgbackrest.segments(1, 30)
    pgbackrest.take_away("backup/main/20261122-030500F/backup.manifest")
    assert newest(bucket, "pgbackrest").why_not == (
        "backup 20261122-030500F_20261122-032000I needs 20261122-030500F, which is not complete"
    )


def test_a_repository_that_is_encrypted_is_a_gap_and_not_empty(
    bucket: Bucket, pgbackrest: PgBackRest
) -> None:
    pgbackrest.base("20261122-030500F", 5)
    pgbackrest.put("backup/main/backup.info", minute(6), "Salted__ nothing of this can be read")
    seen = observed(bucket, "pgbackrest")
    (gap,) = seen.gaps.values()
    assert (gap.subject, gap.code, seen.archives) == (GapSubject.ARCHIVES, "UnreadableDocument", {})
    assert "is it encrypted?" in gap.detail


# Barman


def test_barman_says_of_each_backup_how_it_ended(bucket: Bucket, barman: Barman) -> None:
    done = barman.base("20261122T030500", 5, last=6)
    barman.base("20261122T032000", 20, status="FAILED")
    barman.base("20261122T033000", 30, status="STARTED")
    barman.segments(1, 300)
    state = newest(bucket, "barman")
    assert (state.base, state.usable) == (done, True)
    assert (state.recoverable_from, state.recoverable_until) == (minute(6), minute(300))


def test_where_every_backup_failed_there_is_none(bucket: Bucket, barman: Barman) -> None:
    barman.base("20261122T032000", 20, status="FAILED")
    barman.segments(1, 30)
    assert newest(bucket, "barman").why_not == (
        "it has no complete backup; 20261122T032000 is FAILED"
    )


def test_segments_may_have_another_size(bucket: Bucket, barman: Barman) -> None:
    """With 64 MiB a log has 64 parts: 0000003F comes right before the next log."""
    barman.base("20261122T030500", 0x3E, segment_bytes=4 * 16 * 1024 * 1024)
    for number in (0x3E, 0x3F, 0x100, 0x101):
        barman.segments(number, number)
    assert newest(bucket, "barman").last_segment == segment(0x101)


# Incarnations


def test_an_archive_that_was_just_begun_leaves_the_one_before_it(
    bucket: Bucket, wal_g: WalG
) -> None:
    wal_g.base(5)
    wal_g.segments(1, 30)
    WalG(bucket=bucket, path=f"{PATH}/12").segments(31, 40)
    found = history(bucket)
    assert found.incarnations == (1, 12)
    assert [(state.incarnation, state.usable) for state in found.states] == [
        (12, False),
        (1, True),
    ]


def test_where_nothing_was_ever_written_there_is_no_incarnation(bucket: Bucket) -> None:
    found = history(bucket)
    assert (found.incarnations, found.states) == ((), ())


def test_an_archive_that_cannot_be_read_is_a_gap_and_spoils_no_other(
    bucket: Bucket, wal_g: WalG
) -> None:
    wal_g.base(5)
    wal_g.segments(1, 30)
    bucket.refused["shared-postgres/7/"] = "AccessDenied"
    seen = observed(bucket, "wal-g", 0, 7)
    assert [found.states[0].usable for found in seen.archives.values()] == [True]
    ((url, gap),) = seen.gaps.items()
    assert url == "s3://backups/shared-postgres/7/{incarnation}"
    assert (gap.code, gap.detail) == (
        "AccessDenied",
        f"{url}: ListObjectsV2: refused",
    )


def test_a_bucket_that_is_not_there_is_a_gap(bucket: Bucket) -> None:
    seen = observed(bucket, "wal-g", name="elsewhere")
    assert [gap.code for gap in seen.gaps.values()] == ["NoSuchBucket"]
