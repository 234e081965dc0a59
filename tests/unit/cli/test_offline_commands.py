"""Commands that ask no cloud: validate, schema, plan of a recorded case, history, pause and resume."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.clock import SystemClock
from reconciler.planning.intents import IntentState
from reconciler.planning.learning import Lessons
from reconciler.planning.memory import ColdStart, Override
from reconciler.store.cell import CellStore
from reconciler.store.passes import PassRecord
from reconciler.store.store import Store
from reconciler.surface.case_file import write_case
from tests.support.actions import launch
from tests.support.cases import CELL, Scene
from tests.support.fleets import web_fleet
from tests.unit.cli.typed import typed

BROKEN = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: web}
spec:
  replica: 3
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that knows the fleet `web` in one cell."""
    path = tmp_path / "store.sqlite"
    scene = Scene(web_fleet())
    scene.in_service()
    with Store.open(path) as opened:
        record_pass(opened.cell(CELL), known=scene.memory.known)
    return path


def record_pass(cell: CellStore, *, cold: bool = False, **lessons: object) -> None:
    """A pass on record, now."""
    now = SystemClock().now()
    given = {
        "as_of": now,
        "complete_looks": 1,
        "known": {},
        "health": {},
        "volumes": {},
        "held_since": {},
        "cold": ColdStart(since=now, complete_observations=1) if cold else None,
        **lessons,
    }
    cell.record_pass(PassRecord(lessons=Lessons(**given)))  # type: ignore[arg-type]


def pauses_in(path: Path) -> dict[str, timedelta]:
    """How long each pause in the store still lasts, to the minute."""
    now = SystemClock().now()
    with Store.open(path, read_only=True) as opened:
        found = opened.cell(CELL).memory(now).pauses
    return {
        item.scope: timedelta(minutes=round((item.expires_at - now).total_seconds() / 60))
        for item in found
    }


# validate and schema


def test_a_broken_file_is_shown_whole_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(BROKEN)
    ended = typed(capsys, "validate", str(file))
    assert (ended.code, ended.out) == (1, "")
    assert f"{file}:5:3: error: unknown key 'replica'" in ended.err
    assert "did you mean `replicas`?" in ended.err


def test_a_broken_file_as_json_is_a_document_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(BROKEN)
    ended = typed(capsys, "validate", "-o", "json", str(file))
    assert ended.code == 1
    assert any(item["line"] == 5 for item in json.loads(ended.out)["errors"])


def test_the_examples_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    examples = Path(__file__).resolve().parents[3] / "desired_state" / "examples"
    ended = typed(capsys, "validate", str(examples / "web"), str(examples / "postgres"))
    assert ended.code == 0
    assert "\nValid: 2 fleets" in ended.out


def test_nothing_to_validate_says_how_to_name_something(capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "validate")
    assert ended.code == 1
    assert "RECONCILER_DESIRED" in ended.err


def test_the_desired_state_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECONCILER_DESIRED", f"{tmp_path}/a.yaml:{tmp_path}/b.yaml")
    ended = typed(capsys, "validate")
    assert f"{tmp_path}/a.yaml" in ended.err
    assert f"{tmp_path}/b.yaml" in ended.err


def test_the_schema_is_printed_as_it_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    committed = Path(__file__).resolve().parents[3] / "desired_state" / "schema.json"
    assert typed(capsys, "schema").out == committed.read_text(encoding="utf-8")


def test_the_schema_of_scenarios_is_printed_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    committed = Path(__file__).resolve().parents[3] / "reconciler/simulation/scenario.schema.json"
    printed = typed(capsys, "schema", "--scenario").out
    assert printed == committed.read_text(encoding="utf-8")


# plan of a recorded case


def recorded(tmp_path: Path, scene: Scene) -> str:
    """The scene's case in a file."""
    file = tmp_path / "case.json"
    write_case(scene.case(), file)
    return str(file)


def converged_scene() -> Scene:
    """Three web servers as declared."""
    scene = Scene(web_fleet(), web_fleet("api"))
    scene.in_service()
    return scene


def test_a_converged_case_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "plan", "--case", recorded(tmp_path, converged_scene()))
    assert ended.code == 0
    assert "No changes." in ended.out
    assert ended.err == ""


def test_a_case_with_something_to_do_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = converged_scene()
    scene.terminated("web/1")
    ended = typed(capsys, "plan", "--case", recorded(tmp_path, scene))
    assert ended.code == 2
    assert "+ web/1  launch" in ended.out


def test_something_withheld_alone_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = converged_scene()
    scene.terminated("web/1")
    scene.paused("web")
    ended = typed(capsys, "plan", "--case", recorded(tmp_path, scene))
    assert ended.code == 2
    assert "gate      paused" in ended.out


def test_a_plan_of_one_fleet_leaves_the_others_out_of_text_and_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = converged_scene()
    scene.terminated("web/1")
    case = recorded(tmp_path, scene)
    assert typed(capsys, "plan", "--case", case, "--fleet", "api").code == 0
    assert typed(capsys, "plan", "--case", case, "--fleet", "web").code == 2
    unknown = typed(capsys, "plan", "--case", case, "--fleet", "wep")
    assert unknown.code == 1
    assert "did you mean web?" in unknown.err


