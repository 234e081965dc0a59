"""The container: linted, locked, without privileges, and stopped by the signal that drains."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.support.repository import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction, in order, with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text(encoding="utf-8"))
    return re.findall(rf"^{name} (.*)$", text, flags=re.MULTILINE)


def hadolint(dockerfile: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HADOLINT), str(dockerfile)], capture_output=True, text=True, check=False
    )


def test_hadolint_has_no_remark() -> None:
    result = hadolint(DOCKERFILE)

    assert (result.returncode, result.stdout) == (0, "")


def test_hadolint_would_see_a_fault(tmp_path: Path) -> None:
    faulty = tmp_path / "Dockerfile"
    faulty.write_text("FROM python\nRUN cd /tmp\n", encoding="utf-8")

    result = hadolint(faulty)

    assert result.returncode != 0
    assert "DL3006" in result.stdout  # No version of the base image.


def test_every_installed_package_is_checked_against_a_locked_hash_or_is_ours() -> None:
    installs = [
        command.strip()
        for run in instructions("RUN")
        for command in run.split("&&")
        if "pip install" in command
    ]

    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes" in command or "--no-index --no-deps dist/*.whl" in command


def test_it_runs_as_a_numbered_user_without_privileges() -> None:
    assert instructions("USER") == ["10001:10001"]


def test_it_starts_without_a_shell_so_that_signals_reach_it() -> None:
    (entrypoint,) = instructions("ENTRYPOINT")
    (command,) = instructions("CMD")

    assert json.loads(entrypoint) == ["reconciler"]
    assert json.loads(command)[0] == "run"
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_the_last_stage_installs_nothing() -> None:
    last_stage = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]

    assert "pip" not in last_stage
    assert "apt" not in last_stage


def test_everything_copied_is_let_through_to_the_builder() -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for copy in instructions("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    }

    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)
