"""`reconciler simulate` as it is typed: what it lists, refuses, shows and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.simulation.scenario import shipped_scenarios
from tests.unit.cli.typed import typed

QUIET = """\
apiVersion: reconciler/v1
kind: Scenario
metadata: {name: nothing}
spec:
  title: Nothing happens
  summary: For a quarter of an hour.
  sources: [Made up]
  beginsAt: 2026-03-01T12:00:00Z
  lasts: 15m
  phases:
    - {name: all, from: 0s, to: 15m, said: Nothing happens.}
  faults:
    - {from: 0s, to: 15m, zones: [A], FAULT}
"""


def scenario(folder: Path, fault: str) -> str:
    path = folder / "scenario.yaml"
    path.write_text(QUIET.replace("FAULT", fault), encoding="utf-8")
    return str(path)


@pytest.fixture
def quiet(tmp_path: Path) -> str:
    """A scenario that touches nothing: room is short where nobody launches."""
    return scenario(tmp_path, "capacityShort: {}")


def test_the_list_names_every_scenario_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    ended = typed(capsys, "simulate", "--list")

    assert ended.code == 0
    assert [row.split()[0] for row in ended.out.splitlines()] == list(shipped_scenarios())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument 'SCENARIO'"),
        (("us-east-1-2011-04-22",), "us-east-1-2011-04-22"),
        (("zone-power-loss", "--policy", "nave"), "nave"),
        (("zone-power-loss", "--desired", "not-there"), "not-there"),
        (("zone-power-loss", "--approve-after", "1"), "--approve-after"),
        (("zone-power-loss", "--until", "1"), "--until': must be a time such as 0s, 90m, 1h53m"),
        (("zone-power-loss", "--until", "0s"), "--until': must be later than the beginning"),
    ],
)
def test_what_can_t_be_replayed_is_said_in_one_message(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    ended = typed(capsys, "simulate", *words)

    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not ended.out


def test_a_page_that_can_t_be_written_is_said_before_anything_is_replayed(
    capsys: pytest.CaptureFixture[str], quiet: str, tmp_path: Path
) -> None:
    ended = typed(capsys, "simulate", quiet, "--html", str(tmp_path / "no" / "page.html"))

    assert ended.code == 1
    assert "page.html" in ended.err
    assert "replay" not in ended.err


def test_a_replay_in_which_nothing_happens_exits_0_with_a_document_and_a_page(
    capsys: pytest.CaptureFixture[str], quiet: str, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"

    ended = typed(capsys, "simulate", quiet, "--slots", "6", "--html", str(page), "-o", "json")

    assert ended.code == 0
    document = json.loads(ended.out)
    assert document["scenario"]["name"] == "nothing"
    assert [item["cameThrough"] for item in document["replays"]] == [True]
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "0 of 1 replay done" in ended.err


def test_what_stays_down_exits_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lost = scenario(tmp_path, "volumesSick: {io: failed}")

    ended = typed(capsys, "simulate", lost, "--slots", "6")

    assert ended.code == 2, ended.out + ended.err
    assert "not back" in ended.out


@pytest.mark.parametrize(
    ("until", "trouble_lasts_s", "watched_for_s"),
    [("1m30s", 90, 90), ("20m", 15 * 60, 20 * 60), ("15m", 15 * 60, 15 * 60)],
)
def test_a_replay_goes_no_further_than_it_is_asked_to(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    until: str,
    trouble_lasts_s: int,
    watched_for_s: int,
) -> None:
    lost = scenario(tmp_path, "volumesSick: {io: failed}")

    ended = typed(capsys, "simulate", lost, "--slots", "6", "--until", until, "-o", "json")

    document = json.loads(ended.out)
    (replay,) = document["replays"]
    assert document["scenario"]["lastsSeconds"] == trouble_lasts_s
    assert watched_for_s <= replay["lasted"] < watched_for_s + 60
