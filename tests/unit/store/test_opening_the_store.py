"""Where the store lives, who may touch it, and what people read when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.health.volumes import RememberedVolume, VolumeCondition
from reconciler.planning.actions import Gate
from reconciler.planning.memory import Approval
from reconciler.store.errors import EndpointChanged, StoreUnusable
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from tests.support.actions import launch
from tests.support.cases import CELL
from tests.support.fleets import DAY, HOUR, MINUTE
from tests.support.memory_of_passes import lessons
from tests.support.resources import NOW

ELSEWHERE = replace(CELL, endpoint="http://127.0.0.1:5000")


def test_a_new_store_is_a_private_file_in_a_private_directory(path: Path) -> None:
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_path_may_hold_what_means_something_in_a_url(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "50%?#.sqlite"
    Store.open(path).close()
    assert [item.name for item in path.parent.iterdir()] == ["50%?#.sqlite"]


def test_a_store_can_be_named_by_url(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path}/s.sqlite").close()
    assert (tmp_path / "s.sqlite").exists()


def test_a_database_that_is_not_supported_yet_is_said_so() -> None:
    with pytest.raises(StoreUnusable, match="postgresql stores are not supported yet"):
        Store.open("postgresql://db/reconciler")


def test_reading_a_store_that_is_not_there_remembers_nothing_and_makes_no_file(path: Path) -> None:
    with Store.open(path, read_only=True) as store:
        assert store.cell(CELL).memory(NOW).passes == 0
        assert store.cells() == ()
    assert not path.parent.exists()


def test_reading_a_store_never_changes_a_byte_of_it(path: Path) -> None:
    with Store.open(path) as store:
        store.cell(CELL).begin(launch("web/1"), NOW)
    before = path.read_bytes()
    with Store.open(path, read_only=True) as store:
        cell = store.cell(CELL)
        assert len(cell.memory(NOW).open_intents) == 1
        with pytest.raises(StoreUnusable, match="read only"):
            cell.begin(launch("web/2"), NOW)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_cell_that_is_not_registered_can_be_read_as_empty(path: Path) -> None:
    Store.open(path).close()
    with Store.open(path, read_only=True) as store:
        assert store.cell(CELL).memory(NOW).known == {}


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    Store.open(path).close()
    link = tmp_path / "link.sqlite"
    link.symlink_to(path)
    for read_only in (False, True):
        with pytest.raises(StoreUnusable, match="is a symbolic link: name the file itself"):
            Store.open(link, read_only=read_only)


def test_a_dangling_symbolic_link_is_refused_and_its_target_not_made(tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "planted.sqlite")
    for read_only in (False, True):
        with pytest.raises(StoreUnusable, match="symbolic link"):
            Store.open(link, read_only=read_only)
    assert not (tmp_path / "planted.sqlite").exists()


def test_a_file_that_others_can_write_is_refused(path: Path) -> None:
    Store.open(path).close()
    path.chmod(0o666)
    with pytest.raises(StoreUnusable, match=r"can be written by others \(mode 0666\): chmod 600"):
        Store.open(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    Store.open(path).close()
    os.chown(path, 65534, 65534)
    with pytest.raises(StoreUnusable, match="belongs to user 65534"):
        Store.open(path)


@pytest.fixture
def ordinary_path() -> Iterator[Path]:
    """A store of an ordinary user, who this test is until it ends: for root every file is writable."""
    directory = Path(tempfile.mkdtemp())
    us = os.geteuid()
    if us == 0:
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
    Store.open(directory / "s.sqlite").close()
    yield directory / "s.sqlite"
    directory.chmod(0o700)
    os.seteuid(us)
    shutil.rmtree(directory)


def test_a_read_only_file_is_refused_before_anything_is_done(ordinary_path: Path) -> None:
    ordinary_path.chmod(0o400)
    with pytest.raises(StoreUnusable, match=f"cannot be written: make {ordinary_path} writable"):
        Store.open(ordinary_path)
    with Store.open(ordinary_path, read_only=True) as store:
        assert store.cell(CELL).memory(NOW).passes == 0


def test_a_read_only_directory_is_refused_before_anything_is_done(ordinary_path: Path) -> None:
    ordinary_path.parent.chmod(0o500)
    with pytest.raises(StoreUnusable, match=f"make {ordinary_path.parent} writable"):
        Store.open(ordinary_path)
    with Store.open(ordinary_path, read_only=True) as store:
        assert store.cell(CELL).memory(NOW).passes == 0


def test_a_store_that_may_not_be_read_is_said_to_be_so(ordinary_path: Path) -> None:
    ordinary_path.chmod(0o000)
    with pytest.raises(StoreUnusable, match="must be allowed to read it"):
        Store.open(ordinary_path, read_only=True)


def test_a_directory_that_may_not_be_entered_is_said_to_be_so(ordinary_path: Path) -> None:
    ordinary_path.parent.chmod(0o000)
    for read_only in (False, True):
        with pytest.raises(StoreUnusable, match="Permission denied"):
            Store.open(ordinary_path, read_only=read_only)


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="is not a file"):
        Store.open(tmp_path)


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StoreUnusable, match=r"cannot be made: .*, or name another place with --store"
    ):
        Store.open(tmp_path / "file" / "s.sqlite")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, *, read_only: bool) -> None:
    path.parent.mkdir()
    path.write_bytes(b"the notes of someone\n" * 500)
    path.chmod(0o600)
    with pytest.raises(StoreUnusable, match=r"is not a database of ours.*left as it is"):
        Store.open(path, read_only=read_only)
    assert path.read_bytes() == b"the notes of someone\n" * 500


def test_a_database_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    path.chmod(0o600)
    with pytest.raises(StoreUnusable, match="is a database of something else"):
        Store.open(path)


def test_a_damaged_store_is_reported_with_what_to_do_and_kept(path: Path) -> None:
    with Store.open(path) as store:
        cell = store.cell(CELL)
        for ordinal in range(60):
            cell.begin(launch(f"web/{ordinal}"), NOW)
    content = bytearray(path.read_bytes())
    content[-8192:] = b"\xa5" * 8192
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="is damaged: move it away and keep it"):
        Store.open(path)
    assert path.read_bytes() == bytes(content)


def test_a_truncated_store_is_reported_and_kept(path: Path) -> None:
    with Store.open(path) as store:
        store.cell(CELL).begin(launch("web/1"), NOW)
    content = path.read_bytes()[:20_000]
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="is damaged"):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreUnusable, match="written by a newer version"):
            Store.open(path, read_only=read_only)
    assert path.read_bytes() == before


def test_an_older_store_is_read_only_after_it_was_brought_up_to_date(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0000'")
    raw.close()
    with pytest.raises(StoreUnusable, match=r"written by an older version .* brings it up to date"):
        Store.open(path, read_only=True)


def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_that_it_holds(
    path: Path,
) -> None:
    with Store.open(path) as store:
        store.cell(CELL).begin(launch("web/1"), NOW)
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE volumes")
        take_back_the_third_version(raw)
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    raw.close()
    stuck = RememberedVolume(condition=VolumeCondition.STUCK, condition_since=NOW)
    with Store.open(path) as store:
        cell = store.cell(CELL)
        assert len(cell.memory(NOW).open_intents) == 1
        assert cell.memory(NOW).volumes == {}
        cell.record_pass(PassRecord(lessons=lessons(volumes={"vol-1": stuck})))
    with Store.open(path, read_only=True) as store:
        assert store.cell(CELL).memory(NOW).volumes == {"vol-1": stuck}


def test_a_store_of_the_third_version_knows_since_when_it_has_a_record(path: Path) -> None:
    with Store.open(path) as store:
        for minutes in (0, 5):
            learnt = lessons(as_of=NOW + minutes * MINUTE)
            store.cell(CELL).record_pass(PassRecord(lessons=learnt))
    with sqlite3.connect(path) as raw:
        take_back_the_fourth_version(raw)
        raw.execute("UPDATE alembic_version SET version_num = '0003'")
    raw.close()
    with Store.open(path) as store:
        memory = store.cell(CELL).memory(NOW + HOUR)
    assert memory.recorded_since == NOW
    assert (memory.conditions, memory.reads, memory.override) == ({}, {}, None)


def take_back_the_fourth_version(raw: sqlite3.Connection) -> None:
    for table in ("conditions", "reads", "overrides"):
        raw.execute(f"DROP TABLE {table}")
    raw.execute("ALTER TABLE cells DROP COLUMN recorded_since")


def take_back_the_third_version(raw: sqlite3.Connection) -> None:
    take_back_the_fourth_version(raw)
    raw.execute("DROP TABLE orders")
    raw.execute("ALTER TABLE approvals DROP COLUMN max_loss_s")
    raw.execute("ALTER TABLE approvals DROP COLUMN empty")


def test_an_approval_of_a_version_that_showed_no_loss_is_for_none(path: Path) -> None:
    granted = Approval(
        id="web-1-0a1b2c",
        gate=Gate.RESTORE,
        granted_at=NOW,
        expires_at=NOW + DAY,
        granted_by="erin",
        max_loss=HOUR,
    )
    with Store.open(path) as store:
        store.cell(CELL).grant(granted)
    with sqlite3.connect(path) as raw:
        take_back_the_third_version(raw)
        raw.execute("UPDATE alembic_version SET version_num = '0002'")
    raw.close()
    with Store.open(path) as store:
        (found,) = store.cell(CELL).memory(NOW).approvals.values()
    assert found == replace(granted, max_loss=None)
    assert not found.releases(NOW, timedelta(seconds=1))


def test_an_up_to_date_store_opens_without_alembic(path: Path) -> None:
    Store.open(path).close()
    script = (
        "import sys\nfrom reconciler.store.store import Store\n"
        f"Store.open({str(path)!r}).close()\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_store_locked_by_another_program_is_said_to_be_locked(path: Path) -> None:
    Store.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnusable, match="has been locked by another process"):
        Store.open(path, read_only=True)
    other.close()


def test_a_full_disk_stops_the_write_and_loses_nothing(path: Path) -> None:
    # A limit on the size of files is how a test can fill the disk for one process alone.
    script = f"""
