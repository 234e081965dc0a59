"""The runbook knows everything that can hold an action back, and nothing that no longer exists."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.planning.actions import Gate, Reason
from tests.support.repository import ROOT

RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text(encoding="utf-8")


def chapter(title: str) -> str:
    """The text between this heading of the second level and the next."""
    return RUNBOOK.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def difference(documented: Iterable[str], existing: Iterable[str]) -> dict[str, list[str]]:
    """What is missing and what is no longer there."""
    return {
        "missing": sorted(set(existing) - set(documented)),
        "outdated": sorted(set(documented) - set(existing)),
    }


def test_every_gate_has_a_section() -> None:
    sections = re.findall(r"^### (\S+)$", chapter("Gates"), re.MULTILINE)

    assert difference(sections, list(Gate)) == {"missing": [], "outdated": []}


def test_every_gate_says_what_it_means_and_what_to_do() -> None:
    for section in chapter("Gates").split("\n### ")[1:]:
        gate = section.partition("\n")[0]
        assert "**Means** " in section, gate
        assert "**Do** " in section, gate


def test_every_reason_has_a_line() -> None:
    lines = re.findall(r"^\| `(\S+)` \|", chapter("Reasons"), re.MULTILINE)

    assert difference(lines, list(Reason)) == {"missing": [], "outdated": []}


def test_a_gate_without_a_section_and_a_section_without_a_gate_are_seen() -> None:
    assert difference(["paused", "gone"], ["paused", "new"]) == {
        "missing": ["new"],
        "outdated": ["gone"],
    }
