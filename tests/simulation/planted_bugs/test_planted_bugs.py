"""The checker is checked: a sample of the planted bugs in every run, all of them with `make bugs`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.planted_bugs.bugs import BUGS, Bug, Edit
from tests.simulation.planted_bugs.planting import catch, copied, plant
from tests.support.repository import ROOT

SAMPLE = tuple(bug for bug in BUGS if (bug.group, bug.number) in {("A", 4), ("F", 87)})


@pytest.mark.parametrize("bug", SAMPLE, ids=str)
def test_a_planted_bug_is_caught(bug: Bug, tmp_path: Path) -> None:
    result = catch(bug, tmp_path)
    assert result.caught, result.said


def test_every_bug_fits_the_source_as_it_is(tmp_path: Path) -> None:
    for number, bug in enumerate(BUGS):
        copy = tmp_path / str(number)
        for edit in bug.edits:
            target = copy / edit.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((ROOT / edit.file).read_text())
        plant(bug, copy)


def test_a_bug_that_no_longer_fits_is_an_error(tmp_path: Path) -> None:
    bug = Bug(
        group="A",
        number=0,
        what="nothing",
        edits=(Edit(file="Makefile", old="no such text", new=""),),
        caught_by=(),
    )
    with pytest.raises(ValueError, match="has 0 of"):
        plant(bug, copied(tmp_path))


def test_there_are_twenty_bugs_and_three_of_each_group() -> None:
    groups = Counter(bug.group for bug in BUGS)
    assert sum(groups.values()) >= 20
    assert set(groups) == set("ABCDEF")
    assert min(groups.values()) >= 3


def test_no_bug_is_planted_twice() -> None:
    assert len({(bug.group, bug.number) for bug in BUGS}) == len(BUGS)
