"""How a broken rule is told: every place at once, each on its own line."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.repository import ROOT


def assert_none(violations: Iterable[str]) -> None:
    """Fail with all of them, paths relative to the repository."""
    told = [violation.replace(f"{ROOT}/", "") for violation in violations]
    assert not told, "\n".join([f"{len(told)} in all:", *told])
