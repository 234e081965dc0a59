"""structlog, set up once: one line per event on stderr, for people on a terminal and as JSON elsewhere."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TextIO, cast

import structlog


class _Tolerant:
    """A stream that drops what it cannot write: a log that has gone away must not end the guard of a fleet."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


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
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Tolerant(stream))),
        cache_logger_on_first_use=False,
    )
