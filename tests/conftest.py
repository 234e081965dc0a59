"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# The same examples in every run; `--hypothesis-profile=searching` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("searching", derandomize=False)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def logs_go_nowhere() -> Iterator[None]:
    """By default structlog prints to the stdout of its first import, which under pytest is closed by the next test."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False
    )
    yield
    structlog.reset_defaults()
