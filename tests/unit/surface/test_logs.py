from __future__ import annotations

import io
import json
import logging
from datetime import datetime

import structlog

from reconciler.loop import events
from reconciler.surface.logs import configure_logging


def test_elsewhere_than_on_a_terminal_each_event_is_one_json_object() -> None:
    stream = io.StringIO()
    configure_logging(stream, json=True)
    structlog.get_logger().info(events.PASS_DONE, slots=9, cell="1/us-east-1")
    (written,) = stream.getvalue().splitlines()
    event = json.loads(written)
    assert event.pop("at").endswith("Z")
    assert event == {"event": "pass done", "level": "info", "slots": 9, "cell": "1/us-east-1"}


def test_the_instant_is_in_utc() -> None:
    stream = io.StringIO()
    configure_logging(stream, json=True)
    structlog.get_logger().info(events.PASS_DONE)
    at = datetime.fromisoformat(json.loads(stream.getvalue())["at"])
    assert at.utcoffset() is not None
    assert at.utcoffset().total_seconds() == 0


def test_for_people_an_event_is_one_line_without_colour_codes() -> None:
    stream = io.StringIO()
    configure_logging(stream, json=False)
    structlog.get_logger().warning(events.ACTION_FAILED, slot="web/1")
    (written,) = stream.getvalue().splitlines()
    assert "action failed" in written
    assert "slot=web/1" in written
    assert "\x1b" not in written


def test_events_below_the_least_level_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging(stream, json=True, least=logging.ERROR)
    structlog.get_logger().info(events.PASS_DONE)
    structlog.get_logger().error(events.PASS_FAILED)
    assert [json.loads(item)["event"] for item in stream.getvalue().splitlines()] == ["pass failed"]


def test_no_two_events_have_the_same_name() -> None:
    names = {key: value for key, value in vars(events).items() if key.isupper()}
    assert len(names) > 5
    assert len(set(names.values())) == len(names)


def test_a_log_that_has_gone_away_ends_nothing() -> None:
    stream = io.StringIO()
    configure_logging(stream, json=True)
    stream.close()
    structlog.get_logger().info(events.PASS_DONE)
