"""A fixed set of seeds in every test run; `make soak` runs thousands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.coverage import MEANINGFUL
from tests.simulation.run import make_empty_store, run
from tests.simulation.seeds import KINDS, drawn

SEEDS = range(20)
"""Chosen by nobody: the first ones."""
LINES_TOLD = 40


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_empty_store(tmp_path_factory.mktemp("store") / "empty.sqlite3")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_breaks_no_rule_converges_and_stays(
    seed: int, tmp_path: Path, empty_store: Path
) -> None:
    verdict = run(drawn(seed), tmp_path, empty_store)
    assert verdict.good, f"{verdict}\n\n{verdict.narrative.last(LINES_TOLD)}"


def test_each_kind_of_fault_is_on_in_a_fifth_of_the_seeds_of_a_soak() -> None:
    draws = [drawn(seed) for seed in range(2_000)]
    for kind in KINDS:
        share = sum(1 for draw in draws if kind in draw.kinds) / len(draws)
        assert share >= 0.2, f"{kind} is on in {share:.0%}"
    assert any(not draw.kinds for draw in draws), "some seeds have no fault at all"


def test_every_kind_that_is_drawn_has_its_row_in_the_table() -> None:
    assert set(MEANINGFUL) == set(KINDS)


def test_a_seed_is_always_drawn_alike() -> None:
    assert [drawn(seed) for seed in range(50)] == [drawn(seed) for seed in range(50)]


def test_seeds_differ() -> None:
    assert len({str(drawn(seed)).partition(":")[2] for seed in range(50)}) > 45
