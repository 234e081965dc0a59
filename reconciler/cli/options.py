"""Options that commands share, each with its environment twin, gathered into `Settings`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from reconciler.planning.actions import SlotRef
from reconciler.settings import Settings, default_store

Decorated = Callable[..., Any]

desired_option = click.option(
    "--desired",
    "desired",
    multiple=True,
    type=click.Path(path_type=Path),
    envvar="RECONCILER_DESIRED",
    show_envvar=True,
    metavar="PATH",
    help="File or directory with declared fleets; repeatable.",
)

store_option = click.option(
    "--store",
    envvar="RECONCILER_STORE",
    show_envvar=True,
    metavar="PATH",
    help="Journal and memory; by default below XDG_STATE_HOME. Keep it outside the region that it heals.",
)

owner_option = click.option(
    "--owner",
    envvar="RECONCILER_OWNER",
    show_envvar=True,
    metavar="NAME",
    help="Unique name of this installation: only resources tagged with it are ours.",
)

probe_proxy_option = click.option(
    "--probe-proxy",
    envvar="RECONCILER_PROBE_PROXY",
    show_envvar=True,
    metavar="URL",
    help="HTTP proxy through which services are probed.",
)

sentinel_option = click.option(
    "--sentinel",
    "sentinels",
    multiple=True,
    envvar="RECONCILER_SENTINEL",
    show_envvar=True,
    metavar="HOST:PORT",
    help="A place outside of the fleets that always answers; repeatable.",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, or versioned JSON.",
)


handlers_option = click.option(
    "--handlers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Python file with handlers of yours (`from reconciler import on`).",
)


class _Slot(click.ParamType[SlotRef]):
    """A slot, written as `fleet/ordinal`."""

    name = "slot"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> SlotRef:
        if isinstance(value, SlotRef):
            return value
        try:
            return SlotRef.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


SLOT = _Slot()


def store_settings(function: Decorated) -> Decorated:
    """The store alone, for a command that asks no cloud; it is called with `settings`."""

    @wraps(function)
    def with_settings(*, store: str | None, **others: Any) -> Any:
        settings = Settings(desired=(), store=_store(store), owner=None, probe_proxy=None)
        return function(settings=settings, **others)

    return store_option(with_settings)


def cell_options(function: Decorated) -> Decorated:
    """All that a command needs to meet its cells; it is called with them as `settings`."""

    @wraps(function)
    def with_settings(
        *,
        desired: tuple[Path, ...],
        store: str | None,
        owner: str | None,
        probe_proxy: str | None,
        sentinels: tuple[str, ...],
        **others: Any,
    ) -> Any:
        settings = Settings(
            desired=desired,
            store=_store(store),
            owner=owner,
            probe_proxy=probe_proxy,
            sentinels=sentinels,
        )
        return function(settings=settings, **others)

    options = (sentinel_option, probe_proxy_option, owner_option, store_option, desired_option)
    for option in options:
        with_settings = option(with_settings)
    return with_settings


def _store(given: str | None) -> str:
    return given or str(default_store(os.environ, Path.home()))
