"""A small HTTP proxy in front of moto that injects faults, counts calls, and adds what moto lacks of EC2's idempotency.

with running_fault_proxy(moto_endpoint) as proxy:
    proxy.add(Rule("RunInstances", DropReply(), nth=1))
    ... AWS_ENDPOINT_URL=proxy.endpoint ...
    assert proxy.mutating_calls == {"RunInstances": 1}

A rule is data: which operation, which of the matching requests, and what happens to it. The first that applies wins.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar, assert_never
from urllib.parse import parse_qsl, urlencode, urlsplit

from lxml import etree

READING_PREFIXES = ("Describe", "Get", "List")

Parameters = Mapping[str, str]
"""The form fields of an EC2 request, e.g. `{"Action": "RunInstances", "ClientToken": "…"}`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DropRequest:
    """The connection ends before the request reaches the cloud."""


@dataclass(frozen=True, slots=True)
class DropReply:
    """The cloud carries the request out; the connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class HoldReply:
    """The cloud carries the request out; the answer never comes, and the connection stays open."""


@dataclass(frozen=True, slots=True)
class AnswerError:
    """An EC2 error. With `after_effect` the cloud carries the request out first."""

    code: str
    status: int = 400
    message: str = "injected"
    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class EditReply:
    """The cloud's answer with its body changed; errors pass as they are."""

    edit: Callable[[bytes], bytes]


Effect = DropRequest | DropReply | HoldReply | AnswerError | EditReply


@dataclass(frozen=True, slots=True)
class Rule:
    """`nth` counts the matching requests from 1; None is each of them."""

    operation: str
    effect: Effect
    nth: int | None = None
    when: Callable[[Parameters], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parameters(self) -> Parameters:
        """Empty for a request that is not a form, e.g. one to SSM."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def operation(self) -> str:
        """EC2 and STS name it in the form, SSM in a header (`AmazonSSM.GetParameters`), CloudWatch in the path
        (`/service/…/operation/GetMetricData`).
        """
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        in_path = self.path.rpartition("/operation/")[2] if "/operation/" in self.path else ""
        return target or in_path or self.parameters.get("Action", "")

    def with_parameters(self, parameters: Parameters) -> _Request:
        return replace(self, body=urlencode(parameters).encode())


@dataclass(slots=True)
class _Launch:
    """A RunInstances call of the past, by its token and the subnet that makes the token zonal."""

    parameters: Parameters
    reply: Reply
    instance_id: str


@dataclass(slots=True)
class FaultProxy:
    """The running proxy. Rules may be added while it runs; counters are by operation and count what clients sent."""

    upstream: str
    honours_client_tokens: bool = False
    endpoint: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    sent: list[Parameters] = field(default_factory=list)
    """The forms that clients sent, in order."""
    _rules: list[Rule] = field(default_factory=list)
    _seen: Counter[int] = field(default_factory=Counter)
    _launches: dict[tuple[str, str], _Launch] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def mutating_calls(self) -> dict[str, int]:
        """Calls that change something; empty for a converged fleet."""
        return {
            operation: count
            for operation, count in self.calls.items()
            if not operation.startswith(READING_PREFIXES)
        }

    def add(self, *rules: Rule) -> None:
        """Put rules behind those that are there."""
        with self._lock:
            self._rules.extend(rules)

    def heal(self) -> None:
        """Forget every rule; counters stay."""
        with self._lock:
            self._rules.clear()
            self._seen.clear()

    def forget_calls(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.calls.clear()
            self.sent.clear()

    def answer(self, request: _Request) -> Reply | None:
        """The reply to one request; None ends the connection without one."""
        effect = self._effect_on(request)
        match effect:
            case None:
                return self._served(request)
            case DropRequest():
                return None
            case DropReply():
                self._served(request)
                return None
            case HoldReply():
                self._served(request)
                self._stopping.wait()
                return None
            case AnswerError():
                if effect.after_effect:
                    self._served(request)
                return error_reply(effect.code, effect.message, effect.status)
            case EditReply():
                reply = self._served(request)
                if reply.status != http.HTTPStatus.OK:
                    return reply
                return replace(reply, body=effect.edit(reply.body))
            case _:
                assert_never(effect)

    def _effect_on(self, request: _Request) -> Effect | None:
        with self._lock:
            self.calls[request.operation] += 1
            self.sent.append(request.parameters)
            for position, rule in enumerate(self._rules):
                if rule.operation != request.operation or not rule.when(request.parameters):
                    continue
                self._seen[position] += 1
                if rule.nth in (None, self._seen[position]):
                    return rule.effect
        return None

    def _served(self, request: _Request) -> Reply:
        """What the cloud answers, with EC2's rules for client tokens where asked for."""
        if self.honours_client_tokens and request.operation == "RunInstances":
            with self._lock:
                return self._launch(request)
        if self.honours_client_tokens and request.operation == "DescribeInstances":
            request = request.with_parameters(self._without_token_filter(request.parameters))
        return self._forwarded(request)

    def _launch(self, request: _Request) -> Reply:
        """Same token and parameters: the same instance; other parameters, or an instance that has ended: an error."""
        parameters = request.parameters
        key = (parameters.get("ClientToken", ""), parameters.get("SubnetId", ""))
        if (known := self._launches.get(key)) is None:
            reply = self._forwarded(request)
            if reply.status == http.HTTPStatus.OK:
                launched = _texts(reply.body, "instanceId")[0]
                self._launches[key] = _Launch(parameters, reply, launched)
            return reply
        if known.parameters != parameters:
            return error_reply(
                "IdempotentParameterMismatch", "the token was used with other parameters"
            )
        if self._state(request, known.instance_id) in ("shutting-down", "terminated"):
            return error_reply(
                "IdempotentInstanceTerminated", f"{known.instance_id} has been terminated"
            )
        return known.reply

    def _state(self, request: _Request, instance_id: str) -> str:
        asked = {
            "Action": "DescribeInstances",
            "Version": "2016-11-15",
            "InstanceId.1": instance_id,
        }
        found = _texts(self._forwarded(request.with_parameters(asked)).body, "name")
        return next((text for text in found if text in _INSTANCE_STATES), "terminated")

    def _without_token_filter(self, parameters: Parameters) -> Parameters:
        """Moto raises on the filter `client-token`; an id is one that it knows."""
        changed = dict(parameters)
        for name, value in parameters.items():
            if not (name.startswith("Filter.") and value == "client-token"):
                continue
            prefix = name.removesuffix(".Name")
            token = parameters.get(f"{prefix}.Value.1", "")
            ids = [launch.instance_id for key, launch in self._launches.items() if key[0] == token]
            changed[name] = "instance-id"
            changed[f"{prefix}.Value.1"] = ids[0] if ids else "i-00000000000000000"
        return changed

    def _forwarded(self, request: _Request) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=60)
        headers = {
            name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP
        }
        try:
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers.get_content_type(), answer.read())
        finally:
            connection.close()


