"""What the proxy of the tests counts: whole requests, since a server acts on no others."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.fault_proxy import closed_endpoint, running_fault_proxy

BODY = b"Action=RunInstances&MinCount=1"


@pytest.mark.parametrize(
    ("sent", "counted"), [(BODY, {"RunInstances": 1}), (BODY[:6], {}), (b"", {})], ids=len
)
def test_a_request_counts_only_when_all_of_it_arrived(sent: bytes, counted: dict[str, int]) -> None:
    with running_fault_proxy(closed_endpoint()) as proxy:
        where = urlsplit(proxy.endpoint)
        with socket.create_connection((where.hostname, where.port)) as client:
            head = f"POST / HTTP/1.1\r\nHost: ec2\r\nContent-Length: {len(BODY)}\r\n\r\n"
            client.sendall(head.encode() + sent)
            client.shutdown(socket.SHUT_WR)
            client.recv(1)
        assert proxy.mutating_calls == counted
