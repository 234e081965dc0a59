"""The one door to boto3: every call is in the table of operations, counted, and fails in the port's words."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from providers.ec2.error_codes import known
from providers.ec2.failures import RAISED_BY_BOTOCORE, translated, unreadable
from providers.ec2.operations import OPERATIONS, Operation
from providers.errors import CloudError, RetryClass
from providers.spare_calls import SpareCalls, Unbounded

REPEATED_TOKEN = "RepeatedToken"  # noqa: S105 - a token of a page

P = ParamSpec("P")
Reply = TypeVar("Reply")


class LostPage(CloudError):  # noqa: N818 - reads as what it is
    """A later page of a list failed, so all of the list is lost."""


class UnknownCodes:
    """Error codes that the table does not know, counted over the life of a cell; written from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count_if_unknown(self, code: str) -> None:
        """One more reply with this code."""
        if known(code):
            return
        with self._lock:
            self._counts[code] += 1

    def counts(self) -> Mapping[str, int]:
        """A copy: how often each was seen."""
        with self._lock:
            return dict(self._counts)


class Calls:
    """Sends calls for one purpose, e.g. one observation, and counts them by operation in `counts`."""

    def __init__(self, unknown_codes: UnknownCodes, spare: SpareCalls | None = None) -> None:
        """`spare` counts them for the whole cell, and says what may be asked beyond its constant work."""
        self.counts: Counter[str] = Counter()
        self.spare = spare or Unbounded()
        self._unknown_codes = unknown_codes

    def send(self, method: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> Reply:
        """Call a method of a boto3 client once.

        Raises CloudError, and for operations that only read also CredentialsError and EndpointUnreachable.
        """
        operation = OPERATIONS[method.__name__]
        self.counts[operation.name] += 1
        self.spare.count()
        try:
            return method(*args, **kwargs)
        except RAISED_BY_BOTOCORE as error:
            failure = translated(error, operation)
            if isinstance(error, ClientError) and isinstance(failure, CloudError):
                self._unknown_codes.count_if_unknown(failure.code)
            raise failure from error

    def all_pages(
        self,
        method: Callable[..., Mapping[str, Any]],
        member: str,
        parameters: Mapping[str, Any],
    ) -> list[Mapping[str, Any]]:
        """The list `member` of every page, whole or not at all.

        Raises as `send` for the first page and LostPage for a later one, also when its token was given before.
        """
        page = self._page(method, member, parameters)
        items = list(page[member])
        tokens: set[str] = set()
        while token := page.get("NextToken"):
            try:
                if token in tokens:
                    raise _repeated(OPERATIONS[method.__name__])
                tokens.add(token)
                page = self._page(method, member, {**parameters, "NextToken": token})
            except CloudError as error:
                raise _lost(error, len(tokens) + 1) from error
            items.extend(page[member])
        return items

    def _page(
        self, method: Callable[..., Mapping[str, Any]], member: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        page = self.send(method, **parameters)
        if page.get(member) is None:
            raise unreadable(OPERATIONS[method.__name__], f"the reply has no {member}")
        return page


def _lost(error: CloudError, page: int) -> LostPage:
    return LostPage(
        operation=error.operation,
        code=error.code,
        message=f"page {page} was lost, and with it the list: {error.message}",
        retry=error.retry,
        request_id=error.request_id,
    )


def _repeated(operation: Operation) -> CloudError:
    return CloudError(
        operation=operation.name,
        code=REPEATED_TOKEN,
        message="its token was given before, so the list has no end",
        retry=RetryClass.TRANSIENT,
    )
