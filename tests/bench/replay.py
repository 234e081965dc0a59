"""A small EC2 that serves prepared pages, in a process of its own: `python -m tests.bench.replay`.

It does no work that a client could be charged for, so that two clients can be compared. It prints its endpoint, serves
until its standard input ends, and answers `GET /calls` with the number of calls of each operation.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.bench import prepared_items
from tests.bench.prepared_cell import ACCOUNT, ZONES, CellSize, places

EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
STS_REPLY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>"
    "</ResponseMetadata></GetCallerIdentityResponse>"
).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedList:
    """The items of one list, the element that holds them, and the largest page that EC2 serves."""

    element: str
    items: tuple[str, ...]
    largest_page: int = 1000

    @property
    def pages(self) -> int:
        """The fewest calls that read the whole list."""
        return max(1, -(-len(self.items) // self.largest_page))

    def page(self, operation: str, start: int, size: int) -> bytes:
        """`size` items from `start` on, with a token when there are more."""
        end = start + min(size, self.largest_page)
        token = f"<nextToken>{end}</nextToken>" if end < len(self.items) else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation}Response xmlns="{EC2_NAMESPACE}">'
            "<requestId>00000000-0000-4000-8000-000000000000</requestId>"
            f"<{self.element}>{''.join(self.items[start:end])}</{self.element}>{token}</{operation}Response>"
        ).encode()


@dataclass(slots=True)
class Replay:
    """All that is served, with pages made once and kept, and a count of the calls."""

    lists: dict[str, PreparedList]
    calls: Counter[str] = field(default_factory=Counter)
    _pages: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, form: dict[str, list[str]]) -> tuple[int, bytes]:
        """Status and body for one call of EC2's or STS's query protocol."""
        operation = form["Action"][0]
        with self._lock:
            self.calls[operation] += 1
            if operation == "GetCallerIdentity":
                return 200, STS_REPLY
            if operation not in self.lists:
                return 400, error("InvalidAction", f"{operation} is not prepared")
            start = int(form.get("NextToken", ["0"])[0])
            size = int(form.get("MaxResults", ["1000"])[0])
            key = (operation, start, size)
            if key not in self._pages:
                self._pages[key] = self.lists[operation].page(*key)
            return 200, self._pages[key]


def error(code: str, message: str) -> bytes:
    """EC2's form of an error."""
    return (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>00000000-0000-4000-8000-000000000000</RequestID></Response>"
    ).encode()


def prepared(size: CellSize, now: datetime) -> dict[str, PreparedList]:
    """The lists of a whole cell by operation."""
    cell = list(places(size, now))
    return {
        "DescribeInstances": PreparedList(
            element="reservationSet", items=tuple(map(prepared_items.instance, cell))
        ),
        "DescribeVolumes": PreparedList(
            element="volumeSet",
            items=tuple(map(prepared_items.volume, cell)),
            largest_page=500,
        ),
        "DescribeInstanceStatus": PreparedList(
            element="instanceStatusSet", items=tuple(map(prepared_items.status, cell))
        ),
        "DescribeVolumeStatus": PreparedList(
            element="volumeStatusSet",
            items=tuple(item for place in cell for item in prepared_items.volume_statuses(place)),
        ),
        "DescribeAvailabilityZones": PreparedList(
            element="availabilityZoneInfo", items=tuple(map(prepared_items.zone, ZONES))
        ),
    }


def handler_for(replay: Replay) -> type[BaseHTTPRequestHandler]:
    """The handler class of a server for this replay."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply(*replay.answer(parse_qs(body)), "text/xml;charset=UTF-8")

        def do_GET(self) -> None:
            self._reply(200, json.dumps(replay.calls).encode(), "application/json")

        def _reply(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay")
    parser.add_argument("--fleets", type=int, default=20)
    parser.add_argument("--slots", type=int, default=50)
    options = parser.parse_args(arguments)
    lists = prepared(CellSize(fleets=options.fleets, slots=options.slots), datetime.now(UTC))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(Replay(lists=lists)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announcement = {
        "endpoint": f"http://127.0.0.1:{server.server_port}",
        "pages": {operation: served.pages for operation, served in lists.items()},
    }
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
