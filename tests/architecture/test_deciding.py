"""Deciding is pure: what judges and plans reads no clock, mints nothing, and touches nothing outside its arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.architecture.violations import assert_none
from tests.support.repository import ROOT, files

DECIDING = (
    "reconciler/planning/",
    "reconciler/health/",
    "desired_state/model.py",
    "providers/observed.py",
    "providers/requests.py",
)
OUTSIDE = frozenset(
    {
        "asyncio", "boto3", "botocore", "httpx", "io", "logging", "os", "pathlib", "random", "secrets", "select",
        "shutil", "signal", "socket", "sqlite3", "structlog", "subprocess", "sys", "tempfile", "threading", "time",
        "urllib", "uuid",
    }
)  # fmt: skip
EFFECTS = frozenset({"breakpoint", "eval", "exec", "input", "open", "print", "__import__"})
CLOCKS = frozenset({"now", "utcnow", "today", "fromtimestamp"})


def impurities(path: Path) -> Iterable[str]:
    """Each place where a module reaches outside, as `file:line what`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for what in reached(node):
            yield f"{path}:{getattr(node, 'lineno', 0)} {what}"


def reached(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names if name.name.split(".")[0] in OUTSIDE]
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] in OUTSIDE:
            return [module]
        case ast.ImportFrom(module="reconciler.clock"):
            return ["reconciler.clock"]
        case ast.Call(func=ast.Name(id=name)) if name in EFFECTS:
            return [f"{name}()"]
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="date" | "datetime"), attr=attribute)
        ) if attribute in CLOCKS:
            return [f"{attribute}()"]
        case ast.Global() | ast.Nonlocal():
            return ["changes what outlives the call"]
        case _:
            return []


def deciding() -> list[Path]:
    return [path for path in files(".py") if path.relative_to(ROOT).as_posix().startswith(DECIDING)]


def test_what_decides_reaches_nothing_outside() -> None:
    assert len(deciding()) > len(DECIDING)
    assert_none([impurity for path in deciding() for impurity in impurities(path)])


def test_what_reaches_outside_is_seen(tmp_path: Path) -> None:
    fault = tmp_path / "fault.py"
    fault.write_text(
        "import time\n"
        "import os.path\n"
        "from random import choice\n"
        "from uuid import uuid4\n"
        "from reconciler.clock import SystemClock\n"
        "def f():\n"
        "    global seen\n"
        "    print(datetime.now(), date.today())\n"
        "    return open('x'), timedelta(1), datetime.fromisoformat('2026-01-01')\n",
        encoding="utf-8",
    )

    assert sorted(impurity.rpartition("fault.py:")[2] for impurity in impurities(fault)) == [
        "1 time",
        "2 os.path",
        "3 random",
        "4 uuid",
        "5 reconciler.clock",
        "7 changes what outlives the call",
        "8 now()",
        "8 print()",
        "8 today()",
        "9 open()",
    ]
