"""The network to the embedded cloud's instances: an HTTP CONNECT proxy behind which running instances answer.

moto's instances have addresses and no machines. A probe that goes through this proxy gets what it would get from a
healthy service: `CONNECT 172.31.0.4:5432` opens while an instance with that address runs, and every GET inside is
answered with 200. For every other address the proxy says 502. No packet leaves the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import cast


class InstanceNetwork(ThreadingTCPServer):
    """Listens at `address`; `is_running` says whether an instance with a private address is running."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], is_running: Callable[[str], bool]) -> None:
        super().__init__(address, _Tunnel)
        self.is_running = is_running


class _Tunnel(BaseHTTPRequestHandler):
    """One client's connection: first the CONNECT, then, on the same connection, what it sends to the instance."""

    protocol_version = "HTTP/1.1"  # Keeps the connection open after each answer.
    private_ip: str | None = None

    def do_CONNECT(self) -> None:
        private_ip, _, _port = self.path.rpartition(":")
        if self.private_ip is not None or not self._runs(private_ip):
            self._answer(
                HTTPStatus.BAD_GATEWAY, f"no running instance has the address {private_ip}"
            )
            self.close_connection = True
            return
        self.private_ip = private_ip
        self.send_response(HTTPStatus.OK, "Connection established")
        self.end_headers()
        self.close_connection = False

    def do_GET(self) -> None:
        if self.private_ip is None:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "send CONNECT <private ip>:<port> first")
            self.close_connection = True
        elif self._runs(self.private_ip):
            self._answer(HTTPStatus.OK, "ok")
        else:
            self.close_connection = True  # The instance went away under an open connection.

    def _runs(self, private_ip: str) -> bool:
        return cast("InstanceNetwork", self.server).is_running(private_ip)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a line for every probe helps nobody."""
