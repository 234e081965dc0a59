"""Settings of the developer's own must not reach the tests."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("RECONCILER_", "AWS_")) or name in ("COLUMNS", "NO_COLOR"):
            monkeypatch.delenv(name)
