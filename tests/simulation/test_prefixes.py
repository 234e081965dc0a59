"""Any prefix of a plan carried out, and then a new plan, converges: a pass may end after any of its actions."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.simulated.faults import ByHand, InstancesSick, Meddling, When
from tests.simulation.menu import MINUTE
from tests.simulation.run import make_empty_store, run
from tests.simulation.seeds import Deaths, Draw, Likely, drawn

TROUBLE = (
    InstancesSick(when=When(since=8 * MINUTE, until=30 * MINUTE, share=0.7), guest="hung"),
    ByHand(
        when=When(since=12 * MINUTE, until=20 * MINUTE), what=Meddling.TERMINATE, every=4 * MINUTE
    ),
)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_empty_store(tmp_path_factory.mktemp("store") / "empty.sqlite3")


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 999),
    prefixes=st.lists(st.integers(0, 2), min_size=20, max_size=120),
)
def test_any_prefix_of_a_plan_and_then_a_new_plan_converges(
    empty_store: Path, seed: int, prefixes: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        verdict = run(_calm(drawn(seed), prefixes), Path(folder), empty_store)
    assert verdict.good, f"{prefixes}\n{verdict}\n\n{verdict.narrative.last(30)}"


def _calm(draw: Draw, prefixes: list[int]) -> Draw:
    """The fleets of a draw with little trouble: what is cut short here are plans."""
    return replace(
        draw,
        kinds=frozenset({"F20", "F24"}),
        faults=TROUBLE,
        deaths=Deaths(),
        journal_fails=0.0,
        meddling=Likely(),
        chaos=30 * MINUTE,
        interval=MINUTE / 2,
        prefixes=tuple(prefixes),
    )
