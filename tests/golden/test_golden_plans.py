"""Golden plans: what planning makes of a scene, as text and as JSON, compared with what a person once read and kept.

`make golden` (GOLDEN_UPDATE=1) rewrites them; the diff is then read like any other change.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.planning.case import Case
from reconciler.planning.checks.last_look import check_plan
from reconciler.planning.plan import plan
from reconciler.surface.case_file import read_case
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import plain_text
from reconciler.surface.plan_json import plans_document
from reconciler.surface.plan_text import plan_lines
from tests.golden.scenes import SCENES

CASES = Path(__file__).parent / "cases"
UPDATE = os.environ.get("GOLDEN_UPDATE") == "1"
WIDTH = 100


def names() -> list[str]:
    """Every scene, and every folder with a recorded case."""
    recorded = {path.parent.name for path in CASES.glob("*/case.json")}
    return sorted(recorded | set(SCENES))


def case_named(name: str) -> Case:
    """The case of that name, from its file or from its scene."""
    recorded = CASES / name / "case.json"
    return read_case(recorded) if recorded.exists() else SCENES[name]().case()


def compare(path: Path, text: str) -> None:
    """The text is what the file holds; with GOLDEN_UPDATE=1 it is what the file holds from now on."""
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), (
        f"no golden {path.name} for {path.parent.name}: run `make golden` and read it"
    )
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_the_plan_reads_as_it_was_kept(name: str) -> None:
    case = case_named(name)
    compare(CASES / name / "plan.txt", plain_text(plan_lines(case, plan(case), width=WIDTH)))


@pytest.mark.parametrize("name", names())
def test_the_plan_as_json_is_as_it_was_kept(name: str) -> None:
    case = case_named(name)
    text = json_text(plans_document([(case, plan(case))]))
    json.loads(text)
    compare(CASES / name / "plan.json", text)


@pytest.mark.parametrize("name", names())
def test_the_plan_passes_its_own_check(name: str) -> None:
    case = case_named(name)
    check_plan(plan(case), case)


def test_every_kept_plan_still_has_its_scene() -> None:
    kept = {path.name for path in CASES.iterdir() if path.is_dir()}
    assert kept == set(names())
