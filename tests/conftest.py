"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.simulation.coverage import Coverage

# The same examples in every run; `--hypothesis-profile=searching` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("searching", derandomize=False)
settings.load_profile("steady")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of fault x point. Tests hand in counts as a property, which xdist brings here from its workers."""
    coverage = Coverage()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == Coverage.__name__:
                    coverage.merge(Coverage.read(str(value)))
    if coverage.seeds:
        terminalreporter.section(f"faults met by {coverage.seeds} seeds of the simulation")
        terminalreporter.write_line(coverage.report())


@pytest.fixture(autouse=True)
def logs_go_nowhere() -> Iterator[None]:
    """By default structlog prints to the stdout of its first import, which under pytest is closed by the next test."""
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=False
    )
    yield
    structlog.reset_defaults()