import resource, signal, sys
from pathlib import Path
from reconciler.store.errors import StoreUnusable
from reconciler.store.store import Store
from tests.support.actions import launch
from tests.support.cases import CELL
from tests.support.resources import NOW
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(path)!r})
cell = Store.open(path).cell(CELL)
cell.begin(launch("web/0"), NOW)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, -1))
try:
    for ordinal in range(1, 200):
        cell.begin(launch(f"web/{{ordinal}}"), NOW)
except StoreUnusable as fault:
    print(fault)
    sys.exit(3)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 3, done.stderr
    assert "disk" in done.stdout
    with Store.open(path) as store:
        begun = [intent.action for intent in store.cell(CELL).memory(NOW).open_intents]
        assert launch("web/0") in begun
        assert len(begun) < 200


def test_a_cell_without_history_may_move_to_another_endpoint(store: Store) -> None:
    store.cell(CELL)
    store.cell(ELSEWHERE)
    assert store.cells() == (ELSEWHERE,)


def test_a_cell_with_history_refuses_another_endpoint_until_it_is_confirmed(store: Store) -> None:
    store.cell(CELL).begin(launch("web/1"), NOW)
    with pytest.raises(EndpointChanged, match=r"127\.0\.0\.1:5000.*Nothing is done"):
        store.cell(ELSEWHERE)
    assert store.cells() == (CELL,)
    store.confirm_endpoint(ELSEWHERE)
    assert len(store.cell(ELSEWHERE).memory(NOW).open_intents) == 1


def test_reading_refuses_another_endpoint_too(path: Path) -> None:
    with Store.open(path) as store:
        store.cell(CELL).begin(launch("web/1"), NOW)
    with Store.open(path, read_only=True) as store, pytest.raises(EndpointChanged):
        store.cell(ELSEWHERE)