_HOP_BY_HOP = {"Connection", "Content-Length", "Transfer-Encoding", "Expect"}
_INSTANCE_STATES = {"pending", "running", "stopping", "stopped", "shutting-down", "terminated"}


def error_reply(code: str, message: str, status: int = 400) -> Reply:
    """An error as EC2 writes it on the wire."""
    response = etree.Element("Response")
    error = etree.SubElement(etree.SubElement(response, "Errors"), "Error")
    etree.SubElement(error, "Code").text = code
    etree.SubElement(error, "Message").text = message
    etree.SubElement(response, "RequestID").text = "injected-request-id"
    return Reply(status, "text/xml", etree.tostring(response))


def _texts(body: bytes, name: str) -> list[str]:
    found = etree.fromstring(body).iter(f"{{*}}{name}")
    return [element.text for element in found if element.text]


@contextmanager
def running_fault_proxy(
    upstream: str, *, honours_client_tokens: bool = False
) -> Iterator[FaultProxy]:
    """Serve on a free loopback port until the end of the block."""
    proxy = FaultProxy(upstream, honours_client_tokens)

    class Handler(_Handler):
        serving = proxy

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # So that closing the server waits for the last reply.
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy._stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request a connection: a client that reuses one would hide which request was dropped."""

    serving: ClassVar[FaultProxy]
    timeout = 60

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # Killed while it sent: a server acts on whole requests only.
            self.close_connection = True
            return
        request = _Request(self.command, self.path, dict(self.headers.items()), body)
        reply = self.serving.answer(request)
        self.close_connection = True
        if reply is None:
            return
        try:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)
        except ConnectionError:
            pass  # The client gave up waiting, or was killed by its test.

    do_GET = _handle  # noqa: N815 - the names that http.server calls
    do_POST = _handle  # noqa: N815

    def log_message(self, *_: object) -> None:
        """A line per request would drown the test's own output."""


def closed_endpoint() -> str:
    """An address on which nothing listens: connecting is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