def test_a_plan_as_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "plan", "-o", "json", "--case", recorded(tmp_path, converged_scene()))
    assert json.loads(ended.out)["cells"][0]["plan"]["converged"] is True


def test_a_file_that_is_no_case_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "case.json"
    file.write_text("{}")
    ended = typed(capsys, "plan", "--case", str(file))
    assert (ended.code, ended.out) == (1, "")
    assert str(file) in ended.err


# history


def test_history_is_told_oldest_first_and_by_slot(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now()
    with Store.open(store) as opened:
        cell = opened.cell(CELL)
        for ordinal in (0, 1):
            action = launch(f"web/{ordinal}")
            cell.begin(action, now)
            cell.move(action.operation_id, IntentState.ACCEPTED, now, resource_id=f"i-0{ordinal}")
    everything = typed(capsys, "history", "--store", str(store)).out
    assert everything.index("begun") < everything.index("accepted")
    one = typed(capsys, "history", "web/1", "--store", str(store)).out
    assert "i-01" in one
    assert "web/0" not in one


def test_history_of_a_store_that_is_not_there_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.sqlite"
    ended = typed(capsys, "history", "--store", str(path))
    assert (ended.code, ended.out) == (
        0,
        "Nothing was done: the journal holds no action for this.\n",
    )
    assert not path.exists()


# pause and resume


def test_everything_is_paused_for_the_usual_time_and_resumed(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paused = typed(capsys, "pause", "--store", str(store), "--reason", "looking at use1-az4")
    assert paused.code == 0
    assert "everything paused in 210987654321/us-east-1 until " in paused.err
    assert pauses_in(store) == {"*": timedelta(hours=4)}
    assert typed(capsys, "resume", "--store", str(store)).code == 0
    assert pauses_in(store) == {}


@pytest.mark.parametrize("scope", ["web", "web/1"])
def test_a_fleet_or_slot_is_paused_for_the_time_given(
    store: Path, scope: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(capsys, "pause", scope, "--for", "90m", "--store", str(store)).code == 0
    assert pauses_in(store) == {scope: timedelta(minutes=90)}


@pytest.mark.parametrize("scope", ["wep", "web/9", "web/", "/1"])
def test_a_pause_of_what_is_not_there_is_refused(
    store: Path, scope: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = typed(capsys, "pause", scope, "--store", str(store))
    assert ended.code == 1
    assert pauses_in(store) == {}


def test_a_pause_longer_than_the_policy_allows_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = typed(capsys, "pause", "--for", "30d", "--store", str(store))
    assert ended.code == 1
    assert "at most 7 d" in ended.err


def test_a_broken_desired_state_does_not_keep_a_pause_from_being_made(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(BROKEN)
    ended = typed(capsys, "pause", "web", "--store", str(store), "--desired", str(file))
    assert ended.code == 0
    assert "warning: the desired state is not usable" in ended.err
    assert "web" in pauses_in(store)


def test_a_pause_in_a_store_without_cells_makes_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "elsewhere.sqlite"
    ended = typed(capsys, "pause", "--store", str(path))
    assert ended.code == 1
    assert "knows no cell" in ended.err
    assert not path.exists()


def test_resuming_what_is_not_paused_names_what_is(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(capsys, "pause", "web", "--store", str(store))
    ended = typed(capsys, "resume", "web/1", "--store", str(store))
    assert ended.code == 1
    assert "web/1 is not paused; paused now: web" in ended.err


def test_a_cold_cell_is_released_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "store.sqlite"
    with Store.open(path) as opened:
        record_pass(opened.cell(CELL), cold=True)
    assert typed(capsys, "resume", "--cold", "--store", str(path)).code == 0
    with Store.open(path, read_only=True) as opened:
        cold = opened.cell(CELL).memory(SystemClock().now()).cold
    assert cold is not None
    assert cold.released
    again = typed(capsys, "resume", "--cold", "--store", str(path))
    assert again.code == 1
    assert "no cell is cold" in again.err


def test_the_brakes_are_put_back_in_force_once(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now()
    word = Override(
        reason="I see them serve",
        given_at=now,
        expires_at=now + timedelta(hours=1),
        given_by="erin",
    )
    with Store.open(store) as opened:
        opened.cell(CELL).override(word)
        assert opened.cell(CELL).memory(now).override == word
    told = typed(capsys, "history", "--store", str(store))
    assert "by erin: I see them serve" in told.out
    assert typed(capsys, "resume", "--brakes", "--store", str(store)).code == 0
    with Store.open(store, read_only=True) as opened:
        assert opened.cell(CELL).memory(SystemClock().now()).override is None
    again = typed(capsys, "resume", "--brakes", "--store", str(store))
    assert again.code == 1
    assert "nothing overrides them" in again.err


# what needs an owner


@pytest.mark.parametrize("name", ["plan", "apply", "status", "observe", "run"])
def test_a_command_that_meets_the_cloud_asks_for_the_owner_first(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = Path(__file__).resolve().parents[3] / "desired_state" / "examples"
    ended = typed(capsys, name, "--desired", str(examples / "web"))
    assert (ended.code, ended.out) == (1, "")
    assert "RECONCILER_OWNER" in ended.err


def test_an_approval_of_nothing_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "approve")
    assert ended.code == 1
    assert "give ids from `reconciler plan`, or --fleet NAME" in ended.err
