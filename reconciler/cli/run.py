"""`reconciler run`: stay on guard until stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click
import structlog

from reconciler.cli.options import cell_options, handlers_option
from reconciler.cli.quantities import Duration
from reconciler.cli.subcommand import subcommand
from reconciler.loop import events
from reconciler.loop.runner import Runner
from reconciler.main import guard, reaching
from reconciler.settings import Settings
from reconciler.surface.logs import configure_logging


@subcommand("run")
@click.option(
    "--interval",
    type=Duration(),
    metavar="DURATION",
    help="Between passes; by default 15s, longer for more than 1,000 slots.",
)
@handlers_option
@cell_options
def command(*, settings: Settings, interval: timedelta | None, handlers: Path | None) -> int:
    """Stay on guard: reconcile every cell until stopped.

    One line per pass on stderr: for people on a terminal, JSON elsewhere. SIGTERM and Ctrl-C let the pass under way
    end; SIGHUP, or a change of the files, reads the desired state again. An invalid or far smaller one is refused and
    the last good one stays in force.

      reconciler run --desired fleets/ --owner prod-east
      reconciler run --handlers ops/handlers.py --interval 30s
    """
    configure_logging(sys.stderr, json=not sys.stderr.isatty())
    log = structlog.get_logger()
    with reaching(settings, read_only=False, handlers_path=handlers) as reach:
        runner = guard(
            reach,
            command="reconciler run",
            interval_s=interval.total_seconds() if interval else None,
        )
        _obey_signals(runner)
        log.info(events.RUN_STARTED, owner=settings.owner, store=settings.store)
        well = runner.run()
        log.info(events.RUN_STOPPED, stopped_cells=runner.stopped_cells)
    return 0 if well else 1


def _obey_signals(runner: Runner) -> None:
    def calling(what: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        return lambda _number, _frame: what()

    signal.signal(signal.SIGTERM, calling(runner.stop))
    signal.signal(signal.SIGINT, calling(runner.stop))
    signal.signal(signal.SIGHUP, calling(runner.reload))
