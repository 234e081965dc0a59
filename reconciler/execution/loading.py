"""Loads users' handlers from a file named on the command line."""

from __future__ import annotations

import importlib.util
import traceback
from pathlib import Path
from types import ModuleType

from reconciler.execution.handlers import (
    STANDARD,
    ActionHandler,
    AfterHandler,
    BeforeHandler,
    CheckHandler,
    Handler,
    Handlers,
)


class HandlersError(Exception):
    """A file of handlers that cannot be used; says where and what to do."""


def load_handlers(path: Path) -> Handlers:
    """Our handlers with those of the file at their places, in the order of definition. Raises HandlersError."""
    found = [
        item
        for item in vars(_imported(path)).values()
        if isinstance(item, ActionHandler | BeforeHandler | AfterHandler | CheckHandler)
    ]
    if not found:
        raise HandlersError(
            f"{path} defines no handler: decorate a function as reconciler.on shows, e.g. @on.before(on.LaunchInstance)"
        )
    _refuse_doubles(path, found)
    return STANDARD.extended(found)


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        raise HandlersError(f"{path} is not a file: name a Python file with --handlers")
    spec = importlib.util.spec_from_file_location("reconciler_user_handlers", path)
    if spec is None or spec.loader is None:
        raise HandlersError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as fault:
        raise HandlersError(f"{path}:{fault.lineno}: {fault.msg}") from fault
    except Exception as fault:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(fault.__traceback__)
            if Path(frame.filename) == path
        ]
        where = f"{path}:{lines[-1]}" if lines else str(path)
        raise HandlersError(f"{where}: {type(fault).__name__}: {fault}") from fault
    return module


def _refuse_doubles(path: Path, found: list[Handler]) -> None:
    actions = [item for item in found if isinstance(item, ActionHandler)]
    for index, item in enumerate(actions):
        for earlier in actions[:index]:
            if earlier.request_type is item.request_type:
                raise HandlersError(
                    f"{path}: {earlier.name} and {item.name} both carry out {item.request_type.__name__}: keep one"
                )
