"""One subject a module: named for it, of a size that can be read, with nothing hidden in packages."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.architecture.violations import assert_none
from tests.support.repository import PACKAGES, ROOT, files

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
NAMES_WITHOUT_A_SUBJECT = frozenset(
    {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
)


def product() -> list[Path]:
    return [path for path in files(".py") if path.relative_to(ROOT).parts[0] in PACKAGES]


def filled_package_markers(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths if path.name == "__init__.py" and path.stat().st_size]


def modules_without_a_subject(paths: Iterable[Path]) -> list[str]:
    return [
        str(path)
        for path in paths
        if {*path.parent.parts, path.stem} & NAMES_WITHOUT_A_SUBJECT
        or any(path.stem.endswith(f"_{name}") for name in NAMES_WITHOUT_A_SUBJECT)
    ]


def modules_without_a_docstring(paths: Iterable[Path]) -> list[str]:
    return [
        str(path) for path in paths if path.stat().st_size and not ast.get_docstring(tree(path))
    ]


def long_modules(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}: {lines} lines"
        for path in paths
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    ]


def long_functions(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}: {lines} lines"
        for path in paths
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]


def relative_imports(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{node.lineno}"
        for path in paths
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_package_markers_are_empty() -> None:
    assert_none(filled_package_markers(files(".py")))


def test_a_filled_package_marker_is_seen(tmp_path: Path) -> None:
    marker = module(tmp_path, "__init__.py", "x = 1\n")
    empty = module(tmp_path, "empty/__init__.py", "")

    assert filled_package_markers([marker, empty]) == [str(marker)]


def test_modules_are_named_for_a_subject() -> None:
    named = [path.relative_to(ROOT) for path in files(".py")]

    assert_none(modules_without_a_subject(named))


def test_a_module_without_a_subject_is_seen() -> None:
    faults = [Path("a/utils.py"), Path("a/common/x.py"), Path("a/slot_helpers.py")]

    assert modules_without_a_subject([*faults, Path("a/slots.py")]) == [str(f) for f in faults]


def test_every_module_says_what_it_is_about() -> None:
    assert_none(modules_without_a_docstring(product()))


def test_a_module_that_says_nothing_is_seen(tmp_path: Path) -> None:
    silent = module(tmp_path, "silent.py", "x = 1\n")
    telling = module(tmp_path, "telling.py", '"""About x."""\n')

    assert modules_without_a_docstring([silent, telling]) == [str(silent)]


def test_no_module_is_longer_than_can_be_kept_in_mind() -> None:
    assert_none(long_modules(files(".py")))


def test_a_long_module_is_seen(tmp_path: Path) -> None:
    at_the_limit = module(tmp_path, "limit.py", "x = 1\n" * LONGEST_MODULE)
    beyond = module(tmp_path, "beyond.py", "x = 1\n" * (LONGEST_MODULE + 1))

    assert long_modules([at_the_limit, beyond]) == [f"{beyond}: {LONGEST_MODULE + 1} lines"]


def test_every_function_fits_a_screen() -> None:
    assert_none(long_functions(product()))


def test_a_long_function_is_seen(tmp_path: Path) -> None:
    body = "    x = 1\n" * LONGEST_FUNCTION
    long = module(tmp_path, "long.py", f"def f():\n{body}")
    fits = module(tmp_path, "fits.py", f"def f():\n{body[: -len('    x = 1') - 1]}")

    assert long_functions([long, fits]) == [f"{long}:1 f: {LONGEST_FUNCTION + 1} lines"]


def test_imports_are_absolute() -> None:
    assert_none(relative_imports(files(".py")))


def test_a_relative_import_is_seen(tmp_path: Path) -> None:
    fault = module(tmp_path, "fault.py", "from __future__ import annotations\nfrom . import x\n")

    assert relative_imports([fault]) == [f"{fault}:2"]
