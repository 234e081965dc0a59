"""What is told in a pipe while replays run: each line says something new."""

from __future__ import annotations

import io
from datetime import timedelta

from reconciler.cli.simulating import Shown
from reconciler.simulation.runs import Progress

HOUR = timedelta(hours=1)


def told(*reached: dict[int, tuple[timedelta, int]]) -> list[str]:
    """The lines about two replays that had come so far by turns."""
    stream = io.StringIO()
    with Shown(["default, seed 1", "naive, seed 1"], 90 * HOUR, stream, {}) as shown:
        for item in reached:
            shown.tell(Progress(done=0, runs=2, reached=item))
    return stream.getvalue().splitlines()


def test_while_the_fleets_are_being_prepared_that_is_said_once() -> None:
    before_it = -2 * HOUR, 0
    assert told({}, {0: before_it}, {0: before_it, 1: before_it}) == [
        "0 of 2 replays done; the fleets are being prepared"
    ]


def test_a_line_is_told_every_six_hours_of_the_slower_one() -> None:
    lines = told(
        {0: (HOUR, 3), 1: (HOUR, 4)},
        {0: (7 * HOUR, 2), 1: (2 * HOUR, 5)},
        {0: (8 * HOUR, 2), 1: (6 * HOUR, 9)},
    )
    assert lines == [
        (
            "0 of 2 replays done; default, seed 1: 1 h of 3 d 18 h, 3 slots down;"
            " naive, seed 1: 1 h of 3 d 18 h, 4 slots down"
        ),
        (
            "0 of 2 replays done; default, seed 1: 8 h of 3 d 18 h, 2 slots down;"
            " naive, seed 1: 6 h of 3 d 18 h, 9 slots down"
        ),
    ]
