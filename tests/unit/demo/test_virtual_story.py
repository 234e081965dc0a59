"""The demo on the simulated cloud: the whole story, judged by the cloud's truth."""

from __future__ import annotations

import subprocess
import sys

DEEDS = (
    "launch m6i.large",
    "force-stop",
    "reboot",
    "attach vol-",
    "No changes. 8 slots of 2 fleets stand as declared.",
    "The simulated cloud's own truth agrees",
)


def told() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo", "--cloud", "simulated"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_virtual_story_ends_as_its_own_list_says() -> None:
    story = told()
    for words in DEEDS:
        assert words in story


def test_the_virtual_story_is_the_same_every_time() -> None:
    assert told() == told()
