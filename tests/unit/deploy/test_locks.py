"""The lock files: one resolution in three parts, every package with its hashes, no address anywhere."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import ROOT

PARTS = ["requirements-runtime.txt", "requirements-build.txt"]


def locked(file_name: str) -> dict[str, str]:
    """Package name to its pin with marker and hashes, as written."""
    text = (ROOT / file_name).read_text(encoding="utf-8").replace("\\\n", "")
    pins = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip())
    return {canonicalize_name(pin.split("==")[0].split("[")[0]): pin for pin in pins}


def test_what_runs_is_what_was_tested() -> None:
    everything = locked("requirements.txt")

    for part in PARTS:
        for name, pin in locked(part).items():
            assert hashes(everything[name]) == hashes(pin), f"{name} in {part}; run: make lock"


def hashes(pin: str) -> tuple[str, set[str]]:
    return pin.split(" ", maxsplit=1)[0], set(re.findall(r"sha256:[0-9a-f]{64}", pin))


@pytest.mark.parametrize("file_name", ["requirements.txt", *PARTS])
def test_every_package_is_pinned_with_hashes(file_name: str) -> None:
    for name, pin in locked(file_name).items():
        assert "==" in pin, name
        assert hashes(pin)[1], name


def test_the_runtime_lock_holds_every_dependency_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = locked("requirements-runtime.txt")

    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}

    assert declared <= runtime.keys()
    assert not {"moto", "flask", "pytest", "mypy", "hatchling"} & runtime.keys()


def test_pins_satisfy_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = locked("requirements-runtime.txt")

    for line in project["dependencies"]:
        requirement = Requirement(line)
        version = runtime[canonicalize_name(requirement.name)].split("==")[1].split(" ")[0]
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"
