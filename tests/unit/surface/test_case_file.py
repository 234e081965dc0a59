from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.planning.plan import plan
from reconciler.surface.case_file import CaseFileError, case_text, read_case, write_case
from tests.support.actions import attach, launch, retag
from tests.support.cases import Scene
from tests.support.fleets import health_spec, http_probe, postgres_fleet, tcp_probe, web_fleet


def eventful_scene() -> Scene:
    """A scene with something of everything that a case can hold."""
    scene = Scene(
        web_fleet(health=health_spec(tcp_probe())),
        web_fleet("api", health=health_spec(http_probe())),
        postgres_fleet(),
    )
    scene.in_service()
    scene.terminated("shared-postgres/1")
    scene.began(launch("web/1"))
    scene.began(attach("shared-postgres/2"))
    scene.began(retag("web/0"))
    scene.paused("web/2")
    scene.no_capacity("use1-az1", "m6i.large")
    return scene


def test_a_recorded_case_gives_the_same_plan_again(tmp_path: Path) -> None:
    case = eventful_scene().case()
    file = tmp_path / "case.json"
    write_case(case, file)
    assert plan(read_case(file)) == plan(case)


def test_a_recorded_case_holds_everything_but_the_text_of_user_data(tmp_path: Path) -> None:
    scene = eventful_scene()
    fleet = scene.fleets["shared-postgres"]
    data = fleet.instance.user_data
    assert data is not None
    secret = replace(fleet.instance, user_data=replace(data, text="PASSWORD=hunter2"))
    scene.declare(replace(fleet, instance=secret))
    case = scene.case()
    file = tmp_path / "case.json"
    write_case(case, file)
    assert "hunter2" not in file.read_text(encoding="utf-8")
    back = read_case(file)
    kept = back.desired.fleet("shared-postgres")
    assert kept is not None
    assert kept.instance.user_data == replace(data, text="")
    assert replace(back, desired=case.desired) == case


def test_a_recorded_case_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    write_case(Scene().case(), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_case_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    with pytest.raises(
        CaseFileError, match=f"cannot write the case to {folder}/case.json: No such"
    ):
        write_case(Scene().case(), folder / "case.json")


def test_a_device_is_written_to_and_never_replaced() -> None:
    write_case(Scene().case(), Path(os.devnull))
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a recorded case"),
        (b"{}", "not a recorded case"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": 99, "observation": {}}', "format 99"),
        (b'{"format": 1, "observation": {}}', "damaged"),
    ],
    ids=["empty", "cut", "list", "object", "binary", "deep", "newer", "incomplete"],
)
def test_what_is_no_case_is_refused_with_the_file_and_the_fault(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "case.json"
    file.write_bytes(content)
    with pytest.raises(CaseFileError) as refused:
        read_case(file)
    assert str(file) in str(refused.value)
    assert said in str(refused.value)


def test_a_case_with_one_wrong_value_says_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(case_text(eventful_scene().case()).replace('"m6i.large"', "17", 1))
    with pytest.raises(CaseFileError, match=r"desired\.fleets\.\d"):
        read_case(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseFileError, match=r"cannot read .*nowhere\.json: No such file"):
        read_case(tmp_path / "nowhere.json")
