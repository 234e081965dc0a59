"""A fixed set of seeds in every test run; `make soak` runs thousands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.coverage import ALSO_DRAWN, MEANINGFUL, Coverage
from tests.simulation.run import make_empty_store, run
from tests.simulation.seeds import KINDS, drawn

SEEDS = (
    56,
    66,
    72,
    102,
    104,
    128,
    150,
    180,
    207,
    208,
    228,
    261,
    262,
    289,
)
"""A small choice of quick ones that together meet every cell of the table, twice where they can, replay archives and
restore two claims together; the run of the tests prints the table at its end, and names the cells that they have come
to miss since. The soak takes them as they come.
"""
LINES_TOLD = 40


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_empty_store(tmp_path_factory.mktemp("store") / "empty.sqlite3")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_breaks_no_rule_converges_and_stays(
    seed: int,
    tmp_path: Path,
    empty_store: Path,
    record_property: Callable[[str, object], None],
) -> None:
    verdict = run(drawn(seed), tmp_path, empty_store)
    record_property(Coverage.__name__, verdict.coverage.as_text())
    assert verdict.good, f"{verdict}\n\n{verdict.narrative.last(LINES_TOLD)}"


def test_databases_with_archives_and_with_two_claims_are_among_them() -> None:
    fleets = [fleet for seed in SEEDS for fleet in drawn(seed).fleets]
    assert any(fleet.archived for fleet in fleets)
    assert any(fleet.archived and not fleet.snapshots for fleet in fleets)
    assert any(fleet.twofold for fleet in fleets)


def test_each_kind_of_fault_is_on_in_a_fifth_of_the_seeds_of_a_soak() -> None:
    draws = [drawn(seed) for seed in range(2_000)]
    for kind in KINDS:
        share = sum(1 for draw in draws if kind in draw.kinds) / len(draws)
        assert share >= 0.2, f"{kind} is on in {share:.0%}"
    assert any(not draw.kinds for draw in draws), "some seeds have no fault at all"


def test_every_kind_that_is_drawn_has_its_row_in_the_table() -> None:
    assert {*MEANINGFUL, *ALSO_DRAWN} == set(KINDS)


def test_counts_are_the_same_after_they_went_to_another_process() -> None:
    counted = Coverage()
    counted.add({"F1", "F18"}, {("F1", "P4"): 3, ("F18", "P6"): 1})
    assert Coverage.read(counted.as_text()).table() == counted.table()


def test_a_cell_that_was_not_hit_is_named() -> None:
    counted = Coverage()
    everything = {
        (fault, point): 1 for fault, points in MEANINGFUL.items() for point in points.split()
    }
    counted.add(set(MEANINGFUL), {**everything, ("F18", "P4"): 0})
    assert counted.missing() == ["F18 x P4"]


def test_a_seed_is_always_drawn_alike() -> None:
    assert [drawn(seed) for seed in range(50)] == [drawn(seed) for seed in range(50)]


def test_seeds_differ() -> None:
    assert len({str(drawn(seed)).partition(":")[2] for seed in range(50)}) > 45
