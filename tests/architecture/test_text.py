"""What no file may hold: the host of a package registry, a path of somebody's machine, a silenced check unexplained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tests.architecture.violations import assert_none
from tests.support.repository import files

# Written in pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = (
    ("pypi", "org"),
    ("python" + "hosted", "org"),
    ("npm" + "js", "org"),
    ("docker", "io"),
    ("ghcr", "io"),
    ("quay", "io"),
    ("gcr", "io"),
)
REGISTRY = re.compile("|".join(r"\b" + re.escape(".".join(host)) for host in REGISTRY_HOSTS))
MACHINE = re.compile(r"(?<![\w.~-])/(?:home|Users|root|" + "work" + r")/\w")
SILENCED = re.compile(r"#\s*noqa\b")
EXPLAINED = re.compile(r"#\s*noqa: [A-Z0-9, ]*[A-Z0-9] - \S|^\s*# \S")


def lines_matching(pattern: re.Pattern[str], paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def unexplained(paths: Iterable[Path]) -> list[str]:
    """Rules silenced without a reason, which stands beside it or in the line above."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        for number, (above, line) in enumerate(pairwise(["", *text_of(path).splitlines()]), start=1)
        if SILENCED.search(line) and not (EXPLAINED.search(line) or EXPLAINED.search(above))
    ]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def written(root: Path, text: str) -> Path:
    path = root / "written.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_names_the_host_of_a_registry() -> None:
    assert_none(lines_matching(REGISTRY, files()))


def test_the_host_of_a_registry_is_seen(tmp_path: Path) -> None:
    host = ".".join(REGISTRY_HOSTS[0])
    path = written(tmp_path, f"pip install pytest\n--index-url https://{host}/simple\n")

    assert lines_matching(REGISTRY, [path]) == [f"{path}:2: --index-url https://{host}/simple"]


def test_no_file_holds_a_path_of_a_machine() -> None:
    assert_none(lines_matching(MACHINE, files()))


def test_a_path_of_a_machine_is_seen(tmp_path: Path) -> None:
    path = written(tmp_path, "/var/lib/x https://e.org/home/x ~/root/x\ncd /" + "home/ada/fleet\n")

    assert lines_matching(MACHINE, [path]) == [f"{path}:2: cd /" + "home/ada/fleet"]


def test_every_silenced_rule_says_why() -> None:
    assert_none(unexplained(files(".py")))


def test_a_rule_silenced_without_a_reason_is_seen(tmp_path: Path) -> None:
    faults = ["x = 1  #" + " noqa", "x = 1  #" + " noqa: E501"]
    fine = [
        "x = 1  #" + " noqa: E501 - a table",
        "y = 1  #" + " noqa: E501",
        "# The table is easier to compare on one line.",
        "x = 1  #" + " noqa: E501",
    ]
    path = written(tmp_path, "\n".join([*faults, *fine]))

    assert unexplained([path]) == [
        f"{path}:{number}: {fault}" for number, fault in enumerate(faults, start=1)
    ]
