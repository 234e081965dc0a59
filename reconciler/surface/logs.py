"""structlog, set up once: one line per event on stderr, for people on a terminal and as JSON elsewhere."""

from __future__ import annotations

import logging
from typing import TextIO

import structlog


def configure_logging(stream: TextIO, *, json: bool, least: int = logging.INFO) -> None:
    """Send every event of at least that level to the stream, with an ISO instant in UTC.

    `json` gives one object a line; otherwise a line for people.
    """
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.EventRenamer("event"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
