"""Policies by name or file: those that ship, and one of your own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from desired_state.documents.policy import policy_problems
from desired_state.load import (
    POLICIES,
    SHIPPED_POLICIES,
    DesiredStateError,
    default_policy,
    load_policy,
)
from tests.unit.desired_state.test_policies import without_reason
from tests.unit.desired_state.written import POLICY, WEB, with_change

SHIPPED = "give `default` or `naive`, which ship, or a file with one SafetyPolicy"


def refusal(given: str) -> list[str]:
    """The lines that are said about what was given."""
    with pytest.raises(DesiredStateError) as refused:
        load_policy(given)
    return [line.strip() for line in str(refused.value).splitlines()]


def test_the_default_can_be_asked_for_by_name() -> None:
    assert load_policy("default") == default_policy()


def test_naive_is_the_default_without_gates_and_pace_and_with_no_other_change() -> None:
    assert load_policy("naive") == replace(
        default_policy(),
        name="naive",
        conditions=None,
        capabilities=None,
        pace=None,
        terminations_per_hour_count=5000,
        terminations_per_hour_percent=100,
        repairs_at_once_count=5000,
        repairs_at_once_percent=100,
        capacity_backoff=(timedelta(seconds=15),),
    )


def test_the_names_are_those_of_the_files_that_ship() -> None:
    assert sorted(path.stem for path in POLICIES.iterdir()) == list(SHIPPED_POLICIES)


@pytest.mark.parametrize("name", SHIPPED_POLICIES)
def test_a_policy_that_ships_does_not_contradict_itself(name: str) -> None:
    assert list(policy_problems(load_policy(name))) == []


@pytest.mark.parametrize("name", SHIPPED_POLICIES)
def test_every_number_that_ships_has_its_reason_above_it(name: str) -> None:
    assert without_reason(POLICIES / f"{name}.yaml") == []


def test_a_policy_of_your_own_is_read_from_its_file() -> None:
    Path("careful.yaml").write_text(
        with_change(POLICY, "spec: {}", "spec: {orphanGrace: 1h}"), encoding="utf-8"
    )
    own = replace(default_policy(), name="careful", orphan_grace=timedelta(hours=1))
    assert load_policy("careful.yaml") == own
    assert load_policy(Path("careful.yaml")) == own


def test_a_file_that_is_called_like_a_shipped_policy_is_given_as_a_path() -> None:
    Path("naive").write_text(POLICY, encoding="utf-8")
    assert load_policy("naive").name == "naive"
    assert load_policy("./naive").name == "careful"


def test_what_is_neither_a_name_nor_a_file_is_refused_with_the_names() -> None:
    assert refusal("navie") == ["navie: error: does not exist", SHIPPED]


@pytest.mark.parametrize("text", [WEB, POLICY + "---\n" + WEB, POLICY + "---\n" + POLICY, ""])
def test_a_file_with_anything_but_one_policy_is_refused(text: str) -> None:
    Path("own.yaml").write_text(text, encoding="utf-8")
    assert refusal("own.yaml") == [
        "own.yaml: error: must hold one SafetyPolicy and nothing else",
        SHIPPED,
    ]


def test_what_is_wrong_in_a_policy_is_shown_at_its_place() -> None:
    Path("own.yaml").write_text(
        with_change(POLICY, "spec: {}", "spec: {pauseLasts: 8d, pace: of}"), encoding="utf-8"
    )
    assert refusal("own.yaml")[0] == "own.yaml:4:30: error: `spec.pace` must be `none`, not 'of'"


def test_numbers_of_a_file_that_contradict_the_default_are_refused() -> None:
    Path("own.yaml").write_text(
        with_change(POLICY, "spec: {}", "spec: {pauseLasts: 8d}"), encoding="utf-8"
    )
    assert refusal("own.yaml")[0] == (
        "own.yaml:4:20: error: `spec.pauseLasts` must be at most `spec.pauseLastsAtMost`, 7d, not 8d"
    )
