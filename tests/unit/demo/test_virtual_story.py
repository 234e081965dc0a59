"""The demo on the simulated cloud: it is told to its end, and it fails when what it claims is not so."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.load import load
from providers.simulated.faults import ByHand, CapacityShort, Meddling, RequestLost, When
from reconciler.demo import virtual_story
from reconciler.demo.declaration import declare
from reconciler.simulation.guard import VirtualGuard, virtual_guard

CHAPTERS = (
    "1. Bring up 6 web servers, and 3 databases",
    "2. People change things by hand",
    "3. Machines fall sick without dying",
    "4. Volumes stop answering",
    "5. EC2 itself fails",
    "6. 1 h more on guard",
)
DEEDS = (
    "launch 3 of m6i.large",
    "reboot i-",
    "write fence",
    "detach vol-",
    "is prepared and takes over in",
    "left behind by a restore",
    "ambiguous",
    "Plan: 5 actions to do now",
)
QUIET = r"in the last 1 h, \d+ passes made 0 calls that change anything"


def told() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def story() -> str:
    return told()


@pytest.fixture
def fleets(tmp_path: Path) -> Path:
    declare(tmp_path / "fleets", virtual_story.Place())
    return tmp_path / "fleets"


@pytest.fixture
def guard(tmp_path: Path, fleets: Path) -> Iterator[VirtualGuard]:
    """The stage of the story, before it is played."""
    with virtual_guard(
        load([fleets]),
        store=tmp_path / "store.sqlite",
        layout=virtual_story.LAYOUT,
        seed=virtual_story.SEED,
    ) as opened:
        yield opened


def test_the_demo_tells_every_chapter_and_every_claim_holds(story: str) -> None:
    unwrapped = " ".join(story.split())
    for words in (*CHAPTERS, *DEEDS):
        assert words in unwrapped
    assert story.count("\n  true   ") == 11
    assert "FALSE" not in story
    assert re.search(QUIET, unwrapped)


def test_the_demo_is_the_same_story_every_time(story: str) -> None:
    assert told() == story


def test_a_fleet_that_can_never_be_whole_again_ends_the_story_with_the_reason_and_exit_code_1(
    guard: VirtualGuard, fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard.cloud.add_fault(CapacityShort(when=When(since=timedelta(minutes=5))))

    assert virtual_story.play(guard, fleets) == 1

    said = capsys.readouterr().out
    assert "FALSE  the fleets come to stand as declared within 1 h" in said
    assert "shared-postgres/0: withheld: " in said
    assert "3. Machines" not in said


def test_an_ec2_that_stops_answering_for_good_ends_the_story_with_exit_code_1(
    guard: VirtualGuard, fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after_the_last_launch = When(since=timedelta(seconds=11))
    guard.cloud.add_fault(RequestLost(when=after_the_last_launch))

    assert virtual_story.play(guard, fleets) == 1

    said = capsys.readouterr().out
    assert "FALSE  the fleets come to stand as declared within 1 h" in said
    assert "web/5: waiting: launch accepted as i-" in said


def test_somebody_who_never_stops_meddling_makes_the_quiet_hour_false(
    guard: VirtualGuard, fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_guard = timedelta(hours=2)
    guard.cloud.add_fault(ByHand(what=Meddling.EDIT_TAGS, when=When(since=on_guard)))

    assert virtual_story.play(guard, fleets) == 1

    said = capsys.readouterr().out
    assert re.search(r"FALSE  in the last 1 h, \d+ passes made [1-9]\d* calls that change", said)
    assert "- CreateTags was called " in said


def test_whoever_touches_the_other_teams_instance_makes_that_claim_false(
    guard: VirtualGuard, fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tag_the_stranger() -> None:
        stranger = next(iter(guard.cloud.truth.instances))
        guard.cloud.ec2.create_tags(Resources=[stranger], Tags=[{"Key": "team", "Value": "ours"}])

    guard.cloud.clock.after(timedelta(minutes=30), tag_the_stranger)

    assert virtual_story.play(guard, fleets) == 1
    said = capsys.readouterr().out
    assert "FALSE  i-00000000000000001, another team's instance" in said
    assert "call i-00000000000000001 instance tags" in said
