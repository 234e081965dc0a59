"""Handlers: how requests are carried out, and what users hang before, after and beside them.

Ours and users' are alike. A decorator makes a handler of a function; `Handlers` is the set in force. Handlers run in
worker threads, at most one at a time for a slot, and never sleep: they raise TemporaryError with a delay instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar, get_args

from providers.observed import Instance
from providers.port import Cloud, Receipt
from providers.requests import Request
from reconciler.health.verdict import Evidence
from reconciler.planning.actions import Action, SlotRef

R = TypeVar("R", bound=Request)


class TemporaryError(Exception):
    """Not now: try again after `delay` seconds. Only before anything was sent."""

    def __init__(self, message: str, *, delay: float = 60.0) -> None:
        super().__init__(message)
        self.delay = delay


class PermanentError(Exception):
    """Never as it is: a person must change something first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContext(Generic[R]):
    """What a handler of an action is given. `request` is that of the action, with its precise type.

    `resource_id` is what the request names or, in `on.after`, what it made. `send` sends the request as it is, with the
    short retries that are safe for it; only `on.action` calls it. `cloud` is there for looking, not for changing.
    """

    action: Action
    request: R
    resource_id: str | None
    now: datetime
    cloud: Cloud
    send: Callable[[], Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What a check is given: one instance of a slot, as just observed."""

    slot: SlotRef
    instance: Instance
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionHandler:
    """Carries out requests of one type, in place of what did before."""

    request_type: type
    call: Callable[[ActionContext[Any]], Receipt]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeHandler:
    """Runs once the intent is written and before anything is sent; may hold it back."""

    request_type: type
    call: Callable[[ActionContext[Any]], None]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterHandler:
    """Runs at least once after the cloud took the request; that it is owed is in the journal."""

    request_type: type
    call: Callable[[ActionContext[Any]], None]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHandler:
    """Looks at one instance and yields evidence about it."""

    call: Callable[[CheckContext], Iterable[Evidence]]
    name: str


Handler = ActionHandler | BeforeHandler | AfterHandler | CheckHandler


def action(
    request_type: type[R],
) -> Callable[[Callable[[ActionContext[R]], Receipt]], ActionHandler]:
    """The function carries out requests of this type, instead of sending them as they are."""
    return lambda call: ActionHandler(request_type=request_type, call=call, name=_named(call))


def before(request_type: type[R]) -> Callable[[Callable[[ActionContext[R]], None]], BeforeHandler]:
    """The function runs before requests of this type are sent."""
    return lambda call: BeforeHandler(request_type=request_type, call=call, name=_named(call))


def after(request_type: type[R]) -> Callable[[Callable[[ActionContext[R]], None]], AfterHandler]:
    """The function runs after requests of this type were accepted, at least once."""
    return lambda call: AfterHandler(request_type=request_type, call=call, name=_named(call))


def check(call: Callable[[CheckContext], Iterable[Evidence]]) -> CheckHandler:
    """The function looks at each occupant while the cell is observed, and yields evidence."""
    return CheckHandler(call=call, name=_named(call))


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The handlers in force."""

    actions: Mapping[type, ActionHandler] = field(default_factory=dict)
    before: tuple[BeforeHandler, ...] = ()
    after: tuple[AfterHandler, ...] = ()
    checks: tuple[CheckHandler, ...] = ()

    def extended(self, more: Iterable[Handler]) -> Handlers:
        """These and more; an `on.action` takes the place of an earlier one for the same type."""
        handlers = self
        for handler in more:
            match handler:
                case ActionHandler():
                    actions = {**handlers.actions, handler.request_type: handler}
                    handlers = replace(handlers, actions=actions)
                case BeforeHandler():
                    handlers = replace(handlers, before=(*handlers.before, handler))
                case AfterHandler():
                    handlers = replace(handlers, after=(*handlers.after, handler))
                case CheckHandler():
                    handlers = replace(handlers, checks=(*handlers.checks, handler))
        return handlers

    def before_of(self, request: Request) -> tuple[BeforeHandler, ...]:
        """What runs before this request, in the order of definition."""
        return tuple(item for item in self.before if isinstance(request, item.request_type))

    def after_of(self, request: Request) -> tuple[AfterHandler, ...]:
        """What runs after this request, in the order of definition."""
        return tuple(item for item in self.after if isinstance(request, item.request_type))


def _send(context: ActionContext[Any]) -> Receipt:
    return context.send()


def _named(call: Callable[..., Any]) -> str:
    return getattr(call, "__name__", type(call).__name__)


STANDARD = Handlers().extended(action(request_type)(_send) for request_type in get_args(Request))
"""Every request is sent as it is."""
