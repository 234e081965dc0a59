"""The network prober against real sockets on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from providers.observed import ProbeOutcome, ProbeResult
from providers.port import ProbeTarget
from providers.probes.network import NetworkProber

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

Conversation = Callable[[socket.socket], None]


@contextmanager
def service(conversation: Conversation) -> Iterator[int]:
    """A port on which every connection has this conversation; ends with the block."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                conversation(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def answering(reply: bytes) -> Conversation:
    """Reads a request, sends the reply."""

    def conversation(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(reply)

    return conversation


def silent(connection: socket.socket) -> None:
    """Accepts, reads until the other side gives up, says nothing."""
    while connection.recv(65536):
        pass


def refusing_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def target(
    port: int, *, path: str | None = None, address: str = "127.0.0.1", timeout_s: float = 5.0
) -> ProbeTarget:
    return ProbeTarget(
        instance_id="i-1", address=address, port=port, path=path, timeout_s=timeout_s
    )


def look(at: ProbeTarget, *, proxy: str | None = None) -> ProbeResult:
    return NetworkProber(proxy).probe([at], now=NOW)["i-1"]


def test_a_port_that_accepts_connections_passes() -> None:
    with service(silent) as port:
        result = look(target(port))
    assert result.outcome is ProbeOutcome.PASSED
    assert result.detail == f"port {port} accepts connections"
    assert result.at == NOW


def test_a_refused_connection_fails_and_says_so() -> None:
    result = look(target(refusing_port()))
    assert result.outcome is ProbeOutcome.FAILED
    assert "refused" in result.detail


@pytest.mark.parametrize(
    ("status_line", "outcome"),
    [
        (b"HTTP/1.1 200 OK", ProbeOutcome.PASSED),
        (b"HTTP/1.0 204 No Content", ProbeOutcome.PASSED),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/", ProbeOutcome.PASSED),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK", ProbeOutcome.PASSED),
        (b"HTTP/1.1 404 Not Found", ProbeOutcome.FAILED),
        (b"HTTP/1.1 503 Service Unavailable", ProbeOutcome.FAILED),
        (b"SSH-2.0-OpenSSH_9.2", ProbeOutcome.FAILED),
        (b"HTTP/1.1 banana", ProbeOutcome.FAILED),
    ],
)
def test_a_get_is_judged_by_its_final_status(status_line: bytes, outcome: ProbeOutcome) -> None:
    with service(answering(status_line + b"\r\n\r\n")) as port:
        assert look(target(port, path="/healthz")).outcome is outcome


def test_the_detail_of_a_get_names_path_and_status() -> None:
    with service(answering(b"HTTP/1.1 500 Oops\r\n\r\n")) as port:
        assert look(target(port, path="/healthz")).detail == "GET /healthz answered 500"


def test_a_service_that_hangs_up_fails() -> None:
    with service(answering(b"")) as port:
        result = look(target(port, path="/"))
    assert result.outcome is ProbeOutcome.FAILED
    assert "closed the connection without an answer" in result.detail


def test_a_service_that_accepts_and_then_says_nothing_fails_after_its_time_out() -> None:
    with service(silent) as port:
        result = look(target(port, path="/", timeout_s=0.2))
    assert result.outcome is ProbeOutcome.FAILED
    assert result.detail == "no answer within 0.2 s"


