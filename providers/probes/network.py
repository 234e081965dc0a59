"""Looks at services over the network: a TCP connection, or an HTTP GET; directly or through an HTTP CONNECT proxy.

A probe that fails for a reason on this side (no route, no free port, the proxy) is `unknown`: no evidence. Only the
target's own silence or refusal is `failed`.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from providers.observed import ProbeOutcome, ProbeResult
from providers.port import ProbeTarget

AT_ONCE = 500
"""Connections open at the same time, below the 1,024 files that a process may usually have."""

OUR_OWN_FAULTS = frozenset(
    {
        errno.EACCES,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EINVAL,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
    }
)
"""Errors of connecting that say something about this machine and nothing about the target."""

TARGET_SILENT = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""A proxy's word that it could not reach the target; with any other refusal it did not try."""

_PATH_CHARACTERS = "/?&=%:@!$'()*+,;~-._#[]"
"""Left as written in a path; anything else, line ends above all, is percent-encoded."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _NoAnswerError(Exception):
    """The other side ended the connection, or spoke something else than HTTP."""


@dataclass(frozen=True, slots=True)
class _Look:
    outcome: ProbeOutcome
    detail: str


class NetworkProber:
    """Implements providers.port.Prober. `proxy` is `http://host:port`, for a controller outside of the network.

    Targets are looked at all together: within the longest time-out for up to AT_ONCE of them; each further AT_ONCE
    that do not answer take as long again.
    """

    def __init__(self, proxy: str | None = None) -> None:
        """Raises ValueError when `proxy` is not of that form."""
        self._proxy = _host_and_port(proxy) if proxy else None
        self._proxy_url = proxy

    def probe(self, targets: Iterable[ProbeTarget], *, now: datetime) -> Mapping[str, ProbeResult]:
        """One result per target, by instance id."""
        asked = list(targets)
        looks = asyncio.run(self._look_at_all(asked)) if asked else []
        return {
            target.instance_id: ProbeResult(
                instance_id=target.instance_id, outcome=look.outcome, detail=look.detail, at=now
            )
            for target, look in zip(asked, looks, strict=True)
        }

    async def _look_at_all(self, targets: list[ProbeTarget]) -> list[_Look]:
        room = asyncio.Semaphore(AT_ONCE)

        async def in_turn(target: ProbeTarget) -> _Look:
            async with room:
                return await self._look_at(target)

        return await asyncio.gather(*(in_turn(target) for target in targets))

    async def _look_at(self, target: ProbeTarget) -> _Look:
        """Whatever happens becomes a result: a failing probe is the prober's daily work."""
        if not _is_address(target.address):
            return _Look(ProbeOutcome.UNKNOWN, f"{target.address!r} is not an IP address")
        host, port = self._proxy or (target.address, target.port)
        connection: Connection | None = None
        try:
            async with asyncio.timeout(target.timeout_s):
                connection = await asyncio.open_connection(host, port)
                return await self._talk(connection, target)
        except TimeoutError:
            what = f"no answer within {target.timeout_s:g} s"
            return self._silence(what, reached_proxy=connection is not None)
        except OSError as error:
            what = os.strerror(error.errno) if error.errno else str(error)
            if _is_our_own(error):
                return _Look(ProbeOutcome.UNKNOWN, f"the prober could not connect: {what}")
            return self._silence(what.lower(), reached_proxy=connection is not None)
        except _NoAnswerError as error:
            return _Look(ProbeOutcome.FAILED, str(error))
        finally:
            if connection is not None:
                await _close(connection[1])

    async def _talk(self, connection: Connection, target: ProbeTarget) -> _Look:
        if self._proxy is not None:
            status = await _tunnel(connection, target)
            if status in TARGET_SILENT:
                return _Look(ProbeOutcome.FAILED, f"the proxy could not reach it ({status})")
            if not 200 <= status < 300:
                return _Look(ProbeOutcome.UNKNOWN, f"the proxy {self._proxy_url} refused: {status}")
        if target.path is None:
            return _Look(ProbeOutcome.PASSED, f"port {target.port} accepts connections")
        status = await _get(connection, target)
        outcome = ProbeOutcome.PASSED if 200 <= status < 400 else ProbeOutcome.FAILED
        return _Look(outcome, f"GET {target.path} answered {status}")

    def _silence(self, what: str, *, reached_proxy: bool) -> _Look:
        """Of the target; or of the proxy, which says nothing about the target."""
        if self._proxy is not None and not reached_proxy:
            return _Look(ProbeOutcome.UNKNOWN, f"the proxy {self._proxy_url}: {what}")
        return _Look(ProbeOutcome.FAILED, what)


async def _tunnel(connection: Connection, target: ProbeTarget) -> int:
    """Ask the proxy for the way to the target; the status that it answers."""
    authority = _authority(target)
    return await _exchange(
        connection, f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n", "the proxy"
    )


async def _get(connection: Connection, target: ProbeTarget) -> int:
    """The status of a GET; redirects are not followed, and bodies not read."""
    path = quote(target.path or "/", safe=_PATH_CHARACTERS)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {_authority(target)}\r\n"
        "User-Agent: fleet-reconciler\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    return await _exchange(connection, head, "the service")


async def _exchange(connection: Connection, head: str, who: str) -> int:
    """Send the head of a request and read the status of the reply, past interim ones (RFC 9110, section 15.2)."""
    reader, writer = connection
    writer.write(head.encode("ascii"))
    await writer.drain()
    while True:
        try:
            reply = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise _NoAnswerError(f"{who} closed the connection without an answer") from error
        except asyncio.LimitOverrunError as error:
            raise _NoAnswerError(f"{who} answered something else than HTTP") from error
        status = _status(reply)
        if status is None:
            raise _NoAnswerError(f"{who} answered something else than HTTP")
        if status >= 200:
            return status


def _status(reply: bytes) -> int | None:
    """The status of `HTTP/1.1 200 OK…`."""
    version, _, rest = reply.partition(b" ")
    code = rest[:3]
    return int(code) if version.startswith(b"HTTP/") and len(code) == 3 and code.isdigit() else None


def _is_our_own(error: OSError) -> bool:
    """Also a name that is not found: targets are given as numbers, so it is the proxy's."""
    return error.errno in (None, *OUR_OWN_FAULTS) or isinstance(error, socket.gaierror)


def _is_address(text: str) -> bool:
    """Nothing is looked up for a target: a name's answer could change between two probes."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _authority(target: ProbeTarget) -> str:
    address = f"[{target.address}]" if ":" in target.address else target.address
    return f"{address}:{target.port}"


def _host_and_port(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname or parts.port is None or parts.path.strip("/"):
        raise ValueError(f"the probe proxy {proxy!r} is not of the form http://host:port")
    return parts.hostname, parts.port


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):  # The other side may have reset it; there is nothing left to lose.
        await writer.wait_closed()