def test_a_path_cannot_smuggle_a_header_into_the_request() -> None:
    seen: list[bytes] = []

    def recording(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with service(recording) as port:
        look(target(port, path="/a?b=c d\r\nX-Evil: 1"))
    assert seen[0].startswith(b"GET /a?b=c%20d%0D%0AX-Evil:%201 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Evil" not in seen[0]


def test_an_instance_without_an_address_is_no_evidence() -> None:
    assert look(target(80, address="")).outcome is ProbeOutcome.UNKNOWN


def test_a_name_is_never_looked_up_for_a_target() -> None:
    with service(silent) as port:
        result = look(target(port, address="localhost"))
    assert result.outcome is ProbeOutcome.UNKNOWN
    assert result.detail == "'localhost' is not an IP address"


def test_a_network_that_this_machine_has_no_way_to_is_no_evidence() -> None:
    """The broadcast address cannot be connected to from here, whoever lives there."""
    assert look(target(80, address="255.255.255.255")).outcome is ProbeOutcome.UNKNOWN


@pytest.mark.timeout(10)
def test_silent_targets_do_not_hold_up_the_others() -> None:
    """One after the other, 40 silent services would take 20 s."""
    with service(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as good, listening_only() as bad:
        targets = [
            ProbeTarget(
                instance_id=f"i-{number}",
                address="127.0.0.1",
                port=good if number == 0 else bad,
                path="/",
                timeout_s=5.0 if number == 0 else 0.5,
            )
            for number in range(41)
        ]
        results = NetworkProber().probe(targets, now=NOW)
    assert results["i-0"].outcome is ProbeOutcome.PASSED
    assert {results[f"i-{number}"].outcome for number in range(1, 41)} == {ProbeOutcome.FAILED}


@contextmanager
def listening_only() -> Iterator[int]:
    """A port whose connections are never accepted by the program, only by the kernel."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield listening.getsockname()[1]


def test_nothing_to_probe_is_an_empty_answer() -> None:
    assert NetworkProber().probe([], now=NOW) == {}


# Through a proxy


def test_a_tunnel_through_the_proxy_is_enough_for_a_port() -> None:
    with service(answering(b"HTTP/1.1 200 Connection established\r\n\r\n")) as proxy:
        result = look(target(5432, address="10.0.0.7"), proxy=f"http://127.0.0.1:{proxy}")
    assert result.outcome is ProbeOutcome.PASSED


def test_a_get_goes_through_the_tunnel_to_the_named_target() -> None:
    heads: list[bytes] = []

    def tunnelling(connection: socket.socket) -> None:
        heads.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        heads.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with service(tunnelling) as proxy:
        result = look(
            target(8080, address="10.0.0.7", path="/healthz"), proxy=f"http://127.0.0.1:{proxy}"
        )
    assert result.outcome is ProbeOutcome.PASSED
    assert heads[0].startswith(b"CONNECT 10.0.0.7:8080 HTTP/1.1\r\n")
    assert heads[1].startswith(b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:8080\r\n")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (502, ProbeOutcome.FAILED),
        (503, ProbeOutcome.FAILED),
        (504, ProbeOutcome.FAILED),
        (407, ProbeOutcome.UNKNOWN),
        (403, ProbeOutcome.UNKNOWN),
        (500, ProbeOutcome.UNKNOWN),
    ],
)
def test_only_a_proxy_that_tried_in_vain_speaks_against_the_target(
    status: int, outcome: ProbeOutcome
) -> None:
    with service(answering(b"HTTP/1.1 %d No\r\n\r\n" % status)) as proxy:
        result = look(target(80, address="10.0.0.7"), proxy=f"http://127.0.0.1:{proxy}")
    assert result.outcome is outcome
    assert str(status) in result.detail


def test_a_proxy_that_cannot_be_reached_is_no_evidence() -> None:
    result = look(target(80, address="10.0.0.7"), proxy=f"http://127.0.0.1:{refusing_port()}")
    assert result.outcome is ProbeOutcome.UNKNOWN
    assert "the proxy http://127.0.0.1:" in result.detail


def test_a_proxy_that_still_tries_when_the_time_is_over_speaks_against_the_target() -> None:
    with service(silent) as proxy:
        result = look(
            target(80, address="10.0.0.7", timeout_s=0.5), proxy=f"http://127.0.0.1:{proxy}"
        )
    assert result.outcome is ProbeOutcome.FAILED


@pytest.mark.parametrize(
    "proxy", ["bastion:3128", "https://bastion:3128", "http://bastion", "http://bastion:80/path"]
)
def test_a_proxy_that_is_not_a_host_and_port_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match="is not of the form http://host:port"):
        NetworkProber(proxy)
